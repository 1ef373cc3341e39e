// Resting: work in the background leaves the disks to others for a part of the time that it takes.
#pragma once

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

// One thread's.
class Resting {
 public:
  Resting(io::Env* env, StopSign* stop) : env_(env), stop_(stop) { Begin(); }
  void Begin() {
    bytes_ = 0;
    since_ = env_->MonotonicNanos();
  }
  // After `bytes` more of work. False: stop.
  bool After(uint64_t bytes) {
    if (stop_->up()) return false;
    bytes_ += bytes;
    if (bytes_ < kStep) return true;
    bool on = stop_->Wait((env_->MonotonicNanos() - since_) / kPart);
    Begin();
    return on;
  }

 private:
  static constexpr uint64_t kStep = 4u << 20;
  static constexpr uint64_t kPart = 4;
  io::Env* const env_;
  StopSign* const stop_;
  uint64_t bytes_ = 0, since_ = 0;
};

}  // namespace strongroom::engine
