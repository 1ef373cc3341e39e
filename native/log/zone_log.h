// ZoneLog: the segment files of one zone. Knows frames' places, not their meaning.
//
// Thread: reads from any of the zone's threads at once; Create, Append, Copy and Remove from one.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/aligned.h"
#include "base/sync.h"
#include "format/segment.h"
#include "io/env.h"

namespace strongroom::log {

// Nothing sound is there: never written, torn or rotten. Any other error is the disk's, and no
// proof of absence: what is cut off, deleted or written over on the strength of it may be the last
// copy.
inline bool IsAbsent(const Status& status) {
  return status.Is(Code::kNotFound) || status.Is(Code::kCorruption);
}

class ZoneLog {
 public:
  ZoneLog(io::Env* env, const std::string& zone_path, const char* folder = "log");
  // What the zone's log will be once it is switched for log.next (log_switch.h): the segments of
  // both, those of log.next where both have one. For reading only.
  static std::shared_ptr<ZoneLog> Switched(io::Env* env, const std::string& zone_path);

  std::string path(uint32_t segment) const;
  const std::string& folder() const { return folder_; }

  Result<std::vector<uint32_t>> Segments() const;  // Ascending.
  // kNotFound when the file or its header is not there.
  Result<format::SegmentHeader> Header(uint32_t segment);
  // Short at the end of the file. Past the page cache when `direct`: then `out` may be any address,
  // the bytes are staged.
  Result<size_t> Read(uint32_t segment, uint64_t offset, MutableByteSpan out);
  Result<size_t> ReadDirect(uint32_t segment, uint64_t offset, AlignedBytes* window, size_t size);
  // What the page cache holds of it; 0 when the disk would have to be asked.
  Result<size_t> ReadCached(uint32_t segment, uint64_t offset, MutableByteSpan out);

  // Makes a segment of `size` bytes with its header durable under its name. kNoSpace leaves none.
  Status Create(const format::SegmentHeader& header, uint64_t size);
  // Writes and syncs a whole batch, then asks whether the file is still the zone's: a segment
  // without a link, or shorter than allocated, means that the zone was deleted or truncated.
  // REQUIRES: `batch` lies on a 4 KiB boundary and is a multiple of it, and so is `offset`.
  Status Append(uint32_t segment, uint32_t offset, ByteSpan batch);
  // The segment that the next Append goes to, as recovery made it through another ZoneLog: what
  // stands under its name by then is not taken for it unseen.
  void Expect(const format::SegmentHeader& header, uint64_t size);
  // Cuts the allocated but never written end off the segment that Append used last.
  Status Trim(uint32_t segment, uint32_t used);
  // Makes this zone's `segment` equal to the source's in [from, to), or to its end, and cuts what
  // stands behind. A missing segment, or one with another id, is copied whole under a temporary
  // name first. Durable when it returns. `pace` hears of each step's bytes before they are written,
  // may take its time, and ends the copy with an error; empty: at full speed.
  using Pace = std::function<Status(uint64_t bytes)>;
  Status CopyFrom(ZoneLog& source, uint32_t segment, uint64_t from, uint64_t to,
                  const Pace& pace = {});
  // Cuts off everything from `end` on, durably. Nothing is ever appended to that segment again.
  Status CutAfter(uint32_t segment, uint32_t end);
  Status Remove(uint32_t segment);
  // Removes every segment below `first`: they are retired.
  Status RemoveBelow(uint32_t first);
  Status SyncAll();  // Every segment and the folder.
  // Lets go of every open file: somebody else has made this log equal to another.
  void ForgetFiles();

 private:
  struct Writer {
    uint32_t segment = 0;
    uint64_t size = 0;
    std::unique_ptr<io::File> file;
  };
  ZoneLog(io::Env* env, std::string folder, std::string beneath);
  Result<std::unique_ptr<io::File>> OpenReader(uint32_t segment, bool direct) const;
  Result<std::shared_ptr<io::File>> Reader(uint32_t segment);
  Status OpenWriter(uint32_t segment);
  Status CopyWhole(ZoneLog& source, uint32_t segment, uint64_t to, const Pace& pace);
  void Forget(uint32_t segment);

  io::Env* const env_;
  const std::string folder_;
  const std::string beneath_;  // Where a segment is looked for next. Empty: nowhere.
  Writer writer_;
  std::optional<format::SegmentHeader> expected_;
  uint64_t expected_size_ = 0;
  Mutex mutex_;  // Guards readers_.
  std::map<uint32_t, std::shared_ptr<io::File>> readers_;
};

}  // namespace strongroom::log
