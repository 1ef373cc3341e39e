#include "log/recovery.h"

#include <algorithm>
#include <set>

#include "base/bugs.h"
#include "hash/xxh64.h"
#include "log/catch_up.h"

namespace strongroom::log {

using format::kBlock;
using format::Location;
using format::OffsetOf;
using format::Position;
using format::SegmentOf;

namespace {

using Source = LogReader::Source;

constexpr size_t kScanStep = 1 << 20;
constexpr int kVerdictsMax = 3;

bool Contains(const std::vector<size_t>& list, size_t zone) {
  return std::find(list.begin(), list.end(), zone) != list.end();
}

Status Astray() { return Status(Code::kIo, "a read of the log came from another place"); }

// The segment and the offset that a batch names, where one begins in the block.
aead::Id IdNamedBy(ByteSpan block) {
  aead::Id id;
  std::copy_n(block.begin() + 8, id.size(), id.begin());
  return id;
}
std::optional<uint32_t> PlaceNamedBy(ByteSpan block) {
  const auto offset = LoadLittle<uint32_t>(block.data() + 8 + sizeof(aead::Id));
  if (!format::DecodeBatchHeader(block, IdNamedBy(block), offset).ok()) return std::nullopt;
  return offset;
}

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
  Fault WalkMembers();
  Result<Position> WalkToTail(size_t zone);
  // Where a walk to a zone's tail starts.
  struct Start {
    Position at;
    bool past_base = false;  // At the ruling epoch's record: its base is not here.
  };
  struct Walked {
    Position tail;
    format::Extent extent;  // As the last record says that was walked.
  };
  Result<Start> Anchor(size_t zone, LogReader& reader);
  Result<Walked> WalkFrom(size_t zone, const Position& from);
  Result<bool> Stands(LogReader& reader, const Position& position);
  Fault ChooseTruth();
  Fault ReadExtent();
  Status RefuseRot(size_t zone, const Position& tail);
  Status RefuseApplied(size_t zone, const Position& tail);
  Status RefuseAstray(size_t zone, uint32_t segment, ByteSpan block);
  Status RefuseLater(size_t zone, uint32_t segment, ByteSpan block, const Position& tail);
  Fault Equalize();
  Status CutTruth();
  Fault JudgeMembers();
  Result<int> Lacks(size_t zone);
  Result<Position> CommonWith(size_t zone);
  Fault Reserve(Recovered* out);
  Fault Begin(Recovered* out);

  Source source() const { return options_.read_only ? Source::kCached : Source::kDirect; }
  LogReader ReaderOf(size_t zone, const Position& from) {
    return LogReader(zones_[zone].log.get(), options_.seal, from, source());
  }
  LogPair PairOf(size_t zone) const {
    return {options_.seal,          zones_[truth_].log.get(), verdict_.epoch,
            zones_[zone].log.get(), zones_[zone].number,      extent_};
  }
  Result<bool> Holds(size_t zone, const Position& position);
  bool Returns(size_t zone) const;
  std::vector<size_t> Standing() const;
  Fault Blamed(Fault fault) const;

  std::vector<RecoveryZone>& zones_;
  const RecoveryOptions& options_;
  std::vector<std::optional<Status>> broken_;
  std::vector<size_t> standing_;
  Verdict verdict_;  // Its members and stale are indexes into zones_.
  std::vector<Position> tails_;
  std::vector<uint64_t> common_;
  // A sound record says that everything up to here was durable in the whole set, wherever it was
  // found. Kept between attempts: the zone that holds it may be left out of the next.
  uint64_t proven_ = 0;
  std::set<size_t> doubted_;  // Members that lack what they had acknowledged.
  size_t truth_ = 0;
  Position tail_;
  format::Extent extent_;  // As the tail's record says.
};

std::vector<size_t> Recovery::Standing() const {
  std::vector<size_t> out;
  for (size_t i = 0; i < zones_.size(); ++i) {
    if (!broken_[i]) out.push_back(i);
  }
  return out;
}

Result<Recovered> Recovery::Run() {
  std::optional<Status> verdict;
  for (int verdicts = 0;;) {
    Recovered out;
    Fault fault = Attempt(&out);
    if (fault.ok()) {
      for (size_t i = 0; i < zones_.size(); ++i) {
        if (broken_[i]) out.failed.push_back({i, *broken_[i]});
      }
      return out;
    }
    fault = Blamed(std::move(fault));
    if (!fault.zone) {
      // A verdict on the whole store may rest on one read that went astray. What is true shows
      // again; to begin anew is what the next open would do.
      bool again = verdict && verdict->message() == fault.status.message();
      if (again || ++verdicts == kVerdictsMax) return fault.status;
      verdict = fault.status;
      continue;
    }
    // One disk fails: go on without it if enough are left. Each round loses one, so this ends.
    broken_[*fault.zone] = fault.status;
    if (Standing().size() < options_.quorum) return fault.status;
  }
}

// A step that asks two disks, or all, cannot tell whose fault it was; the disks can. In an attempt
// every refusal of a disk ends in a fault, so that none is left over from an earlier step.
Recovery::Fault Recovery::Blamed(Fault fault) const {
  for (size_t i : standing_) {
    if (Status failure = zones_[i].disk->failure(); !failure.ok()) return Of(i, failure);
  }
  return fault;
}

Recovery::Fault Recovery::Attempt(Recovered* out) {
  standing_ = Standing();
  doubted_.clear();
  common_.assign(zones_.size(), 0);
  for (size_t i : standing_) zones_[i].disk->ForgetRefusals();
  for (auto step :
       {&Recovery::Gather, &Recovery::WalkMembers, &Recovery::ChooseTruth, &Recovery::ReadExtent}) {
    if (Fault fault = (this->*step)(); !fault.ok()) return fault;
  }
  out->tail = tail_;
  out->extent = extent_;
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
    if (!options_.read_only && !STRONGROOM_BUG("open-without-sync")) {
      if (Status status = zone.log->SyncAll(); !status.ok()) return Of(i, status);
    }
    auto highest = HighestEpoch(*zone.log, *options_.seal, source());
    if (!highest.ok()) return Of(i, highest.status());
    evidence.push_back({zone.superblock.zone_id, format::Counts(zone.superblock.state),
                        zone.superblock.epochs_reserved, *highest,
                        zone.superblock.zone_count == 1});
  }
  auto verdict = Rule(evidence, options_.quorum);
  if (!verdict.ok()) return OfAll(verdict.status());
  verdict_ = *verdict;
  for (auto* list : {&verdict_.members, &verdict_.stale, &verdict_.holders}) {
    for (size_t& i : *list) i = standing_[i];
  }
  return Fine();
}

// Was the zone away, or set back? Then it lacks more than the log tells.
bool Recovery::Returns(size_t zone) const {
  const auto& stale = verdict_.stale;
  return doubted_.count(zone) != 0 || std::find(stale.begin(), stale.end(), zone) != stale.end();
}

Result<bool> Recovery::Holds(size_t zone, const Position& position) {
  if (position.location == 0) return true;
  LogReader reader = ReaderOf(zone, {});
  auto entry = reader.At(position.location);
  if (!entry.ok() && !IsAbsent(entry.status())) return entry.status();
  return entry.ok() && entry->position.chain == position.chain;
}

// Where the walk may start: at what this zone's index has applied, which is authentic and stood in
// the whole set, else at the ruling epoch's base, else at its record, else at the beginning. The
// epoch's segment is never retired before another epoch stands (replicated_log.h).
Result<Recovery::Start> Recovery::Anchor(size_t zone, LogReader& reader) {
  const auto& mark = verdict_.epoch;
  const bool holder = mark && Contains(verdict_.holders, zone);
  const auto& applied = zones_[zone].applied;
  // Before the base, what leads from it to the epoch may be retired, or be what retiring left over.
  bool near = applied && (!holder || applied->location >= mark->payload.base.location);
  if (near && applied->location != 0) {
    TRY_ASSIGN(bool stands, Stands(reader, *applied));
    if (stands) return Start{*applied};
  }
  if (!mark || mark->payload.base.location == 0) return Start{};
  auto base = reader.At(mark->payload.base.location);
  if (!base.ok() && !IsAbsent(base.status())) return base.status();
  if (base.ok() && base->position.chain == mark->payload.base.chain) return Start{base->position};
  if (!holder) return Start{};
  // Retired with its segment, or rotten: the walk from the epoch's own record will tell.
  return Start{mark->position, true};
}

Result<bool> Recovery::Stands(LogReader& reader, const Position& position) {
  auto entry = reader.At(position.location);
  if (!entry.ok() && !IsAbsent(entry.status())) return entry.status();
  return entry.ok() && entry->position == position;
}

Result<Position> Recovery::WalkToTail(size_t zone) {
  LogReader reader = ReaderOf(zone, {});
  TRY_ASSIGN(Start start, Anchor(zone, reader));
  TRY_ASSIGN(Walked walked, WalkFrom(zone, start.at));
  if (!start.past_base) return walked.tail;
  // A base that is not retired is missing: what it takes to be rot below the epoch.
  bool retired = SegmentOf(verdict_.epoch->payload.base.location) < walked.extent.first_segment;
  if (retired) return walked.tail;
  TRY_ASSIGN(walked, WalkFrom(zone, walked.extent.origin()));
  return walked.tail;
}

Result<Recovery::Walked> Recovery::WalkFrom(size_t zone, const Position& from) {
  LogReader walk = ReaderOf(zone, from);
  Position before = walk.position();
  format::Extent extent, extent_before;
  std::optional<LogEntry> last;
  for (;;) {
    TRY_ASSIGN(auto entry, walk.Next());
    if (!entry) break;
    if (last) before = last->position;
    extent_before = std::exchange(extent, entry->record.head.extent);
    last = std::move(entry);
  }
  if (!last) return Walked{walk.position(), extent};
  // Only the last batch can be torn: each was written after the barrier of the one before.
  LogReader reader = ReaderOf(zone, {});
  TRY_ASSIGN(bool whole, IsWhole(reader, *last));
  const bool believed = whole || STRONGROOM_BUG("torn-cells-believed");
  return believed ? Walked{walk.position(), extent} : Walked{before, extent_before};
}

Recovery::Fault Recovery::WalkMembers() {
  tails_.assign(zones_.size(), {});
  for (auto* list : {&verdict_.members, &verdict_.holders}) {
    for (size_t i : *list) {
      if (tails_[i].location != 0) continue;  // It is on both lists.
      auto tail = WalkToTail(i);
      if (!tail.ok()) return Of(i, tail.status());
      tails_[i] = *tail;
    }
  }
  return Fine();
}

Recovery::Fault Recovery::ChooseTruth() {
  // Along one chain, locations only grow.
  auto longer = [&](size_t a, size_t b) { return tails_[a].location < tails_[b].location; };
  const auto& holders = verdict_.holders;
  truth_ = *std::max_element(holders.begin(), holders.end(), longer);
  if (STRONGROOM_BUG("quorum-tail-for-set-tail") && holders.size() >= options_.quorum) {
    std::vector<size_t> sorted = holders;
    std::sort(sorted.begin(), sorted.end(), [&](size_t a, size_t b) { return longer(b, a); });
    truth_ = sorted[options_.quorum - 1];
  }
  tail_ = tails_[truth_];
  if (verdict_.epoch && tail_.location < verdict_.epoch->position.location) {
    // Another zone may hold what leads to the epoch; and where none has the epoch's record, the one
    // before it rules, for nobody was told of anything in this one.
    return Of(truth_, Status(Code::kCorruption, "the log is rotten below the ruling epoch"));
  }
  if (options_.read_only) {
    // What stands on every present member: all acknowledged records do.
    const auto& members = verdict_.members;
    truth_ = *std::min_element(members.begin(), members.end(), longer);
    tail_ = tails_[truth_];
    return Fine();
  }
  Status rot = STRONGROOM_BUG("rot-cut-as-torn") ? Status() : RefuseRot(truth_, tail_);
  if (rot.ok()) rot = RefuseApplied(truth_, tail_);
  // The others hold what was acknowledged, or are too few to open without this one.
  if (!rot.ok()) return Of(truth_, rot);
  // One of them was set back, and the one that rots holds more: together they are the store.
  if (tail_.sequence >= proven_) return Fine();
  return OfAll(Status(Code::kCorruption, "rot: a zone that is rotten proves transactions up to " +
                                             std::to_string(proven_) + ", the others end at " +
                                             std::to_string(tail_.sequence)));
}

// From the tail's own record: no earlier one knows what was retired since.
Recovery::Fault Recovery::ReadExtent() {
  extent_ = {};
  if (tail_.location == 0) return Fine();
  LogReader reader = ReaderOf(truth_, {});
  auto entry = reader.At(tail_.location);
  if (!entry.ok()) return Of(truth_, entry.status());
  extent_ = entry->record.head.extent;
  return Fine();
}

// Does the log say more past the tail than the one batch that a crash may have torn? Then what lies
// between is rot, since a batch is written only after the barrier of the one before. Never cut it.
// Nor what is sound after all: reads may go astray, the one that ended the walk and those in here.
// So each begins with what is known to be there. kIo: one went astray.
Status Recovery::RefuseRot(size_t zone, const Position& tail) {
  ZoneLog& log = *zones_[zone].log;
  TRY_ASSIGN(auto segments, log.Segments());
  for (uint32_t segment : segments) {
    if (segment < SegmentOf(tail.location)) continue;
    const bool last = segment == SegmentOf(tail.location);
    const uint64_t begin = last ? OffsetOf(tail.location) : 0;
    const uint64_t past = last ? OffsetOf(tail.end) : kBlock;
    AlignedBytes window;
    for (uint64_t at = begin;; at += kScanStep) {
      TRY_ASSIGN(size_t got, log.ReadDirect(segment, at, &window, kScanStep));
      for (size_t i = 0; i + kBlock <= got; i += kBlock) {
        const uint64_t offset = at + i;
        const ByteSpan block(window.data() + i, kBlock);
        const auto named = PlaceNamedBy(block);
        if (last && offset == begin && named != begin) return Astray();
        if (!named) continue;
        if (*named != offset) TRY(RefuseAstray(zone, segment, block));
        if (*named == offset && offset >= past) TRY(RefuseLater(zone, segment, block, tail));
      }
      if (got < kScanStep) break;
    }
  }
  return {};
}

// The zone's index holds nothing but what was acknowledged. What it has applied begins past the
// tail, so it is rotten, and not torn: a crash left nobody to serve it. Where no batch begins
// there, the index is ahead for another reason (a backup was killed, the log was set back), and
// made anew.
Status Recovery::RefuseApplied(size_t zone, const Position& tail) {
  const auto& applied = zones_[zone].applied;
  if (!applied || applied->location <= tail.location) return {};
  ZoneLog& log = *zones_[zone].log;
  const uint32_t segment = SegmentOf(applied->location), offset = OffsetOf(applied->location);
  auto header = log.Header(segment);
  if (!header.ok()) return IsAbsent(header.status()) ? Status() : header.status();
  AlignedBytes block;
  TRY_ASSIGN(size_t got, log.ReadDirect(segment, offset, &block, kBlock));
  if (got < kBlock) return {};
  auto batch = format::DecodeBatchHeader(ByteSpan(block.data(), kBlock), header->id, offset);
  if (!batch.ok() || batch->epoch != applied->epoch) return {};
  if (batch->first_sequence > applied->sequence) return {};
  return Status(Code::kCorruption, "rot: the index has transactions up to " +
                                       std::to_string(applied->sequence) +
                                       ", of which the log's are not sound");
}

// The batch that begins in the block names another place of this segment.
Status Recovery::RefuseAstray(size_t zone, uint32_t segment, ByteSpan block) {
  auto header = zones_[zone].log->Header(segment);
  if (!header.ok()) return IsAbsent(header.status()) ? Status() : header.status();
  return header->id == IdNamedBy(block) ? Astray() : Status();
}

// Does the batch that begins in the block, past the tail, show rot before it?
Status Recovery::RefuseLater(size_t zone, uint32_t segment, ByteSpan block, const Position& tail) {
  const aead::Id id = IdNamedBy(block);  // The segment's header may be what rots.
  const uint32_t offset = *PlaceNamedBy(block);
  TRY_ASSIGN(auto batch, format::DecodeBatchHeader(block, id, offset));
  if (batch.first_sequence <= tail.sequence) return {};
  Status rot(Code::kCorruption, "rot: transactions after " + std::to_string(tail.sequence) +
                                    " are in the log, but what leads to them is not sound");
  auto header = zones_[zone].log->Header(segment);
  // The header was durable before the first batch was written.
  if (!header.ok()) return IsAbsent(header.status()) ? rot : header.status();
  if (header->id != id) return {};  // Of the file that these blocks belonged to before.
  // What it follows was durable before it was begun, whatever has become of its own record.
  if (batch.first_sequence > tail.sequence + 1) {
    // Only under its seal: whoever writes to one disk must not make the others refuse.
    LogReader reader = ReaderOf(zone, {});
    auto entry = reader.At(Location(segment, offset));
    if (entry.ok()) proven_ = std::max(proven_, batch.first_sequence - 1);
    return rot;
  }
  // The last batch stands there or there, whatever is left of it.
  const bool last = segment == SegmentOf(tail.location);
  if (offset != (last ? OffsetOf(tail.end) : kBlock)) return rot;
  LogReader reader = ReaderOf(zone, {});
  auto entry = reader.At(Location(segment, offset));
  if (!entry.ok()) return IsAbsent(entry.status()) ? Status() : entry.status();
  if (entry->position.sequence <= tail.sequence) return {};  // An epoch record says nothing new.
  if (entry->record.head.chain_before != tail.chain) return rot;
  // With nothing but torn cells, it is the last batch itself. Sound, it ought to be the tail.
  TRY_ASSIGN(bool whole, IsWhole(reader, *entry));
  return whole ? Astray() : Status();
}

Recovery::Fault Recovery::Equalize() {
  if (Fault fault = JudgeMembers(); !fault.ok()) return fault;
  for (size_t i : standing_) {
    if (i == truth_) continue;
    auto common = CommonWith(i);
    if (!common.ok()) {
      return common.status().Is(Code::kRolledBack) ? OfAll(common.status())
                                                   : Of(i, common.status());
    }
    // At the origin nothing is known to be common, whatever its sequence.
    common_[i] = common->location == 0 ? 0 : common->sequence;
    Status made = MakeEqual(PairOf(i), *common, tail_);
    if (made.ok()) continue;
    // Did the truth's disk read astray, or let rot what is below the beginning of its walk? Then
    // the next round copies from another.
    bool is_sound =
        !IsAbsent(made) || ProveEqual(*zones_[truth_].log, *options_.seal, *common, tail_, {}).ok();
    return Of(is_sound ? i : truth_, made);
  }
  // A batch with torn cells links to the tail as the new epoch will. Were it left there, the next
  // walk would follow it into a dead end. RefuseRot has proved that nothing else is past the tail.
  if (tail_.location == 0 || STRONGROOM_BUG("tail-not-cut")) return Fine();
  Status cut = CutTruth();
  return cut.ok() ? Fine() : Of(truth_, cut);
}

// The torn batch may be the first of a segment of its own. Crash in here: the next recovery finds
// the same tail, and less behind it.
Status Recovery::CutTruth() {
  ZoneLog& log = *zones_[truth_].log;
  TRY(log.CutAfter(SegmentOf(tail_.location), OffsetOf(tail_.end)));
  TRY_ASSIGN(auto segments, log.Segments());
  for (uint32_t segment : segments) {
    if (segment > SegmentOf(tail_.location)) TRY(log.Remove(segment));
  }
  return {};
}

// Members differ by one record at most: each was written after the barrier of the one before. One
// that lacks more lost what it had acknowledged. It is healed, but its word counts for nothing:
// whoever it may have served epochs with since is not here to say so.
Recovery::Fault Recovery::JudgeMembers() {
  size_t counting = standing_.size();
  for (size_t i : verdict_.members) {
    auto lacking = Lacks(i);
    if (!lacking.ok()) return Of(truth_, lacking.status());
    if (*lacking <= 1) continue;
    --counting;
    doubted_.insert(i);
    if (options_.on_alarm) {
      options_.on_alarm(zones_[i].number, "the zone lacks records that it had acknowledged");
    }
  }
  if (counting >= options_.quorum || STRONGROOM_BUG("lagging-member-counts")) return Fine();
  return OfAll(Status(Code::kQuorumLost,
                      "a zone lacks records that it had acknowledged: " + std::to_string(counting) +
                          " zones count, " + std::to_string(options_.quorum) + " must"));
}

// How many records the truth has after this member's tail; more than one counts as two.
Result<int> Recovery::Lacks(size_t zone) {
  TRY_ASSIGN(bool on_chain, Holds(truth_, tails_[zone]));
  // What it lacks may be retired here: then no walk counts it. Its whole set stood for what the
  // truth begins with. By the place, for an epoch's record at the beginning has the sequence of the
  // last one before it; and none at all where the zone's own record rots.
  const Position& ends = tails_[zone];
  bool retired = ends.location == 0 || SegmentOf(ends.location) < extent_.first_segment;
  if (retired && extent_.first_segment > 0) return 2;
  if (!on_chain) return 0;  // It diverges: CommonWith has words for that.
  LogReader beyond = ReaderOf(truth_, tails_[zone]);
  for (int lacking = 0; lacking < 2; ++lacking) {
    TRY_ASSIGN(auto entry, beyond.Next());
    if (!entry || entry->position.location > tail_.location) return lacking;
  }
  return 2;
}

Result<Position> Recovery::CommonWith(size_t zone) {
  const bool member = Contains(verdict_.members, zone);
  // Nothing of its is sound from the beginning on, and the truth may begin later.
  if (member && tails_[zone].location == 0) return extent_.origin();
  // In what retiring left over here nothing leads on from there.
  if (member && SegmentOf(tails_[zone].location) >= extent_.first_segment) {
    TRY_ASSIGN(bool on_chain, Holds(truth_, tails_[zone]));
    if (on_chain) return tails_[zone];
  }
  // A member may end in a record that a recovery copied there from a reign that never stood. One
  // that has the ruling record and another after it than the truth is the work of no crash.
  if (member && Contains(verdict_.holders, zone) && options_.on_alarm) {
    options_.on_alarm(zones_[zone].number, "the zone diverges from its set");
  }
  return CommonBase(PairOf(zone));
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
    // Said before the zone is in the set: a crash in between must not make it whole.
    if (Returns(i)) next.state = format::ZoneState::kHealing;
    if (STRONGROOM_BUG("epoch-without-reservation")) continue;
    Status status = format::ReplaceSuperblock(zone.disk.get(), zone.path, next, *options_.keys);
    if (!status.ok()) return Of(i, status);
    zone.superblock = std::move(next);
  }
  return Fine();
}

Recovery::Fault Recovery::Begin(Recovered* out) {
  NewEpoch epoch;
  epoch.number = out->epoch;
  epoch.base = tail_;
  epoch.extent = extent_;
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
  out->epoch_segment_id = image.header.id;
  out->tail = image.position;
  out->set = standing_;
  out->common = common_;
  return Fine();
}

}  // namespace

EpochImage SealEpoch(io::Env* env, const RecordSeal& seal, const NewEpoch& epoch) {
  EpochImage image;
  image.header.number = epoch.segment;
  image.header.epoch = epoch.number;
  image.header.epoch_segment = epoch.segment;
  env->Random(image.header.id);
  format::RecordHead head{format::RecordKind::kEpoch,
                          epoch.number,
                          epoch.base.sequence + 1,
                          epoch.base.chain,
                          epoch.wall_millis,
                          0,
                          epoch.extent};
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
