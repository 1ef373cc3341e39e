#include "engine/returning.h"

#include <algorithm>

#include "engine/zone_superblock.h"
#include "log/recovery.h"

namespace strongroom::engine {

using format::OffsetOf;
using format::Position;
using format::SegmentOf;

namespace {

constexpr uint64_t kPauseMax = 30'000'000'000;
// With no more than this to copy, the commits may wait for it.
constexpr uint64_t kLastCopyMax = 1 << 20;
// A store that writes faster than is copied: after so many rounds the rest must do within the
// deadline, or it is tried again in a quieter hour.
constexpr int kRoundsMax = 16, kGentleRounds = 2;
// How often the threads of a zone that is to be replaced are looked for, a quarter of a deadline
// apart.
constexpr int kLooksForThreads = 60;
// How often a new zone is brought into the set before whoever asked for it hears that it cannot be.
constexpr int kTriesMax = 8;
// What must be free: a new epoch begins a segment of its own, and a full disk expels nobody.
constexpr uint64_t kFreeMin = 16u << 20;

// An upper bound of what is in the log between two places; UINT64_MAX where it cannot tell.
uint64_t Between(const Position& from, const Position& to) {
  if (from.location == to.location) return 0;
  return SegmentOf(from.end) == SegmentOf(to.end) ? OffsetOf(to.end) - OffsetOf(from.end)
                                                  : UINT64_MAX;
}

Status Closing() { return Status(Code::kClosed, "the store is closing"); }

Status FreeEnough(io::Env* disk, const std::string& path) {
  TRY_ASSIGN(uint64_t free, disk->FreeBytes(path));
  return free >= kFreeMin ? Status() : Status(Code::kNoSpace, "too little space to take it back");
}

}  // namespace

// A zone on its way back. Shared with the commit thread, which may come to it late.
struct ZoneReturns::Copying {
  std::shared_ptr<Zone> zone, source;
  std::shared_ptr<io::DeadlineEnv> disk, source_disk;
  std::shared_ptr<log::ZoneLog> log, truth;
  log::LogPair pair;
  // From here on each call to a disk has so long. Not the source's log thread: a commit would wait
  // behind each read.
  void Attach(io::Env* env, uint64_t deadline_nanos) {
    disk = std::make_shared<io::DeadlineEnv>(env, zone->log_thread, deadline_nanos);
    source_disk = std::make_shared<io::DeadlineEnv>(env, source->cell_threads, deadline_nanos);
    log = std::make_shared<log::ZoneLog>(disk.get(), zone->path);
    truth = std::make_shared<log::ZoneLog>(source_disk.get(), source->path);
    pair.zone = log.get();
    pair.truth = truth.get();
  }
  Compactor::Held held;
  Position equal;            // Up to here.
  uint64_t whole_until = 0;  // The sequence up to which it has the cells of every large blob.
  uint64_t epochs_reserved = 0;
  bool replaces = false;
  io::Completion done;
};

ZoneReturns::ZoneReturns(Options options, std::vector<std::shared_ptr<Zone>> zones)
    : options_(std::move(options)), changed_(&mutex_) {
  for (auto& zone : zones) candidates_.push_back({std::move(zone), 0, 0, nullptr, nullptr});
}

void ZoneReturns::Begin() {
  thread_ = options_.env->StartThread("returning", [this] { Run(); });
}

ZoneReturns::~ZoneReturns() {
  Stop();
  Await();
}

void ZoneReturns::Replace(int zone, std::string path, std::function<void(const Status&)> done) {
  {
    MutexLock lock(&mutex_);
    if (!stop_.up()) {
      replacements_.push_back({zone, std::move(path), std::move(done)});
      changed_.SignalAll();
      return;
    }
  }
  done(Closing());
}

void ZoneReturns::Await() {
  if (thread_) thread_->Join();
  thread_ = nullptr;
}

void ZoneReturns::Look() {
  MutexLock lock(&mutex_);
  asked_ = true;
  changed_.SignalAll();
}

void ZoneReturns::Hold(int zone) {
  MutexLock lock(&mutex_);
  held_.insert(zone);
}

void ZoneReturns::Release(int zone) {
  MutexLock lock(&mutex_);
  held_.erase(zone);
  released_.insert(zone);
  asked_ = true;
  changed_.SignalAll();
}

void ZoneReturns::Stop() {
  stop_.Raise();
  MutexLock lock(&mutex_);
  changed_.SignalAll();
}

bool ZoneReturns::InSet(int number) const {
  auto set = options_.set();
  return std::find(set.begin(), set.end(), number) != set.end();
}

bool ZoneReturns::AllIn() const { return options_.set().size() == candidates_.size(); }

void ZoneReturns::Run() {
  for (;;) {
    {
      MutexLock lock(&mutex_);
      while (!stop_.up() && !asked_ && replacements_.empty() && AllIn()) changed_.Wait();
      asked_ = false;
    }
    ReplaceAsked();
    if (!stop_.Wait(options_.deadline_nanos / 4)) return ReplaceAsked();
    for (Candidate& candidate : candidates_) {
      if (!InSet(candidate.zone->number)) Try(candidate);
      if (stop_.up()) return ReplaceAsked();
    }
  }
}

// Also at the end, when each of them hears that it is the end.
void ZoneReturns::ReplaceAsked() {
  std::vector<Replacement> asked;
  {
    MutexLock lock(&mutex_);
    asked.swap(replacements_);
  }
  for (const Replacement& each : asked) each.done(stop_.up() ? Closing() : ReplaceNow(each));
}

bool ZoneReturns::OthersIn(int number) const {
  return std::all_of(candidates_.begin(), candidates_.end(), [&](const Candidate& each) {
    return each.zone->number == number || InSet(each.zone->number);
  });
}

Status ZoneReturns::ReplaceNow(const Replacement& replacement) {
  Candidate& candidate = candidates_[static_cast<size_t>(replacement.zone - 1)];
  const std::shared_ptr<Zone>& zone = candidate.zone;
  const Status others(Code::kUnavailable, "every other zone must be in the set");
  if (!OthersIn(zone->number)) return others;
  const bool in_set = InSet(zone->number);
  if (!in_set) TRY(AwaitThreads(candidate));
  // Crash in here: what is made does not count, and the zone that was there comes back.
  TRY_ASSIGN(MadeZone made, Make(*zone, replacement.path));
  if (in_set) {
    TRY(options_.expel(zone->number));
    TRY(AwaitThreads(candidate));
  }
  {
    MutexLock lock(&zone->mutex);
    zone->superblock = made.superblock;
    zone->present = true;
    zone->lock = std::move(made.lock);
  }
  options_.route(*zone, replacement.path);
  Status status = Bring(zone, true);
  // A disk that is slow for a moment, or a store that writes a lot: as for any zone that returns.
  for (int tries = 1; status.Is(Code::kTimedOut) && tries < kTriesMax; ++tries) {
    if (!stop_.Wait(options_.deadline_nanos / 4)) return Closing();
    status = Bring(zone, true);
  }
  return status;
}

Result<MadeZone> ZoneReturns::Make(Zone& zone, const std::string& path) const {
  io::DeadlineEnv disk(options_.paths, zone.log_thread, options_.deadline_nanos);
  NewZone wanted;
  const std::shared_ptr<Zone> source = Source();
  if (!source) return Status(Code::kUnavailable, "no zone to copy from");
  {
    MutexLock lock(&source->mutex);
    wanted.superblock = source->superblock;
  }
  wanted.superblock.position = static_cast<uint8_t>(zone.number - 1);
  wanted.path = path;
  wanted.keys = options_.keys;
  return MakeReplacement(&disk, wanted, [&] {
    // The folder may be the one that the store was opened with, where no zone was.
    if (!InSet(zone.number)) zone.lock = nullptr;
  });
}

// A thread that is stuck in the old zone's disk would be late with everything. For half a minute,
// as long as a disk may take to say that it is dead.
Status ZoneReturns::AwaitThreads(Candidate& candidate) {
  for (int i = 0; i < kLooksForThreads && !stop_.up(); ++i) {
    if (CameBack(candidate)) {
      candidate.log_came_back = candidate.index_came_back = nullptr;
      return {};
    }
    if (!stop_.Wait(options_.deadline_nanos / 4)) break;
  }
  if (stop_.up()) return Closing();
  return Status(
      Code::kUnavailable,
      "a thread is still waiting for the old zone's disk: open the store with the path of "
      "the new zone, and replace it then");
}

// What the zones of the set know: the newest of it.
format::Roster ZoneReturns::RosterOfSet() const {
  format::Roster newest;
  for (const Candidate& each : candidates_) {
    if (!InSet(each.zone->number)) continue;
    MutexLock lock(&each.zone->mutex);
    const format::Roster& its = each.zone->superblock.roster;
    if (newest.zones.empty() || its.since > newest.since) newest = its;
  }
  return newest;
}

// Every other zone knows of the replacement before it counts, and in both slots, so that one that
// rots later cannot forget it. The numbers of epochs first: whoever goes on without having heard of
// this roster makes a newer one. Crash in here: some know of it, and with them the old zone is
// refused; the new one does not count; the others are enough.
Status ZoneReturns::Enrol(const Copying& copying) {
  const Zone& zone = *copying.zone;
  if (!OthersIn(zone.number)) return Status(Code::kUnavailable, "another zone was lost");
  format::Roster roster = RosterOfSet();
  roster.since = std::max(options_.epoch(), roster.since) + 1;
  {
    MutexLock lock(&zone.mutex);
    roster.zones[static_cast<size_t>(zone.number - 1)] = zone.superblock.zone_id;
  }
  for (int slot = 0; slot < 2; ++slot) {
    for (const Candidate& each : candidates_) {
      if (each.zone == copying.zone) continue;
      TRY(ChangeSuperblock(options_.env, *each.zone, *options_.keys, options_.deadline_nanos,
                           [&](format::Superblock* next) {
                             next->roster = roster;
                             return true;
                           }));
    }
  }
  return {};
}

// Have the threads ended what they were at? Nobody waits for that here: a disk may be dead for
// good.
bool ZoneReturns::CameBack(Candidate& candidate) const {
  const Zone& zone = *candidate.zone;
  if (!candidate.log_came_back) {
    auto ask = [](io::TaskQueue& queue) {
      auto came_back = std::make_shared<io::Completion>();
      queue.Post([came_back] { came_back->Set(Status()); });
      return came_back;
    };
    candidate.log_came_back = ask(*zone.log_thread);
    candidate.index_came_back = ask(*zone.apply_thread);
  }
  return candidate.log_came_back->IsSet() && candidate.index_came_back->IsSet() &&
         zone.cell_threads->Stuck(options_.deadline_nanos) == 0 &&
         zone.read_threads->Stuck(options_.deadline_nanos) == 0;
}

bool ZoneReturns::IsHeld(Candidate& candidate) {
  MutexLock lock(&mutex_);
  if (released_.erase(candidate.zone->number) != 0) candidate.next_try = candidate.pause = 0;
  return held_.count(candidate.zone->number) != 0;
}

void ZoneReturns::Try(Candidate& candidate) {
  if (IsHeld(candidate)) return;
  uint64_t now = options_.env->MonotonicNanos();
  if (now < candidate.next_try || !CameBack(candidate)) return;
  candidate.log_came_back = candidate.index_came_back = nullptr;
  Status status = Bring(candidate.zone, false);
  // Also after a return: one that fails again and again is asked less often.
  candidate.pause = std::clamp(candidate.pause * 2, options_.deadline_nanos / 4, kPauseMax);
  candidate.next_try = options_.env->MonotonicNanos() + candidate.pause;
  if (status.ok() || status.Is(Code::kClosed)) return;
  MutexLock lock(&candidate.zone->mutex);
  candidate.zone->why = status;
}

std::shared_ptr<Zone> ZoneReturns::Source() const {
  for (const Candidate& each : candidates_) {
    if (InSet(each.zone->number)) return each.zone;
  }
  return nullptr;
}

Status ZoneReturns::Bring(const std::shared_ptr<Zone>& zone, bool replaces) {
  auto copying = std::make_shared<Copying>();
  Copying& c = *copying;
  c.zone = zone;
  c.replaces = replaces;
  c.source = Source();
  if (!c.source) return Status(Code::kUnavailable, "no zone to copy from");
  c.Attach(options_.env, options_.deadline_nanos);
  TRY(Claim(*zone, c.disk.get(), replaces));
  options_.on_claimed(*zone);
  // What a dead process left unsynced is not there until it is.
  TRY(c.log->SyncAll());
  // Nothing of it is unlinked while it is copied, and the epoch that rules stands behind it.
  c.held = options_.hold();
  TRY_ASSIGN(auto ruling,
             log::HighestEpoch(*c.truth, *options_.seal, log::LogReader::Source::kDirect));
  c.pair.seal = options_.seal;
  c.pair.ruling = ruling;
  c.pair.number = zone->number;
  c.pair.extent = c.held.log.extent;
  TRY_ASSIGN(c.equal, log::CommonBase(c.pair));
  bool whole = zone->superblock.state == format::ZoneState::kMember;
  // At the origin nothing is known to be common, whatever its sequence.
  c.whole_until = whole && c.equal.location != 0 ? c.equal.sequence : 0;
  TRY(CopyRounds(c));
  c.epochs_reserved = options_.epoch() + 1 + log::kEpochsPerReservation;
  for (const Candidate& each : candidates_) {
    if (each.zone != zone && InSet(each.zone->number)) {
      TRY(Reserve(*each.zone, c.epochs_reserved, nullptr));
    }
  }
  if (replaces) TRY(Enrol(c));
  const format::Roster roster = RosterOfSet();
  TRY(Reserve(*zone, c.epochs_reserved, &roster));
  return Admit(copying);
}

// Locks the zone and proves that it is the one that is missing. Its folder may have been moved away
// and back, or was not there at all when the store was opened.
Status ZoneReturns::Claim(Zone& zone, io::Env* disk, bool replaces) const {
  TRY(format::ReadSuperblock(disk, zone.path).status());  // Nothing is made where no zone is.
  zone.lock = nullptr;
  TRY_ASSIGN(zone.lock, disk->Lock(zone.path + "/lock", false));
  TRY_ASSIGN(auto found, format::ReadSuperblock(disk, zone.path));
  TRY(format::VerifySuperblock(disk, zone.path, found, *options_.keys));
  TRY(CheckClaim(zone, found, replaces));
  TRY(FreeEnough(disk, zone.path));
  MutexLock lock(&zone.mutex);
  zone.superblock = std::move(found);
  zone.present = true;
  return {};
}

Status ZoneReturns::CheckClaim(const Zone& zone, const format::Superblock& found,
                               bool replaces) const {
  auto foreign = [](const char* why) { return Status(Code::kForeignZone, why); };
  const format::Superblock& store = Source()->superblock;
  if (found.store_id != store.store_id) return foreign("it belongs to another store");
  if (!replaces && !format::Counts(found.state)) {
    return foreign("it is a replacement that was cut short: replaceZone goes on with it");
  }
  if (found.position + 1 != zone.number || found.zone_count != store.zone_count) {
    return foreign("it is another of the store's zones");
  }
  const format::Roster roster = RosterOfSet();
  const bool enrolled = roster.zones[found.position] == found.zone_id;
  if (!replaces && !enrolled) return foreign("it was replaced by another zone");
  if (found.roster.since > roster.since && found.roster.zones != roster.zones) {
    return foreign("it knows of a replacement that the others do not know");
  }
  bool known = zone.superblock.zone_id != aead::Id{};
  if (known && zone.superblock.zone_id != found.zone_id) {
    return foreign("it is not the zone that was here before");
  }
  for (const Candidate& each : candidates_) {
    if (each.zone.get() != &zone && each.zone->superblock.zone_id == found.zone_id) {
      return foreign("it is a copy of another of the store's zones");
    }
  }
  return {};
}

Status ZoneReturns::CopyRounds(Copying& copying) {
  Resting gentle(options_.env, &stop_, options_.demand), firm(options_.env, &stop_, nullptr);
  for (int round = 0; round < kRoundsMax; ++round) {
    // Callers that write as fast as it copies would keep the zone out for ever: two zones that
    // answer quickly are worth less than three.
    Resting& resting = round < kGentleRounds ? gentle : firm;
    resting.Begin();
    auto pace = [&](uint64_t bytes) { return resting.After(bytes) ? Status() : Closing(); };
    Position tail = options_.tail();
    // Without a commit since the zone left, it may hold more than that: the records of epochs.
    if (tail.location <= copying.equal.location) break;
    TRY(CopyTo(copying, tail, pace));
    if (Between(tail, options_.tail()) <= kLastCopyMax) break;
  }
  return {};
}

Status ZoneReturns::CopyTo(Copying& copying, const Position& tail, const log::ZoneLog::Pace& pace) {
  TRY(log::MakeEqual(copying.pair, copying.equal, tail, pace));
  TRY(log::ProveEqual(*copying.log, *options_.seal, copying.equal, tail, pace));
  copying.equal = tail;
  return {};
}

// Durable on the set and on the zone before a number of them is used. What the zone says of itself
// comes first, too: a crash behind the new epoch must not make it whole.
Status ZoneReturns::Reserve(Zone& zone, uint64_t epochs_reserved,
                            const format::Roster* returns_with) const {
  io::DeadlineEnv disk(options_.env, zone.log_thread, options_.deadline_nanos);
  TRY(FreeEnough(&disk, zone.path));
  return ChangeSuperblock(
      options_.env, zone, *options_.keys, options_.deadline_nanos, [&](format::Superblock* next) {
        next->epochs_reserved = std::max(next->epochs_reserved, epochs_reserved);
        if (returns_with) next->roster = *returns_with;
        if (returns_with) next->state = format::ZoneState::kHealing;
        return true;
      });
}

Status ZoneReturns::Admit(const std::shared_ptr<Copying>& copying) {
  options_.between_batches([this, copying](log::ReplicatedLog* log) {
    copying->done.Set(log && !stop_.up() ? AdmitNow(*copying, *log) : Closing());
  });
  // Not for longer than the store: the commit thread may itself wait for a disk.
  while (!copying->done.IsSet() && !stop_.up()) {
    (void)copying->done.Wait(options_.deadline_nanos / 8);
  }
  return copying->done.IsSet() ? copying->done.Wait(0) : Closing();
}

// On the commit thread.
Status ZoneReturns::AdmitNow(Copying& copying, log::ReplicatedLog& log) {
  if (auto stopped = log.stopped()) return *stopped;
  const std::shared_ptr<Zone>& zone = copying.zone;
  if (copying.replaces && !OthersIn(zone->number)) {
    return Status(Code::kUnavailable, "another zone was lost");
  }
  if (!InSet(copying.source->number)) {
    return Status(Code::kUnavailable, "the zone that was copied from was expelled");
  }
  // Everybody's commits wait for this: a disk that falls silent now costs them a quarter.
  copying.Attach(options_.env, options_.deadline_nanos / 4);
  io::TimeLeft left(options_.env, options_.deadline_nanos / 2);
  auto in_time = [&](uint64_t) {
    return left() > 0 ? Status()
                      : Status(Code::kTimedOut, "the store writes faster than it copies");
  };
  TRY(CopyTo(copying, log.tail(), in_time));
  TRY(zone->log_thread->Run(
      [log = zone->log] {
        log->ForgetFiles();
        return Status();
      },
      options_.deadline_nanos / 4));
  // Before its epoch stands: from then on a commit may expel it again.
  {
    MutexLock lock(&zone->mutex);
    zone->why = Status();
  }
  log::LogMember member{zone->number, zone->superblock.zone_id, zone->log, zone->log_thread};
  TRY(log.Admit(member, copying.epochs_reserved));
  options_.on_admitted(zone, copying.whole_until);
  return {};
}

}  // namespace strongroom::engine
