// LogZone: a zone's log as repair sees it: read by the threads of its cells, changed by its log
// thread alone, between two appends.
#pragma once

#include <memory>
#include <string>

#include "base/aligned.h"
#include "io/task_queue.h"
#include "log/zone_log.h"

namespace strongroom::repair {

struct LogZone {
  int number = 0;    // As people know it.
  std::string path;  // The zone's folder.
  io::Env* env = nullptr;
  std::shared_ptr<log::ZoneLog> log;
  std::shared_ptr<io::TaskQueue> readers;
  std::shared_ptr<io::TaskQueue> log_thread;
};

// What a zone's disk gives of a part of a segment, past the page cache.
struct SegmentView {
  Status status;  // OK, or why nothing could be read: kNotFound: no such file.
  AlignedBytes bytes;
  size_t size = 0;     // Bytes that are there; less than asked for where the file ends.
  bool holes = false;  // The disk did not give some blocks: they are zeros here.

  // From `at` on.
  ByteSpan From(size_t at) const {
    return at < size ? ByteSpan(bytes.data() + at, size - at) : ByteSpan();
  }
};
// On one of the zone's threads. REQUIRES: whole blocks.
void ReadSegment(log::ZoneLog& log, uint32_t segment, uint64_t offset, size_t size,
                 SegmentView* view);

// Makes `bytes` stand at `offset` of the segment whose id is given, where what stands there is
// wrong: sets that aside, writes, syncs, and reads back past the page cache. On the zone's log
// thread. A file that is missing is made, if `may_create`.
//
// kPreconditionFailed: by now another segment has this name, or it is gone; nothing was written.
// kCorruption: the disk gives back something else. Crash in here: what stood there lies in the
// quarantine; in the log each of its sectors is old or new, and other zones hold the truth.
struct SegmentPatch {
  format::SegmentHeader segment;
  uint64_t offset = 0;
  AlignedBytes bytes;
  std::string found;  // For the name in the quarantine.
  bool may_create = false;
  // Of `bytes`, what is wrong there; what the blocks hold around it stays as it lies, read on the
  // log thread, so that nothing that was healed meanwhile is put back. Empty: all of it is wrong.
  size_t wrong_from = 0, wrong_size = 0;
};
Status PatchSegment(const LogZone& zone, const SegmentPatch& patch);

}  // namespace strongroom::repair
