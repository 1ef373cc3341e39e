// ZoneFile: one blob's file in one zone while it is written. Only the zone's threads call it, apart
// from Doom.
#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "blob/cell_zone.h"

namespace strongroom::blob {

class ZoneFile {
 public:
  // `expected_size` 0: unknown; otherwise space is reserved for no more than it. `suffix`: of the
  // name, for a file that takes the blob's name only when it is proven.
  ZoneFile(const CellZone& zone, const aead::Id& blob_id, uint16_t placement,
           uint64_t expected_size, const std::string& suffix = "");

  // Writes whole blocks past the page cache; the first call creates the file. Offsets never
  // overlap, so several threads may be at it. kExists: there is a file of that name, which is not
  // ours.
  Status Append(uint64_t offset, ByteSpan blocks);
  // Gives back what was reserved beyond `size` and makes file and name durable.
  Status Finish(uint64_t size);
  // Removes the file, if it is ours.
  void Remove();
  // From any thread: nobody wants the file any more. An Append that is stuck now removes it itself
  // when it comes back.
  void Doom() { doomed_.store(true); }

 private:
  Status Prepare(uint64_t end);
  Status Reserve(uint64_t end);

  io::Env* const env_;
  const std::string folder_, path_;
  const uint64_t expected_size_;
  std::atomic<bool> doomed_{false};
  Mutex mutex_;  // Guards all below. Held while the disk works: only by the zone's own threads.
  std::shared_ptr<io::File> file_;
  bool ours_ = false;
  uint64_t reserved_ = 0;
  uint64_t unsynced_ = 0;
};

}  // namespace strongroom::blob
