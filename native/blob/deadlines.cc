// A sorted map of deadlines and one thread that sleeps until the first.
#include "blob/deadlines.h"

#include <map>
#include <utility>

#include "base/sync.h"

namespace strongroom::blob {

struct Deadlines::Shared {
  explicit Shared(io::Env* env) : env(env), changed(&mutex) {}
  io::Env* const env;
  Mutex mutex;  // Guards all below.
  CondVar changed;
  bool stopped = false;
  const void* thread = nullptr;  // Its name.
  uint64_t last_number = 0;
  // Who comes with a later deadline need not wake the thread. Most deadlines are cancelled long
  // before they expire, so a thread that sleeps on for nothing wakes a few times a second at most.
  uint64_t sleeping_until = 0;
  std::map<Id, std::function<void()>> waiting;  // First the one that expires first.

  void Work();
};

void Deadlines::Shared::Work() {
  mutex.Lock();
  thread = CurrentThread();
  while (!stopped) {
    const uint64_t now = env->MonotonicNanos();
    if (waiting.empty() || waiting.begin()->first.at > now) {
      sleeping_until = waiting.empty() ? UINT64_MAX : waiting.begin()->first.at;
      changed.WaitFor(sleeping_until - now);
      sleeping_until = 0;
      continue;
    }
    std::function<void()> expired = std::move(waiting.begin()->second);
    waiting.erase(waiting.begin());
    mutex.Unlock();
    expired();
    expired = nullptr;  // May end the last one who owns the Deadlines; its thread owns Shared.
    mutex.Lock();
  }
  mutex.Unlock();
}

Deadlines::Deadlines(io::Env* env) : shared_(std::make_shared<Shared>(env)) {
  thread_ = env->StartThread("sr-deadlines", [shared = shared_] {
    shared->Work();
  });
}

Deadlines::~Deadlines() {
  std::map<Id, std::function<void()>> dropped;
  bool own;
  {
    MutexLock lock(&shared_->mutex);
    own = shared_->thread == CurrentThread();
    shared_->stopped = true;
    dropped.swap(shared_->waiting);
  }
  shared_->changed.SignalAll();
  // A callback can hold the last reference to whoever owns us: then the thread ends by itself.
  if (own) {
    thread_->Detach();
  } else {
    thread_->Join();
  }
}

Deadlines::Id Deadlines::After(uint64_t nanos, std::function<void()> expired) {
  const uint64_t now = shared_->env->MonotonicNanos();
  Id id{nanos > UINT64_MAX - now ? UINT64_MAX : now + nanos, 0};
  bool wake;
  {
    MutexLock lock(&shared_->mutex);
    id.number = ++shared_->last_number;
    if (shared_->stopped) return id;
    shared_->waiting.emplace(id, std::move(expired));
    wake = id.at < shared_->sleeping_until;
    if (wake) shared_->sleeping_until = id.at;
  }
  if (wake) shared_->changed.Signal();
  return id;
}

void Deadlines::Cancel(const Id& id) {
  std::function<void()> dropped;  // Destroyed outside the lock, since it may own anything.
  MutexLock lock(&shared_->mutex);
  auto at = shared_->waiting.find(id);
  if (at == shared_->waiting.end()) return;
  dropped = std::move(at->second);
  shared_->waiting.erase(at);
}

}  // namespace strongroom::blob
