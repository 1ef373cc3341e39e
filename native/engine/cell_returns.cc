#include "engine/cell_returns.h"

#include <algorithm>

#include "base/bugs.h"
#include "engine/zone_superblock.h"

namespace strongroom::engine {

namespace {

// A transaction that is completed so often, and still lacks a zone, is refused.
constexpr int kCompletionsMax = 4;
constexpr uint32_t kRowsOnPage = 256;
constexpr uint64_t kPauseMax = 1'800'000'000'000;  // Half an hour.

bool IsFreshLarge(const Effect& effect) {
  return effect.named && effect.named->fresh && format::IsLarge(effect.named->reference.kind);
}
bool Holds(const NamedBlob& blob, int zone, uint64_t replaced) {
  return STRONGROOM_BUG("blob-in-too-few-zones") ||
         (blob.replaced == replaced && (blob.zones >> (zone - 1) & 1));
}

Status Closed() { return Status(Code::kClosed, "the store is closed"); }

}  // namespace

std::vector<int> Lacking(const Transaction& transaction, const std::vector<int>& set,
                         uint64_t replaced) {
  std::vector<int> out;
  for (int zone : set) {
    const auto& effects = transaction.effects;
    bool lacks = std::any_of(effects.begin(), effects.end(), [&](const Effect& effect) {
      return IsFreshLarge(effect) && !Holds(*effect.named, zone, replaced);
    });
    if (lacks) out.push_back(zone);
  }
  return out;
}

CellReturns::CellReturns(Options options) : options_(std::move(options)), changed_(&mutex_) {}

CellReturns::~CellReturns() {
  Stop();
  Await();
}

void CellReturns::Await() {
  std::unique_ptr<io::Thread> walker, completer;
  {
    MutexLock lock(&mutex_);
    walker = std::move(walker_);
    completer = std::move(completer_);
  }
  if (walker) walker->Join();
  if (completer) completer->Join();
}

void CellReturns::Stop() {
  stop_.Raise();
  MutexLock lock(&mutex_);
  changed_.SignalAll();
}

bool CellReturns::InSet(int number) const {
  auto set = options_.set();
  return std::find(set.begin(), set.end(), number) != set.end();
}

void CellReturns::Walk(std::shared_ptr<Zone> zone, uint64_t whole_until) {
  MutexLock lock(&mutex_);
  if (stop_.up()) return;
  latest_[zone->number] = ++numbers_;
  walks_.push_back({std::move(zone), whole_until, numbers_});
  if (!walker_) walker_ = options_.env->StartThread("cells", [this] { RunWalks(); });
  changed_.SignalAll();
}

void CellReturns::Abandon(const Zone& zone) {
  MutexLock lock(&mutex_);
  latest_[zone.number] = ++numbers_;
}

bool CellReturns::IsLatest(const Walking& walking) {
  MutexLock lock(&mutex_);
  return latest_[walking.zone->number] == walking.number;
}

void CellReturns::Complete(Transaction transaction, Engine::Committing done) {
  if (++transaction.completions > kCompletionsMax) {
    return done(Status(Code::kUnavailable, "a zone of the set does not hold the blob"));
  }
  {
    MutexLock lock(&mutex_);
    if (!stop_.up()) {
      completions_.push_back({std::move(transaction), std::move(done)});
      auto run = [this] { RunCompletions(); };
      if (!completer_) completer_ = options_.env->StartThread("complete", run);
      changed_.SignalAll();
      return;
    }
  }
  done(Closed());
}

void CellReturns::RunWalks() {
  for (;;) {
    Walking walking;
    {
      MutexLock lock(&mutex_);
      while (walks_.empty() && !stop_.up()) changed_.Wait();
      if (stop_.up()) return;
      walking = std::move(walks_.front());
      walks_.pop_front();
    }
    if (walking.pause != 0 && !stop_.Wait(walking.pause)) return;
    Status status = WalkOne(walking);
    if (status.ok()) {
      options_.on_whole(walking.zone);
    } else {
      TryAgainLater(std::move(walking), status);
    }
  }
}

Status CellReturns::WalkOne(const Walking& walking) {
  Resting resting(options_.env, &stop_, options_.demand);
  Status status = WalkBlobs(walking, &resting);
  if (status.ok()) {
    // Crash before it stands: the next open walks again.
    status = ChangeSuperblock(options_.env, *walking.zone, *options_.keys, options_.deadline_nanos,
                              [&](format::Superblock* superblock) {
                                // It may have gone and come back since, and say so already.
                                superblock->state = format::ZoneState::kMember;
                                return IsLatest(walking);
                              });
  }
  return status;
}

// A disk that was slow may answer, and a zone that lacked too much may have been healed.
void CellReturns::TryAgainLater(Walking walking, const Status& why) {
  if (stop_.up() || !IsLatest(walking) || !InSet(walking.zone->number)) return;
  options_.on_not_whole(walking.zone->number, why);
  walking.pause = std::clamp(walking.pause * 2, options_.deadline_nanos, kPauseMax);
  MutexLock lock(&mutex_);
  walks_.push_back(std::move(walking));
}

// By the rows that count, which stand from a blob's first commit to its last: a walk over the rows
// that name blobs would miss one that is copied behind it and removed before it.
Status CellReturns::WalkBlobs(const Walking& walking, Resting* resting) {
  Status first_failure;
  index::ScanRequest request;
  const format::LargeBlobRange all;
  request.start = all.start;
  request.end = all.end;
  request.limit = kRowsOnPage;
  for (;;) {
    auto page = options_.rows(request);
    if (!page.ok()) return page.status();
    for (const RowPage::Row& row : page->rows) {
      if (stop_.up()) return Closed();
      if (!IsLatest(walking) || !InSet(walking.zone->number)) {
        return Status(Code::kCancelled, "it is out of the set again");
      }
      Status healed = HealCounted(walking, row, resting);
      if (stop_.up()) return Closed();
      // One blob that cannot be made whole, for too little of it is left, keeps no other from it.
      if (!healed.ok() && first_failure.ok()) first_failure = healed;
    }
    if (!page->resume) return first_failure;
    request.start = std::move(*page->resume);
  }
}

Status CellReturns::HealCounted(const Walking& walking, const RowPage::Row& row, Resting* resting) {
  TRY_ASSIGN(format::IndexRow counting, format::DecodeIndexRow(row.bytes));
  TRY_ASSIGN(const aead::Id id, format::LargeBlobOf(row.key));
  // Pinned before it is looked for again: from then on its files stay.
  auto pin = options_.pins->Pin(id);
  TRY_ASSIGN(bool stands, options_.is_counted(id));
  if (!stands) return {};
  const format::Counted& counted = counting.row.counted;
  auto order = OrderFor(*walking.zone, id, counted.size, counted.placement);
  bool was_there = row.revision <= walking.whole_until;
  if (was_there && LooksWhole(*walking.zone, order.blob)) return {};
  auto pace = [resting](uint64_t bytes) { return resting->After(bytes); };
  return repair::HealBlob(options_.blobs, order, pace).status().With("blob " + ToHex(id));
}

bool CellReturns::LooksWhole(Zone& zone, const repair::BlobAtRest& blob) const {
  auto placement = placement::Placement::Create(
      {blob.shape.k, blob.shape.m}, static_cast<int>(options_.zones.size()), blob.blob_id);
  if (!placement.ok()) return false;
  int position = zone.number - 1;
  uint64_t size =
      blob.shape.FileSize({placement->first_cell(position), placement->cells_in(position)});
  auto look = [env = options_.env, size,
               path = blob::BlobPath(zone.path, blob.blob_id, blob.placement)] {
    auto info = env->Stat(path);
    bool whole = info.ok() && info->size == size;
    return whole ? Status() : Status(Code::kNotFound, "");
  };
  return zone.cell_threads->Run(look, options_.deadline_nanos).ok();
}

repair::HealOrder CellReturns::OrderFor(const Zone& zone, const aead::Id& id, uint64_t size,
                                        const format::Placement& placement) const {
  repair::HealOrder order;
  order.blob.store_id = options_.store_id;
  order.blob.blob_id = id;
  order.blob.placement = placement.number;
  order.blob.shape = {aead::kChunkSize, placement.k, placement.m, size};
  order.zones = options_.cell_zones;
  order.target = zone.number - 1;
  return order;
}

void CellReturns::RunCompletions() {
  for (;;) {
    Completing next;
    {
      MutexLock lock(&mutex_);
      while (completions_.empty() && !stop_.up()) changed_.Wait();
      if (completions_.empty()) return;
      next = std::move(completions_.front());
      completions_.pop_front();
    }
    Status status = stop_.up() ? Closed() : CompleteBlobs(&next.transaction);
    if (status.ok()) {
      options_.commit(std::move(next.transaction), std::move(next.done));
    } else {
      next.done(status);
    }
  }
}

// No row names these blobs yet, but who commits them holds them: nobody removes them meanwhile.
Status CellReturns::CompleteBlobs(Transaction* transaction) {
  const uint64_t replaced = options_.replaced();
  for (Effect& effect : transaction->effects) {
    if (!IsFreshLarge(effect) || effect.named->replaced == replaced) continue;
    effect.named->zones = 0;  // Each is looked at.
    effect.named->replaced = replaced;
  }
  for (int zone : Lacking(*transaction, options_.set(), replaced)) {
    for (Effect& effect : transaction->effects) {
      if (!IsFreshLarge(effect) || Holds(*effect.named, zone, replaced)) continue;
      NamedBlob& blob = *effect.named;
      auto order = OrderFor(*options_.zones[static_cast<size_t>(zone - 1)], blob.reference.id,
                            blob.reference.size, blob.placement);
      auto pace = [this](uint64_t) { return !stop_.up(); };
      Status healed = repair::HealBlob(options_.blobs, order, pace).status();
      if (healed.Is(Code::kCancelled)) return Closed();
      if (healed.Is(Code::kNoSpace) || healed.Is(Code::kUnavailable)) return healed;
      if (!healed.ok()) {
        options_.cells_failed(zone, healed);  // Then it is out of the set, and nothing is lacking.
        break;
      }
      blob.zones |= placement::ZoneMask{1} << (zone - 1);
    }
  }
  return {};
}

}  // namespace strongroom::engine
