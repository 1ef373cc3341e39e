#include "engine/committer.h"

#include <algorithm>

#include "base/bugs.h"
#include "engine/blob_counts.h"
#include "engine/cell_returns.h"
#include "hash/xxh64.h"

namespace strongroom::engine {

using format::BlobKind;
using format::Position;

namespace {

constexpr size_t kBatchBytes = 1 << 20;  // A larger batch would stretch everybody's latency.
constexpr size_t kBatchTransactions = 512;
// Of rows that are kept in one batch: beside the largest transaction they make no batch that a
// reader would refuse.
constexpr size_t kKeptBytes = format::kBatchSizeMax / 2 - (2u << 20);

size_t FrameBytes(const Transaction& transaction) {
  size_t size = 0;
  for (const Effect& effect : transaction.effects) {
    size += effect.key.size() + effect.body.size() + 200;
    if (effect.small) size += effect.small->frame.size();
    if (effect.carried) size += effect.carried->row.size() + effect.carried->frame.size();
    if (effect.event) size += effect.event->under.size() + effect.event->body.size() + 200;
  }
  return size;
}

// What the indexes must hold goes into memory while their disks are full: removals only, and what
// compacts the log, for they end that.
Status CheckSpace(const Transaction& transaction, IndexSet::Space space) {
  using Space = IndexSet::Space;
  bool removes = std::all_of(transaction.effects.begin(), transaction.effects.end(),
                             [](const Effect& e) { return e.remove || e.carried || e.from; });
  if (space == Space::kAny || (space == Space::kRemovals && removes)) return {};
  return Status(Code::kNoSpace, "the disks of the indexes are full");
}

Bytes RangeName(const Transaction::Range& range) {
  Bytes name;
  ByteWriter w(&name);
  w.U64(range.newest);
  w.Field(range.start);
  w.Raw(range.end);
  return name;
}

// The row that tells of `effect`; `place` is its number among those of the transaction.
Effect EventOf(const Effect& effect, uint64_t sequence, uint32_t place) {
  const EventRow& event = *effect.event;
  format::BlobReference named;
  if (effect.small) named = effect.small->reference;
  if (effect.named) named = effect.named->reference;
  if (effect.kept) named = *effect.kept;
  Effect out;
  out.key = format::EventKey(event.under, sequence, place);
  out.modified = event.modified;
  out.body = event.body;
  ByteWriter w(&out.body);
  w.Raw(named.id);
  w.U64(named.size);
  w.U32(place);
  return out;
}

Status Moved(const char* what) { return Status(Code::kPreconditionFailed, what); }

format::Row RowOf(const Effect& effect, uint64_t frame_location) {
  format::Row row;
  if (effect.carried) {
    auto carried = format::DecodeRow(effect.carried->row);
    CHECK(carried.ok());
    bool moves = format::IsSmall(carried->blob.kind) && !effect.carried->frame.empty();
    if (moves) carried->blob.location = frame_location;
    return *carried;
  }
  row.modified = effect.modified;
  row.version = effect.version;
  row.body = effect.body;
  if (effect.small) {
    row.blob = effect.small->reference;
    row.blob.location = frame_location;
  } else if (effect.named) {
    row.blob = effect.named->reference;
  } else if (effect.kept) {
    row.blob = *effect.kept;
  } else if (effect.counted) {
    row.blob.kind = BlobKind::kCounted;
    row.counted = *effect.counted;
  }
  return row;
}

const Bytes* FrameOf(const Effect& effect) {
  if (effect.small) return &effect.small->frame;
  if (effect.carried && !effect.carried->frame.empty()) return &effect.carried->frame;
  return nullptr;
}

format::EffectKind KindOf(const Effect& effect) {
  using Kind = format::EffectKind;
  return effect.remove ? Kind::kDeleted : effect.carried ? Kind::kCarried : Kind::kWritten;
}

// What a row that stands weighs in the log: what it would take to carry it.
size_t WeightOf(ByteSpan key, const format::Row& row) {
  size_t frame = format::IsSmall(row.blob.kind) ? format::BlobFrameSize(row.blob.size) : 0;
  return key.size() + format::RowSize(row) + frame;
}

bool IsCarry(const Transaction& transaction) {
  if (transaction.effects.empty()) return false;
  const Effect& first = transaction.effects.front();
  return first.carried && !first.from;
}

bool KeepsRows(const Transaction& transaction) {
  return std::any_of(transaction.effects.begin(), transaction.effects.end(),
                     [](const Effect& effect) { return effect.keep_old || effect.from; });
}

}  // namespace

Committer::Committer(Options options)
    : options_(std::move(options)),
      wake_(&mutex_),
      next_sequence_(options_.log->tail().sequence + 1),
      sequence_(options_.log->tail().sequence) {
  TellState();
  thread_ = options_.env->StartThread("commit", [this] { Run(); });
}

Committer::~Committer() { Stop(); }

void Committer::Commit(Transaction transaction, Engine::Committing done) {
  {
    MutexLock lock(&mutex_);
    if (!stopping_) {
      queue_.push_back({std::move(transaction), std::move(done), 0});
      if (queue_.size() == 1) wake_.Signal();
      return;
    }
  }
  done(Status(Code::kClosed, "the store is closed"));
}

void Committer::Expel(int zone, std::string why) {
  BetweenBatches([zone, why = std::move(why)](log::ReplicatedLog* log) {
    // Below the quorum nobody is expelled for its cells alone: the log of that zone still works.
    if (log && log->set().size() > 2) (void)log->Expel(zone, why);
  });
}

void Committer::BetweenBatches(std::function<void(log::ReplicatedLog*)> work) {
  {
    MutexLock lock(&mutex_);
    if (!stopping_) {
      asked_.push_back(std::move(work));
      wake_.Signal();
      return;
    }
  }
  work(nullptr);
}

Committer::LogState Committer::log_state() {
  MutexLock lock(&mutex_);
  return state_;
}

void Committer::TellState() {
  MutexLock lock(&mutex_);
  const log::ReplicatedLog& log = *options_.log;
  state_ = {log.tail(), log.extent(), log.epoch_segment(), log.epoch(), log.epochs_reserved()};
}

void Committer::Stop() {
  {
    MutexLock lock(&mutex_);
    if (stopping_) return;
    stopping_ = true;
    wake_.SignalAll();
  }
  thread_->Join();
}

void Committer::Run() {
  for (;;) {
    std::vector<Pending> candidates = TakeQueue();
    if (candidates.empty() && !in_flight_) return;
    if (candidates.empty()) {
      FinishInFlight();
      continue;
    }
    auto next = std::make_unique<Batch>();
    if (!PrepareBatch(std::move(candidates), next.get())) continue;
    WriteBatch(std::move(next));
  }
}

// Waits for work. Empty: finish what is in flight or, with nothing there, end.
std::vector<Committer::Pending> Committer::TakeQueue() {
  std::vector<Pending> out;
  MutexLock lock(&mutex_);
  for (;;) {
    while (queue_.empty() && asked_.empty() && !stopping_ && !in_flight_) wake_.Wait();
    if (asked_.empty()) break;
    if (in_flight_) return out;  // A new epoch needs a quiet log.
    // Before anything that was queued after it: a blob that a zone missed must not be committed
    // while that zone counts.
    mutex_.Unlock();
    DoAsked();
    mutex_.Lock();
  }
  size_t bytes = 0;
  while (!queue_.empty() && out.size() < kBatchTransactions) {
    bytes += FrameBytes(queue_.front().transaction);
    if (!out.empty() && bytes > kBatchBytes) break;
    out.push_back(std::move(queue_.front()));
    queue_.pop_front();
  }
  return out;
}

void Committer::DoAsked() {
  std::vector<std::function<void(log::ReplicatedLog*)>> asked;
  {
    MutexLock lock(&mutex_);
    asked.swap(asked_);
  }
  for (auto& work : asked) {
    work(options_.log);
    TellState();
  }
}

// False when nothing is left to write: everything was refused and nothing in flight decides it.
bool Committer::PrepareBatch(std::vector<Pending> candidates, Batch* batch) {
  Status status;
  SettleCarries(candidates);
  // Last: a row that a caller changes in this batch is not carried, and no caller waits for it.
  std::stable_partition(candidates.begin(), candidates.end(),
                        [](const Pending& pending) { return !IsCarry(pending.transaction); });
  if (auto stopped = options_.log->stopped()) status = *stopped;
  if (status.ok()) status = LookUp(candidates);
  IndexSet::Space space = options_.indexes->space();
  const std::vector<int> set = options_.log->set();
  std::vector<Pending> waiting;
  for (Pending& pending : candidates) {
    const bool may_go = status.ok() && !MustWait(pending.transaction);
    const size_t kept = may_go ? KeptBytes(pending.transaction) : 0;
    const bool fits = batch->pendings.empty() || batch->kept + kept <= kKeptBytes;
    if (status.ok() && (!may_go || !fits)) {
      waiting.push_back(std::move(pending));
      continue;
    }
    if (status.ok() && !Lacking(pending.transaction, set, options_.replaced()).empty()) {
      options_.on_lacking(std::move(pending.transaction), std::move(pending.done));
      continue;
    }
    Status verdict = status.ok() ? CheckOne(pending.transaction) : status;
    if (verdict.ok() && kept > kKeptBytes) {
      verdict = Status(Code::kInvalidArgument, "what it replaces and keeps is over 6 MiB of rows");
    }
    if (verdict.ok()) verdict = CheckSpace(pending.transaction, space);
    if (verdict.ok()) DropMoved(&pending.transaction);
    if (verdict.ok()) {
      batch->kept += kept;
      Accept(std::move(pending), batch);
    } else {
      batch->refused.emplace_back(std::move(pending.done), verdict);
    }
  }
  PutBack(std::move(waiting));
  if (!batch->pendings.empty()) return true;
  // A refusal may rest on the batch in flight: tell nobody before that one stands.
  if (in_flight_) FinishInFlight();
  for (auto& [done, why] : batch->refused) done(why);
  return false;
}

// A row that is being carried keeps its revision, so that who keeps its blob is let through, but
// has no place yet: such a transaction waits for the batch in flight.
void Committer::SettleCarries(const std::vector<Pending>& candidates) {
  if (!in_flight_) return;
  for (const Pending& pending : candidates) {
    for (const Effect& effect : pending.transaction.effects) {
      bool reads = effect.keep || effect.keep_old;
      if (reads && newer_.count(effect.key) != 0) return FinishInFlight();
      if (effect.from && newer_.count(*effect.from) != 0) return FinishInFlight();
    }
  }
}

// A row that is kept stands in the index before it is: what is written in this batch has no place
// yet. After SettleCarries `newer_` holds of its key nothing else.
bool Committer::MustWait(const Transaction& transaction) const {
  return std::any_of(transaction.effects.begin(), transaction.effects.end(),
                     [this](const Effect& effect) {
                       return (effect.keep_old && newer_.count(effect.key) != 0) ||
                              (effect.from && newer_.count(*effect.from) != 0);
                     });
}

// Before all that was queued since, in their order.
void Committer::PutBack(std::vector<Pending> waiting) {
  if (waiting.empty()) return;
  MutexLock lock(&mutex_);
  queue_.insert(queue_.begin(), std::make_move_iterator(waiting.begin()),
                std::make_move_iterator(waiting.end()));
}

// Fetches from the index, in one hop, what the checks and effects need and no batch has newer. A
// second hop, when blobs are counted.
Status Committer::LookUp(const std::vector<Pending>& candidates) {
  looked_.clear();
  unchanged_.clear();
  keeps_ = std::any_of(candidates.begin(), candidates.end(), [](const Pending& pending) {
    return KeepsRows(pending.transaction);
  });
  std::vector<Bytes> keys;
  std::vector<Transaction::Range> ranges;
  auto want = [&](const Bytes& key) {
    if (newer_.count(key) == 0 && looked_.emplace(key, Standing{}).second) keys.push_back(key);
  };
  for (const Pending& pending : candidates) {
    for (const Check& check : pending.transaction.checks) want(check.key);
    for (const Effect& effect : pending.transaction.effects) {
      want(effect.key);
      if (effect.from) want(*effect.from);
    }
    for (const auto& range : pending.transaction.ranges) ranges.push_back(range);
  }
  TRY_ASSIGN(auto looked, options_.indexes->Look(keys, ranges));
  TRY(Remember(keys, looked.rows));
  for (size_t i = 0; i < ranges.size(); ++i) {
    unchanged_[RangeName(ranges[i])] = looked.unchanged[i];
  }
  return LookUpCounts(candidates);
}

Status Committer::LookUpCounts(const std::vector<Pending>& candidates) {
  std::vector<Bytes> keys;
  auto want = [&](Bytes key) {
    if (newer_.count(key) == 0 && looked_.emplace(key, Standing{}).second) {
      keys.push_back(std::move(key));
    }
  };
  for (const Pending& pending : candidates) {
    for (const Effect& effect : pending.transaction.effects) {
      const auto& old = Current(effect.key)->blob;
      if (old && format::IsCounted(old->kind)) want(format::CountedKey(old->kind, old->id));
      if (effect.named) {
        const auto& reference = effect.named->reference;
        want(format::CountedKey(reference.kind, reference.id));
      }
      aead::Id list;
      if (!effect.remove && format::ListOfPart(effect.key, &list)) {
        want(format::CountedKey(BlobKind::kParts, list));
      }
    }
  }
  if (keys.empty()) return {};
  TRY_ASSIGN(auto looked, options_.indexes->Look(keys, {}));
  return Remember(keys, looked.rows);
}

Status Committer::Remember(const std::vector<Bytes>& keys, const std::vector<std::string>& rows) {
  for (size_t i = 0; i < keys.size(); ++i) {
    if (rows[i].empty()) continue;
    TRY_ASSIGN(format::IndexRow row, format::DecodeIndexRow(AsBytes(rows[i])));
    Standing& standing = looked_[keys[i]];
    standing.revision = row.revision;
    standing.home = row.home;
    standing.weight = WeightOf(keys[i], row.row);
    standing.blob = row.row.blob;
    standing.version = format::VersionOf(row.row, row.revision);
    if (row.row.blob.kind == BlobKind::kCounted) standing.counted = row.row.counted;
    if (keeps_) standing.image.assign(row.image.begin(), row.image.end());
  }
  return {};
}

const Committer::Standing* Committer::Current(const Bytes& key) {
  auto newer = newer_.find(key);
  if (newer != newer_.end() && !STRONGROOM_BUG("flight-not-checked")) return &newer->second;
  return &looked_[key];
}

Status Committer::CheckOne(const Transaction& transaction) {
  for (const Check& check : transaction.checks) {
    if (Current(check.key)->revision != check.revision) {
      return Moved("a row is not at the expected revision");
    }
  }
  for (const auto& range : transaction.ranges) {
    if (!Unchanged(range)) return Moved("the range holds a row, or a newer one");
  }
  for (const Effect& effect : transaction.effects) TRY(CheckEffect(effect, transaction));
  return transaction.retire ? CheckRetire(*transaction.retire) : Status();
}

// Recovery finds the truth by the ruling epoch's record: the log begins there at the latest.
Status Committer::CheckRetire(const format::Extent& retire) {
  if (retire.first_segment <= options_.log->epoch_segment()) return {};
  return Status(Code::kPreconditionFailed, "the epoch's own segment stays");
}

// What was written meanwhile is not carried: what stands now stands in a later segment.
void Committer::DropMoved(Transaction* transaction) {
  auto moved = [this](const Effect& effect) {
    if (!effect.carried) return false;
    const Standing* now = Current(effect.key);
    return newer_.count(effect.key) != 0 || now->revision != effect.carried->revision ||
           now->home != effect.carried->home;
  };
  auto& effects = transaction->effects;
  effects.erase(std::remove_if(effects.begin(), effects.end(), moved), effects.end());
}

bool Committer::Unchanged(const Transaction::Range& range) {
  if (!unchanged_[RangeName(range)]) return false;
  // Conservative where the batches hold deletes: a row that only the index still has counts.
  for (auto it = newer_.lower_bound(range.start); it != newer_.end() && it->first < range.end;
       ++it) {
    if (it->second.revision > range.newest) return false;
  }
  return true;
}

Status Committer::CheckEffect(const Effect& effect, const Transaction& transaction) {
  auto stands = [&](BlobKind kind, const aead::Id& id) {
    return Current(format::CountedKey(kind, id))->revision != 0;
  };
  auto begins = [&](const aead::Id& list) {
    return std::any_of(transaction.effects.begin(), transaction.effects.end(),
                       [&](const Effect& each) {
                         return each.named && each.named->fresh && each.named->reference.id == list;
                       });
  };
  if (effect.named) {
    const auto& reference = effect.named->reference;
    if (stands(reference.kind, reference.id) == effect.named->fresh) {
      return Moved(effect.named->fresh ? "the blob has its row already" : "the blob is gone");
    }
  }
  aead::Id list;
  // A carry adds no part: the rows of a list that is gone go with it, wherever they stand.
  bool part = !effect.remove && !effect.carried && format::ListOfPart(effect.key, &list);
  if (part && !stands(BlobKind::kParts, list) && !begins(list)) {
    return Moved("the list of parts is gone");
  }
  if (effect.from && Current(*effect.from)->revision == 0) return Moved("the version is gone");
  // In a batch its blob has no place yet; whoever checked the revision has seen a durable row.
  if (effect.keep && (newer_.count(effect.key) != 0 || Current(effect.key)->revision == 0)) {
    return Moved("the row whose blob is kept has moved");
  }
  return {};
}

void Committer::Accept(Pending pending, Batch* batch) {
  pending.revision = next_sequence_++;
  BlobCounts counts;
  std::vector<Effect> left;  // The keys of rows that move away.
  for (Effect& effect : pending.transaction.effects) {
    if (effect.checkpoint) effect.key = format::CheckpointKey(pending.revision);
    if (effect.versioned) effect.key = format::VersionKey(effect.key, pending.revision);
    const auto& old = Current(effect.key)->blob;
    if (effect.from) {
      const Standing& moved = *Current(*effect.from);
      effect.carried = CarriedRow{moved.revision, moved.home, moved.image, {}};
      left.emplace_back();
      left.back().key = *effect.from;
      left.back().remove = true;
      if (old && !effect.keep_old) counts.Take(*old);
    }
    if (effect.carried) continue;  // It names what it named.
    if (effect.keep) {
      effect.kept = old;
      if (format::HasVersions(effect.key)) effect.version = Current(effect.key)->version;
      continue;
    }
    if (old && !effect.keep_old) counts.Take(*old);
    if (effect.named) counts.Give(*effect.named);
  }
  auto standing = [this](const Bytes& key) -> const format::Counted* {
    const auto& counted = Current(key)->counted;
    return counted ? &*counted : nullptr;
  };
  std::vector<Effect> kept, events;
  for (const Effect& effect : pending.transaction.effects) {
    if (auto old = Kept(effect)) kept.push_back(std::move(*old));
    if (!effect.event || (effect.remove && Current(effect.key)->revision == 0)) continue;
    events.push_back(EventOf(effect, pending.revision, static_cast<uint32_t>(events.size())));
  }
  counts.Settle(standing, &pending.transaction.effects, &batch->gone);
  if (STRONGROOM_BUG("unlinked-before-commit")) {
    for (const GoneBlob& blob : batch->gone) options_.on_gone(blob);
  }
  for (auto* added : {&left, &kept, &events}) {
    for (Effect& effect : *added) pending.transaction.effects.push_back(std::move(effect));
  }
  for (const Effect& effect : pending.transaction.effects) {
    Standing now;
    if (!effect.remove) {
      format::Row row = RowOf(effect, 0);
      now.revision = effect.carried ? effect.carried->revision : pending.revision;
      now.weight = WeightOf(effect.key, row);
      now.blob = row.blob;
      now.version = format::VersionOf(row, now.revision);
      if (row.blob.kind == BlobKind::kCounted) now.counted = row.counted;
    }
    batch->grown += static_cast<int64_t>(now.weight);
    batch->grown -= static_cast<int64_t>(Current(effect.key)->weight);
    newer_[effect.key] = std::move(now);
  }
  batch->pendings.push_back(std::move(pending));
}

// Of the rows that Accept adds, or moves: no caller knows them, so no limit of a call holds them.
size_t Committer::KeptBytes(const Transaction& transaction) {
  size_t size = 0;
  for (const Effect& effect : transaction.effects) {
    const size_t keys = 2 * (effect.key.size() + 32);
    if (effect.keep_old) size += Current(effect.key)->image.size() + keys;
    if (effect.from) size += Current(*effect.from)->image.size() + keys;
  }
  return size;
}

// The row that stands, under the key where it stays. It names what it named, and the frame of its
// blob stays where it is: whoever compacts looks for both.
std::optional<Effect> Committer::Kept(const Effect& effect) {
  if (!effect.keep_old) return std::nullopt;
  const Standing& old = *Current(effect.key);
  if (old.revision == 0 || STRONGROOM_BUG("old-version-dropped")) return std::nullopt;
  CHECK(!old.image.empty()) << "who keeps a row waits until it stands in the index";
  Effect kept;
  kept.key = format::VersionKey(effect.key, old.version);
  kept.carried = CarriedRow{old.revision, old.home, old.image, {}};
  return kept;
}

format::Extent Committer::ExtentOf(const Batch& batch, const format::Extent& before) const {
  format::Extent extent = before;
  for (const Pending& pending : batch.pendings) {
    if (pending.transaction.retire) extent = *pending.transaction.retire;
  }
  // It guides the compaction, and nothing else hangs on it.
  auto live = static_cast<int64_t>(before.live_bytes) + batch.grown;
  extent.live_bytes = static_cast<uint64_t>(std::max<int64_t>(live, 0));
  return extent;
}

// Builds the batch's bytes for the place where it will stand, and its image for the indexes.
Status Committer::Seal(Batch* batch) {
  size_t frames = 0, record_size = format::kRecordHeadSize + 4;
  for (const Pending& pending : batch->pendings) {
    record_size += 4;
    for (const Effect& effect : pending.transaction.effects) {
      record_size += format::EffectHeadSize(effect.key.size(), KindOf(effect));
      if (!effect.remove) record_size += format::RowSize(RowOf(effect, 0));
      if (const Bytes* frame = FrameOf(effect)) frames += frame->size();
    }
  }
  size_t sealed_size = record_size + aead::kXaesOverhead;
  size_t size = format::RoundUp(format::kBatchHeaderSize + frames + sealed_size, format::kBlock);
  if (size > format::kBatchSizeMax) {  // Nobody could read it.
    return Status(Code::kInvalidArgument, "the batch is over 16 MiB");
  }
  TRY_ASSIGN(log::Place place, options_.log->PlaceFor(size));

  auto sealed = std::make_shared<log::SealedBatch>();
  sealed->place = place;
  sealed->extent = ExtentOf(*batch, place.extent);
  sealed->bytes.Resize(size);
  uint8_t* out = sealed->bytes.data();
  format::RecordHead head{format::RecordKind::kCommit,
                          place.epoch,
                          batch->pendings.front().revision,
                          place.before.chain,
                          options_.env->WallMillis(),
                          0,
                          sealed->extent};
  Bytes record;
  record.reserve(record_size);
  format::EncodeRecordHead(head, &record);
  ByteWriter w(&record);
  w.U32(static_cast<uint32_t>(batch->pendings.size()));
  size_t at = format::kBatchHeaderSize;
  Bytes row;
  for (Pending& pending : batch->pendings) {
    w.U32(static_cast<uint32_t>(pending.transaction.effects.size()));
    for (Effect& effect : pending.transaction.effects) {
      if (effect.checkpoint) {
        const ByteSpan token = ByteSpan(effect.body).first(format::kTokenSize);
        effect.body = format::EncodeCheckpoint(token, place.before.chain);
      }
      if (effect.remove) {
        format::EncodeDeleted(effect.key, &record);
        continue;
      }
      row.clear();
      auto location = format::Location(place.segment, static_cast<uint32_t>(place.offset + at));
      format::EncodeRow(RowOf(effect, location), &row);
      if (effect.carried) {
        format::EncodeCarried(effect.key, effect.carried->revision, row, &record);
      } else {
        format::EncodeWritten(effect.key, row, &record);
      }
      const Bytes* frame = FrameOf(effect);
      if (frame == nullptr) continue;
      memcpy(out + at, frame->data(), frame->size());
      at += frame->size();
    }
  }
  CHECK(record.size() == record_size);

  std::array<uint8_t, aead::kXaesNonceSize> nonce;
  options_.env->Random(nonce);
  if (STRONGROOM_BUG("reused-nonce")) nonce.fill(0);
  Bytes aad = format::RecordAad(options_.seal->store_id, place.segment_id, place.offset,
                                place.epoch, head.first_sequence);
  Bytes ciphertext = aead::XaesSeal(options_.seal->key.span(), nonce, aad, record);
  memcpy(out + at, ciphertext.data(), ciphertext.size());
  memset(out + at + ciphertext.size(), 0, size - at - ciphertext.size());

  format::BatchHeader header;
  header.segment_id = place.segment_id;
  header.offset = place.offset;
  header.size = static_cast<uint32_t>(size);
  header.record_offset = static_cast<uint32_t>(at);
  header.record_size = static_cast<uint32_t>(ciphertext.size());
  header.epoch = place.epoch;
  header.first_sequence = head.first_sequence;
  header.record_generation = options_.seal->generation;
  header.record_checksum = hash::Xxh64(ciphertext);
  format::EncodeBatchHeader(header, out);

  uint64_t location = format::Location(place.segment, place.offset);
  sealed->position = {place.epoch, batch->pendings.back().revision, location, location + size,
                      hash::Sha256(ciphertext)};
  auto decoded = format::DecodeRecord(std::move(record));
  CHECK(decoded.ok());
  batch->image = std::make_shared<const AppliedBatch>(ApplyImage(*decoded, sealed->position));
  batch->sealed = std::move(sealed);
  return {};
}

void Committer::WriteBatch(std::unique_ptr<Batch> next) {
  Status status = Seal(next.get());
  if (status.Is(Code::kUnavailable) && in_flight_) {  // The segment is full.
    FinishInFlight();
    status = Seal(next.get());
  }
  std::unique_ptr<Batch> before = std::move(in_flight_);
  Status stood;
  if (before) stood = options_.log->Finish();
  if (status.ok() && stood.ok()) {
    // A new epoch may stand since the batch was sealed: then it is sealed again for its new place.
    auto place = options_.log->PlaceFor(next->sealed->bytes.size());
    if (!place.ok()) {
      status = place.status();
    } else if (*place != next->sealed->place) {
      status = Seal(next.get());
    }
  }
  if (!stood.ok() && !STRONGROOM_BUG("batch-kept-after-failed")) {
    status = *options_.log->stopped();
  }
  if (status.ok()) {
    options_.log->Begin(next->sealed);
    in_flight_ = std::move(next);
  }
  if (before) stood.ok() ? SettleDurable(*before) : Fail(*before, stood);
  if (next) Fail(*next, status);
}

void Committer::FinishInFlight() {
  std::unique_ptr<Batch> batch = std::move(in_flight_);
  Status status = options_.log->Finish();
  status.ok() ? SettleDurable(*batch) : Fail(*batch, status);
}

// From here nothing turns into an error: the batch is durable in every zone of the set.
void Committer::SettleDurable(Batch& batch) {
  {
    MutexLock lock(&mutex_);
    state_.tail = options_.log->tail();  // Before: no index holds what is not in the log.
  }
  Status applied = options_.indexes->Apply(batch.image);
  // After: of all that is before the ruling epoch the index has the rows. Else the compaction would
  // take them for removed.
  TellState();
  bool closing = applied.Is(Code::kClosed);
  if (!applied.ok() && !closing && options_.on_stopped) options_.on_stopped(applied);
  for (const Pending& pending : batch.pendings) {
    for (const Effect& effect : pending.transaction.effects) {
      auto newer = newer_.find(effect.key);
      uint64_t mine = pending.revision;
      if (effect.remove) mine = 0;
      if (effect.carried) mine = effect.carried->revision;
      if (newer != newer_.end() && newer->second.revision == mine) newer_.erase(newer);
    }
  }
  sequence_ = batch.pendings.back().revision;
  commits_ += batch.pendings.size();
  ++batches_;
  for (Pending& pending : batch.pendings) {
    pending.done(Committed{pending.revision, batch.sealed->place.before.chain});
  }
  for (auto& [done, why] : batch.refused) done(why);
  if (options_.waits->any()) {
    for (const Pending& pending : batch.pendings) {
      if (!IsCarry(pending.transaction)) options_.waits->Tell(pending.transaction.effects);
    }
  }
  if (options_.on_written) options_.on_written(batch.sealed->bytes.size());
  for (const GoneBlob& blob : batch.gone) options_.on_gone(blob);
}

// The batch was not written, or its fate is unknown and the log stopped.
void Committer::Fail(Batch& batch, const Status& status) {
  if (status.Is(Code::kUnknown) && options_.on_stopped) options_.on_stopped(status);
  if (!batch.pendings.empty()) next_sequence_ = batch.pendings.front().revision;
  for (const Pending& pending : batch.pendings) {
    for (const Effect& effect : pending.transaction.effects) newer_.erase(effect.key);
  }
  for (Pending& pending : batch.pendings) pending.done(status);
  for (auto& [done, why] : batch.refused) done(why);
}

}  // namespace strongroom::engine
