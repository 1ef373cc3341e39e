// One mutex guards a queue and the state of its threads; each thread holds a share of both, so a
// thread that outlives its TaskQueue still has what it touches when the dead disk lets it go.
#include "io/task_queue.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "io/posix_env.h"

namespace strongroom::io {

namespace {

uint64_t Now() {
  Scheduler* scheduler = Scheduler::Current();
  return scheduler != nullptr ? scheduler->MonotonicNanos() : PosixEnv()->MonotonicNanos();
}

uint64_t DeadlineAfter(uint64_t now, uint64_t nanos) {
  return nanos > UINT64_MAX - now ? UINT64_MAX : now + nanos;
}

// Answers kClosed when it goes without another answer: its task was dropped before it began.
class Answer {
 public:
  explicit Answer(std::shared_ptr<Completion> completion) : completion_(std::move(completion)) {}
  Answer(const Answer&) = delete;
  Answer& operator=(const Answer&) = delete;
  ~Answer() { completion_->Set(Status(Code::kClosed, "the task queue was stopped")); }
  void Set(Status status) { completion_->Set(std::move(status)); }

 private:
  std::shared_ptr<Completion> completion_;
};

}  // namespace

struct TaskQueue::Shared {
  explicit Shared(Env* env, size_t thread_count)
      : env(env), work(&mutex), ended_one(&mutex), busy_since(thread_count), ended(thread_count),
        threads(thread_count) {}

  Env* const env;
  mutable Mutex mutex;  // Guards all below.
  CondVar work;         // A task came, or Stop.
  CondVar ended_one;    // A thread has ended.
  std::deque<Task> tasks;
  size_t waiting = 0;  // Threads inside work.Wait: nobody signals to an empty room.
  bool stopped = false;
  std::vector<uint64_t> busy_since;  // Per thread: when its task began; 0 between tasks.
  std::vector<bool> ended;           // Per thread: it will touch nothing any more.
  std::vector<const void*> threads;  // Their names.
  std::vector<std::shared_ptr<void>> kept;  // Until all have ended.

  bool IsOwn(size_t thread) const { return threads[thread] == CurrentThread(); }
  bool AllEnded() const { return std::find(ended.begin(), ended.end(), false) == ended.end(); }
  bool OthersEnded() const {
    for (size_t i = 0; i < ended.size(); ++i) {
      if (!ended[i] && !IsOwn(i)) return false;
    }
    return true;
  }
};

TaskQueue::TaskQueue(Env* env, const std::string& name, size_t thread_count)
    : shared_(std::make_shared<Shared>(env, thread_count)) {
  for (size_t i = 0; i < thread_count; ++i) {
    threads_.push_back(env->StartThread(name, [shared = shared_, i] { Work(shared, i); }));
  }
}

TaskQueue::~TaskQueue() {
  bool stopped;
  {
    MutexLock lock(&shared_->mutex);
    stopped = shared_->stopped;
  }
  if (!stopped) Stop(kZoneDeadlineNanos);
  std::vector<bool> to_join(threads_.size());
  {
    MutexLock lock(&shared_->mutex);
    for (size_t i = 0; i < threads_.size(); ++i) {
      to_join[i] = shared_->ended[i] && !shared_->IsOwn(i);
    }
  }
  for (size_t i = 0; i < threads_.size(); ++i) {
    if (to_join[i]) {
      threads_[i]->Join();
    } else {
      threads_[i]->Detach();
    }
  }
}

void TaskQueue::Work(const std::shared_ptr<Shared>& shared, size_t number) {
  Shared& s = *shared;
  s.mutex.Lock();
  s.threads[number] = CurrentThread();
  for (;;) {
    while (s.tasks.empty() && !s.stopped) {
      ++s.waiting;
      s.work.Wait();
      --s.waiting;
    }
    if (s.tasks.empty()) break;
    Task task = std::move(s.tasks.front());
    s.tasks.pop_front();
    s.busy_since[number] = s.env->MonotonicNanos();
    s.mutex.Unlock();
    task();
    task = nullptr;  // What it owns goes before the thread counts as idle.
    s.mutex.Lock();
    s.busy_since[number] = 0;
  }
  s.ended[number] = true;
  std::vector<std::shared_ptr<void>> kept;
  if (s.AllEnded()) kept.swap(s.kept);
  s.ended_one.SignalAll();
  s.mutex.Unlock();
  kept.clear();  // May own the queue itself.
}

bool TaskQueue::Post(Task task) {
  bool signal;
  {
    MutexLock lock(&shared_->mutex);
    if (shared_->stopped) return false;
    shared_->tasks.push_back(std::move(task));
    signal = shared_->waiting > 0;
  }
  // Outside the lock, so that the woken thread does not run into it.
  if (signal) shared_->work.Signal();
  return true;
}

Status TaskQueue::Run(std::function<Status()> task, uint64_t deadline_nanos) {
  auto completion = std::make_shared<Completion>();
  {
    auto answer = std::make_shared<Answer>(completion);
    Post([answer, task = std::move(task)] { answer->Set(task()); });
  }
  return completion->Wait(deadline_nanos);
}

bool TaskQueue::Stop(uint64_t deadline_nanos) {
  Shared& s = *shared_;
  uint64_t deadline = DeadlineAfter(Now(), deadline_nanos);
  std::deque<Task> dropped;
  {
    MutexLock lock(&s.mutex);
    s.stopped = true;
    dropped.swap(s.tasks);
  }
  s.work.SignalAll();
  dropped.clear();  // Outside the lock, since a task may own anything. Their waiters hear kClosed.
  MutexLock lock(&s.mutex);
  while (!s.OthersEnded()) {
    uint64_t now = Now();
    if (now >= deadline) return false;
    s.ended_one.WaitFor(deadline - now);
  }
  return s.AllEnded();
}

void TaskQueue::KeepUntilEnded(std::shared_ptr<void> what) {
  MutexLock lock(&shared_->mutex);
  CHECK(shared_->stopped);
  if (!shared_->AllEnded()) shared_->kept.push_back(std::move(what));
}

size_t TaskQueue::Stuck(uint64_t nanos) const {
  uint64_t now = shared_->env->MonotonicNanos();
  MutexLock lock(&shared_->mutex);
  size_t count = 0;
  for (uint64_t since : shared_->busy_since) {
    if (since != 0 && since < now && now - since > nanos) ++count;
  }
  return count;
}

void Completion::Set(Status status) {
  MutexLock lock(&mutex_);
  if (set_) return;
  set_ = true;
  status_ = std::move(status);
  done_.SignalAll();  // Under the lock: whoever waits may destroy this once it has the lock back.
}

bool Completion::IsSet() {
  MutexLock lock(&mutex_);
  return set_;
}

Status Completion::Wait(uint64_t nanos) {
  uint64_t deadline = DeadlineAfter(Now(), nanos);
  MutexLock lock(&mutex_);
  while (!set_) {
    uint64_t now = Now();
    if (now >= deadline) return Status(Code::kTimedOut, "no answer within the deadline");
    done_.WaitFor(deadline - now);
  }
  return status_;
}

}  // namespace strongroom::io
