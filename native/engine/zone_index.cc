#include "engine/zone_index.h"

#include "base/bugs.h"

namespace strongroom::engine {

namespace {

constexpr size_t kReplayEffects = 512;

index::IndexOptions OptionsFor(const IndexSource& source, const IndexPlace& place, bool in_memory) {
  index::IndexOptions out;
  out.env = source.env;
  out.path = place.path;
  out.store_id = place.store_id;
  out.zone_id = place.zone_id;
  out.index_key = source.index_key.span();
  out.read_only = source.read_only || in_memory;
  out.write_buffer_size = source.write_buffer_size;
  return out;
}

bool IsDamage(const Status& status) {
  return status.Is(Code::kCorruption) || status.Is(Code::kTampered);
}

using Source = log::LogReader::Source;

// Where the replay starts: after what the index has applied; for an empty one, where the tail's
// record says that the log begins.
Result<format::Position> StartOf(Zone& zone, const log::RecordSeal& seal, const ReplayAim& aim) {
  index::Applied applied = zone.index->applied();
  if (applied.location != 0 || aim.tail.location == 0) return ToPosition(applied);
  log::LogReader reader(zone.log.get(), &seal, {}, Source::kCached);
  TRY_ASSIGN(auto tail, reader.At(aim.tail.location));
  return tail.record.head.extent.origin();
}

// Walks the log after what the index has applied and applies it, several records at a time.
Result<format::Position> ReplayFrom(Zone& zone, const log::RecordSeal& seal, const ReplayAim& aim) {
  TRY_ASSIGN(format::Position start, StartOf(zone, seal, aim));
  log::LogReader reader(zone.log.get(), &seal, start, Source::kCached);
  std::vector<AppliedBatch> gathered;
  std::vector<index::Effect> effects;
  auto flush = [&]() -> Status {
    if (gathered.empty()) return {};
    Status status = zone.index->Apply(effects, gathered.back().applied);
    gathered.clear();
    effects.clear();
    return status;
  };
  while (reader.position().location != aim.tail.location) {
    if (aim.stop != nullptr && *aim.stop) return Status(Code::kClosed, "the store is closing");
    if (aim.steps != nullptr) ++*aim.steps;
    TRY_ASSIGN(auto entry, reader.Next());
    if (!entry) break;
    const uint64_t size = entry->position.end - entry->position.location;
    if (aim.pace && !aim.pace(size)) return Status(Code::kClosed, "the replay was stopped");
    gathered.push_back(ApplyImage(entry->record, entry->position));
    auto& last = gathered.back().effects;
    if (STRONGROOM_BUG("replay-off-by-one") && gathered.size() < 3) last.clear();
    effects.insert(effects.end(), last.begin(), last.end());
    if (effects.size() >= kReplayEffects) TRY(flush());
  }
  TRY(flush());
  return reader.position();
}

Status Reopen(const IndexSource& source, Zone& zone, bool in_memory) {
  zone.index = nullptr;  // Before another opens its folder.
  TRY_ASSIGN(zone.index, index::Index::Open(OptionsFor(source, {source, zone}, in_memory)));
  zone.index_in_memory = in_memory;
  return {};
}

}  // namespace

IndexPlace::IndexPlace(const IndexSource& source, const Zone& zone)
    : path(zone.path + "/index"),
      store_id(source.seal.store_id),
      zone_id(zone.superblock.zone_id) {}

Result<OpenedIndex> OpenIndex(const IndexSource& source, const IndexPlace& place) {
  auto options = OptionsFor(source, place, false);
  auto index = index::Index::Open(options);
  if (!index.ok() && IsDamage(index.status()) && !source.read_only) {
    // Derived state: a damaged one is dropped and replayed from empty.
    TRY(index::Index::Destroy(options.env, options.path));
    index = index::Index::Open(options);
  }
  if (index.ok()) return OpenedIndex{std::move(*index), false};
  bool unwritable = index.status().Is(Code::kNoSpace) || index.status().Is(Code::kIo);
  if (!unwritable || source.read_only) return index.status();
  TRY_ASSIGN(index, index::Index::Open(OptionsFor(source, place, true)));
  return OpenedIndex{std::move(*index), true};
}

Status OpenIndexAgain(const IndexSource& source, Zone& zone) {
  zone.index = nullptr;
  zone.late_index = nullptr;
  TRY_ASSIGN(OpenedIndex opened, OpenIndex(source, {source, zone}));
  zone.index = std::move(opened.index);
  zone.index_in_memory = opened.in_memory;
  return {};
}

Status ReplayIndex(const IndexSource& source, Zone& zone, const ReplayAim& aim) {
  if (auto late = std::move(zone.late_index); late && late->index) {
    zone.index = std::move(late->index);
    zone.index_in_memory = late->in_memory;
  }
  if (!zone.index || zone.index_in_memory != aim.in_memory) {
    TRY(Reopen(source, zone, aim.in_memory));
  }
  auto reached = ReplayFrom(zone, source.seal, aim);
  if (reached.ok() && reached->chain == aim.tail.chain) return {};
  if (reached.ok() && STRONGROOM_BUG("foreign-index-kept")) return {};
  for (Code code : {Code::kIo, Code::kNoSpace, Code::kReadOnly, Code::kClosed}) {
    if (reached.status().Is(code)) return reached.status();  // Says nothing against the index.
  }
  // The chain from there is not whole: the index is of another history, or an old copy that would
  // bring deleted keys back. From empty it is always right, because the log is complete.
  if (source.read_only) {
    return Status(Code::kUnavailable, "the index needs a rebuild: open the store for writing once");
  }
  zone.index = nullptr;
  // On a full disk, too: what goes is of no use any more, and gives space back.
  TRY(index::Index::Destroy(source.env, zone.path + "/index"));
  TRY(Reopen(source, zone, aim.in_memory));
  TRY_ASSIGN(auto again, ReplayFrom(zone, source.seal, aim));
  if (again.chain != aim.tail.chain) {
    return Status(Code::kCorruption, "the log does not lead to its own tail");
  }
  return {};
}

}  // namespace strongroom::engine
