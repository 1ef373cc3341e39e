#include "engine/index_set.h"

#include <algorithm>

#include "format/row.h"

namespace strongroom::engine {

namespace {
// How far a lagging index may fall behind before the commit thread waits for it.
constexpr uint64_t kLagBytesMax = 8u << 20;
}  // namespace

struct IndexSet::Operation {
  Attempt attempt;
  std::function<void(Status)> give_up;
  std::atomic<bool> settled{false};
  uint64_t started = 0;  // Of the current attempt. Guarded by the set's mutex, as is:
  size_t slot = npos;    // Where it runs; npos while it waits for a serving index.
  bool listed = false;
  std::list<std::shared_ptr<Operation>>::iterator place;
};

index::Applied ToApplied(const format::Position& p) {
  return {p.epoch, p.sequence, p.location, p.end, p.chain};
}
format::Position ToPosition(const index::Applied& a) {
  return {a.epoch, a.sequence, a.location, a.end, a.chain};
}

AppliedBatch ApplyImage(const format::Record& record, const format::Position& position) {
  AppliedBatch out;
  out.applied = ToApplied(position);
  size_t size = 0;
  for (const auto& effects : record.transactions) {
    for (const auto& effect : effects) {
      size += effect.key.size();
      if (effect.row) size += format::kIndexRowHead + effect.row->size();
    }
  }
  out.storage.reserve(size);  // The effects point into it: it must not move.
  uint32_t home = format::SegmentOf(position.location);
  uint64_t revision = record.head.first_sequence;
  for (const auto& effects : record.transactions) {
    for (const auto& effect : effects) {
      size_t at = out.storage.size();
      out.storage.insert(out.storage.end(), effect.key.begin(), effect.key.end());
      index::Effect image{{out.storage.data() + at, effect.key.size()}, std::nullopt};
      if (effect.row) {
        at = out.storage.size();
        format::EncodeIndexRow(revision, home, *effect.row, &out.storage);
        image.row = ByteSpan(out.storage.data() + at, out.storage.size() - at);
      }
      out.effects.push_back(image);
    }
    ++revision;
  }
  CHECK(out.storage.size() == size);
  return out;
}

IndexSet::IndexSet(Options options, std::vector<std::shared_ptr<Zone>> zones)
    : options_(std::move(options)), changed_(&mutex_) {
  for (auto& zone : zones) slots_.push_back({zone, State::kAbsent, 0});
  MutexLock lock(&mutex_);
  tick_ = options_.deadlines->After(options_.deadline_nanos / 4, [this] { Tick(); });
}

IndexSet::~IndexSet() { Stop(); }

bool IndexSet::AnyLeft() const {
  return std::any_of(slots_.begin(), slots_.end(), [](const Slot& slot) {
    return slot.state == State::kReady || slot.state == State::kReplaying;
  });
}

void IndexSet::Begin(size_t i, std::function<Status(index::Index&)> replay) {
  std::shared_ptr<Zone> zone = slots_[i].zone;
  {
    MutexLock lock(&mutex_);
    slots_[i].state = State::kReplaying;
  }
  zone->apply_thread->Post([this, i, zone, replay] {
    Status status = replay(*zone->index);
    status.ok() ? OnReady(i) : Lose(i, status);
  });
}

void IndexSet::OnReady(size_t i) {
  std::list<OperationRef> waiting;
  {
    MutexLock lock(&mutex_);
    if (slots_[i].state != State::kReplaying) return;
    slots_[i].state = State::kReady;
    if (serving_ == npos) serving_ = i;
    if (serving_ == i) waiting.swap(waiting_);
    changed_.SignalAll();
  }
  for (auto& operation : waiting) Dispatch(operation);
}

Status IndexSet::AwaitServing() {
  MutexLock lock(&mutex_);
  while (serving_ == npos && AnyLeft()) changed_.Wait();
  return serving_ == npos ? last_failure_ : Status();
}

void IndexSet::Read(Attempt attempt, std::function<void(Status)> give_up) {
  auto operation = std::make_shared<Operation>();
  operation->attempt = std::move(attempt);
  operation->give_up = std::move(give_up);
  Dispatch(std::move(operation));
}

void IndexSet::Dispatch(OperationRef operation) {
  if (operation->settled) return;
  size_t slot = npos;
  Status refusal;
  {
    MutexLock lock(&mutex_);
    if (stopped_) {
      refusal = Status(Code::kClosed, "the store is closed");
    } else if (!AnyLeft()) {
      refusal = Status(Code::kReadOnly, "no index is left: reopen: " + last_failure_.message());
    } else {
      if (!operation->listed) {
        operation->place = outstanding_.insert(outstanding_.end(), operation);
        operation->listed = true;
      }
      operation->started = options_.env->MonotonicNanos();
      operation->slot = slot = serving_;
      if (slot == npos) waiting_.push_back(operation);
    }
  }
  if (!refusal.ok()) {
    if (!operation->settled.exchange(true)) operation->give_up(refusal);
  } else if (slot != npos) {
    Post(slot, std::move(operation));
  }
}

void IndexSet::Post(size_t i, OperationRef operation) {
  std::shared_ptr<Zone> zone = slots_[i].zone;
  bool posted = zone->read_threads->Post([this, i, zone, operation] {
    if (operation->settled) return;
    Outcome outcome = operation->attempt(zone, *zone->index);
    if (outcome.index_broke) {
      Lose(i, outcome.why);  // Dispatches what ran here again, this operation included.
      return;
    }
    if (operation->settled.exchange(true)) return;
    {
      MutexLock lock(&mutex_);
      if (operation->listed) outstanding_.erase(operation->place);
      operation->listed = false;
    }
    outcome.settle ? outcome.settle() : operation->give_up(outcome.why);
  });
  if (!posted && !operation->settled.exchange(true)) {
    operation->give_up(Status(Code::kClosed, "the store is closed"));
  }
}

void IndexSet::Lose(size_t i, const Status& why) {
  std::vector<OperationRef> again;
  bool told = false;
  {
    MutexLock lock(&mutex_);
    if (slots_[i].state == State::kReady || slots_[i].state == State::kReplaying) {
      slots_[i].state = State::kLost;
      slots_[i].lag_bytes = 0;
      last_failure_ = why;
      told = true;
    }
    if (serving_ == i) {
      serving_ = npos;
      for (size_t next = 0; next < slots_.size() && serving_ == npos; ++next) {
        if (slots_[next].state == State::kReady) serving_ = next;
      }
    }
    for (auto& operation : outstanding_) {
      if (operation->slot == i || operation->slot == npos) again.push_back(operation);
    }
    waiting_.clear();
    changed_.SignalAll();
  }
  if (told && options_.on_lost) options_.on_lost(slots_[i].zone->number, why);
  for (auto& operation : again) Dispatch(operation);
}

// Finds attempts older than the deadline: their zone's disk hangs.
void IndexSet::Tick() {
  size_t hanging = npos;
  {
    MutexLock lock(&mutex_);
    if (stopped_) return;
    uint64_t now = options_.env->MonotonicNanos();
    for (auto& operation : outstanding_) {
      bool old = now - operation->started > options_.deadline_nanos * 3 / 4;
      // With one index slowness alone loses nothing: the caller waits.
      bool other = std::count_if(slots_.begin(), slots_.end(),
                                 [](const Slot& slot) { return slot.state == State::kReady; }) > 1;
      if (old && operation->slot != npos && other) hanging = operation->slot;
    }
    tick_ = options_.deadlines->After(options_.deadline_nanos / 4, [this] { Tick(); });
  }
  if (hanging != npos) {
    Lose(hanging, Status(Code::kTimedOut, "the index's disk does not answer"));
  }
}

bool IndexSet::AwaitLag(size_t i) {
  uint64_t deadline = options_.env->MonotonicNanos() + options_.deadline_nanos;
  MutexLock lock(&mutex_);
  while (slots_[i].lag_bytes > kLagBytesMax) {
    uint64_t now = options_.env->MonotonicNanos();
    if (now >= deadline) return false;
    changed_.WaitFor(deadline - now);
  }
  return true;
}

Status IndexSet::Apply(std::shared_ptr<const AppliedBatch> batch) {
  std::vector<std::shared_ptr<io::Completion>> done(slots_.size());
  for (size_t i = 0; i < slots_.size(); ++i) {
    if (!AwaitLag(i)) Lose(i, Status(Code::kTimedOut, "the index falls behind: its disk is slow"));
    {
      MutexLock lock(&mutex_);
      if (slots_[i].state != State::kReady && slots_[i].state != State::kReplaying) continue;
      slots_[i].lag_bytes += batch->storage.size();
    }
    done[i] = std::make_shared<io::Completion>();
    auto task = [this, i, batch, zone = slots_[i].zone, completion = done[i]] {
      {
        MutexLock lock(&mutex_);
        if (slots_[i].state == State::kLost || slots_[i].state == State::kAbsent) return;
      }
      Status status = zone->index->Apply(batch->effects, batch->applied);
      completion->Set(status);
      if (!status.ok()) return Lose(i, status);
      MutexLock lock(&mutex_);
      slots_[i].lag_bytes -= std::min<uint64_t>(slots_[i].lag_bytes, batch->storage.size());
      changed_.SignalAll();
    };
    if (!slots_[i].zone->apply_thread->Post(task)) done[i] = nullptr;
  }
  for (;;) {
    size_t serving;
    {
      MutexLock lock(&mutex_);
      while (serving_ == npos && AnyLeft() && !stopped_) changed_.Wait();
      serving = serving_;
      if (serving == npos) return last_failure_;
    }
    if (!done[serving]) return Status(Code::kClosed, "the index has ended");
    Status status = done[serving]->Wait(options_.deadline_nanos);
    if (status.ok()) return status;
    Lose(serving, status);
  }
}

Result<IndexSet::Looked> IndexSet::Look(const std::vector<Bytes>& keys,
                                        const std::vector<index::ScanRequest>& ranges) {
  struct Shared {
    io::Completion done;
    Looked looked;
  };
  auto shared = std::make_shared<Shared>();
  auto attempt = [shared, keys, ranges](const std::shared_ptr<Zone>&,
                                        index::Index& index) -> Outcome {
    Looked looked;
    looked.rows.resize(keys.size());
    for (size_t i = 0; i < keys.size(); ++i) {
      auto found = index.Get(keys[i], &looked.rows[i]);
      if (!found.ok()) return Outcome::Broken(found.status());
    }
    for (const auto& range : ranges) {
      bool empty = true;
      auto end = index.Scan(range, [&](ByteSpan, ByteSpan, bool) { empty = false; });
      if (!end.ok()) return Outcome::Broken(end.status());
      looked.empty.push_back(empty);
    }
    return Settle([shared, looked = std::move(looked)]() mutable {
      shared->looked = std::move(looked);
      shared->done.Set(Status());
    });
  };
  Read(attempt, [shared](Status status) { shared->done.Set(status); });
  TRY(shared->done.Wait(UINT64_MAX));  // Every operation is settled: Tick sees to that.
  return std::move(shared->looked);
}

void IndexSet::Drop(int zone_number, const Status& why) {
  for (size_t i = 0; i < slots_.size(); ++i) {
    if (slots_[i].zone->number == zone_number) Lose(i, why);
  }
}

void IndexSet::Checkpoint(uint64_t deadline_nanos) {
  std::vector<std::shared_ptr<io::Completion>> done;
  for (size_t i = 0; i < slots_.size(); ++i) {
    {
      MutexLock lock(&mutex_);
      if (slots_[i].state != State::kReady && slots_[i].state != State::kReplaying) continue;
    }
    auto completion = std::make_shared<io::Completion>();
    auto task = [zone = slots_[i].zone, completion] { completion->Set(zone->index->Checkpoint()); };
    if (slots_[i].zone->apply_thread->Post(task)) done.push_back(completion);
  }
  for (auto& completion : done) (void)completion->Wait(deadline_nanos);
}

void IndexSet::Stop() {
  std::list<OperationRef> left;
  {
    MutexLock lock(&mutex_);
    if (stopped_) return;
    stopped_ = true;
    left.swap(outstanding_);
    for (auto& operation : left) operation->listed = false;
    waiting_.clear();
    changed_.SignalAll();
  }
  options_.deadlines->Cancel(tick_);
  for (auto& operation : left) {
    if (!operation->settled.exchange(true)) {
      operation->give_up(Status(Code::kClosed, "the store is closed"));
    }
  }
}

}  // namespace strongroom::engine
