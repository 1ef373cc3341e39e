#include "engine/index_set.h"

#include <algorithm>

namespace strongroom::engine {

struct IndexSet::Operation {
  Attempt attempt;
  std::function<void(Status)> give_up;
  std::atomic<bool> settled{false};
  std::atomic<uint64_t> turn{0};     // Of the attempt that counts.
  std::atomic<uint64_t> started{0};  // When it began; 0 while it is queued: that is no fault of the
                                     // disk.
  // Guarded by the set's mutex:
  size_t slot = npos;  // Where it runs; npos while it waits for a serving index.
  bool listed = false;
  Operations::iterator place;
};

IndexSet::IndexSet(Options options, std::vector<std::shared_ptr<Zone>> zones)
    : options_(std::move(options)), changed_(&mutex_), tail_(options_.tail) {
  for (auto& zone : zones) {
    slots_.emplace_back();
    slots_.back().zone = std::move(zone);
    slots_.back().in_memory = slots_.back().zone->index_in_memory;
    if (slots_.back().in_memory) slots_.back().in_memory_since = options_.env->MonotonicNanos();
  }
}

std::shared_ptr<IndexSet> IndexSet::Start(Options options,
                                          std::vector<std::shared_ptr<Zone>> zones) {
  std::shared_ptr<IndexSet> set(new IndexSet(std::move(options), std::move(zones)));
  MutexLock lock(&set->mutex_);
  set->Watch();
  return set;
}

IndexSet::~IndexSet() { Stop(); }

void IndexSet::Watch() {
  tick_ = options_.deadlines->After(options_.deadline_nanos / 4, [weak = weak_from_this()] {
    if (auto set = weak.lock()) set->Tick();
  });
}

bool IndexSet::AnyLeft() const {
  return std::any_of(slots_.begin(), slots_.end(), [](const Slot& slot) { return slot.live(); });
}

bool IndexSet::AnyLate() const {
  return std::any_of(slots_.begin(), slots_.end(),
                     [](const Slot& slot) { return slot.state == State::kLate; });
}

bool IndexSet::AnotherIsReady(size_t i) const {
  for (size_t other = 0; other < slots_.size(); ++other) {
    if (other != i && slots_[other].state == State::kReady) return true;
  }
  return false;
}

IndexSet::Operations IndexSet::Elect() {
  Operations go;
  for (size_t i = 0; i < slots_.size(); ++i) {
    const Slot& slot = slots_[i];
    if (slot.state != State::kReady || slot.applied < acknowledged_) continue;
    // One that writes goes before one that only remembers.
    bool better = serving_ == npos || (slots_[serving_].in_memory && !slot.in_memory);
    if (better) serving_ = i;
  }
  if (serving_ != npos) go.swap(waiting_);
  changed_.SignalAll();
  return go;
}

Status IndexSet::AwaitServing(uint64_t patience_nanos) {
  const uint64_t look_every = patience_nanos / 60;
  MutexLock lock(&mutex_);
  uint64_t seen = replayed_;
  uint64_t deadline = options_.env->MonotonicNanos() + patience_nanos;
  while (serving_ == npos && (AnyLeft() || AnyLate())) {
    changed_.WaitFor(look_every);
    uint64_t now = options_.env->MonotonicNanos();
    if (replayed_ != seen) deadline = now + patience_nanos;
    if (now >= deadline) {
      return Status(Code::kTimedOut, "no index can be read: the disks do not answer");
    }
    seen = replayed_;
  }
  return serving_ == npos ? last_failure_ : Status();
}

void IndexSet::Read(Attempt attempt, std::function<void(Status)> give_up) {
  auto operation = std::make_shared<Operation>();
  operation->attempt = std::move(attempt);
  operation->give_up = std::move(give_up);
  Dispatch(std::move(operation));
}

void IndexSet::DispatchAll(const Operations& operations) {
  for (auto& operation : operations) Dispatch(operation);
}

void IndexSet::Dispatch(OperationRef operation) {
  size_t slot = npos;
  Entry entry;
  uint64_t turn = 0;
  Status refusal;
  {
    MutexLock lock(&mutex_);
    // Under the lock: whoever settles it after this takes it off the list after us.
    if (operation->settled) return;
    if (stopped_) {
      refusal = Status(Code::kClosed, "the store is closed");
    } else if (!AnyLeft()) {
      refusal = Status(Code::kReadOnly, "no index is left: reopen: " + last_failure_.message());
    } else {
      if (!operation->listed) {
        operation->place = outstanding_.insert(outstanding_.end(), operation);
        operation->listed = true;
      }
      turn = ++operation->turn;
      operation->started = 0;
      operation->slot = slot = serving_;
      slot == npos ? waiting_.push_back(operation) : void(entry = {slots_[slot].lease, passage_});
    }
  }
  if (!refusal.ok()) {
    if (!operation->settled.exchange(true)) operation->give_up(refusal);
  } else if (slot != npos) {
    Post(slot, std::move(entry), std::move(operation), turn);
  }
}

void IndexSet::Post(size_t i, Entry entry, OperationRef operation, uint64_t turn) {
  bool posted = slots_[i].zone->read_threads->Post(
      [self = shared_from_this(), i, entry = std::move(entry), operation, turn] {
        self->Attend(i, *entry.lease->index, operation, turn);
      });
  if (!posted && !operation->settled.exchange(true)) {
    operation->give_up(Status(Code::kClosed, "the store is closed"));
  }
}

// On a read thread of the zone.
void IndexSet::Attend(size_t i, index::Index& index, const OperationRef& operation, uint64_t turn) {
  if (operation->settled || operation->turn != turn) return;
  operation->started = options_.env->MonotonicNanos();
  Outcome outcome = operation->attempt(slots_[i].zone, index);
  if (outcome.index_broke) {
    LoseOnItsThread(i, outcome.why);  // Dispatches what ran here again, this operation included.
    return;
  }
  if (operation->settled.exchange(true)) return;
  {
    MutexLock lock(&mutex_);
    if (operation->listed) outstanding_.erase(operation->place);
    operation->listed = false;
  }
  outcome.settle ? outcome.settle() : operation->give_up(outcome.why);
}

// Whoever is refused since no index is left may end the process: by then the next open must know.
void IndexSet::LoseOnItsThread(size_t i, const Status& why) {
  const bool damaged = why.Is(Code::kTampered) || why.Is(Code::kCorruption);
  if (damaged && options_.on_damaged) options_.on_damaged(slots_[i].zone->number);
  Lose(i, why);
}

void IndexSet::Lose(size_t i, const Status& why) {
  Operations again;
  bool told = false;
  {
    MutexLock lock(&mutex_);
    if (slots_[i].live() || slots_[i].state == State::kLate) {
      slots_[i].state = State::kLost;
      if (slots_[i].lease) slots_[i].retired = slots_[i].lease;
      slots_[i].lease = nullptr;
      slots_[i].lag_bytes = 0;
      last_failure_ = why;
      told = true;
    }
    if (serving_ == i) serving_ = npos;
    again = Elect();
    for (auto& operation : outstanding_) {
      if (operation->slot == i) again.push_back(operation);
    }
    if (!AnyLeft()) again.splice(again.end(), waiting_);  // To be refused.
  }
  if (told && options_.on_lost) options_.on_lost(slots_[i].zone->number, why);
  DispatchAll(again);
}

// Finds attempts that run for longer than the deadline: their zone's disk hangs.
void IndexSet::Tick() {
  size_t hanging = npos;
  {
    MutexLock lock(&mutex_);
    if (stopped_) return;
    uint64_t now = options_.env->MonotonicNanos();
    for (auto& operation : outstanding_) {
      uint64_t started = operation->started;
      if (operation->slot == npos || started == 0 || started > now) continue;
      bool old = now - started > options_.deadline_nanos * 3 / 4;
      // With one index slowness alone loses nothing: the caller waits.
      if (old && AnotherIsReady(operation->slot)) hanging = operation->slot;
    }
    Watch();
  }
  LookForRoom();
  if (hanging != npos) {
    Lose(hanging, Status(Code::kTimedOut, "the index's disk does not answer"));
  }
}

namespace {
// How many rows a range may hold whose newest revision is asked for; more count as changed.
constexpr uint32_t kRangeRowsMax = 20'000;
constexpr size_t kRangeBytesMax = 64 << 20;

Result<bool> IsUnchanged(index::Index& index, const Transaction::Range& range) {
  index::ScanRequest scan;
  scan.start = range.start;
  scan.end = range.end;
  scan.limit = range.newest == 0 ? 1 : kRangeRowsMax;
  scan.bytes_max = kRangeBytesMax;
  bool unchanged = true;
  TRY_ASSIGN(auto end, index.Scan(scan, [&](ByteSpan, ByteSpan row, bool) {
    unchanged &= format::IndexRowRevision(row) <= range.newest;
  }));
  return unchanged && !end.truncated;
}
}  // namespace

Result<IndexSet::Looked> IndexSet::Look(const std::vector<Bytes>& keys,
                                        const std::vector<Transaction::Range>& ranges) {
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
      auto unchanged = IsUnchanged(index, range);
      if (!unchanged.ok()) return Outcome::Broken(unchanged.status());
      looked.unchanged.push_back(*unchanged);
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

void IndexSet::Stop() {
  Operations left;
  {
    MutexLock lock(&mutex_);
    if (stopped_) return;
    stopped_ = true;
    stop_replays_ = true;
    for (Slot& slot : slots_) slot.lease = nullptr;
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
