#include "log/catch_up.h"

#include <algorithm>

#include "base/bugs.h"

namespace strongroom::log {

using format::kBlock;
using format::Location;
using format::OffsetOf;
using format::Position;
using format::SegmentOf;

namespace {

using Source = LogReader::Source;

Result<std::optional<EpochMark>> Previous(ZoneLog& log, const RecordSeal& seal,
                                          const EpochMark& mark) {
  if (mark.payload.previous_epoch == 0) return std::optional<EpochMark>();
  LogReader reader(&log, &seal, {}, Source::kCached);
  auto entry = reader.At(Location(mark.payload.previous_epoch_segment, kBlock));
  // Without it nothing is known to be common: everything is copied.
  if (!entry.ok() && IsAbsent(entry.status())) return std::optional<EpochMark>();
  if (!entry.ok()) return entry.status();
  return std::optional<EpochMark>(EpochMark{entry->position.epoch,
                                            mark.payload.previous_epoch_segment, entry->position,
                                            entry->record.epoch});
}

Result<Position> WalkTogether(const LogPair& logs, Position common) {
  LogReader mine(logs.zone, logs.seal, common, Source::kDirect);
  LogReader truth(logs.truth, logs.seal, common, Source::kDirect);
  Position before = common;
  std::optional<LogEntry> last;
  for (int extra = 0;;) {
    TRY_ASSIGN(auto entry, mine.Next());
    if (!entry) break;
    std::optional<LogEntry> same;
    if (extra == 0) {
      TRY_ASSIGN(same, truth.Next());
    }
    if (same && same->position.chain == entry->position.chain) {
      before = common;
      common = entry->position;
      last = std::move(entry);
    } else if (++extra > 1 && !STRONGROOM_BUG("fork-cut-off")) {
      // One batch was in flight when the zone fell out; more means that it lived on by itself.
      return Status(Code::kRolledBack, "zone " + std::to_string(logs.number) +
                                           " runs on past the common base: a fork");
    }
  }
  if (!last) return common;
  // The last one may have been in flight when the zone's disk failed: its cells may be torn.
  LogReader reader(logs.zone, logs.seal, {}, Source::kDirect);
  TRY_ASSIGN(bool whole, IsWhole(reader, *last));
  return whole ? common : before;
}

}  // namespace

Result<bool> IsWhole(LogReader& reader, const LogEntry& entry) {
  Status cells = reader.CheckBlobs(entry);
  if (!cells.ok() && !IsAbsent(cells)) return cells;
  return cells.ok();
}

Result<std::optional<EpochMark>> HighestEpoch(ZoneLog& log, const RecordSeal& seal,
                                              LogReader::Source source) {
  TRY_ASSIGN(auto segments, log.Segments());
  LogReader reader(&log, &seal, {}, source);
  uint32_t below = UINT32_MAX;
  for (auto it = segments.rbegin(); it != segments.rend(); ++it) {
    if (*it >= below) continue;
    auto header = log.Header(*it);
    if (!header.ok()) {
      // A segment whose making a crash cut short; nothing was ever written behind its header.
      if (IsAbsent(header.status())) continue;
      return header.status();
    }
    auto first = reader.At(Location(header->epoch_segment, kBlock));
    if (first.ok() && first->record.head.kind == format::RecordKind::kEpoch) {
      return std::optional<EpochMark>(EpochMark{first->position.epoch, header->epoch_segment,
                                                first->position, first->record.epoch});
    }
    bool absent = first.ok() || IsAbsent(first.status());
    if (!absent) return first.status();
    // That epoch never stood here, or rots: then another zone of its set has it, or recovery asks.
    below = header->epoch_segment;
  }
  return std::optional<EpochMark>();
}

namespace {
// No epoch is known to both: what they share is retired in one of them, or rots. A zone that was
// away ends, but for the one batch in flight, in a record of the truth; one that lived on by itself
// does not. Of a record that is older than the truth's beginning nobody can tell.
Status RefuseFork(const LogPair& logs, const EpochMark& highest) {
  LogReader walk(logs.zone, logs.seal, highest.position, Source::kDirect);
  Position before = highest.payload.base;
  for (Position last = highest.position;;) {
    TRY_ASSIGN(auto entry, walk.Next());
    if (!entry) break;
    before = last;
    last = entry->position;
  }
  if (before.sequence <= logs.extent.sequence_before) return {};
  LogReader truth(logs.truth, logs.seal, {}, Source::kDirect);
  auto same = truth.At(before.location);
  if (!same.ok() && !IsAbsent(same.status())) return same.status();
  if (same.ok() && same->position.chain == before.chain) return {};
  return Status(Code::kRolledBack, "zone " + std::to_string(logs.number) +
                                       " holds records that its store does not: a fork");
}
}  // namespace

// Both walk back through their epochs to the one they share, then forward side by side. The base of
// a later reign is no proof that all before it is here: a zone falls out because its disk fails.
Result<Position> CommonBase(const LogPair& logs) {
  TRY_ASSIGN(const auto highest, HighestEpoch(*logs.zone, *logs.seal, Source::kDirect));
  std::optional<EpochMark> theirs = highest, ours = logs.ruling;
  // What retiring left over in the truth is not read: it may have holes, and it is not copied.
  const auto before = [&logs](const EpochMark& mark) -> Result<std::optional<EpochMark>> {
    TRY_ASSIGN(auto previous, Previous(*logs.truth, *logs.seal, mark));
    if (previous && previous->segment < logs.extent.first_segment) previous.reset();
    return previous;
  };
  while (theirs && ours &&
         (theirs->number != ours->number || theirs->position.chain != ours->position.chain)) {
    if (theirs->number == ours->number) {
      return Status(Code::kRolledBack, "zone " + std::to_string(logs.number) +
                                           " holds another record of the same epoch");
    }
    if (theirs->number > ours->number) {
      TRY_ASSIGN(theirs, Previous(*logs.zone, *logs.seal, *theirs));
    } else {
      TRY_ASSIGN(ours, before(*ours));
    }
  }
  if (!theirs || !ours) {
    if (highest) TRY(RefuseFork(logs, *highest));
    return logs.extent.origin();  // Copied from the first segment.
  }
  return WalkTogether(logs, theirs->position);
}

namespace {

// Where the chain that ends at `end` ends within `segment`, not past `tail`; every cell is sound.
// Only there: leftovers of another reign may still stand before it and after.
Result<Position> WalkWithin(ZoneLog& zone, const RecordSeal& seal, uint32_t segment, Position end,
                            const Position& tail) {
  LogReader reader(&zone, &seal, {}, Source::kCached);
  while (end.location < tail.location) {
    const bool inside = SegmentOf(end.location) == segment;
    auto entry = reader.At(inside ? end.end : Location(segment, kBlock));
    if (!entry.ok() && !IsAbsent(entry.status())) return entry.status();
    if (!entry.ok() || entry->record.head.chain_before != end.chain) break;
    TRY(reader.CheckBlobs(*entry));
    end = entry->position;
  }
  return end;
}

// Does the truth's segment go on where the zone's log ends by now? False: nothing is in it. A copy
// behind a gap would pass for all that is before it, at every later open: the epochs that begin
// segments say so. One read that went astray is enough to see a gap.
Result<bool> GoesOn(const LogPair& logs, uint32_t segment, const Position& end) {
  LogReader reader(logs.truth, logs.seal, {}, Source::kDirect);
  auto first = reader.At(Location(segment, kBlock));
  if (!first.ok() && IsAbsent(first.status())) return false;
  if (!first.ok()) return first.status();
  if (first->record.head.chain_before == end.chain) return true;
  return Status(Code::kCorruption, "a segment of the true log does not follow the one before");
}

}  // namespace

Status MakeEqual(const LogPair& logs, const Position& common, const Position& tail,
                 const ZoneLog::Pace& pace) {
  ZoneLog& target = *logs.zone;
  ZoneLog& source = *logs.truth;
  uint32_t last = SegmentOf(tail.location);
  uint32_t shared = SegmentOf(common.location);
  TRY_ASSIGN(auto named, source.Segments());
  std::vector<uint32_t> wanted;
  for (uint32_t segment : named) {
    if (segment < shared) continue;  // Not looked at: the zone holds what is before the base.
    if (segment < logs.extent.first_segment) continue;  // Left over.
    if (segment > last) break;
    auto header = source.Header(segment);
    // One whose making a crash cut short is no segment: the target may hold another by that name.
    // But one that the disk fails to read is a segment, and the target's may be the last copy.
    if (!header.ok() && !IsAbsent(header.status())) return header.status();
    if (header.ok()) wanted.push_back(segment);
  }
  Position end = common;
  std::vector<uint32_t> kept = {shared};
  for (uint32_t segment : wanted) {
    uint64_t from = segment == shared ? OffsetOf(common.end) : 0;
    uint64_t to = segment == last ? OffsetOf(tail.end) : UINT64_MAX;
    if (segment != shared) {
      TRY_ASSIGN(bool goes_on, GoesOn(logs, segment, end));
      if (!goes_on) continue;
    }
    TRY(target.CopyFrom(source, segment, from, to, pace));
    TRY_ASSIGN(end, WalkWithin(target, *logs.seal, segment, end, tail));
    kept.push_back(segment);
  }
  if (end.chain != tail.chain) {
    return Status(Code::kCorruption, "what was copied does not lead to the tail");
  }
  TRY_ASSIGN(auto held, target.Segments());
  for (uint32_t segment : held) {
    bool lacking = std::find(kept.begin(), kept.end(), segment) == kept.end();
    if (segment > shared && lacking) TRY(target.Remove(segment));
  }
  return {};
}

Status ProveEqual(ZoneLog& zone, const RecordSeal& seal, const Position& from, const Position& tail,
                  const ZoneLog::Pace& pace) {
  LogReader walk(&zone, &seal, from, Source::kDirect);
  LogReader cells(&zone, &seal, {}, Source::kDirect);
  while (walk.position().location != tail.location) {
    TRY_ASSIGN(auto entry, walk.Next());
    if (!entry) break;
    if (pace) TRY(pace(entry->header.size));
    TRY(cells.CheckBlobs(*entry));
  }
  if (walk.position().chain == tail.chain) return {};
  return Status(Code::kCorruption, "what was copied does not lead to the tail");
}

}  // namespace strongroom::log
