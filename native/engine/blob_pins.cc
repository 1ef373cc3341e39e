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
    if (all_pinned_ > 0 && found->second.doomed) return;
    doomed = found->second.doomed;
    pinned_.erase(found);
  }
  if (doomed) remove_(*doomed);
}

std::shared_ptr<void> BlobPins::PinAll() {
  {
    MutexLock lock(&mutex_);
    ++all_pinned_;
  }
  return std::shared_ptr<void>(this, [self = shared_from_this()](void*) { self->UnpinAll(); });
}

void BlobPins::UnpinAll() {
  std::vector<GoneBlob> doomed;
  {
    MutexLock lock(&mutex_);
    if (--all_pinned_ > 0) return;
    for (auto it = pinned_.begin(); it != pinned_.end();) {
      if (it->second.readers > 0) {
        ++it;
        continue;
      }
      doomed.push_back(*it->second.doomed);
      it = pinned_.erase(it);
    }
  }
  for (const GoneBlob& blob : doomed) remove_(blob);
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
    if (all_pinned_ > 0) {
      pinned_[blob.id].doomed = blob;
      return;
    }
  }
  remove_(blob);
}

}  // namespace strongroom::engine
