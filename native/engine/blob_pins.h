// BlobPins: which large blobs and lists of parts are being read, so that their files and rows go
// only when the last reader is done.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "base/sync.h"
#include "engine/engine.h"

namespace strongroom::engine {

class BlobPins : public std::enable_shared_from_this<BlobPins> {
 public:
  using Remove = std::function<void(const GoneBlob&)>;
  explicit BlobPins(Remove remove) : remove_(std::move(remove)) {}

  // The blob stays while the pin lives.
  std::shared_ptr<void> Pin(const aead::Id& blob_id);
  bool IsPinned(const aead::Id& blob_id);
  // No blob at all is removed while the pin lives.
  std::shared_ptr<void> PinAll();
  // No row names the blob any more, durably: remove it now or with its last pin.
  void Unreferenced(const GoneBlob& blob);

 private:
  struct Pinned {
    size_t readers = 0;
    std::optional<GoneBlob> doomed;
  };
  void Unpin(const aead::Id& blob_id);
  void UnpinAll();
  const Remove remove_;
  Mutex mutex_;
  std::map<aead::Id, Pinned> pinned_;
  size_t all_pinned_ = 0;  // So many pins of all.
};

}  // namespace strongroom::engine
