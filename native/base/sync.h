// Mutex and CondVar: the only ones in the core, LevelDB's included. Over pthreads normally; when
// the calling thread is a task of a Scheduler (the simulated Env), they hand the turn to it
// instead, so that a simulated run is decided by its seed alone.
//
// A Mutex is used either by real threads or by the tasks of one scheduler, never by both.
#pragma once

#include <pthread.h>

#include <cstdint>

namespace strongroom {

// What a cooperative scheduler offers to the task that runs. Found through a thread-local.
class Scheduler {
 public:
  virtual ~Scheduler() = default;
  // Blocks the current task until `ready(argument)` is true when looked at by the scheduler, or
  // until the simulated clock reaches `deadline_nanos` (monotonic; UINT64_MAX: never). Returns
  // ready(...). `what` names the wait when a deadlock is reported.
  virtual bool WaitUntil(bool (*ready)(void*), void* argument, uint64_t deadline_nanos,
                         const char* what) = 0;
  // A point where another task may run first.
  virtual void Yield() = 0;
  // A number below `count`, from the seed.
  virtual uint64_t Choose(uint64_t count) = 0;
  virtual uint64_t MonotonicNanos() = 0;
  // Names the task that runs.
  virtual const void* CurrentTask() const = 0;

  // The scheduler of this thread's task, or null.
  static Scheduler* Current();
  // Called by the scheduler on each thread that its tasks run on.
  static void SetCurrent(Scheduler* self);
};

// Names the calling thread or simulated task. Another may bear the name once it has ended.
const void* CurrentThread();

class Mutex {
 public:
  Mutex();
  ~Mutex();
  Mutex(const Mutex&) = delete;
  Mutex& operator=(const Mutex&) = delete;
  void Lock();
  void Unlock();

 private:
  friend class CondVar;
  pthread_mutex_t native_;
  bool held_ = false;  // Meaningful under a Scheduler only.
};

class MutexLock {
 public:
  explicit MutexLock(Mutex* mutex) : mutex_(mutex) { mutex_->Lock(); }
  ~MutexLock() { mutex_->Unlock(); }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

 private:
  Mutex* mutex_;
};

class CondVar {
 public:
  explicit CondVar(Mutex* mutex);
  ~CondVar();
  CondVar(const CondVar&) = delete;
  CondVar& operator=(const CondVar&) = delete;
  // REQUIRES: the mutex is held. May wake without a signal.
  void Wait();
  // Waits at most `nanos`. False when the time ran out.
  bool WaitFor(uint64_t nanos);
  void Signal();
  void SignalAll();

 private:
  struct Waiter;
  bool WaitAsTask(Scheduler* scheduler, uint64_t nanos);
  void SignalTasks(Scheduler* scheduler, bool all);
  Mutex* mutex_;
  pthread_cond_t native_;
  Waiter* waiters_ = nullptr;  // Meaningful under a Scheduler only.
};

}  // namespace strongroom
