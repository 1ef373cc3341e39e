#include "engine/committer.h"

#include <algorithm>

#include "hash/xxh64.h"

namespace strongroom::engine {

using format::BlobKind;
using format::Position;

namespace {

constexpr size_t kBatchBytes = 1 << 20;  // A larger batch would stretch everybody's latency.
constexpr size_t kBatchTransactions = 512;

size_t RowSize(const Effect& effect) {
  size_t blob = 0;
  if (effect.small) blob = 16 + 8 + 8 + format::kDekWrapSize + 8;
  if (effect.large) blob = 16 + 8 + 8 + format::kDekWrapSize + 4;
  return 10 + blob + effect.body.size();
}

size_t FrameBytes(const Transaction& transaction) {
  size_t size = 0;
  for (const Effect& effect : transaction.effects) {
    size += effect.key.size() + effect.body.size() + 200;
    if (effect.small) size += effect.small->frame.size();
  }
  return size;
}

Bytes RangeName(const Bytes& start, const Bytes& end) {
  Bytes name;
  ByteWriter w(&name);
  w.Field(start);
  w.Raw(end);
  return name;
}

format::Row RowOf(const Effect& effect, uint64_t frame_location) {
  format::Row row;
  row.modified = effect.modified;
  row.body = effect.body;
  if (effect.small) {
    row.blob = effect.small->reference;
    row.blob.location = frame_location;
  } else if (effect.large) {
    row.blob = *effect.large;
  }
  return row;
}

}  // namespace

Committer::Committer(Options options)
    : options_(std::move(options)),
      wake_(&mutex_),
      next_sequence_(options_.log->tail().sequence + 1),
      sequence_(options_.log->tail().sequence) {
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
  MutexLock lock(&mutex_);
  expels_.emplace_back(zone, std::move(why));
  wake_.Signal();
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
    while (queue_.empty() && expels_.empty() && !stopping_ && !in_flight_) wake_.Wait();
    if (expels_.empty()) break;
    if (in_flight_) return out;  // Expelling needs a quiet log.
    // Before anything that was queued after it: a blob that a zone missed must not be committed
    // while that zone counts.
    mutex_.Unlock();
    ExpelAsked();
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

void Committer::ExpelAsked() {
  std::vector<std::pair<int, std::string>> asked;
  {
    MutexLock lock(&mutex_);
    asked.swap(expels_);
  }
  for (auto& [zone, why] : asked) {
    // Below the quorum nobody is expelled for its cells alone: the log of that zone still works.
    if (options_.log->set().size() > 2) (void)options_.log->Expel(zone, why);
  }
}

// False when nothing is left to write: everything was refused and nothing in flight decides it.
bool Committer::PrepareBatch(std::vector<Pending> candidates, Batch* batch) {
  Status status;
  if (auto stopped = options_.log->stopped()) status = *stopped;
  if (status.ok()) status = LookUp(candidates);
  for (Pending& pending : candidates) {
    Status verdict = status.ok() ? CheckOne(pending.transaction) : status;
    if (verdict.ok()) {
      Accept(std::move(pending), batch);
    } else {
      batch->refused.emplace_back(std::move(pending.done), verdict);
    }
  }
  if (!batch->pendings.empty()) return true;
  // A refusal may rest on the batch in flight: tell nobody before that one stands.
  if (in_flight_) FinishInFlight();
  for (auto& [done, why] : batch->refused) done(why);
  return false;
}

// Fetches from the index, in one hop, what the checks and effects need and no batch has newer.
Status Committer::LookUp(const std::vector<Pending>& candidates) {
  looked_.clear();
  empty_.clear();
  std::vector<Bytes> keys;
  std::vector<index::ScanRequest> ranges;
  auto want = [&](const Bytes& key) {
    if (newer_.count(key) == 0 && looked_.emplace(key, Newer{}).second) keys.push_back(key);
  };
  for (const Pending& pending : candidates) {
    for (const Check& check : pending.transaction.checks) want(check.key);
    for (const Effect& effect : pending.transaction.effects) want(effect.key);
    for (const auto& range : pending.transaction.empty) {
      index::ScanRequest scan;
      scan.start = range.start;
      scan.end = range.end;
      scan.limit = 1;
      ranges.push_back(std::move(scan));
    }
  }
  TRY_ASSIGN(auto looked, options_.indexes->Look(keys, ranges));
  for (size_t i = 0; i < keys.size(); ++i) {
    if (looked.rows[i].empty()) continue;
    auto row = format::DecodeIndexRow(AsBytes(looked.rows[i]));
    if (!row.ok()) return row.status();
    Newer& newer = looked_[keys[i]];
    newer.revision = row->revision;
    if (row->row.blob.kind == BlobKind::kLarge) newer.large = row->row.blob;
  }
  for (size_t i = 0; i < ranges.size(); ++i) {
    empty_[RangeName(ranges[i].start, ranges[i].end)] = looked.empty[i];
  }
  return {};
}

const Committer::Newer* Committer::Current(const Bytes& key) {
  auto newer = newer_.find(key);
  if (newer != newer_.end()) return &newer->second;
  return &looked_[key];
}

Status Committer::CheckOne(const Transaction& transaction) {
  for (const Check& check : transaction.checks) {
    if (Current(check.key)->revision != check.revision) {
      return Status(Code::kPreconditionFailed, "a row is not at the expected revision");
    }
  }
  for (const auto& range : transaction.empty) {
    bool empty = empty_[RangeName(range.start, range.end)];
    // Conservative where the batches hold deletes: a row that only the index still has counts,
    // unless a newer delete is known, so look at each newer row of the range.
    for (auto it = newer_.lower_bound(range.start); it != newer_.end() && it->first < range.end;
         ++it) {
      if (it->second.revision != 0) empty = false;
    }
    if (!empty) return Status(Code::kPreconditionFailed, "the range holds a row");
  }
  return {};
}

void Committer::Accept(Pending pending, Batch* batch) {
  pending.revision = next_sequence_++;
  for (const Effect& effect : pending.transaction.effects) {
    if (auto& old = Current(effect.key)->large) batch->unreferenced.push_back(*old);
    Newer& newer = newer_[effect.key];
    newer.revision = effect.remove ? 0 : pending.revision;
    newer.large = effect.large;
  }
  batch->pendings.push_back(std::move(pending));
}

// Builds the batch's bytes for the place where it will stand, and its image for the indexes.
Status Committer::Seal(Batch* batch) {
  size_t frames = 0, record_size = format::kRecordHeadSize + 4;
  for (const Pending& pending : batch->pendings) {
    record_size += 4;
    for (const Effect& effect : pending.transaction.effects) {
      record_size += 2 + effect.key.size() + 4 + (effect.remove ? 0 : RowSize(effect));
      if (effect.small) frames += effect.small->frame.size();
    }
  }
  size_t sealed_size = record_size + aead::kXaesOverhead;
  size_t size = format::RoundUp(format::kBatchHeaderSize + frames + sealed_size, format::kBlock);
  TRY_ASSIGN(log::Place place, options_.log->PlaceFor(size));

  auto sealed = std::make_shared<log::SealedBatch>();
  sealed->place = place;
  sealed->bytes.Resize(size);
  uint8_t* out = sealed->bytes.data();
  format::RecordHead head{format::RecordKind::kCommit,      place.epoch,
                          batch->pendings.front().revision, place.before.chain,
                          options_.env->WallMillis(),       0};
  Bytes record;
  record.reserve(record_size);
  format::EncodeRecordHead(head, &record);
  ByteWriter w(&record);
  w.U32(static_cast<uint32_t>(batch->pendings.size()));
  size_t at = format::kBatchHeaderSize;
  Bytes row;
  for (const Pending& pending : batch->pendings) {
    w.U32(static_cast<uint32_t>(pending.transaction.effects.size()));
    for (const Effect& effect : pending.transaction.effects) {
      w.U16(static_cast<uint16_t>(effect.key.size()));
      w.Raw(effect.key);
      if (effect.remove) {
        w.U32(0xffffffff);
        continue;
      }
      row.clear();
      auto location = format::Location(place.segment, static_cast<uint32_t>(place.offset + at));
      format::EncodeRow(RowOf(effect, location), &row);
      w.Field(row);
      if (!effect.small) continue;
      memcpy(out + at, effect.small->frame.data(), effect.small->frame.size());
      at += effect.small->frame.size();
    }
  }
  CHECK(record.size() == record_size);

  std::array<uint8_t, aead::kXaesNonceSize> nonce;
  options_.env->Random(nonce);
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
  if (!stood.ok()) status = *options_.log->stopped();
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
  Status applied = options_.indexes->Apply(batch.image);
  if (!applied.ok() && options_.on_stopped) options_.on_stopped(applied);
  for (const Pending& pending : batch.pendings) {
    for (const Effect& effect : pending.transaction.effects) {
      auto newer = newer_.find(effect.key);
      uint64_t mine = effect.remove ? 0 : pending.revision;
      if (newer != newer_.end() && newer->second.revision == mine) newer_.erase(newer);
    }
  }
  sequence_ = batch.pendings.back().revision;
  commits_ += batch.pendings.size();
  ++batches_;
  for (Pending& pending : batch.pendings) pending.done(Committed{pending.revision});
  for (auto& [done, why] : batch.refused) done(why);
  for (const auto& blob : batch.unreferenced) options_.on_unreferenced(blob);
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
