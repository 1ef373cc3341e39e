// FreshBlobFile: a large blob's file on its way in one zone, under a name of its own until it is
// proven. Gathers what is added into whole blocks and has the zone write them; the preamble comes
// last, so that a file without one is known for half built.
#pragma once

#include <memory>
#include <string>

#include "base/bytes.h"
#include "blob/cell_zone.h"
#include "blob/zone_file.h"
#include "repair/cell_file.h"

namespace strongroom::repair {

class FreshBlobFile {
 public:
  // Of `size` bytes, under the blob's name and `suffix`.
  FreshBlobFile(blob::BlobContext* context, const blob::CellZone& zone, const BlobAtRest& blob,
                uint64_t size, const std::string& suffix);

  uint64_t written() const { return written_; }

  Status Add(ByteSpan bytes);
  // One cell, and its checksum for this place.
  Status AddCell(ByteSpan cell, uint64_t number);
  // Crash before the sync in here: a file with a preamble, perhaps, and with holes.
  Status Finish(const format::BlobPreamble& preamble);
  // Nobody wants it any more. A disk that is dead is not waited for: the thread that is stuck in it
  // removes the file when it comes back.
  void Remove(const Status& why);

 private:
  Status Flush();
  Status Write(uint64_t offset, ByteSpan bytes);
  Status AskZone(std::function<Status()> work);

  blob::BlobContext* const context_;
  const std::shared_ptr<io::TaskQueue> threads_;
  const aead::Id blob_id_;
  const uint16_t placement_;
  const uint64_t size_;
  const std::shared_ptr<blob::ZoneFile> file_;
  Bytes image_;  // From a block's boundary on: what is not written yet.
  uint64_t written_ = 0;
};

}  // namespace strongroom::repair
