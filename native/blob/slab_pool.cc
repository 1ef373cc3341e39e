// One mutex, a list of free memory, and a queue of those who wait for it.
#include "blob/slab_pool.h"

#include <cstdlib>

#include "base/check.h"

namespace strongroom::blob {

namespace {
constexpr size_t kSlabAlignment = 4096;
}  // namespace

Slab::~Slab() { pool_->GiveBack(this); }

void Slab::Abandon() {
  {
    MutexLock lock(&pool_->mutex_);
    if (abandoned_) return;
    abandoned_ = true;
    --pool_->in_use_;
    ++pool_->abandoned_;
  }
  pool_->GrantNext();
}

std::shared_ptr<SlabPool> SlabPool::Create(size_t quota) {
  CHECK(quota > 0);
  return std::shared_ptr<SlabPool>(new SlabPool(quota));
}

SlabPool::~SlabPool() {
  for (uint8_t* memory : free_) free(memory);
}

// REQUIRES: the mutex is held and in_use_ < quota_.
uint8_t* SlabPool::TakeMemory() {
  ++in_use_;
  if (free_.empty()) {
    auto* memory = static_cast<uint8_t*>(aligned_alloc(kSlabAlignment, kSlabSize));
    CHECK(memory != nullptr) << "out of memory";
    return memory;
  }
  uint8_t* memory = free_.back();  // The one used last: warm.
  free_.pop_back();
  return memory;
}

SlabRef SlabPool::TryTake() {
  MutexLock lock(&mutex_);
  if (in_use_ >= quota_ || !waiters_.empty()) return nullptr;
  return SlabRef(new Slab(shared_from_this(), TakeMemory()));
}

SlabRef SlabPool::TryTakeSpare() {
  MutexLock lock(&mutex_);
  // Whoever reads ahead keeps its slab until its consumer comes back, perhaps never: so the upper
  // half of the quota at most, and all others can always go on.
  if (!waiters_.empty() || (in_use_ + 1) * 2 > quota_) return nullptr;
  return SlabRef(new Slab(shared_from_this(), TakeMemory()));
}

void SlabPool::Take(Granted granted) {
  uint8_t* memory;
  {
    MutexLock lock(&mutex_);
    if (in_use_ >= quota_ || !waiters_.empty()) {
      waiters_.push_back(std::move(granted));
      return;
    }
    memory = TakeMemory();
  }
  granted(SlabRef(new Slab(shared_from_this(), memory)));
}

void SlabPool::GiveBack(Slab* slab) {
  {
    MutexLock lock(&mutex_);
    if (slab->abandoned_) {
      --abandoned_;
      free(slab->data_);  // Its place was filled when it was abandoned.
      return;
    }
    --in_use_;
    free_.push_back(slab->data_);
  }
  GrantNext();
}

// One slab came free: the first in the queue gets it.
void SlabPool::GrantNext() {
  Granted granted;
  uint8_t* memory;
  {
    MutexLock lock(&mutex_);
    if (waiters_.empty() || in_use_ >= quota_) return;
    granted = std::move(waiters_.front());
    waiters_.pop_front();
    memory = TakeMemory();
  }
  granted(SlabRef(new Slab(shared_from_this(), memory)));
}

SlabPool::Figures SlabPool::figures() {
  MutexLock lock(&mutex_);
  return {quota_, in_use_, waiters_.size(), abandoned_};
}

}  // namespace strongroom::blob
