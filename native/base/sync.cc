// Mutex and CondVar over pthreads, or over the scheduler of the calling task.
#include "base/sync.h"

#include <stddef.h>
#include <time.h>

#include "base/check.h"
#include "base/glibc_floor.h"

namespace strongroom {

namespace {
thread_local Scheduler* current_scheduler = nullptr;

bool IsFree(void* held) { return !*static_cast<bool*>(held); }

bool IsSet(void* flag) { return *static_cast<bool*>(flag); }
}  // namespace

// A task inside Wait, on its own stack; in the list until it is signalled or gives up.
struct CondVar::Waiter {
  bool signalled = false;
  Waiter* next = nullptr;
};

Scheduler* Scheduler::Current() { return current_scheduler; }
void Scheduler::SetCurrent(Scheduler* self) { current_scheduler = self; }

const void* CurrentThread() {
  static thread_local char name;
  Scheduler* scheduler = Scheduler::Current();
  return scheduler != nullptr ? scheduler->CurrentTask() : &name;
}

Mutex::Mutex() { CHECK(pthread_mutex_init(&native_, nullptr) == 0); }
Mutex::~Mutex() { pthread_mutex_destroy(&native_); }

void Mutex::Lock() {
  if (Scheduler* scheduler = Scheduler::Current()) {
    // What is guarded well can change between critical sections only: a turn offered here finds
    // every order of them. From the last look to the set nobody else runs.
    scheduler->Yield();
    if (held_) scheduler->WaitUntil(IsFree, &held_, UINT64_MAX, "a mutex");
    CHECK(!held_);
    held_ = true;
    return;
  }
  CHECK(pthread_mutex_lock(&native_) == 0);
}

void Mutex::Unlock() {
  if (Scheduler::Current() != nullptr) {
    CHECK(held_);
    held_ = false;
    return;
  }
  CHECK(pthread_mutex_unlock(&native_) == 0);
}

CondVar::CondVar(Mutex* mutex) : mutex_(mutex) {
  pthread_condattr_t attributes;
  CHECK(pthread_condattr_init(&attributes) == 0);
#if !defined(__APPLE__)
  CHECK(pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) == 0);
#endif
  CHECK(pthread_cond_init(&native_, &attributes) == 0);
  pthread_condattr_destroy(&attributes);
}
CondVar::~CondVar() { pthread_cond_destroy(&native_); }

void CondVar::Wait() {
  if (Scheduler::Current() != nullptr) {
    WaitFor(UINT64_MAX);
    return;
  }
  CHECK(pthread_cond_wait(&native_, &mutex_->native_) == 0);
}

bool CondVar::WaitFor(uint64_t nanos) {
  if (Scheduler* scheduler = Scheduler::Current()) return WaitAsTask(scheduler, nanos);
#if defined(__APPLE__)
  timespec relative{static_cast<time_t>(nanos / 1000000000), static_cast<long>(nanos % 1000000000)};
  return pthread_cond_timedwait_relative_np(&native_, &mutex_->native_, &relative) == 0;
#else
  timespec at;
  clock_gettime(CLOCK_MONOTONIC, &at);
  uint64_t seconds = nanos / 1000000000;
  if (seconds > 1u << 30) seconds = 1u << 30;  // "For ever", without overflowing time_t.
  at.tv_sec += static_cast<time_t>(seconds);
  at.tv_nsec += static_cast<long>(nanos % 1000000000);
  if (at.tv_nsec >= 1000000000) {
    at.tv_nsec -= 1000000000;
    ++at.tv_sec;
  }
  return pthread_cond_timedwait(&native_, &mutex_->native_, &at) == 0;
#endif
}

void CondVar::Signal() {
  if (Scheduler* scheduler = Scheduler::Current()) return SignalTasks(scheduler, false);
  pthread_cond_signal(&native_);
}

void CondVar::SignalAll() {
  if (Scheduler* scheduler = Scheduler::Current()) return SignalTasks(scheduler, true);
  pthread_cond_broadcast(&native_);
}

bool CondVar::WaitAsTask(Scheduler* scheduler, uint64_t nanos) {
  Waiter waiter{false, waiters_};
  waiters_ = &waiter;
  uint64_t now = scheduler->MonotonicNanos();
  uint64_t deadline = nanos > UINT64_MAX - now ? UINT64_MAX : now + nanos;
  mutex_->Unlock();
  bool signalled = scheduler->WaitUntil(IsSet, &waiter.signalled, deadline, "a signal");
  if (!signalled) {
    Waiter** at = &waiters_;
    while (*at != &waiter) at = &(*at)->next;
    *at = waiter.next;
  }
  mutex_->Lock();
  return signalled;
}

// Signal wakes one waiter, whichever the seed chooses, and not one more: a caller that needs
// another one to wake is wrong, and its run ends in a deadlock that says so.
void CondVar::SignalTasks(Scheduler* scheduler, bool all) {
  size_t count = 0;
  for (Waiter* waiter = waiters_; waiter != nullptr; waiter = waiter->next) ++count;
  uint64_t skip = all || count == 0 ? 0 : scheduler->Choose(count);
  Waiter** at = &waiters_;
  for (; skip > 0; --skip) at = &(*at)->next;
  for (size_t wake = all ? count : count > 0 ? 1 : 0; wake > 0; --wake) {
    (*at)->signalled = true;
    *at = (*at)->next;
  }
}

}  // namespace strongroom
