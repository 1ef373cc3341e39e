// The engine's life: how it starts, what it tells of itself, how it ends. Its rows are in
// engine_rows.cc, its keys and blobs in engine_blobs.cc.
#include "engine/engine.h"

#include <algorithm>

#include "engine/engine_impl.h"
#include "engine/letting_go.h"
#include "engine/zone_superblock.h"
#include "format/superblock.h"

namespace strongroom::engine {

namespace {
constexpr uint64_t kCloseNanos = 10'000'000'000;
// How long an open waits for a first index that does not come any further: a large one on a slow
// disk takes its time, and without any there is nothing to serve.
constexpr uint64_t kFirstIndexNanos = 60'000'000'000;

// Of one open. Never freed: a thread that a dead disk holds may call it whenever that lets go.
io::RoutedEnv* RoutedFor(io::Env* env) {
  static Mutex mutex;
  static auto* all = new std::vector<std::unique_ptr<io::RoutedEnv>>;
  MutexLock lock(&mutex);
  all->push_back(std::make_unique<io::RoutedEnv>(env));
  return all->back().get();
}
}  // namespace

void EngineImpl::Report(Event::Kind kind, int zone, const std::string& what) {
  if (kind == Event::Kind::kRot) ++rot_found_;
  if (kind == Event::Kind::kTampering) ++tampering_found_;
  if (kind == Event::Kind::kReadOnly) {
    MutexLock lock(&state_mutex_);
    if (read_only_reason_.empty()) read_only_reason_ = what;
  }
  MutexLock lock(&event_mutex_);
  if (on_event_ && !silenced_) on_event_({kind, zone, what});
}

Status EngineImpl::Start() {
  routed_ = RoutedFor(options_.env);
  options_.env = routed_;
  // A zone may lie in another one's folder, and stay there when that is replaced.
  for (const std::string& zone : options_.zones) routed_->Route(zone, zone);
  auto report = [this](const Event& event) { Report(event.kind, event.zone, event.what); };
  TRY_ASSIGN(opened_, OpenZones(options_, report));
  options_.root_key = SecretBytes();  // It has opened what it opens.
  for (auto& zone : opened_->zones) {
    if (zone->present) shape_ = zone->superblock;
  }
  for (auto& zone : opened_->zones) {
    bool in_set = std::find(opened_->set.begin(), opened_->set.end(), zone) != opened_->set.end();
    if (!in_set) Report(Event::Kind::kZoneStale, zone->number, zone->why.message());
  }
  StartBlobs();
  StartIndexes();
  Status serving = indexes_->AwaitServing(kFirstIndexNanos);
  if (!serving.ok()) return serving;
  if (options_.read_only) return {};
  PrepareCells();
  if (options_.return_zones && opened_->zones.size() > 1) PrepareReturns();
  StartCommitter();
  StartClearer();
  StartCompactor();
  if (options_.sweep_after_nanos != UINT64_MAX) StartSweeper();
  ResumeHealing();
  if (returns_) returns_->Begin();
  return {};
}

void EngineImpl::StartBlobs() {
  codec_ = std::make_shared<io::TaskQueue>(options_.env, "codec", options_.codec_threads);
  blobs_ = std::make_shared<blob::BlobContext>();
  blobs_->env = options_.env;
  blobs_->codec = codec_;
  blobs_->read_slabs = blob::SlabPool::Create(options_.read_slabs);
  blobs_->write_slabs = blob::SlabPool::Create(options_.write_slabs);
  blobs_->deadlines = std::make_shared<blob::Deadlines>(options_.env);
  blobs_->zone_deadline_nanos = options_.zone_deadline_nanos;
  blobs_->hedge_nanos = std::min<uint64_t>(200'000'000, options_.zone_deadline_nanos / 2);
  blobs_->on_trouble = [weak = weak_from_this()](const blob::CellTrouble& trouble) {
    auto self = weak.lock();
    if (!self) return;
    using Kind = blob::CellTrouble::Kind;
    if (trouble.kind == Kind::kTampered) {
      self->Report(Event::Kind::kTampering, trouble.zone, trouble.what);
    } else if (trouble.kind == Kind::kRot) {
      self->Report(Event::Kind::kRot, trouble.zone, trouble.what);
    }
    self->HealSoon(trouble);
  };
  for (auto& zone : opened_->zones) {
    zone->cells = std::make_shared<blob::CellZone>();
    zone->cells->number = zone->number;
    zone->cells->path = zone->path;
    zone->cells->env = options_.env;
    zone->cells->cells = zone->cell_threads;
    zone->cells->healthy =
        std::find(opened_->set.begin(), opened_->set.end(), zone) != opened_->set.end();
    zone->cells->on_failure = [weak = weak_from_this(), number = zone->number](const Status& why) {
      if (auto self = weak.lock()) self->CellsFailed(number, why);
    };
    cell_zones_.push_back(zone->cells);
  }
  pins_ = std::make_shared<BlobPins>([weak = weak_from_this()](const GoneBlob& blob) {
    if (auto self = weak.lock()) self->Remove(blob);
  });
}

void EngineImpl::StartIndexes() {
  index_deadlines_ = std::make_shared<blob::Deadlines>(options_.env);
  IndexSet::Options options;
  options.env = options_.env;
  options.deadline_nanos = options_.zone_deadline_nanos;
  options.deadlines = index_deadlines_;
  options.tail = ToApplied(opened_->recovered.tail);
  if (!options_.read_only) {
    options.on_damaged = [env = options_.env, zones = opened_->zones](int zone) {
      // If it fails, the next open meets the damage again.
      (void)index::Index::Condemn(env, zones[static_cast<size_t>(zone - 1)]->path + "/index");
    };
  }
  options.on_lost = [weak = weak_from_this()](int zone, const Status& why) {
    auto self = weak.lock();
    if (!self || self->closed()) return;
    // A zone that failed or was expelled is reported as such; here only what its bytes show.
    std::string what = "index: " + why.message();
    if (why.Is(Code::kTampered) || why.Is(Code::kCorruption)) self->CondemnIndex(zone);
    if (why.Is(Code::kTampered)) self->Report(Event::Kind::kTampering, zone, what);
    if (why.Is(Code::kCorruption)) self->Report(Event::Kind::kRot, zone, what);
  };
  indexes_ = IndexSet::Start(options, opened_->zones);
  for (const std::shared_ptr<Zone>& zone : opened_->set) {
    const auto i = static_cast<size_t>(zone->number - 1);
    bool late = zone->index_why.Is(Code::kTimedOut);
    if (!zone->index && !late) {
      indexes_->Forgo(i, zone->index_why);
      continue;
    }
    auto replay = [zone, source = opened_->index_source](const ReplayAim& aim) {
      return ReplayIndex(*source, *zone, aim);
    };
    indexes_->Begin(i, replay, late);
  }
}

// A table is looked at when it is read: without this the next open would serve from the same index
// until somebody meets the damage again, and with one zone never be rid of it.
void EngineImpl::CondemnIndex(int number) {
  if (options_.read_only) return;
  const std::shared_ptr<Zone>& zone = opened_->zones[static_cast<size_t>(number - 1)];
  zone->apply_thread->Post([env = options_.env, path = zone->path + "/index"] {
    (void)index::Index::Condemn(env, path);  // If it fails, the next open meets the damage again.
  });
}

void EngineImpl::StartCommitter() {
  log::ReplicatedLog::Options options;
  options.env = options_.env;
  options.seal = &opened_->seal;
  options.quorum = opened_->quorum;
  options.deadline_nanos = options_.zone_deadline_nanos;
  options.on_expelled = [this](int zone, const std::string& why) {
    Zone& lost = *opened_->zones[static_cast<size_t>(zone - 1)];
    lost.cells->healthy = false;
    {
      MutexLock lock(&lost.mutex);
      lost.why = Status(Code::kUnavailable, why);
    }
    indexes_->Drop(zone, Status(Code::kUnavailable, why));
    Report(Event::Kind::kZoneExpelled, zone, why);
    if (returns_) returns_->Look();
  };
  std::vector<log::LogMember> members;
  for (auto& zone : opened_->set) {
    members.push_back({zone->number, zone->superblock.zone_id, zone->log, zone->log_thread});
  }
  log_ = std::make_unique<log::ReplicatedLog>(options, members, opened_->recovered);
  Committer::Options committing;
  committing.env = options_.env;
  committing.seal = &opened_->seal;
  committing.log = log_.get();
  committing.indexes = indexes_.get();
  committing.waits = waits_.get();
  committing.replaced = [this] { return replaced_.load(); };
  committing.on_lacking = [this](Transaction transaction, Committing done) {
    cells_->Complete(std::move(transaction), std::move(done));
  };
  committing.on_gone = [this](const GoneBlob& blob) { pins_->Unreferenced(blob); };
  committing.on_written = [this](size_t bytes) {
    if (Compactor* compactor = told_) compactor->Wrote(bytes);
  };
  committing.on_stopped = [this](const Status& why) {
    Report(Event::Kind::kReadOnly, 0, why.message());
  };
  committer_ = std::make_unique<Committer>(committing);
}

void EngineImpl::PrepareReturns() {
  ZoneReturns::Options options;
  options.env = options_.env;
  options.seal = &opened_->seal;
  options.keys = &opened_->keys;
  options.demand = demand_.get();
  options.deadline_nanos = options_.zone_deadline_nanos;
  options.set = [this] { return log_->set(); };
  options.epoch = [this] { return log_->epoch(); };
  options.tail = [this] { return ToPosition(indexes_->tail()); };
  options.hold = [this] { return HoldLog(); };
  options.between_batches = [this](std::function<void(log::ReplicatedLog*)> work) {
    committer_->BetweenBatches(std::move(work));
  };
  options.expel = [this](int zone) { return ExpelForGood(zone); };
  options.paths = routed_->base();
  options.route = [this](const Zone& zone, const std::string& to) {
    ++replaced_;
    routed_->Route(zone.path, to);
  };
  options.on_claimed = [this](const Zone& zone) { cells_->Abandon(zone); };
  options.on_admitted = [this](const std::shared_ptr<Zone>& zone, uint64_t whole_until) {
    Admitted(zone, whole_until);
  };
  returns_ = std::make_unique<ZoneReturns>(options, opened_->zones);
}

// On the commit thread: before anything is committed in the new set.
void EngineImpl::Admitted(const std::shared_ptr<Zone>& zone, uint64_t whole_until) {
  zone->cells->healthy = true;
  auto first = std::make_shared<bool>(true);
  auto replay = [zone, first, source = opened_->index_source](const ReplayAim& aim) -> Status {
    if (*first) TRY(OpenIndexAgain(*source, *zone));
    *first = false;
    return ReplayIndex(*source, *zone, aim);
  };
  indexes_->BeginAgain(static_cast<size_t>(zone->number - 1), replay);
  Report(Event::Kind::kZoneReturned, zone->number, "its log is equal again");
  cells_->Walk(zone, whole_until);
}

void EngineImpl::PrepareCells() {
  CellReturns::Options options;
  options.env = options_.env;
  options.store_id = shape_.store_id;
  options.keys = &opened_->keys;
  options.demand = demand_.get();
  options.deadline_nanos = options_.zone_deadline_nanos;
  // Who heals can come again: no disk is waited for longer than a deadline, nor is a close.
  options.blobs = std::make_shared<blob::BlobContext>();
  options.blobs->env = options_.env;
  options.blobs->codec = codec_;
  options.blobs->read_slabs = blobs_->read_slabs;
  options.blobs->write_slabs = blobs_->write_slabs;
  options.blobs->deadlines = blobs_->deadlines;
  options.blobs->zone_deadline_nanos = options.blobs->patience_nanos = options_.zone_deadline_nanos;
  options.blobs->on_trouble = blobs_->on_trouble;
  options.cell_zones = cell_zones_;
  options.zones = opened_->zones;
  options.pins = pins_;
  options.set = [this] { return log_->set(); };
  options.replaced = [this] { return replaced_.load(); };
  options.rows = [this](index::ScanRequest page) { return AwaitPage(*this, std::move(page)); };
  options.is_counted = [this](const aead::Id& id) { return IsCounted(id); };
  options.commit = [this](Transaction transaction, Committing done) {
    committer_->Commit(std::move(transaction), std::move(done));
  };
  options.cells_failed = [this](int zone, const Status& why) { CellsFailed(zone, why); };
  options.on_whole = [this](const std::shared_ptr<Zone>& zone) { Whole(zone); };
  options.on_not_whole = [this](int zone, const Status& why) {
    MutexLock lock(&opened_->zones[static_cast<size_t>(zone - 1)]->mutex);
    opened_->zones[static_cast<size_t>(zone - 1)]->why = why;
  };
  cells_ = std::make_unique<CellReturns>(std::move(options));
}

// Zones that were away before this open, or whose healing an open before it did not end.
void EngineImpl::ResumeHealing() {
  for (const auto& zone : opened_->set) {
    if (zone->superblock.state != format::ZoneState::kHealing) continue;
    cells_->Walk(zone, zone->whole_until);
  }
}

void EngineImpl::Whole(const std::shared_ptr<Zone>& zone) {
  {
    MutexLock lock(&zone->mutex);
    zone->why = Status();
  }
  auto zones = status().zones;
  bool all = std::all_of(zones.begin(), zones.end(),
                         [](const ZoneStatus& each) { return each.in_set && !each.healing; });
  if (all) without_redundancy_ = 0;
  Report(Event::Kind::kZoneWhole, zone->number, "every large blob has its cells there");
}

void EngineImpl::StartClearer() {
  PartsClearer::Options options;
  options.opened_at = opened_->recovered.tail.sequence;
  options.rows = [weak = weak_from_this()](Bytes start, Bytes end, uint32_t limit,
                                           FoundPage found) {
    auto self = weak.lock();
    if (!self) return found(Status(Code::kClosed, "the store is closed"));
    index::ScanRequest page;
    page.start = std::move(start);
    page.end = std::move(end);
    page.limit = limit;
    FindPage(*self, std::move(page), std::move(found));
  };
  options.commit = [weak = weak_from_this()](Transaction transaction, Committing done) {
    auto self = weak.lock();
    if (!self) return done(Status(Code::kClosed, "the store is closed"));
    self->committer_->Commit(std::move(transaction), std::move(done));
  };
  clearer_ = std::make_shared<PartsClearer>(options);
  clearer_->Resume();
}

void EngineImpl::TakeAway(int zone, std::function<void(const Status&)> done) {
  if (Status refusal = WriteRefusal(); !refusal.ok()) return done(refusal);
  const bool known = zone >= 1 && static_cast<size_t>(zone) <= opened_->zones.size();
  if (!known || !returns_) {
    return done(Status(Code::kInvalidArgument, "the store has no such zone to spare"));
  }
  for (const ZoneStatus& each : status().zones) {
    if (each.in_set && !each.healing) continue;
    return done(Status(Code::kUnavailable,
                       "zone " + std::to_string(each.number) + " is not whole: none is to spare"));
  }
  int none = 0;
  if (!taken_away_.compare_exchange_strong(none, zone)) {
    return done(Status(Code::kUnavailable, "another zone is taken away"));
  }
  returns_->Hold(zone);
  committer_->BetweenBatches([this, zone, done](log::ReplicatedLog* log) {
    // Another may have failed since it was asked: then this one is needed.
    bool all = log && log->set().size() == opened_->zones.size();
    Status status = all ? log->Expel(zone, "taken away by a drill")
                        : Status(Code::kUnavailable, "a zone is out of the set");
    if (!status.ok()) BringBack(zone);
    done(status);
  });
}

// On the returning thread.
Status EngineImpl::ExpelForGood(int zone) {
  auto done = std::make_shared<io::Completion>();
  committer_->BetweenBatches([this, zone, done](log::ReplicatedLog* log) {
    // Another may have failed since it was asked: then this one is needed.
    bool all = log && log->set().size() == opened_->zones.size();
    done->Set(all ? log->Expel(zone, "it is being replaced")
                  : Status(Code::kUnavailable, "every other zone must be in the set"));
  });
  // Not for longer than the store: the commit thread may itself wait for a disk.
  while (!done->IsSet() && !closed()) (void)done->Wait(options_.zone_deadline_nanos / 8);
  return done->IsSet() ? done->Wait(0) : Status(Code::kClosed, "the store is closing");
}

void EngineImpl::ReplaceZone(int zone, std::string path, std::function<void(const Status&)> done) {
  if (Status refusal = WriteRefusal(); !refusal.ok()) return done(refusal);
  const bool known = zone >= 1 && static_cast<size_t>(zone) <= opened_->zones.size();
  if (!known || !returns_) {
    return done(Status(Code::kInvalidArgument, "the store has no such zone that others stand for"));
  }
  if (taken_away_ != 0) return done(Status(Code::kUnavailable, "a zone is taken away by a drill"));
  returns_->Replace(zone, std::move(path), std::move(done));
}

void EngineImpl::BringBack(int zone) {
  if (taken_away_.compare_exchange_strong(zone, 0) && returns_) returns_->Release(zone);
}

// Durable in every zone of the set before one of the numbers is used.
Status EngineImpl::ReserveEpochs(uint64_t reserved) {
  for (int number : log_->set()) {
    Zone& zone = *opened_->zones[static_cast<size_t>(number - 1)];
    TRY(ChangeSuperblock(options_.env, zone, opened_->keys, options_.zone_deadline_nanos,
                         [&](format::Superblock* next) {
                           next->epochs_reserved = std::max(next->epochs_reserved, reserved);
                           return true;
                         }));
  }
  return {};
}

void EngineImpl::StartCompactor() {
  Compactor::Options options;
  options.env = options_.env;
  options.seal = std::make_shared<const log::RecordSeal>(opened_->seal.Clone());
  options.set = [this] { return ZonesOfSet(); };
  options.indexes = indexes_;
  options.committer = committer_.get();
  options.deadline_nanos = options_.zone_deadline_nanos;
  options.reserve = [this](uint64_t reserved) { return ReserveEpochs(reserved); };
  options.by_itself = options_.compact;
  options.on_trouble = [this](int zone, const Status& why) {
    bool tampered = why.Is(Code::kTampered);
    Report(tampered ? Event::Kind::kTampering : Event::Kind::kRot, zone, why.message());
  };
  compactor_ = std::make_unique<Compactor>(options);
  told_ = compactor_.get();
}

void EngineImpl::StartSweeper() {
  Sweeper::Options options;
  options.env = options_.env;
  options.zones = opened_->set;
  options.indexes = indexes_;
  options.is_pinned = [pins = pins_](const aead::Id& blob_id) { return pins->IsPinned(blob_id); };
  options.placed = [shape = shape_](const format::Placement& placement) {
    return format::PlacedIn(shape, placement);
  };
  options.epoch = opened_->recovered.epoch;
  options.after_nanos = options_.sweep_after_nanos;
  options.deadline_nanos = options_.zone_deadline_nanos;
  sweeper_ = std::make_unique<Sweeper>(options);
}

// The log as it is, none of which goes while the hold lives.
Compactor::Held EngineImpl::HoldLog() {
  if (compactor_) return compactor_->Hold();
  Compactor::Held held;  // Opened read-only: nothing goes.
  held.log.tail = opened_->recovered.tail;
  held.log.extent = opened_->recovered.extent;
  return held;
}

void EngineImpl::Compact(std::function<void(Status)> done) {
  if (closed()) return done(Status(Code::kClosed, "the store is closed"));
  if (!compactor_) return done(Status(Code::kReadOnly, "the store was opened read-only"));
  compactor_->CompactNow(std::move(done));
}

EngineStatus EngineImpl::status() {
  EngineStatus out;
  std::vector<int> set;
  if (log_) {
    out.epoch = log_->epoch();
    set = log_->set();
  } else {
    out.epoch = opened_->recovered.epoch;
    for (auto& zone : opened_->set) set.push_back(zone->number);
  }
  out.sequence = committer_ ? committer_->sequence() : opened_->recovered.tail.sequence;
  for (auto& zone : opened_->zones) {
    bool in_set = std::find(set.begin(), set.end(), zone->number) != set.end();
    MutexLock lock(&zone->mutex);
    out.zones.push_back(
        {zone->number, zone->superblock.zone_id, routed_->Lead(zone->path), zone->present, in_set,
         in_set && zone->superblock.state == format::ZoneState::kHealing, zone->why.message()});
  }
  MutexLock lock(&state_mutex_);
  out.read_only_reason = options_.read_only ? "opened read-only" : read_only_reason_;
  out.degraded_reads = degraded_ + blobs_->degraded_reads;
  out.rot_found = rot_found_;
  out.tampering_found = tampering_found_;
  out.commits = committer_ ? committer_->commits() : 0;
  out.batches = committer_ ? committer_->batches() : 0;
  out.without_redundancy = without_redundancy_;
  if (compactor_) out.log = compactor_->status();
  if (sweeper_) out.swept = sweeper_->removed();
  return out;
}

void EngineImpl::Close() {
  MutexLock lock(&close_mutex_);
  if (closed_.exchange(true)) return;
  waits_->End();
  if (!opened_) return;
  StopRuns();
  if (returns_) returns_->Stop();
  if (cells_) cells_->Stop();
  if (clearer_) clearer_->Stop();
  if (sweeper_) sweeper_->BeginStop();
  if (compactor_) compactor_->BeginStop();
  if (log_) log_->EndWithin(kCloseNanos);
  if (committer_) StopCommitter();
  if (returns_) returns_->Await();
  if (cells_) cells_->Await();
  if (log_) log_->Trim();
  if (indexes_) {
    if (!options_.read_only) indexes_->Checkpoint(kCloseNanos);
    indexes_->Stop();
  }
  // Their calls are answered by now: commits and lookups are refused, disks have their deadlines.
  if (sweeper_) sweeper_->Stop();
  if (compactor_) compactor_->Stop();
  LetGo(options_.env, opened_->zones, options_.zone_deadline_nanos);
  if (codec_) codec_->Stop(options_.zone_deadline_nanos);
  MutexLock silence(&event_mutex_);
  silenced_ = true;
}

// What is queued is settled first. A lookup in the one index whose disk hangs is not waited for: it
// hears that the store is closed, and so does its commit.
void EngineImpl::StopCommitter() {
  auto alarm = index_deadlines_->After(kCloseNanos, [indexes = indexes_] { indexes->Stop(); });
  committer_->Stop();
  index_deadlines_->Cancel(alarm);
}

Result<std::shared_ptr<Engine>> Engine::Open(OpenOptions options,
                                             std::function<void(const Event&)> on_event) {
  if (options.root_hint.size() > format::kRootHintMax) {
    return Status(Code::kInvalidArgument, "a root hint has at most 512 bytes");
  }
  auto engine = std::make_shared<EngineImpl>(std::move(options), std::move(on_event));
  Status status = engine->Start();
  if (!status.ok()) {
    engine->Close();
    return status;
  }
  // The last handle closes; a stuck thread may hold the engine itself for longer.
  Engine* handle = engine.get();
  return std::shared_ptr<Engine>(handle, [engine = std::move(engine)](Engine*) mutable {
    engine->Close();
    engine = nullptr;
  });
}

}  // namespace strongroom::engine
