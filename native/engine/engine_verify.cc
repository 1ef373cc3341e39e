// Verification and healing of an open store: the log of every zone, the index against the log, then
// every large blob that a row names. On the repair thread, one run after the other; on the scrub
// thread those that keep to a rate, which may take weeks. Where both come to one place: a blob in a
// zone is healed by one at a time (blob_healer.h), and what is written to a log is written on its
// log thread, with what lies around it then (log_zone.h).
#include <algorithm>
#include <set>

#include "engine/engine_impl.h"
#include "engine/verify_run.h"
#include "repair/blob_verifier.h"
#include "repair/frame_verifier.h"
#include "repair/log_verifier.h"

namespace strongroom::engine {

namespace {
// How long an index is waited for: another takes over meanwhile.
constexpr uint64_t kRowsNanos = 60'000'000'000;
constexpr uint32_t kRowsOnPage = 500;
// Blobs with several rows that are remembered, so that each is looked at once. More of them are
// looked at again.
constexpr size_t kSeenMax = 100'000;
// Places that readers found damaged and that wait to be healed.
constexpr size_t kHealingSoonMax = 1000;

template <typename T>
struct Answer {
  io::Completion done;
  std::optional<T> value;
  void Set(Result<T> result) {
    if (result.ok()) value = std::move(*result);
    done.Set(result.status());
  }
  Result<T> Get(uint64_t nanos) {
    TRY(done.Wait(nanos));
    return std::move(*value);
  }
};
}  // namespace

std::shared_ptr<Verifying> EngineImpl::Verify(VerifyRequest request) {
  const Lane lane = request.bytes_per_second == 0 ? Lane::kRepair : Lane::kScrub;
  return StartRun(lane, request.bytes_per_second, [request](EngineImpl* self, VerifyRun* run) {
    return self->VerifyAll(request, run);
  });
}

// A disk that does not answer is waited for until its deadline, and by nobody but who asks.
void EngineImpl::ListQuarantine(int number, std::string after, size_t limit,
                                std::function<void(Result<repair::Quarantined>)> done) {
  using Listed = Result<repair::Quarantined>;
  struct Asked {
    std::function<void(Listed)> done;
    std::atomic<bool> answered{false};
    void Answer(Listed listed) {
      if (!answered.exchange(true)) done(std::move(listed));
    }
    // Of threads that are stopped, whoever lets go last.
    ~Asked() { Answer(Status(Code::kClosed, "the store is closed")); }
  };
  auto asked = std::make_shared<Asked>();
  asked->done = std::move(done);
  if (closed()) return;
  if (number < 1 || static_cast<size_t>(number) > opened_->zones.size()) {
    return asked->Answer(Status(Code::kInvalidArgument, "the store has no such zone"));
  }
  const Zone& zone = *opened_->zones[static_cast<size_t>(number - 1)];
  {
    MutexLock lock(&zone.mutex);
    if (!zone.present) return asked->Answer(Status(Code::kUnavailable, "the zone is not here"));
  }
  const auto deadline = blobs_->deadlines->After(options_.zone_deadline_nanos, [asked] {
    asked->Answer(Status(Code::kTimedOut, "the zone does not answer"));
  });
  zone.cell_threads->Post([asked, deadline, deadlines = blobs_->deadlines, env = options_.env,
                           path = zone.path, after = std::move(after), limit] {
    asked->Answer(repair::ListQuarantine(env, path, after, limit));
    deadlines->Cancel(deadline);
  });
}

std::shared_ptr<Verifying> EngineImpl::VerifyRow(VerifyRowRequest request) {
  auto shared = std::make_shared<VerifyRowRequest>(std::move(request));
  const Lane lane = shared->bytes_per_second == 0 ? Lane::kRepair : Lane::kScrub;
  return StartRun(lane, shared->bytes_per_second, [shared](EngineImpl* self, VerifyRun* run) {
    return self->VerifyOneRow(*shared, run);
  });
}

std::shared_ptr<Verifying> EngineImpl::StartRun(
    Lane lane, uint64_t bytes_per_second, std::function<Status(EngineImpl*, VerifyRun*)> work) {
  auto run = std::make_shared<VerifyRun>(options_.env, bytes_per_second);
  // A queue that is stopped drops the work: then that is its end.
  struct Job {
    std::shared_ptr<VerifyRun> run;
    Status end{Code::kClosed, "the store is closed"};
    ~Job() { run->End(end); }
  };
  auto job = std::make_shared<Job>();
  job->run = run;
  {
    MutexLock lock(&state_mutex_);
    runs_.erase(
        std::remove_if(runs_.begin(), runs_.end(), [](const auto& each) { return each.expired(); }),
        runs_.end());
    runs_.push_back(run);
  }
  PostTo(lane, [job, work = std::move(work)](EngineImpl* self) {
    job->end = work(self, job->run.get());
  });
  return run;
}

bool EngineImpl::PostTo(Lane lane, std::function<void(EngineImpl*)> work) {
  static constexpr const char* kNames[] = {"repair", "scrub", "backup"};
  std::shared_ptr<io::TaskQueue> queue;
  {
    MutexLock lock(&state_mutex_);
    if (closed()) return false;
    auto& thread = lanes_[static_cast<size_t>(lane)];
    const char* name = kNames[static_cast<size_t>(lane)];
    if (!thread) thread = std::make_shared<io::TaskQueue>(options_.env, name, 1);
    queue = thread;
  }
  return queue->Post([weak = weak_from_this(), work = std::move(work)] {
    auto self = weak.lock();
    if (self && !self->closed()) work(self.get());
  });
}

void EngineImpl::StopRuns() {
  std::vector<std::shared_ptr<io::TaskQueue>> queues;
  {
    MutexLock lock(&state_mutex_);
    queues.assign(lanes_.begin(), lanes_.end());
    for (const auto& weak : runs_) {
      if (auto run = weak.lock()) run->Stop();
    }
  }
  io::TimeLeft left(options_.env, options_.zone_deadline_nanos);
  for (const auto& queue : queues) {
    if (queue) queue->Stop(left());
  }
}

Status EngineImpl::VerifyAll(const VerifyRequest& request, VerifyRun* run) {
  if (request.heal) TRY(WriteRefusal());
  const repair::Pace pace = [run](uint64_t bytes) { return run->Pace(bytes); };
  const auto find = [this, run](repair::Finding finding) { TellFinding(std::move(finding), run); };
  TellZonesThatAreOut(run);
  repair::LogOrder order;
  order.env = options_.env;
  order.seal = &opened_->seal;
  order.heal = request.heal;
  order.counts = [this](int number) {
    auto set = ZonesOfSet();
    return std::any_of(set.begin(), set.end(), [&](auto& each) { return each->number == number; });
  };
  {
    // What is retired meanwhile stays on the disks until the logs have been looked at; the large
    // blobs, which may take much longer, keep nothing there.
    const Compactor::Held held = HoldLog();
    order.tail = held.log.tail;
    order.extent = held.log.extent;
    for (const auto& zone : ZonesOfSet()) order.zones.push_back(ForRepair(*zone));
    TRY(repair::VerifyLog(order, pace, find, run->tally()));
    // A store that was opened read-only writes not one byte, and a second index would be some.
    if (!options_.read_only) TRY(VerifyIndex(request.heal, run));
  }
  return VerifyBlobs(request, run);
}

repair::LogZone EngineImpl::ForRepair(const Zone& zone) const {
  return {zone.number, zone.path, options_.env, zone.log, zone.cell_threads, zone.log_thread};
}

std::vector<std::shared_ptr<Zone>> EngineImpl::ZonesOfSet() const {
  std::vector<std::shared_ptr<Zone>> out;
  if (!log_) return opened_->set;
  for (int number : log_->set()) out.push_back(opened_->zones[static_cast<size_t>(number - 1)]);
  return out;
}

// What a zone that is not in the set holds is not looked at: it is made equal when it returns.
void EngineImpl::TellZonesThatAreOut(VerifyRun* run) {
  for (const ZoneStatus& zone : status().zones) {
    if (zone.in_set) continue;
    run->Find({zone.present ? repair::FindingKind::kStale : repair::FindingKind::kMissing,
               zone.number,
               false,
               {},
               "the zone is not in the set: " + zone.reason});
  }
}

void EngineImpl::TellFinding(repair::Finding finding, VerifyRun* run) {
  if (finding.kind == repair::FindingKind::kTampered) {
    Report(Event::Kind::kTampering, finding.zone, finding.what);
  } else if (finding.kind == repair::FindingKind::kRotten) {
    Report(Event::Kind::kRot, finding.zone, finding.what);
  }
  run->Find(std::move(finding));
}

namespace {
Result<std::optional<Found>> PinnedRow(EngineImpl* engine, const Bytes& key) {
  auto answer = std::make_shared<Answer<std::optional<Found>>>();
  GetRequest request;
  request.key = key;
  request.pin = true;
  engine->Find(std::move(request),
               [answer](Result<std::optional<Found>> found) { answer->Set(std::move(found)); });
  return answer->Get(kRowsNanos);
}

repair::BlobOrder OrderFor(const aead::Id& store_id, const format::BlobReference& reference,
                           const format::Placement& placement, const blob::CellZones& zones) {
  repair::BlobOrder order;
  order.blob.store_id = store_id;
  order.blob.blob_id = reference.id;
  order.blob.placement = placement.number;
  order.blob.shape = {aead::kChunkSize, placement.k, placement.m, reference.size};
  order.zones = zones;
  return order;
}
}  // namespace

Status EngineImpl::VerifyBlobs(const VerifyRequest& request, VerifyRun* run) {
  std::set<aead::Id> seen;
  index::ScanRequest walk;
  walk.start = {1};  // Before every family of rows.
  walk.limit = kRowsOnPage;
  for (;;) {
    TRY_ASSIGN(RowPage page, AwaitPage(*this, walk));
    for (const auto& [key, revision, bytes] : page.rows) {
      if (!run->Pace(key.size() + bytes.size()))
        return Status(Code::kCancelled, "verification was stopped");
      ++run->tally()->rows;
      auto row = format::DecodeIndexRow(bytes);
      if (!row.ok()) {
        TellFinding({repair::FindingKind::kRotten, 0, false, key, row.status().message()}, run);
        continue;
      }
      if (!format::IsLarge(row->row.blob.kind) || seen.count(row->row.blob.id) != 0) continue;
      if (seen.size() < kSeenMax) seen.insert(row->row.blob.id);
      TRY(VerifyLarge(key, {}, request.heal, run));
    }
    if (!page.resume) return {};
    walk.start = std::move(*page.resume);
  }
}

// The blob of a row that may have changed since it was listed.
Status EngineImpl::VerifyLarge(const Bytes& key, SecretBytes dek, bool heal, VerifyRun* run) {
  TRY_ASSIGN(auto found, PinnedRow(this, key));
  if (!found || !found->pin) return {};
  auto order = OrderFor(shape_.store_id, found->row().row.blob, found->placement, cell_zones_);
  order.dek = std::move(dek);
  order.heal = heal;
  auto find = [&](repair::Finding finding) {
    finding.row_key = key;
    TellFinding(std::move(finding), run);
  };
  return repair::VerifyBlob(
      blobs_, order, [run](uint64_t bytes) { return run->Pace(bytes); }, find, run->tally());
}

// Whoever read it has an answer already: this is so that the next loss does not find two holes. Not
// for what was changed on purpose: whoever verifies hears of that, and heals it with the key.
void EngineImpl::HealSoon(const blob::CellTrouble& trouble) {
  using Kind = blob::CellTrouble::Kind;
  if (trouble.kind != Kind::kRot && trouble.kind != Kind::kMissing) return;
  const auto& zone = cell_zones_[static_cast<size_t>(trouble.zone - 1)];
  if (!committer_ || closed() || !zone || !zone->healthy.load()) return;
  {
    MutexLock lock(&state_mutex_);
    if (healing_soon_.size() >= kHealingSoonMax) return;  // The next reader comes again.
    const auto [entry, fresh] =
        healing_soon_.emplace(std::pair(trouble.zone, trouble.blob_id), false);
    // One that is under way may have read what is damaged now before it was.
    if (!fresh) entry->second = true;
    if (!fresh) return;
  }
  // Its reader still has a pin: the files stay at least until this one goes.
  auto pin = pins_->Pin(trouble.blob_id);
  const bool posted = PostRepair([trouble, pin](EngineImpl* self) { self->HealNow(trouble); });
  if (posted) return;
  MutexLock lock(&state_mutex_);
  healing_soon_.erase({trouble.zone, trouble.blob_id});
}

void EngineImpl::HealNow(const blob::CellTrouble& trouble) {
  const Bytes key = format::CountedKey(format::BlobKind::kLarge, trouble.blob_id);
  auto counted = PinnedRow(this, key);
  // A report that comes late finds the blob gone.
  if (counted.ok() && *counted &&
      format::PlacedIn(shape_, (*counted)->row().row.counted.placement).number ==
          trouble.placement) {
    repair::HealOrder order;
    order.blob = {shape_.store_id, trouble.blob_id, trouble.placement, trouble.shape};
    order.zones = cell_zones_;
    order.target = trouble.zone - 1;
    const auto pace = [this](uint64_t) { return !closed(); };
    // What cannot be healed now, a verification tells.
    (void)repair::HealBlob(blobs_, order, pace);
  }
  {
    MutexLock lock(&state_mutex_);
    auto entry = healing_soon_.find({trouble.zone, trouble.blob_id});
    const bool again = entry->second;
    healing_soon_.erase(entry);
    if (!again) return;
  }
  HealSoon(trouble);
}

void EngineImpl::HealFrameSoon(const format::BlobReference& reference, ByteSpan dek) {
  if (!committer_ || closed()) return;
  {
    MutexLock lock(&state_mutex_);
    if (healing_soon_.size() >= kHealingSoonMax) return;
    if (!healing_soon_.emplace(std::pair(0, reference.id), false).second) return;
  }
  auto key = std::make_shared<SecretBytes>(dek);
  const bool posted = PostRepair([reference, key](EngineImpl* self) {
    repair::Tally tally;
    (void)repair::VerifyFrame(
        self->FrameOrderFor(reference, std::move(*key), true), [](const repair::Finding&) {},
        &tally);
    MutexLock lock(&self->state_mutex_);
    self->healing_soon_.erase({0, reference.id});
  });
  if (posted) return;
  MutexLock lock(&state_mutex_);
  healing_soon_.erase({0, reference.id});
}

repair::FrameOrder EngineImpl::FrameOrderFor(const format::BlobReference& blob, SecretBytes dek,
                                             bool heal) const {
  repair::FrameOrder order;
  order.env = options_.env;
  order.store_id = shape_.store_id;
  order.blob_id = blob.id;
  order.location = blob.location;
  order.size = blob.size;
  order.dek = std::move(dek);
  order.heal = heal;
  for (const auto& zone : ZonesOfSet()) order.zones.push_back(ForRepair(*zone));
  return order;
}

Status EngineImpl::VerifyOneRow(const VerifyRowRequest& request, VerifyRun* run) {
  if (request.heal) TRY(WriteRefusal());
  const Compactor::Held held = HoldLog();  // Before a place in it is told.
  TRY_ASSIGN(auto found, PinnedRow(this, request.key));
  ++run->tally()->rows;
  if (!found) return {};
  const format::BlobReference blob = found->row().row.blob;
  if (blob.kind == format::BlobKind::kNone || blob.kind == format::BlobKind::kParts) return {};
  auto find = [&](repair::Finding finding) {
    finding.row_key = request.key;
    TellFinding(std::move(finding), run);
  };
  auto dek = DekOf(request.kek, request.parts, blob);
  if (!dek.ok()) {
    find({repair::FindingKind::kTampered, 0, false, {}, "the key does not open what wraps it"});
    return {};
  }
  if (!format::IsSmall(blob.kind)) {
    return VerifyLarge(request.key, std::move(*dek), request.heal, run);
  }
  TRY(repair::VerifyFrame(FrameOrderFor(blob, std::move(*dek), request.heal), find, run->tally()));
  return run->Pace(run->tally()->bytes) ? Status()
                                        : Status(Code::kCancelled, "verification was stopped");
}

}  // namespace strongroom::engine
