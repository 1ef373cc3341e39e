#include "log/recovery.h"

#include <algorithm>

#include "hash/xxh64.h"

namespace strongroom::log {

using format::kBlock;
using format::Location;
using format::OffsetOf;
using format::Position;
using format::SegmentOf;

namespace {

using Source = LogReader::Source;

// Recovery's state between its steps. Every step works on the zones that have not failed.
class Recovery {
 public:
  Recovery(std::vector<RecoveryZone>& zones, const RecoveryOptions& options)
      : zones_(zones), options_(options), broken_(zones.size()) {}

  Result<Recovered> Run();

 private:
  // A step's error: of one zone (it is left out and recovery starts again), or of the whole.
  struct Fault {
    std::optional<size_t> zone;
    Status status;
    bool ok() const { return status.ok(); }
  };
  static Fault Fine() { return {}; }
  static Fault Of(size_t zone, Status status) { return {zone, std::move(status)}; }
  static Fault OfAll(Status status) { return {std::nullopt, std::move(status)}; }

  Fault Attempt(Recovered* out);
  Fault Gather();
  Result<std::optional<EpochMark>> HighestEpoch(ZoneLog& log);
  Fault WalkMembers();
  Result<Position> WalkToTail(size_t zone);
  Position Anchor(size_t zone, LogReader& reader);
  Fault ChooseTruth();
  Status RefuseRot(size_t zone, const Position& tail);
  Fault Equalize();
  Result<Position> CommonWith(size_t zone);
  Result<Position> CommonOfStale(size_t zone);
  Result<std::optional<EpochMark>> Previous(ZoneLog& log, const EpochMark& mark);
  Status CatchUp(size_t zone, const Position& common);
  Fault Reserve(Recovered* out);
  Fault Begin(Recovered* out);

  LogReader ReaderOf(size_t zone, const Position& from) {
    return LogReader(zones_[zone].log.get(), options_.seal, from,
                     options_.read_only ? Source::kCached : Source::kDirect);
  }
  bool Holds(size_t zone, const Position& position);
  std::vector<size_t> Standing() const;

  std::vector<RecoveryZone>& zones_;
  const RecoveryOptions& options_;
  std::vector<std::optional<Status>> broken_;
  std::vector<size_t> standing_;
  Verdict verdict_;  // Its members and stale are indexes into zones_.
  std::vector<Position> tails_;
  size_t truth_ = 0;
  Position tail_;
};

std::vector<size_t> Recovery::Standing() const {
  std::vector<size_t> out;
  for (size_t i = 0; i < zones_.size(); ++i) {
    if (!broken_[i]) out.push_back(i);
  }
  return out;
}

Result<Recovered> Recovery::Run() {
  for (;;) {
    Recovered out;
    Fault fault = Attempt(&out);
    if (fault.ok()) {
      for (size_t i = 0; i < zones_.size(); ++i) {
        if (broken_[i]) out.failed.push_back({i, *broken_[i]});
      }
      return out;
    }
    if (!fault.zone) return fault.status;
    // One disk fails: go on without it if enough are left. Each round loses one, so this ends.
    broken_[*fault.zone] = fault.status;
    if (Standing().size() < options_.quorum) return fault.status;
  }
}

Recovery::Fault Recovery::Attempt(Recovered* out) {
  standing_ = Standing();
  for (auto step : {&Recovery::Gather, &Recovery::WalkMembers, &Recovery::ChooseTruth}) {
    if (Fault fault = (this->*step)(); !fault.ok()) return fault;
  }
  out->tail = tail_;
  if (options_.read_only) {
    out->set = verdict_.members;
    if (verdict_.epoch) out->epoch = verdict_.epoch->number;
    return Fine();
  }
  if (Fault fault = Equalize(); !fault.ok()) return fault;
  if (Fault fault = Reserve(out); !fault.ok()) return fault;
  return Begin(out);
}

Recovery::Fault Recovery::Gather() {
  std::vector<ZoneEvidence> evidence;
  for (size_t i : standing_) {
    RecoveryZone& zone = zones_[i];
    // Bytes that a dead process left unsynced are not durable until we make them so: believed and
    // served before that, they could vanish in a power cut.
    if (!options_.read_only) {
      if (Status status = zone.log->SyncAll(); !status.ok()) return Of(i, status);
    }
    auto highest = HighestEpoch(*zone.log);
    if (!highest.ok()) return Of(i, highest.status());
    evidence.push_back({zone.superblock.zone_id,
                        zone.superblock.state == format::ZoneState::kMember,
                        zone.superblock.epochs_reserved, *highest});
  }
  auto verdict = Rule(evidence, options_.quorum);
  if (!verdict.ok()) return OfAll(verdict.status());
  verdict_ = *verdict;
  for (auto* list : {&verdict_.members, &verdict_.stale}) {
    for (size_t& i : *list) i = standing_[i];
  }
  return Fine();
}

Result<std::optional<EpochMark>> Recovery::HighestEpoch(ZoneLog& log) {
  TRY_ASSIGN(auto segments, log.Segments());
  LogReader reader(&log, options_.seal, {}, options_.read_only ? Source::kCached : Source::kDirect);
  uint32_t below = UINT32_MAX;
  for (auto it = segments.rbegin(); it != segments.rend(); ++it) {
    if (*it >= below) continue;
    auto header = log.Header(*it);
    if (!header.ok()) {
      // A segment whose making a crash cut short; nothing was ever written behind its header.
      bool unborn = header.status().Is(Code::kNotFound) || header.status().Is(Code::kCorruption);
      if (unborn) continue;
      return header.status();
    }
    auto first = reader.At(Location(header->epoch_segment, kBlock));
    if (first.ok() && first->record.head.kind == format::RecordKind::kEpoch) {
      return std::optional<EpochMark>(EpochMark{first->position.epoch, header->epoch_segment,
                                                first->position, first->record.epoch});
    }
    if (!first.ok() && !first.status().Is(Code::kNotFound)) return first.status();
    below = header->epoch_segment;  // That epoch never stood here; look at the one before.
  }
  return std::optional<EpochMark>();
}

bool Recovery::Holds(size_t zone, const Position& position) {
  if (position.location == 0) return true;
  LogReader reader = ReaderOf(zone, {});
  auto entry = reader.At(position.location);
  return entry.ok() && entry->position.chain == position.chain;
}

// Where the walk may start: at what this zone's index has applied, which is authentic and stood in
// the whole set, else at the ruling epoch's base, else at the beginning.
Position Recovery::Anchor(size_t zone, LogReader& reader) {
  const auto& applied = zones_[zone].applied;
  if (applied && applied->location != 0) {
    auto entry = reader.At(applied->location);
    if (entry.ok() && entry->position == *applied) return *applied;
  }
  if (!verdict_.epoch) return {};
  const Position& base = verdict_.epoch->payload.base;
  if (base.location == 0) return {};
  auto entry = reader.At(base.location);
  return entry.ok() && entry->position.chain == base.chain ? entry->position : Position{};
}

Result<Position> Recovery::WalkToTail(size_t zone) {
  LogReader reader = ReaderOf(zone, {});
  LogReader walk = ReaderOf(zone, Anchor(zone, reader));
  Position before = walk.position();
  std::optional<LogEntry> last;
  for (;;) {
    TRY_ASSIGN(auto entry, walk.Next());
    if (!entry) break;
    if (last) before = last->position;
    last = std::move(entry);
  }
  // Only the last batch can be torn: each was written after the barrier of the one before.
  if (last && !reader.CheckBlobs(*last).ok()) return before;
  return walk.position();
}

Recovery::Fault Recovery::WalkMembers() {
  tails_.assign(zones_.size(), {});
  for (size_t i : verdict_.members) {
    auto tail = WalkToTail(i);
    if (!tail.ok()) return Of(i, tail.status());
    tails_[i] = *tail;
  }
  return Fine();
}

Recovery::Fault Recovery::ChooseTruth() {
  // Along one chain, locations only grow; a member that lacks the ruling record is shorter.
  auto longer = [&](size_t a, size_t b) { return tails_[a].location < tails_[b].location; };
  const auto& members = verdict_.members;
  truth_ = *std::max_element(members.begin(), members.end(), longer);
  tail_ = tails_[truth_];
  if (verdict_.epoch && tail_.location < verdict_.epoch->position.location) {
    return OfAll(Status(Code::kCorruption, "the log is rotten below the ruling epoch"));
  }
  if (options_.read_only) {
    // What stands on every present member: all acknowledged records do.
    truth_ = *std::min_element(members.begin(), members.end(), longer);
    tail_ = tails_[truth_];
    return Fine();
  }
  Status rot = RefuseRot(truth_, tail_);
  return rot.ok() ? Fine() : OfAll(rot);
}

// A sound batch past the tail that says more than the tail: then the record between them is rot,
// not a torn end, because the later one was written only after the barrier. Never cut it off.
Status Recovery::RefuseRot(size_t zone, const Position& tail) {
  LogReader reader = ReaderOf(zone, {});
  auto later = [&](uint64_t location) -> Status {
    auto entry = reader.At(location);
    if (!entry.ok() || entry->position.sequence <= tail.sequence) return {};
    return Status(Code::kCorruption,
                  "rot: transactions after " + std::to_string(tail.sequence) +
                      " are in the log, but the record that leads to them is not sound");
  };
  TRY_ASSIGN(auto segments, zones_[zone].log->Segments());
  for (uint32_t segment : segments) {
    if (segment < SegmentOf(tail.location)) continue;
    if (segment > SegmentOf(tail.location)) {
      TRY(later(Location(segment, kBlock)));
      continue;
    }
    uint64_t limit = tail.end + 2 * format::kBatchSizeMax;
    AlignedBytes window;
    for (uint64_t at = tail.end; at < limit; at += 1 << 20) {
      auto got = zones_[zone].log->ReadDirect(segment, OffsetOf(at), &window, 1 << 20);
      if (!got.ok() || *got == 0) break;
      for (size_t i = 0; i < *got; i += kBlock) {
        if (window.data()[i] == 'S') TRY(later(at + i));  // "SRBATCH1"
      }
    }
  }
  return {};
}

Recovery::Fault Recovery::Equalize() {
  for (size_t i : standing_) {
    if (i == truth_) continue;
    auto common = CommonWith(i);
    if (!common.ok()) {
      return common.status().Is(Code::kRolledBack) ? OfAll(common.status())
                                                   : Of(i, common.status());
    }
    if (Status status = CatchUp(i, *common); !status.ok()) return Of(i, status);
  }
  // Leftovers of a reign that never stood. RefuseRot has proved that they say nothing new.
  return Fine();
}

Result<Position> Recovery::CommonWith(size_t zone) {
  const auto& members = verdict_.members;
  bool member = std::find(members.begin(), members.end(), zone) != members.end();
  if (member && Holds(truth_, tails_[zone])) return tails_[zone];
  if (member && options_.on_alarm) options_.on_alarm(zones_[zone].number, "a member diverges");
  return CommonOfStale(zone);
}

Result<std::optional<EpochMark>> Recovery::Previous(ZoneLog& log, const EpochMark& mark) {
  if (mark.payload.previous_epoch == 0) return std::optional<EpochMark>();
  LogReader reader(&log, options_.seal, {}, Source::kCached);
  TRY_ASSIGN(auto entry, reader.At(Location(mark.payload.previous_epoch_segment, kBlock)));
  return std::optional<EpochMark>(EpochMark{entry.position.epoch,
                                            mark.payload.previous_epoch_segment, entry.position,
                                            entry.record.epoch});
}

// The last record that a stale zone shares with the truth: both walk back through their epochs to
// the one they share; what the truth's next reign was based on is common, if the zone has it.
Result<Position> Recovery::CommonOfStale(size_t zone) {
  ZoneLog& stale_log = *zones_[zone].log;
  TRY_ASSIGN(auto theirs, HighestEpoch(stale_log));
  std::optional<EpochMark> ours = verdict_.epoch, after;
  while (theirs && ours &&
         (theirs->number != ours->number || theirs->position.chain != ours->position.chain)) {
    if (theirs->number == ours->number) {
      return Status(Code::kRolledBack, "zone " + std::to_string(zones_[zone].number) +
                                           " holds another record of the same epoch");
    }
    if (theirs->number > ours->number) {
      TRY_ASSIGN(theirs, Previous(stale_log, *theirs));
    } else {
      after = ours;
      TRY_ASSIGN(ours, Previous(*zones_[truth_].log, *ours));
    }
  }
  if (!theirs || !ours) return Position{};  // Nothing in common: copied from the first segment.
  Position common = theirs->position;
  if (after && Holds(zone, after->payload.base)) {
    LogReader reader = ReaderOf(zone, {});
    if (after->payload.base.location != 0) {
      TRY_ASSIGN(auto base, reader.At(after->payload.base.location));
      common = base.position;
    } else {
      common = {};
    }
    LogReader beyond = ReaderOf(zone, common);
    for (int extra = 0;; ++extra) {
      TRY_ASSIGN(auto entry, beyond.Next());
      if (!entry) break;
      // One batch was in flight when the zone fell out; more means that it lived on by itself.
      if (extra == 1) {
        return Status(Code::kRolledBack, "zone " + std::to_string(zones_[zone].number) +
                                             " runs on past the common base: a fork");
      }
    }
  }
  return common;
}

// Makes the zone's log equal to the truth's from `common` on: copies first, then removals, so that
// a crash in between leaves a whole log plus leftovers.
Status Recovery::CatchUp(size_t zone, const Position& common) {
  ZoneLog& target = *zones_[zone].log;
  ZoneLog& source = *zones_[truth_].log;
  uint32_t last = SegmentOf(tail_.location);
  uint32_t shared = SegmentOf(common.location);
  TRY_ASSIGN(auto wanted, source.Segments());
  wanted.erase(std::remove_if(wanted.begin(), wanted.end(), [&](uint32_t s) { return s > last; }),
               wanted.end());
  for (uint32_t segment : wanted) {
    if (segment < shared) continue;
    if (!source.Header(segment).ok()) continue;  // Never came to life.
    uint64_t from = segment == shared ? OffsetOf(common.end) : 0;
    uint64_t to = segment == last ? OffsetOf(tail_.end) : UINT64_MAX;
    TRY(target.CopyFrom(source, segment, from, to));
  }
  TRY_ASSIGN(auto held, target.Segments());
  for (uint32_t segment : held) {
    bool lacking = std::find(wanted.begin(), wanted.end(), segment) == wanted.end();
    if (segment > shared && lacking) TRY(target.Remove(segment));
  }
  return {};
}

Recovery::Fault Recovery::Reserve(Recovered* out) {
  out->epoch = verdict_.next_epoch;
  out->epochs_reserved = out->epoch + kEpochsPerReservation;
  // Durable on every zone of the coming set (two at least) before the number is used: a half-failed
  // open can then never serve a number that another open serves.
  for (size_t i : standing_) {
    RecoveryZone& zone = zones_[i];
    format::Superblock next = zone.superblock;
    ++next.counter;
    next.epochs_reserved = out->epochs_reserved;
    auto file = options_.env->Open(zone.path + "/superblock", {io::OpenMode::kReadWrite, false});
    if (!file.ok()) return Of(i, file.status());
    Status status = format::WriteSuperblock(file->get(), next, *options_.keys);
    if (!status.ok()) return Of(i, status);
    zone.superblock = std::move(next);
  }
  return Fine();
}

Recovery::Fault Recovery::Begin(Recovered* out) {
  NewEpoch epoch;
  epoch.number = out->epoch;
  epoch.base = tail_;
  epoch.wall_millis = options_.env->WallMillis();
  if (verdict_.epoch) {
    epoch.previous_epoch = verdict_.epoch->number;
    epoch.previous_epoch_segment = verdict_.epoch->segment;
  }
  for (size_t i : standing_) {
    epoch.set.push_back(zones_[i].superblock.zone_id);
    auto segments = zones_[i].log->Segments();
    if (!segments.ok()) return Of(i, segments.status());
    if (!segments->empty()) epoch.segment = std::max(epoch.segment, segments->back());
  }
  ++epoch.segment;
  EpochImage image = SealEpoch(options_.env, *options_.seal, epoch);
  for (size_t i : standing_) {
    // Crash here: the record stands on some zones. The next open adopts it whole where a member of
    // its set has it, or never sees it; its number is spent either way.
    if (Status status = WriteEpoch(*zones_[i].log, image); !status.ok()) return Of(i, status);
  }
  out->epoch_segment = epoch.segment;
  out->tail = image.position;
  out->set = standing_;
  return Fine();
}

}  // namespace

EpochImage SealEpoch(io::Env* env, const RecordSeal& seal, const NewEpoch& epoch) {
  EpochImage image;
  image.header.number = epoch.segment;
  image.header.epoch = epoch.number;
  image.header.epoch_segment = epoch.segment;
  env->Random(image.header.id);
  format::RecordHead head{format::RecordKind::kEpoch, epoch.number,      epoch.base.sequence + 1,
                          epoch.base.chain,           epoch.wall_millis, 0};
  Bytes record = format::EncodeEpochRecord(
      head, {epoch.previous_epoch, epoch.previous_epoch_segment, epoch.base, epoch.set});
  std::array<uint8_t, aead::kXaesNonceSize> nonce;
  env->Random(nonce);
  Bytes aad =
      format::RecordAad(seal.store_id, image.header.id, kBlock, epoch.number, head.first_sequence);
  Bytes bytes = aead::XaesSeal(seal.key.span(), nonce, aad, record);
  format::BatchHeader batch;
  batch.segment_id = image.header.id;
  batch.offset = kBlock;
  batch.record_offset = format::kBatchHeaderSize;
  batch.record_size = static_cast<uint32_t>(bytes.size());
  batch.size =
      static_cast<uint32_t>(format::RoundUp(format::kBatchHeaderSize + bytes.size(), kBlock));
  batch.epoch = epoch.number;
  batch.first_sequence = head.first_sequence;
  batch.record_generation = seal.generation;
  batch.record_checksum = hash::Xxh64(bytes);
  image.batch.Resize(batch.size);
  memset(image.batch.data(), 0, batch.size);
  format::EncodeBatchHeader(batch, image.batch.data());
  memcpy(image.batch.data() + format::kBatchHeaderSize, bytes.data(), bytes.size());
  uint64_t location = Location(epoch.segment, kBlock);
  image.position = {epoch.number, epoch.base.sequence, location, location + batch.size,
                    hash::Sha256(bytes)};
  return image;
}

Status WriteEpoch(ZoneLog& log, const EpochImage& image) {
  TRY(log.Create(image.header, kFirstSegmentSize));
  return log.Append(image.header.number, kBlock, image.batch.span());
}

Result<Recovered> Recover(std::vector<RecoveryZone>& zones, const RecoveryOptions& options) {
  return Recovery(zones, options).Run();
}

}  // namespace strongroom::log
