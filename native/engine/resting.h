// Resting: work in the background leaves the disks to others for a part of the time that it takes;
// for most of it while callers ask for something.
#pragma once

#include <algorithm>
#include <atomic>

#include "base/sync.h"
#include "io/env.h"

namespace strongroom::engine {

// Ends waits of several threads, for good.
class StopSign {
 public:
  StopSign() : raised_(&mutex_) {}
  void Raise() {
    MutexLock lock(&mutex_);
    up_ = true;
    raised_.SignalAll();
  }
  bool up() {
    MutexLock lock(&mutex_);
    return up_;
  }
  // False: it is up.
  bool Wait(uint64_t nanos) {
    MutexLock lock(&mutex_);
    if (!up_) raised_.WaitFor(nanos);
    return !up_;
  }

 private:
  Mutex mutex_;
  CondVar raised_;
  bool up_ = false;
};

// When callers last asked for anything. Any thread.
class Demand {
 public:
  explicit Demand(io::Env* env) : env_(env) {}
  void Note() { last_.store(env_->MonotonicNanos(), std::memory_order_relaxed); }
  bool IsRecent() const {
    const uint64_t last = last_.load(std::memory_order_relaxed);
    return last != 0 && env_->MonotonicNanos() < last + kRecent;
  }

 private:
  static constexpr uint64_t kRecent = 500'000'000;
  io::Env* const env_;
  std::atomic<uint64_t> last_{0};
};

// One thread's.
class Resting {
 public:
  // Null `demand`: gives way to nobody.
  Resting(io::Env* env, StopSign* stop, const Demand* demand)
      : env_(env), stop_(stop), demand_(demand) {
    Begin();
  }
  void Begin() {
    bytes_ = 0;
    since_ = env_->MonotonicNanos();
  }
  // After `bytes` more of work. False: stop.
  bool After(uint64_t bytes) {
    if (stop_->up()) return false;
    bytes_ += bytes;
    const bool wanted = demand_ != nullptr && demand_->IsRecent();
    if (bytes_ < (wanted ? kShortStep : kStep)) return true;
    // Of a process that was stopped for a day, or of a walk that moved no byte, it was no work.
    const uint64_t worked = env_->MonotonicNanos() - since_;
    bool on = stop_->Wait(std::min(wanted ? worked * kDeference : worked / kPart, kRestMax));
    Begin();
    return on;
  }

 private:
  static constexpr uint64_t kStep = 4u << 20, kShortStep = 1u << 20;
  static constexpr uint64_t kPart = 4;
  // The disks are the callers' for so many parts of the time, and for one part ours.
  static constexpr uint64_t kDeference = 3;
  static constexpr uint64_t kRestMax = 1'000'000'000;
  io::Env* const env_;
  StopSign* const stop_;
  const Demand* const demand_;
  uint64_t bytes_ = 0, since_ = 0;
};

}  // namespace strongroom::engine
