#include "engine/backup.h"

#include <algorithm>

#include "log/catch_up.h"
#include "log/log_switch.h"
#include "repair/orphans.h"

namespace strongroom::engine {

using format::kBlock;
using format::Location;
using format::Position;
using format::SegmentOf;

namespace {

using Source = log::LogReader::Source;

constexpr uint32_t kRowsOnPage = 256;
// How long one page of the backup's own index is waited for, and how often a stop is looked for.
constexpr uint64_t kPageNanos = 60'000'000'000;
constexpr uint64_t kLookNanos = 100'000'000;

index::ScanRequest CountedBlobs() {
  index::ScanRequest request;
  const format::LargeBlobRange all;
  request.start = all.start;
  request.end = all.end;
  request.limit = kRowsOnPage;
  request.fill_cache = false;
  return request;
}

Status Stopped() { return Status(Code::kCancelled, "the backup was stopped"); }

// The store's copies differ, or its disk fails: another zone of it may do. Not so when the backup's
// own disk does.
bool MayHelpToAskAnother(const Status& status) {
  return !status.Is(Code::kCancelled) && !status.Is(Code::kNoSpace) && !status.Is(Code::kClosed);
}

}  // namespace

Status Backup::Pace(uint64_t bytes) { return options_.pace(bytes) ? Status() : Stopped(); }

Result<Backup::Done> Backup::Run() {
  TRY_ASSIGN(target_, BackupTarget::Claim(options_.target, options_.path));
  // Before anything is written: what is no backup of this store stays as it is.
  TRY(JudgeBase(options_.hold().log.extent));
  Status status = CopyStoresBlobs();
  if (status.ok()) status = CopyLog();
  if (!status.ok()) {
    // A full disk gets its room back; what fails is done by the next one.
    (void)log::DropNextLog(target_->disk(), target_->path());
    return status;
  }
  // Crash from here on: the new one stands, and may hold a file too many.
  (void)RemoveUnneeded();
  return Done{stands_.sequence, written_};
}

// Blobs that come or go meanwhile are seen to later, by the rows of the backup itself.
Status Backup::CopyStoresBlobs() {
  index::ScanRequest request = CountedBlobs();
  for (;;) {
    auto page = options_.rows(request);
    if (!page.ok()) return page.status();
    for (const RowPage::Row& row : page->rows) {
      TRY_ASSIGN(const aead::Id id, format::LargeBlobOf(row.key));
      // Pinned before it is looked for again: from then on its files stay.
      auto pin = options_.pins->Pin(id);
      TRY_ASSIGN(bool stands, options_.is_counted(id));
      if (stands) TRY(CopyCounted(id, row.bytes));
    }
    if (!page->resume) return {};
    request.start = std::move(*page->resume);
  }
}

Status Backup::CopyCounted(const aead::Id& id, ByteSpan row) {
  TRY(Pace(0));
  TRY_ASSIGN(format::IndexRow counting, format::DecodeIndexRow(row));
  const format::Counted& counted = counting.row.counted;
  repair::CopyOrder order;
  order.blob.blob_id = id;
  const format::Placement here = format::PlacedIn(options_.target.store, counted.placement);
  order.blob.store_id = options_.target.store.store_id;
  order.blob.placement = here.number;
  order.blob.shape = {options_.chunk_size, here.k, here.m, counted.size};
  order.zones = options_.cell_zones;
  order.target = target_->zone()->cells;
  order.placement = format::PlacedIn(target_->zone()->superblock, counted.placement).number;
  TRY_ASSIGN(bool copied, repair::IsCopied(options_.blobs, order));
  if (copied) return {};
  auto written = repair::CopyBlob(options_.blobs, order, options_.pace);
  if (!written.ok()) return written.status().With("blob " + ToHex(id));
  written_ += *written;
  return Pace(*written);
}

Status Backup::CopyLog() {
  Compactor::Held held = options_.hold();
  TRY(JudgeBase(held.log.extent));  // The store may have retired meanwhile what it found.
  TRY(log::BeginNextLog(target_->disk(), target_->path()));
  TRY(CopyTo(held));
  TRY(ReplayTo(stands_));
  // A blob that this hold does not find any more was removed by a commit that the tail includes.
  const auto none_goes = options_.pins->PinAll();
  held = options_.hold();
  TRY(CopyTo(held));
  TRY(ReplayTo(stands_));
  TRY(CopyLackingBlobs());
  TRY(OnIndex([](index::Index& index) { return index.Checkpoint(); }));
  TRY(log::SwitchLog(target_->disk(), target_->path()));
  // Crash before it: a first backup that is not told of yet; the next one finds its log.
  return target_->SayThatItStands();
}

// What the backup ends in must be a record of the store, or retired by it.
Status Backup::JudgeBase(const format::Extent& extent) {
  first_segment_ = extent.first_segment;
  TRY_ASSIGN(auto stands, target_->StandsAt());
  TRY(target_->RemoveOwnEpochs());
  stands_ = extent.origin();
  if (!stands) return {};
  const Status ahead(Code::kRolledBack,
                     "the backup holds what the store does not: the store was set back, or the "
                     "backup is of another life of it");
  if (SegmentOf(stands->location) < extent.first_segment) {
    return stands->sequence <= extent.sequence_before ? Status() : ahead;
  }
  Status unread;
  for (const auto& zone : options_.set()) {
    io::DeadlineEnv disk(options_.target.env, zone->cell_threads, options_.target.deadline_nanos);
    log::ZoneLog log(&disk, zone->path);
    log::LogReader reader(&log, options_.target.seal, {}, Source::kCached);
    auto same = reader.At(stands->location);
    if (!same.ok()) {  // Not there, or rotten, or its disk fails: another zone may tell.
      if (!log::IsAbsent(same.status())) unread = same.status();
      continue;
    }
    if (same->position.chain != stands->chain) return ahead;
    stands_ = same->position;
    return {};
  }
  return unread.ok() ? ahead : unread;
}

Status Backup::CopyTo(const Compactor::Held& held) {
  Status status(Code::kUnavailable, "no zone to copy from");
  for (const auto& zone : options_.set()) {
    status = CopyFrom(*zone, held);
    if (status.ok() || !MayHelpToAskAnother(status)) break;
    TRY(target_->zone()->disk->failure());
    // Of the segment that was begun before, the next copy would take the beginning for right.
    log::ZoneLog next(target_->disk(), target_->path(), log::kNextLog);
    Status removed = next.Remove(SegmentOf(stands_.location));
    if (!removed.ok() && !removed.Is(Code::kNotFound)) return removed;
  }
  TRY(status);
  stands_ = held.log.tail;
  first_segment_ = held.log.extent.first_segment;
  return {};
}

Status Backup::CopyFrom(const Zone& source, const Compactor::Held& held) {
  io::Env* const disk = target_->disk();
  const log::RecordSeal& seal = *options_.target.seal;
  io::DeadlineEnv source_disk(options_.target.env, source.cell_threads,
                              options_.target.deadline_nanos);
  log::ZoneLog truth(&source_disk, source.path);
  log::ZoneLog next(disk, target_->path(), log::kNextLog);
  log::LogPair pair;
  pair.seal = &seal;
  pair.truth = &truth;
  pair.zone = &next;
  pair.number = target_->zone()->number;
  pair.extent = held.log.extent;
  auto count = [this](uint64_t bytes) {
    written_ += bytes;
    return Pace(bytes);
  };
  TRY(log::MakeEqual(pair, stands_, held.log.tail, count));
  // The segment that the backup ends in was copied from its beginning, and is proven from there.
  Position from = stands_;
  if (stands_.location != 0) {
    log::LogReader reader(&next, &seal, {}, Source::kDirect);
    TRY_ASSIGN(auto first, reader.At(Location(SegmentOf(stands_.location), kBlock)));
    from = {0, first.record.head.first_sequence - 1, 0, 0, first.record.head.chain_before};
  }
  return log::ProveEqual(next, seal, from, held.log.tail,
                         [this](uint64_t bytes) { return Pace(bytes); });
}

// What the thread of the backup's index is at: shared with it, for it may not come back.
struct Backup::Replaying {
  std::shared_ptr<Zone> zone;
  std::shared_ptr<const IndexSource> source;
  std::atomic<bool> stop{false};
  io::Completion done;
};

// By the log as it will be once it is switched. The index is ahead of the backup until then, and
// made anew by whoever opens the backup without the switch.
Status Backup::ReplayTo(const Position& tail) {
  auto replaying = std::make_shared<Replaying>();
  replaying->zone = target_->zone();
  replaying->source = options_.index_source;
  const auto task = [replaying, tail, env = options_.target.env]() -> Status {
    Zone& zone = *replaying->zone;
    const IndexSource& source = *replaying->source;
    zone.log = log::ZoneLog::Switched(env, zone.path);
    if (!zone.index) {
      TRY_ASSIGN(OpenedIndex opened, OpenIndex(source, {source, zone}));
      if (opened.in_memory) return Status(Code::kNoSpace, "no room for the backup's index");
      zone.index = std::move(opened.index);
    }
    ReplayAim aim;
    aim.tail = ToApplied(tail);
    aim.stop = &replaying->stop;
    return ReplayIndex(source, zone, aim);
  };
  if (!target_->zone()->apply_thread->Post([replaying, task] { replaying->done.Set(task()); })) {
    return Status(Code::kClosed, "the store is closed");
  }
  for (;;) {
    (void)replaying->done.Wait(kLookNanos);
    if (replaying->done.IsSet()) return replaying->done.Wait(0);
    Status on = Pace(0);
    if (on.ok()) continue;
    replaying->stop = true;
    (void)replaying->done.Wait(options_.target.deadline_nanos);
    return on;
  }
}

Status Backup::OnIndex(std::function<Status(index::Index&)> work) {
  return target_->zone()->apply_thread->Run(
      [zone = target_->zone(), work = std::move(work)] { return work(*zone->index); }, kPageNanos);
}

Status Backup::CopyLackingBlobs() {
  struct Page {
    std::vector<std::pair<Bytes, Bytes>> rows;
    index::ScanEnd end;
  };
  index::ScanRequest request = CountedBlobs();
  for (;;) {
    auto page = std::make_shared<Page>();
    TRY(OnIndex([page, request](index::Index& index) -> Status {
      TRY_ASSIGN(page->end, index.Scan(request, [&](ByteSpan key, ByteSpan row, bool) {
        page->rows.emplace_back(Bytes(key.begin(), key.end()), Bytes(row.begin(), row.end()));
      }));
      return {};
    }));
    for (const auto& [key, row] : page->rows) {
      TRY_ASSIGN(const aead::Id id, format::LargeBlobOf(key));
      TRY(CopyCounted(id, row));
    }
    if (!page->end.truncated) return {};
    request.start = page->end.resume;
  }
}

// Files of blobs that the backup before named, what a crash left half built, and retired segments.
// What stays is a file too many until the next backup.
Status Backup::RemoveUnneeded() {
  log::ZoneLog log(target_->disk(), target_->path());
  TRY(log.RemoveBelow(first_segment_));
  for (int folder = 0; folder < 256; ++folder) {
    TRY(Pace(0));
    TRY(RemoveFrom(static_cast<uint8_t>(folder)));
  }
  return {};
}

Status Backup::RemoveFrom(uint8_t folder) {
  aead::Id first{};
  first[0] = folder;
  const std::string path = blob::BlobFolder(target_->path(), first);
  TRY_ASSIGN(auto entries, target_->disk()->List(path));
  for (const auto& entry : entries) {
    repair::BlobFileName name;
    bool needed = !entry.name.ends_with(repair::kCopySuffix);
    if (repair::ParseBlobFileName(entry.name, &name)) {
      auto row = std::make_shared<std::string>();
      auto found = std::make_shared<bool>(false);
      TRY(OnIndex([row, found, id = name.blob_id](index::Index& index) -> Status {
        TRY_ASSIGN(*found, index.Get(format::CountedKey(format::BlobKind::kLarge, id), row.get()));
        return {};
      }));
      needed = *found;
      if (needed) {
        TRY_ASSIGN(format::IndexRow counting, format::DecodeIndexRow(AsBytes(*row)));
        const format::Placement& named = counting.row.counted.placement;
        needed = format::PlacedIn(target_->zone()->superblock, named).number == name.placement;
      }
    }
    if (!needed) TRY(target_->disk()->Remove(path + "/" + entry.name));
  }
  return {};
}

}  // namespace strongroom::engine
