#include "engine/blob_pins.h"

namespace strongroom::engine {

std::shared_ptr<void> BlobPins::Pin(const aead::Id& blob_id) {
  {
    MutexLock lock(&mutex_);
    ++pinned_[blob_id].readers;
  }
  auto release = [self = shared_from_this(), blob_id](void*) { self->Unpin(blob_id); };
  return std::shared_ptr<void>(this, release);
}

void BlobPins::Unpin(const aead::Id& blob_id) {
  std::optional<GoneBlob> doomed;
  {
    MutexLock lock(&mutex_);
    auto found = pinned_.find(blob_id);
    if (--found->second.readers > 0) return;
    doomed = found->second.doomed;
    pinned_.erase(found);
  }
  if (doomed) remove_(*doomed);
}

bool BlobPins::IsPinned(const aead::Id& blob_id) {
  MutexLock lock(&mutex_);
  return pinned_.count(blob_id) != 0;
}

void BlobPins::Unreferenced(const GoneBlob& blob) {
  {
    MutexLock lock(&mutex_);
    auto found = pinned_.find(blob.id);
    if (found != pinned_.end()) {
      found->second.doomed = blob;
      return;
    }
  }
  remove_(blob);
}

}  // namespace strongroom::engine
