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
  Result<Position> Anchor(size_t zone, LogReader& reader);
  Fault ChooseTruth();
  Status RefuseRot(size_t zone, const Position& tail);
  Status RefuseLater(size_t zone, uint32_t segment, uint32_t offset, ByteSpan block,
                     const Position& tail);
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
    return {options_.seal, zones_[truth_].log.get(), verdict_.epoch, zones_[zone].log.get(),
            zones_[zone].number};
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
  std::set<size_t> doubted_;  // Members that lack what they had acknowledged.
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
    if (!options_.read_only && !STRONGROOM_BUG("open-without-sync")) {
      if (Status status = zone.log->SyncAll(); !status.ok()) return Of(i, status);
    }
    auto highest = HighestEpoch(*zone.log, *options_.seal, source());
    if (!highest.ok()) return Of(i, highest.status());
    evidence.push_back({zone.superblock.zone_id, format::Counts(zone.superblock.state),
                        zone.superblock.epochs_reserved, *highest});
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
// the whole set, else at the ruling epoch's base, else at the beginning.
Result<Position> Recovery::Anchor(size_t zone, LogReader& reader) {
  const auto& applied = zones_[zone].applied;
  if (applied && applied->location != 0) {
    auto entry = reader.At(applied->location);
    if (entry.ok() && entry->position == *applied) return *applied;
    if (!entry.ok() && !IsAbsent(entry.status())) return entry.status();
  }
  if (!verdict_.epoch) return Position{};
  const Position& base = verdict_.epoch->payload.base;
  if (base.location == 0) return Position{};
  auto entry = reader.At(base.location);
  if (!entry.ok() && !IsAbsent(entry.status())) return entry.status();
  return entry.ok() && entry->position.chain == base.chain ? entry->position : Position{};
}

Result<Position> Recovery::WalkToTail(size_t zone) {
  LogReader reader = ReaderOf(zone, {});
  TRY_ASSIGN(Position anchor, Anchor(zone, reader));
  LogReader walk = ReaderOf(zone, anchor);
  Position before = walk.position();
  std::optional<LogEntry> last;
  for (;;) {
    TRY_ASSIGN(auto entry, walk.Next());
    if (!entry) break;
    if (last) before = last->position;
    last = std::move(entry);
  }
  if (!last) return walk.position();
  // Only the last batch can be torn: each was written after the barrier of the one before.
  TRY_ASSIGN(bool whole, IsWhole(reader, *last));
  return whole || STRONGROOM_BUG("torn-cells-believed") ? walk.position() : before;
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
    return OfAll(Status(Code::kCorruption, "the log is rotten below the ruling epoch"));
  }
  if (options_.read_only) {
    // What stands on every present member: all acknowledged records do.
    const auto& members = verdict_.members;
    truth_ = *std::min_element(members.begin(), members.end(), longer);
    tail_ = tails_[truth_];
    return Fine();
  }
  Status rot = STRONGROOM_BUG("rot-cut-as-torn") ? Status() : RefuseRot(truth_, tail_);
  return rot.ok() ? Fine() : OfAll(rot);
}

// Does the log say more past the tail than the one batch that a crash may have torn? Then what lies
// between is rot, since a batch is written only after the barrier of the one before. Never cut it.
Status Recovery::RefuseRot(size_t zone, const Position& tail) {
  ZoneLog& log = *zones_[zone].log;
  TRY_ASSIGN(auto segments, log.Segments());
  for (uint32_t segment : segments) {
    if (segment < SegmentOf(tail.location)) continue;
    bool last = segment == SegmentOf(tail.location);
    AlignedBytes window;
    for (uint64_t at = last ? OffsetOf(tail.end) : kBlock;; at += kScanStep) {
      TRY_ASSIGN(size_t got, log.ReadDirect(segment, at, &window, kScanStep));
      for (size_t i = 0; i + kBlock <= got; i += kBlock) {
        auto offset = static_cast<uint32_t>(at + i);
        TRY(RefuseLater(zone, segment, offset, ByteSpan(window.data() + i, kBlock), tail));
      }
      if (got < kScanStep) break;
    }
  }
  return {};
}

// Is the block at `offset`, past the tail, the beginning of a batch that shows rot before it?
Status Recovery::RefuseLater(size_t zone, uint32_t segment, uint32_t offset, ByteSpan block,
                             const Position& tail) {
  aead::Id id;  // As the batch itself names it: the segment's header may be what rots.
  std::copy_n(block.begin() + 8, id.size(), id.begin());
  auto batch = format::DecodeBatchHeader(block, id, offset);
  if (!batch.ok() || batch->first_sequence <= tail.sequence) return {};
  Status rot(Code::kCorruption, "rot: transactions after " + std::to_string(tail.sequence) +
                                    " are in the log, but what leads to them is not sound");
  auto header = zones_[zone].log->Header(segment);
  // The header was durable before the first batch was written.
  if (!header.ok()) return IsAbsent(header.status()) ? rot : header.status();
  if (header->id != id) return {};  // Of the file that these blocks belonged to before.
  LogReader reader = ReaderOf(zone, {});
  auto entry = reader.At(Location(segment, offset));
  if (!entry.ok()) return IsAbsent(entry.status()) ? Status() : entry.status();
  // With nothing but torn cells, it is the last batch itself. An epoch record says nothing new.
  bool torn_end = entry->record.head.chain_before == tail.chain;
  return torn_end || entry->position.sequence <= tail.sequence ? Status() : rot;
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
    common_[i] = common->sequence;
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
  if (!on_chain) return 0;  // It diverges: CommonWith has words for that.
  LogReader beyond = ReaderOf(truth_, tails_[zone]);
  for (int lacking = 0; lacking < 2; ++lacking) {
    TRY_ASSIGN(auto entry, beyond.Next());
    if (!entry || entry->position.location > tail_.location) return lacking;
  }
  return 2;
}

Result<Position> Recovery::CommonWith(size_t zone) {
  auto is_on = [zone](const std::vector<size_t>& list) {
    return std::find(list.begin(), list.end(), zone) != list.end();
  };
  if (is_on(verdict_.members)) {
    TRY_ASSIGN(bool on_chain, Holds(truth_, tails_[zone]));
    if (on_chain) return tails_[zone];
  }
  // A member may end in a record that a recovery copied there from a reign that never stood. One
  // that has the ruling record and another after it than the truth is the work of no crash.
  if (is_on(verdict_.members) && is_on(verdict_.holders) && options_.on_alarm) {
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
