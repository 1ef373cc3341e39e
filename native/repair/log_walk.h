// LogWalk: the records of a log from its beginning on, whichever zone can read them. A zone that
// fails, or where the chain breaks, hands over to the next at the same place, for the log is the
// same in all of them.
//
// Thread: one that may wait; the disks are asked on the zones' own threads.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "format/row.h"
#include "io/task_queue.h"
#include "log/log_reader.h"

namespace strongroom::repair {

// A zone's log, and the threads that read it.
struct LogSource {
  int number = 0;
  std::shared_ptr<log::ZoneLog> log;
  std::shared_ptr<io::TaskQueue> threads;
};

// The blob frames of one batch, end to end, as one zone holds them.
struct WalkedFrames {
  int zone = 0;
  Status status;  // kNotFound, kCorruption: the zone has none. Another error: it did not say.
  Bytes bytes;    // Cut short where the segment is.
};

class LogWalk {
 public:
  // `seal` must live as long as any thread of the zones may hang in a walk: shared.
  LogWalk(io::Env* env, std::shared_ptr<const log::RecordSeal> seal, std::vector<LogSource> zones,
          uint64_t deadline_nanos, const format::Position& from);

  // Nothing: no zone has a record that follows. An error: no zone could read on.
  Result<std::optional<log::LogEntry>> Next();
  // The frames of the last record's batch, from every zone.
  std::vector<WalkedFrames> Frames(const log::LogEntry& entry);
  const format::Position& position() const { return position_; }

 private:
  io::Env* const env_;
  const std::shared_ptr<const log::RecordSeal> seal_;
  const std::vector<LogSource> zones_;
  const uint64_t deadline_nanos_;
  format::Position position_;
  size_t zone_ = 0;                         // Which one reads,
  std::shared_ptr<log::LogReader> reader_;  // and with what; null: begin anew at the position.
};

// Why one zone's copy of a frame is not to be used.
struct FrameTrouble {
  int zone = 0;
  Status why;
};
// The frame of `blob` at `at` of the frames, as all zones that hold a sound one hold it. Without
// the blob's key a right checksum proves little: copies that differ are kTampered, and no one is
// taken, for another may be the last good one. kCorruption: no zone has one. Any other error: of a
// zone that did not say. `found`: what is wrong in single zones.
Result<ByteSpan> AgreedFrame(const std::vector<WalkedFrames>& copies, size_t at,
                             const format::BlobReference& blob, std::vector<FrameTrouble>* found);

}  // namespace strongroom::repair
