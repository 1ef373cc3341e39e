// The turn passes straight from fiber to fiber; whoever gives it away also chooses who gets it.
#include "io/sim_scheduler.h"

#include <algorithm>

#include "base/check.h"
#include "io/sim_image.h"

namespace strongroom::io {

namespace {
// Unequal chances make tasks stand still for long while others race ahead; equal ones never do.
constexpr uint64_t kWeights[] = {1, 4, 16};
constexpr uint64_t kStepsPerReweighing = 64;
constexpr uint64_t kYieldsPerPause = 4;
}  // namespace

struct SimScheduler::Task {
  SimScheduler* scheduler;
  uint64_t number;
  std::string name;
  std::function<void()> body;
  Fiber* fiber;
  uint64_t weight;
  bool ended = false;
  bool waiting = false;
  bool (*ready)(void*) = nullptr;
  void* argument = nullptr;
  uint64_t deadline = UINT64_MAX;
  const char* what = "";

  bool CanRun(uint64_t now) const { return !waiting || deadline <= now || ready(argument); }
};

SimScheduler::SimScheduler(uint64_t seed) : random_(seed) {}

SimScheduler::~SimScheduler() {
  if (!worn_out_) return;
  // The frames of a deadlock still point to their tasks.
  static auto* left_behind = new std::vector<std::unique_ptr<Task>>;
  for (auto& task : tasks_) left_behind->push_back(std::move(task));
}

Status SimScheduler::Run(std::function<void()> body) {
  CHECK(Scheduler::Current() == nullptr) << "a run inside a run";
  if (worn_out_) return outcome_;
  tasks_.clear();
  outcome_ = Status();
  outside_ = Fiber::OfThread();
  SetCurrent(this);
  Start("main", std::move(body));
  Turn(PickNext());
  SetCurrent(nullptr);
  return outcome_;
}

uint64_t SimScheduler::Start(const std::string& name, std::function<void()> body) {
  CHECK(Scheduler::Current() == this) << "tasks are started by tasks";
  uint64_t number = tasks_.size();
  tasks_.push_back(std::make_unique<Task>());
  Task* task = tasks_.back().get();
  task->scheduler = this;
  task->number = number;
  task->name = name;
  task->body = std::move(body);
  task->fiber = Fiber::Take(TaskMain, task);
  task->weight = kWeights[random_.Below(std::size(kWeights))];
  live_.push_back(task);
  if (running_ != nullptr) Pause();  // The new task may be far ahead before its maker goes on.
  return number;
}

bool SimScheduler::HasEnded(uint64_t task) const { return tasks_[task]->ended; }

bool SimScheduler::WaitUntil(bool (*ready)(void*), void* argument, uint64_t deadline_nanos,
                             const char* what) {
  Task* self = running_;
  CHECK(self != nullptr) << "only a task waits";
  self->waiting = true;
  self->ready = ready;
  self->argument = argument;
  self->deadline = deadline_nanos;
  self->what = what;
  Turn(PickNext());
  self->waiting = false;
  return ready(argument);
}

void SimScheduler::Yield() {
  if (on_yield) on_yield();
  if (live_.size() > 1 && random_.Below(kYieldsPerPause) == 0) Pause();
}

void SimScheduler::Pause() { Turn(PickNext()); }

void SimScheduler::Trace(uint64_t value) { trace_ = MixHash(trace_, value); }

void SimScheduler::TaskMain(void* argument) {
  Task* task = static_cast<Task*>(argument);
  SetCurrent(task->scheduler);
  task->body();
  task->body = nullptr;  // What it owns goes while it still is a task.
  task->scheduler->EndTask(task);
}

void SimScheduler::EndTask(Task* task) {
  task->ended = true;
  live_.erase(std::find(live_.begin(), live_.end(), task));
  Fiber::Give(task->fiber);
  Turn(PickNext());
}

// Null: nobody is left, or nobody ever will run again.
SimScheduler::Task* SimScheduler::PickNext() {
  if (++steps_ > steps_max_) {
    outcome_ = Report("no end after " + std::to_string(steps_) + " steps");
    return nullptr;
  }
  if (steps_ % kStepsPerReweighing == 0 && !live_.empty()) {
    live_[random_.Below(live_.size())]->weight = kWeights[random_.Below(std::size(kWeights))];
  }
  while (!live_.empty()) {
    if (Task* task = PickRunnable()) return task;
    if (JumpToDeadline()) continue;
    if (on_stuck && on_stuck()) continue;
    outcome_ = Report("deadlock");
    return nullptr;
  }
  return nullptr;
}

SimScheduler::Task* SimScheduler::PickRunnable() {
  uint64_t total = 0;
  runnable_.clear();
  for (Task* task : live_) {
    if (!task->CanRun(now_)) continue;
    runnable_.push_back(task);
    total += task->weight;
  }
  if (runnable_.size() <= 1) return runnable_.empty() ? nullptr : runnable_.front();
  uint64_t ticket = random_.Below(total);
  for (Task* task : runnable_) {
    if (ticket < task->weight) return task;
    ticket -= task->weight;
  }
  return nullptr;
}

bool SimScheduler::JumpToDeadline() {
  uint64_t earliest = UINT64_MAX;
  for (Task* task : live_) earliest = std::min(earliest, task->deadline);
  if (earliest == UINT64_MAX) return false;
  now_ = std::max(now_, earliest);
  return true;
}

// Gives the turn to `next`; returns when this one has it again. To nobody: Run returns, and those
// who have not ended are left where they stand.
void SimScheduler::Turn(Task* next) {
  const Task* self = running_;
  if (next == nullptr) {
    worn_out_ = !live_.empty();
    for (Task* task : live_) Fiber::Abandon(task->fiber);
    running_ = nullptr;
    Fiber::Switch(outside_);
    return;
  }
  Trace(next->number ^ now_ << 8);
  if (next == self) return;
  running_ = next;
  Fiber::Switch(next->fiber);
}

Status SimScheduler::Report(const std::string& what) const {
  std::string text = what + ":";
  for (const Task* task : live_) {
    text += " " + task->name + (task->waiting ? " waits for " : " runs");
    if (task->waiting) text += task->what;
    text += ";";
  }
  return Status(Code::kTimedOut, text);
}

}  // namespace strongroom::io
