// TaskQueue: the threads of one zone for one purpose (log, cells, index), or the codec pool.
//
// Whoever waits for a task waits with a deadline, because a thread stuck in a dead disk never comes
// back: then Run returns kTimedOut and the task, with all it owns, stays with the stuck thread.
// Therefore a task captures by value or by shared_ptr everything it touches.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/sync.h"
#include "io/env.h"

namespace strongroom::io {

// How long a zone may take to answer before it counts as gone, unless the store says otherwise.
constexpr uint64_t kZoneDeadlineNanos = 2000000000;

class TaskQueue {
 public:
  using Task = std::function<void()>;

  TaskQueue(Env* env, const std::string& name, size_t thread_count);
  // Stops, with kZoneDeadlineNanos, if Stop was not called; joins the threads that have ended,
  // detaches those that have not. A task of its own may hold the last share: its thread ends then.
  ~TaskQueue();

  // Runs `task` on one of the threads, first come first served. False after Stop.
  bool Post(Task task);
  // Posts, then waits for the task's end: its Status, or kTimedOut after `deadline_nanos`, or
  // kClosed.
  Status Run(std::function<Status()> task, uint64_t deadline_nanos);
  // Refuses new tasks, drops those not begun, waits at most `deadline_nanos` for those running.
  // True when every thread has ended.
  bool Stop(uint64_t deadline_nanos);
  // After Stop: keeps `what` until every thread has ended; the last one lets go of it. For what a
  // thread stuck in a dead disk may still touch.
  void KeepUntilEnded(std::shared_ptr<void> what);
  // How many threads have been in one task for longer than `nanos`: stuck in a dead disk.
  size_t Stuck(uint64_t nanos) const;

 private:
  struct Shared;
  static void Work(const std::shared_ptr<Shared>& shared, size_t number);
  std::shared_ptr<Shared> shared_;
  std::vector<std::unique_ptr<Thread>> threads_;
};

// Completion: a Status that one side sets once and the other waits for with a deadline. It may be
// destroyed as soon as Wait has returned what was set; where Wait may time out, share it.
class Completion {
 public:
  Completion() : done_(&mutex_) {}
  void Set(Status status);  // The first one counts.
  bool IsSet();
  // kTimedOut when it is not set within `nanos`.
  Status Wait(uint64_t nanos);

 private:
  Mutex mutex_;
  CondVar done_;
  bool set_ = false;
  Status status_;
};

// TimeLeft: of a time that several waits share.
class TimeLeft {
 public:
  TimeLeft(Env* env, uint64_t nanos) : env_(env), end_(env->MonotonicNanos() + nanos) {}
  uint64_t operator()() const {
    uint64_t now = env_->MonotonicNanos();
    return end_ > now ? end_ - now : 0;
  }

 private:
  Env* const env_;
  const uint64_t end_;
};

}  // namespace strongroom::io
