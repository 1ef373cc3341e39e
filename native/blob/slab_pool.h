// SlabPool: the fixed memory that bodies pass through, and so the back-pressure of a store.
//
// Slabs are made when first needed, never beyond the quota, and are used again. They are given out
// first come, first served, by a callback: no thread blocks for one (the JavaScript thread must
// not), and who waits holds nothing. A slab whose holder is stuck in a dead disk is abandoned: it
// counts as lost, another is made in its place, and it is freed when the stuck thread lets go of
// it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <vector>

#include "base/bytes.h"
#include "base/sync.h"

namespace strongroom::blob {

// Holds one stripe of every geometry with its zones' paddings (32 cells, each alone in its zone),
// and 1 MiB of plaintext with its cells in the usual ones.
constexpr size_t kSlabSize = 32 * 18 * 4096;

class SlabPool;

// One slab on a 4 KiB boundary. Goes back to its pool with the last reference.
class Slab {
 public:
  ~Slab();
  Slab(const Slab&) = delete;
  Slab& operator=(const Slab&) = delete;
  uint8_t* data() const { return data_; }
  static constexpr size_t size() { return kSlabSize; }
  // The pool replaces it now; this one is freed when its last reference goes.
  void Abandon();

 private:
  friend class SlabPool;
  Slab(std::shared_ptr<SlabPool> pool, uint8_t* data) : pool_(std::move(pool)), data_(data) {}
  const std::shared_ptr<SlabPool> pool_;
  uint8_t* const data_;
  bool abandoned_ = false;  // Guarded by the pool's mutex.
};
using SlabRef = std::shared_ptr<Slab>;

class SlabPool : public std::enable_shared_from_this<SlabPool> {
 public:
  using Granted = std::function<void(SlabRef)>;

  static std::shared_ptr<SlabPool> Create(size_t quota);
  ~SlabPool();

  // A slab now, or null when none is free or others wait for one.
  SlabRef TryTake();
  // A slab only if at least half of the quota stays free without it: for reading ahead.
  SlabRef TryTakeSpare();
  // Calls `granted` once with a slab: before it returns, or later on the thread that gives one
  // back. Who does not want it any more lets it go at once. Never let go of a slab under a lock
  // that a `granted` may want.
  void Take(Granted granted);

  struct Figures {
    size_t quota = 0;
    size_t in_use = 0;     // Abandoned ones not counted.
    size_t waiting = 0;
    size_t abandoned = 0;  // Held by stuck threads right now.
  };
  Figures figures();

 private:
  friend class Slab;
  explicit SlabPool(size_t quota) : quota_(quota) {}
  uint8_t* TakeMemory();
  void GiveBack(Slab* slab);
  void GrantNext();

  const size_t quota_;
  Mutex mutex_;  // Guards all below.
  std::vector<uint8_t*> free_;
  size_t in_use_ = 0;
  size_t abandoned_ = 0;
  std::deque<Granted> waiters_;
};

}  // namespace strongroom::blob
