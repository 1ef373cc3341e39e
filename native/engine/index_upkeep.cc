// How the indexes of a set follow the log: replays, batches, into memory and back to the disk.
#include <algorithm>

#include "engine/index_set.h"

namespace strongroom::engine {

namespace {
// How far a ready index may fall behind before the commit thread waits for it.
constexpr uint64_t kLagBytesMax = 8u << 20;
// What must be free on a disk before an index that is kept in memory goes back to it, and how many
// deadlines apart it is looked for: going back costs a replay.
constexpr uint64_t kFreeToReturn = 64u << 20;
constexpr uint64_t kDeadlinesToReturn = 5;
// Below this an index in memory takes nothing any more: two batches may be on their way to it.
constexpr size_t kRoomMin = 16u << 20;
}  // namespace

void IndexSet::Begin(size_t i, Replay replay, bool late) {
  {
    MutexLock lock(&mutex_);
    slots_[i].state = late ? State::kLate : State::kReplaying;
    slots_[i].replay = std::move(replay);
  }
  PostReplay(i);
}

void IndexSet::BeginAgain(size_t i, Replay replay) {
  {
    MutexLock lock(&mutex_);
    Slot& slot = slots_[i];
    CHECK(slot.state == State::kLost || slot.state == State::kAbsent);
    slot.replay = std::move(replay);
    slot.in_memory = false;
    slot.room = SIZE_MAX;
    BeginReplay(&slot);
  }
  PostReplay(i);
}

void IndexSet::Forgo(size_t i, const Status& why) {
  {
    MutexLock lock(&mutex_);
    slots_[i].state = State::kReplaying;
  }
  Lose(i, why);
}

void IndexSet::PostReplay(size_t i) {
  slots_[i].zone->apply_thread->Post([self = shared_from_this(), i] { self->RunReplay(i); });
}

void IndexSet::BeginReplay(Slot* slot) {
  slot->state = State::kReplaying;
  slot->lag_bytes = 0;
  if (slot->lease) slot->retired = slot->lease;
  slot->lease = nullptr;
}

// False when the set was stopped meanwhile.
bool IndexSet::AwaitRetired(size_t i) {
  MutexLock lock(&mutex_);
  while (!slots_[i].retired.expired()) {
    if (stopped_) return false;
    changed_.WaitFor(10'000'000);  // Nobody tells when the last attempt lets go.
  }
  return !stopped_;
}

// Walks on until the tail stands still: no image was queued for the slot meanwhile, so that nothing
// grows in memory however long it takes, and nobody waits for it.
void IndexSet::RunReplay(size_t i) {
  if (!AwaitRetired(i)) return;
  for (;;) {
    ReplayAim aim;
    Replay replay;
    {
      MutexLock lock(&mutex_);
      if (!slots_[i].replaying() || stopped_) return;
      aim = {tail_, slots_[i].in_memory, &stop_replays_, &replayed_, {}};
      replay = slots_[i].replay;
    }
    Status status = replay(aim);
    if (!status.ok()) return WriteFailed(i, status);
    Operations go;
    {
      MutexLock lock(&mutex_);
      Slot& slot = slots_[i];
      if (!slot.replaying()) return;
      if (tail_.sequence != aim.tail.sequence) continue;
      slot.state = State::kReady;
      slot.lease = std::make_shared<Lease>(Lease{slot.zone->index});
      slot.room = slot.zone->index->Room();
      slot.applied = batches_;
      go = Elect();
    }
    return DispatchAll(go);
  }
}

// A disk that is full, or fails: what is on it can still be read, and what comes is kept in memory.
// When that does not help either, the index is lost.
void IndexSet::WriteFailed(size_t i, const Status& why) {
  bool unwritable = why.Is(Code::kNoSpace) || why.Is(Code::kIo);
  Operations go;
  {
    MutexLock lock(&mutex_);
    Slot& slot = slots_[i];
    unwritable &= (slot.live() || slot.replaying()) && !slot.in_memory && !stopped_;
    if (unwritable) {
      slot.in_memory = true;
      slot.in_memory_since = why.Is(Code::kNoSpace) ? options_.env->MonotonicNanos() : 0;
      BeginReplay(&slot);
      if (serving_ == i) serving_ = npos;
      go = Elect();
    }
  }
  if (!unwritable) return LoseOnItsThread(i, why);
  PostReplay(i);
  DispatchAll(go);
}

// Which indexes in memory ask now whether their disk has room again.
void IndexSet::LookForRoom() {
  std::vector<size_t> due;
  {
    MutexLock lock(&mutex_);
    uint64_t now = options_.env->MonotonicNanos();
    for (size_t i = 0; i < slots_.size(); ++i) {
      Slot& slot = slots_[i];
      if (slot.state != State::kReady || !slot.in_memory || slot.in_memory_since == 0) continue;
      if (now - slot.in_memory_since < kDeadlinesToReturn * options_.deadline_nanos) continue;
      slot.in_memory_since = now;
      due.push_back(i);
    }
  }
  for (size_t i : due) {
    slots_[i].zone->apply_thread->Post([self = shared_from_this(), i] { self->ReturnToDisk(i); });
  }
}

// On the zone's apply thread.
void IndexSet::ReturnToDisk(size_t i) {
  auto free = options_.env->FreeBytes(slots_[i].zone->path);
  Operations go;
  {
    MutexLock lock(&mutex_);
    Slot& slot = slots_[i];
    if (slot.state != State::kReady || !slot.in_memory) return;
    slot.in_memory_since = options_.env->MonotonicNanos();
    if (!free.ok() || *free < kFreeToReturn) return;
    slot.in_memory = false;
    BeginReplay(&slot);
    if (serving_ == i) serving_ = npos;
    go = Elect();
  }
  DispatchAll(go);
  RunReplay(i);
}

index::Applied IndexSet::tail() {
  MutexLock lock(&mutex_);
  return tail_;
}

IndexSet::Space IndexSet::space() {
  MutexLock lock(&mutex_);
  if (serving_ == npos || !slots_[serving_].in_memory) return Space::kAny;
  return slots_[serving_].room < kRoomMin ? Space::kNone : Space::kRemovals;
}

// The bound on how long a takeover may take. A slot that cannot keep it is asked to walk the log by
// itself; only a ready one is worth a wait.
void IndexSet::AwaitLag(size_t i) {
  uint64_t deadline = options_.env->MonotonicNanos() + options_.deadline_nanos;
  {
    MutexLock lock(&mutex_);
    for (;;) {
      if (slots_[i].state != State::kReady || slots_[i].lag_bytes <= kLagBytesMax) return;
      uint64_t now = options_.env->MonotonicNanos();
      if (now >= deadline) break;
      changed_.WaitFor(deadline - now);
    }
    BeginReplay(&slots_[i]);  // What is queued for it is dropped as it comes up.
  }
  PostReplay(i);
}

Status IndexSet::Apply(std::shared_ptr<const AppliedBatch> batch) {
  uint64_t number;
  std::vector<size_t> takers;
  for (size_t i = 0; i < slots_.size(); ++i) AwaitLag(i);
  {
    MutexLock lock(&mutex_);
    number = ++batches_;
    tail_ = batch->applied;
    for (size_t i = 0; i < slots_.size(); ++i) {
      if (slots_[i].state != State::kReady) continue;
      slots_[i].lag_bytes += batch->storage.size();
      takers.push_back(i);
    }
  }
  for (size_t i : takers) {
    slots_[i].zone->apply_thread->Post(
        [self = shared_from_this(), i, batch, number] { self->ApplyOn(i, *batch, number); });
  }
  return AwaitApplied(number);
}

// On the zone's apply thread.
void IndexSet::ApplyOn(size_t i, const AppliedBatch& batch, uint64_t number) {
  {
    MutexLock lock(&mutex_);
    if (slots_[i].state != State::kReady) return;
  }
  Status status = slots_[i].zone->index->Apply(batch.effects, batch.applied);
  if (!status.ok()) return WriteFailed(i, status);
  Operations go;
  {
    MutexLock lock(&mutex_);
    Slot& slot = slots_[i];
    if (slot.state != State::kReady) return;
    slot.applied = number;
    if (slot.in_memory) slot.room = slot.zone->index->Room();
    slot.lag_bytes -= std::min<uint64_t>(slot.lag_bytes, batch.storage.size());
    if (serving_ == npos) {
      go = Elect();
    } else {
      changed_.SignalAll();
    }
  }
  DispatchAll(go);
}

// Until the serving index, whichever that is by then, has the batch.
Status IndexSet::AwaitApplied(uint64_t number) {
  uint64_t deadline = options_.env->MonotonicNanos() + options_.deadline_nanos;
  for (;;) {
    size_t slow;
    {
      MutexLock lock(&mutex_);
      for (;;) {
        bool applied = serving_ != npos && slots_[serving_].applied >= number;
        if (applied || stopped_ || !AnyLeft()) {
          // Under the lock in which it held: from here on no index without it is elected.
          acknowledged_ = number;
          if (applied) return {};
          return stopped_ ? Status(Code::kClosed, "the store is closed") : last_failure_;
        }
        uint64_t now = options_.env->MonotonicNanos();
        if (now >= deadline) break;
        changed_.WaitFor(deadline - now);
      }
      deadline = options_.env->MonotonicNanos() + options_.deadline_nanos;
      slow = serving_;
      if (slow == npos || !AnotherIsReady(slow)) continue;  // Alone it is waited for.
    }
    Lose(slow, Status(Code::kTimedOut, "the index's disk does not answer"));
  }
}

Status IndexSet::WaitUntil(uint64_t deadline, const std::function<bool()>& done) {
  while (!done()) {
    if (stopped_) return Status(Code::kClosed, "the store is closed");
    uint64_t now = options_.env->MonotonicNanos();
    if (now >= deadline) return Status(Code::kTimedOut, "an index does not get any further");
    // Nobody tells when the last attempt lets go.
    changed_.WaitFor(std::min<uint64_t>(deadline - now, 10'000'000));
  }
  return {};
}

Status IndexSet::AwaitReplays(uint64_t nanos) {
  uint64_t deadline = options_.env->MonotonicNanos() + nanos;
  MutexLock lock(&mutex_);
  return WaitUntil(deadline, [this] {
    return std::none_of(slots_.begin(), slots_.end(),
                        [](const Slot& slot) { return slot.replaying(); });
  });
}

Status IndexSet::Flush(uint64_t nanos) {
  struct Flushing {
    size_t slot;
    std::shared_ptr<io::Completion> done;
  };
  std::vector<Flushing> flushing;
  io::TimeLeft left(options_.env, nanos);
  for (size_t i = 0; i < slots_.size(); ++i) {
    Flushing each{i, std::make_shared<io::Completion>()};
    auto task = [self = shared_from_this(), each] {
      {
        MutexLock lock(&self->mutex_);
        const Slot& slot = self->slots_[each.slot];
        if (slot.state != State::kReady || slot.in_memory) return each.done->Set(Status());
      }
      each.done->Set(self->slots_[each.slot].zone->index->Checkpoint());
    };
    if (slots_[i].zone->apply_thread->Post(task)) flushing.push_back(std::move(each));
  }
  for (const Flushing& each : flushing) {
    Status status = each.done->Wait(left());
    if (status.Is(Code::kTimedOut)) return status;
    // It cannot write any more: kept in memory from here on, or lost.
    if (!status.ok()) WriteFailed(each.slot, status);
  }
  return {};
}

Status IndexSet::AwaitAttempts(uint64_t nanos) {
  uint64_t deadline = options_.env->MonotonicNanos() + nanos;
  MutexLock lock(&mutex_);
  std::weak_ptr<void> before = passage_;
  passage_ = std::make_shared<int>(0);
  return WaitUntil(deadline, [&before] { return before.expired(); });
}

void IndexSet::Checkpoint(uint64_t deadline_nanos) {
  stop_replays_ = true;
  const uint64_t deadline = options_.env->MonotonicNanos() + deadline_nanos;
  std::vector<std::shared_ptr<io::Completion>> done;
  for (size_t i = 0; i < slots_.size(); ++i) {
    {
      MutexLock lock(&mutex_);
      if (stopped_ || slots_[i].state != State::kReady) continue;
    }
    auto completion = std::make_shared<io::Completion>();
    auto task = [self = shared_from_this(), i, completion] {
      bool ready;
      {
        // Here too: what failed in between has left no index.
        MutexLock lock(&self->mutex_);
        ready = self->slots_[i].state == State::kReady;
      }
      completion->Set(ready ? self->slots_[i].zone->index->Checkpoint() : Status());
    };
    if (slots_[i].zone->apply_thread->Post(task)) done.push_back(completion);
  }
  for (auto& completion : done) {
    uint64_t now = options_.env->MonotonicNanos();
    (void)completion->Wait(deadline > now ? deadline - now : 0);
  }
}

}  // namespace strongroom::engine
