// SimScheduler: the tasks of a simulated run. One runs at a time, the seed chooses which, and time
// moves only when nobody can run: it jumps to the earliest deadline.
//
//   runnable -> running -> waiting (for a condition, a deadline or both) -> runnable ... -> ended
//
// A run from the same seed over the same code takes the same way, step by step (TraceHash). When no
// task can run and none has a deadline, the run is a deadlock: Run returns and says what each task
// waits for. The tasks of a deadlock are left where they stand, with what they own, for ever: a
// task cannot be unwound from outside.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/status.h"
#include "base/sync.h"
#include "base/testing.h"
#include "io/sim_fiber.h"

namespace strongroom::io {

class SimScheduler final : public Scheduler {
 public:
  explicit SimScheduler(uint64_t seed);
  ~SimScheduler() override;
  SimScheduler(const SimScheduler&) = delete;
  SimScheduler& operator=(const SimScheduler&) = delete;

  // Runs `body` as the task "main" and returns when it and every task it started have ended.
  // kTimedOut, with a report: a deadlock, or more steps than `steps_max`. After that the scheduler
  // is worn out and refuses to run. Not from within a task.
  Status Run(std::function<void()> body);

  // From within a task.
  uint64_t Start(const std::string& name, std::function<void()> body);  // The new task's number.
  bool HasEnded(uint64_t task) const;
  bool WaitUntil(bool (*ready)(void*), void* argument, uint64_t deadline_nanos,
                 const char* what) override;
  void Yield() override;  // Now and then gives the turn away; cheap otherwise.
  void Pause();           // Any task may be next, this one too.
  uint64_t Choose(uint64_t count) override { return random_.Below(count); }

  bool InTask() const { return running_ != nullptr; }
  bool MainHasEnded() const { return HasEnded(0); }
  uint64_t MonotonicNanos() override { return now_; }
  const void* CurrentTask() const override { return running_; }
  void Advance(uint64_t nanos) { now_ += nanos; }

  // Everything that was decided so far, in order.
  uint64_t TraceHash() const { return trace_; }
  void Trace(uint64_t value);
  uint64_t Steps() const { return steps_; }
  void set_steps_max(uint64_t steps) { steps_max_ = steps; }

  // Asked before a deadlock is declared; true: something changed, look again.
  std::function<bool()> on_stuck;
  // Called by the task that offers its turn: a test can let others run just there.
  std::function<void()> on_yield;

 private:
  struct Task;
  static void TaskMain(void* task);
  void EndTask(Task* task);
  Task* PickNext();
  Task* PickRunnable();
  bool JumpToDeadline();
  void Turn(Task* next);
  Status Report(const std::string& what) const;

  testing::Random random_;
  std::vector<std::unique_ptr<Task>> tasks_;  // By number.
  std::vector<Task*> live_;
  std::vector<Task*> runnable_;  // Scratch of PickRunnable.
  Task* running_ = nullptr;
  Fiber* outside_ = nullptr;  // Where Run waits.
  bool worn_out_ = false;
  Status outcome_;
  uint64_t now_ = 1000000000;  // A monotonic clock never shows 0.
  uint64_t trace_ = 0;
  uint64_t steps_ = 0;
  uint64_t steps_max_ = 20000000;
};

}  // namespace strongroom::io
