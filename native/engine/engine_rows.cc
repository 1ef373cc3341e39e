// Rows: how they are committed, got and listed, and the way of a get from the row to the bytes.
#include <algorithm>
#include <string_view>
#include <unordered_set>

#include "base/scratch.h"
#include "engine/checkpoints.h"
#include "engine/engine_impl.h"

namespace strongroom::engine {

namespace {

bool FitsVersions(const Effect& effect) {
  const bool moves = effect.from.has_value();
  // One form of the key: two effects with different numbers would become one.
  const bool named = format::IsVersionKey(effect.key) &&
                     format::VersionKey(effect.key, 0) == effect.key;
  if (effect.versioned && (!named || effect.keep || effect.remove)) return false;
  // Any other number might be that of a row that is about to be kept.
  const bool stays = effect.versioned || effect.remove || effect.keep;
  if (format::IsVersionKey(effect.key) && !stays) return false;
  if (effect.keep_old && (!format::IsCurrentKey(effect.key) || effect.keep)) return false;
  if (!moves) return true;
  const bool brings = effect.remove || effect.keep || effect.small || effect.named;
  return !brings && format::IsVersionKey(*effect.from) &&
         format::CurrentKey(*effect.from) == effect.key;
}

// Refuses what could never be committed, before it waits in the queue.
Status CheckLimits(const Transaction& transaction) {
  size_t total = 0;
  for (const Effect& effect : transaction.effects) {
    if (effect.key.empty() || effect.key.size() > format::kRowKeyMax) {
      return Status(Code::kInvalidArgument, "a row key has 1 to 1100 bytes");
    }
    if (effect.key.size() == 1 && effect.key[0] == 0) {
      return Status(Code::kInvalidArgument, "the row key 00 is the indexes' own");
    }
    if (format::IsEngineKey(effect.key)) {
      return Status(Code::kInvalidArgument, "only the engine counts and takes checkpoints");
    }
    if (!FitsVersions(effect)) {
      return Status(Code::kInvalidArgument, "only an object's rows are versions");
    }
    if (effect.body.size() > format::kRowMax) {
      return Status(Code::kInvalidArgument, "a row has at most 64 KiB");
    }
    total += effect.key.size() + effect.body.size() + 256;
    if (effect.event) {
      const EventRow& event = *effect.event;
      if (event.under.empty() || event.under.size() > 64 || format::IsEngineKey(event.under)) {
        return Status(Code::kInvalidArgument, "an event row lies under 1 to 64 bytes");
      }
      if (event.body.size() > format::kRowMax / 2) {
        return Status(Code::kInvalidArgument, "an event row has at most 32 KiB");
      }
      total += event.under.size() + event.body.size() + 256;
    }
    if (effect.small) total += effect.small->frame.size();
  }
  if (transaction.effects.empty() || total > format::kBatchSizeMax / 2) {
    return Status(Code::kInvalidArgument, "a transaction has 1 effect at least, 8 MiB at most");
  }
  std::unordered_set<std::string_view> keys;
  for (const Effect& effect : transaction.effects) {
    const bool first = keys.insert(AsString(effect.key)).second;
    if (!first || (effect.from && !keys.insert(AsString(*effect.from)).second)) {
      return Status(Code::kInvalidArgument, "one effect per row key");
    }
  }
  return {};
}

Status NotHeld() {
  return Status(Code::kPreconditionFailed, "a row is not at the expected revision");
}

// Whether the row is at the expected revision. An index that errs is told in `broken` as well.
// Asked after what it guards was read: the caller saw the revision before the call, and no other
// row ever has it, so a row that still has it had it all the while. The other way about, rows of
// after the change would pass under a check from before it. Not so of an object's row, which may go
// and come back: of the very row that is read its own revision is asked.
Result<bool> Holds(index::Index& index, const Check& check, Status* broken) {
  Scratch<std::string> kept;
  std::string& row = *kept;
  row.clear();
  auto got = index.Get(check.key, &row);
  if (!got.ok()) return *broken = got.status();
  return format::IndexRowRevision(AsBytes(row)) == check.revision;
}

// What the caller must know first, of what the zones answered.
int Gravity(const Status& status) {
  if (status.Is(Code::kTampered)) return 2;
  return log::IsAbsent(status) ? 1 : 0;
}

}  // namespace

format::IndexRow Found::row() const {
  auto decoded = format::DecodeIndexRow(ByteSpan(bytes).first(row_size));
  CHECK(decoded.ok()) << "checked when it was found";
  return *decoded;
}

void EngineImpl::Commit(Transaction transaction, Committing done) {
  Status status = CheckLimits(transaction);
  if (closed()) status = Status(Code::kClosed, "the store is closed");
  if (status.ok() && !committer_) {
    status = Status(Code::kReadOnly, "the store was opened read-only");
  }
  if (!status.ok()) return done(status);
  demand_->Note();
  committer_->Commit(std::move(transaction), std::move(done));
}

void EngineImpl::Find(GetRequest request, Finding done) {
  if (closed()) return done(Status(Code::kClosed, "the store is closed"));
  auto shared = std::make_shared<GetRequest>(std::move(request));
  auto settle = std::make_shared<Finding>(std::move(done));
  auto attempt = [self = shared_from_this(), shared, settle](
                     const std::shared_ptr<Zone>& zone, index::Index& index) -> IndexSet::Outcome {
    Status broken;
    auto found = std::make_shared<Result<std::optional<Found>>>(
        self->GetFrom(zone, index, *shared, &broken));
    if (!broken.ok()) return IndexSet::Outcome::Broken(broken);
    if (!found->ok()) return found->status();
    return IndexSet::Settle([settle, found] { (*settle)(std::move(*found)); });
  };
  indexes_->Read(attempt, [settle](Status status) { (*settle)(status); });
}

// The get walk (an index that errs is told in `broken`): find the row, read its cells, verify,
// open.
Result<std::optional<Found>> EngineImpl::GetFrom(const std::shared_ptr<Zone>& zone,
                                                 index::Index& index, const GetRequest& request,
                                                 Status* broken) {
  Scratch<std::string> kept;
  std::string& row_bytes = *kept;
  for (;;) {
    row_bytes.clear();
    auto got = index.Get(request.key, &row_bytes);
    if (!got.ok()) return *broken = got.status();
    if (request.check && request.check->key == request.key) {
      if (format::IndexRowRevision(AsBytes(row_bytes)) != request.check->revision) return NotHeld();
    } else if (request.check) {
      TRY_ASSIGN(bool holds, Holds(index, *request.check, broken));
      if (!holds) return NotHeld();
    }
    if (!*got) return std::optional<Found>();
    TRY_ASSIGN(format::IndexRow row, format::DecodeIndexRow(AsBytes(row_bytes)));
    const format::BlobReference& blob = row.row.blob;
    Found found;
    found.row_size = row_bytes.size();
    found.offset = std::min(request.offset, blob.size);
    found.length = std::min(request.length, blob.size - found.offset);
    found.bytes.assign(row_bytes.begin(), row_bytes.end());
    bool open = (request.kek || request.parts) && blob.kind != format::BlobKind::kNone;
    if ((open || request.pin) && format::IsCounted(blob.kind)) {
      found.pin = pins_->Pin(blob.id);
      // Pinned too late if it was overwritten in between: then look again. Last, for a row that is
      // still there was counted all the while.
      std::string again, counting;
      auto counted = index.Get(format::CountedKey(blob.kind, blob.id), &counting);
      auto still = index.Get(request.key, &again);
      if (!counted.ok()) return *broken = counted.status();
      if (!still.ok()) return *broken = still.status();
      if (again != row_bytes) continue;
      if (!*counted) return Status(Code::kCorruption, "a blob that a row names is not counted");
      TRY_ASSIGN(format::IndexRow count, format::DecodeIndexRow(AsBytes(counting)));
      found.placement = format::PlacedIn(shape_, count.row.counted.placement);
    }
    if (open) TRY(OpenFound(zone, request, blob, &found));
    return std::optional<Found>(std::move(found));
  }
}

// A small blob's bytes, a list's key; of a large blob only that its key opens.
Status EngineImpl::OpenFound(const std::shared_ptr<Zone>& zone, const GetRequest& request,
                             const format::BlobReference& blob, Found* found) {
  TRY_ASSIGN(SecretBytes dek, DekOf(request.kek, request.parts, blob));
  if (blob.kind == format::BlobKind::kParts) {
    found->parts = std::make_shared<const PartsKey>(blob.id, std::move(dek));
  }
  if (!format::IsSmall(blob.kind)) return {};
  found->bytes.reserve(found->row_size + aead::kChunkSize + found->length);
  SmallBlobRead read{shape_.store_id, dek.span(),    blob,
                     found->offset,   found->length, request.frame};
  return ReadSmall(zone, read, &found->bytes);
}

// From this zone's copy, else from the others'.
Status EngineImpl::ReadSmall(const std::shared_ptr<Zone>& zone, const SmallBlobRead& read,
                             Bytes* out) {
  Status worst = ReadSmallBlob(*zone->log, read, out);
  if (worst.ok()) return worst;
  // A disk that does not read says nothing of the bytes.
  auto tell = [&](const Zone& which, const Status& why) {
    const bool tampered = why.Is(Code::kTampered);
    if (!tampered && !log::IsAbsent(why)) return;
    Report(tampered ? Event::Kind::kTampering : Event::Kind::kRot, which.number,
           "blob " + ToHex(read.reference.id) + ": " + why.message());
  };
  tell(*zone, worst);
  for (auto& other : opened_->zones) {
    if (other == zone || !other->cells->healthy) continue;
    struct Shared {
      SecretBytes dek;
      aead::Id store_id;
      format::BlobReference reference;
      Bytes out;
    };
    auto shared = std::make_shared<Shared>();
    shared->store_id = read.store_id;
    shared->dek = SecretBytes(read.dek);
    shared->reference = read.reference;
    Status status = other->cell_threads->Run(
        [shared, other, offset = read.offset, length = read.length, frame = read.frame] {
          SmallBlobRead again{
              shared->store_id, shared->dek.span(), shared->reference, offset, length, frame};
          return ReadSmallBlob(*other->log, again, &shared->out);
        },
        options_.zone_deadline_nanos);
    if (status.ok()) {
      ++degraded_;
      HealFrameSoon(read.reference, read.dek);
      out->insert(out->end(), shared->out.begin(), shared->out.end());
      return status;
    }
    tell(*other, status);
    if (Gravity(status) > Gravity(worst)) worst = status;
  }
  return log::IsAbsent(worst) ? Status(Code::kCorruption, worst.message()) : worst;
}

void EngineImpl::Scan(ScanRequest request, Scanning scanning) {
  if (closed()) return scanning.fail(Status(Code::kClosed, "the store is closed"));
  auto shared = std::make_shared<ScanRequest>(std::move(request));
  auto attempt = [shared, scanning](const std::shared_ptr<Zone>&,
                                    index::Index& index) -> IndexSet::Outcome {
    Attempt page = scanning.begin();
    auto end = index.Scan(shared->page, page.sink);
    if (!end.ok() && end.status().Is(Code::kInvalidArgument)) return end.status();
    if (!end.ok()) return IndexSet::Outcome::Broken(end.status());
    if (shared->check) {
      Status broken;
      auto holds = Holds(index, *shared->check, &broken);
      if (!holds.ok()) return IndexSet::Outcome::Broken(broken);
      if (!*holds) return NotHeld();
    }
    return IndexSet::Settle([page, end = std::move(*end)] { page.done(end); });
  };
  indexes_->Read(attempt, scanning.fail);
}

void EngineImpl::TakeCheckpoint(std::function<void(Result<Checkpoint>)> done) {
  if (Status refusal = WriteRefusal(); !refusal.ok()) return done(refusal);
  Checkpoints::Options options;
  options.env = options_.env;
  options.newest = [self = shared_from_this()](Bytes start, Bytes end, uint32_t limit,
                                               FoundPage found) {
    index::ScanRequest page;
    page.start = std::move(start);
    page.end = std::move(end);
    page.reverse = true;
    page.limit = limit;
    FindPage(*self, std::move(page), std::move(found));
  };
  options.commit = [self = shared_from_this()](Transaction transaction, Committing committed) {
    self->committer_->Commit(std::move(transaction), std::move(committed));
  };
  Checkpoints::Take(std::move(options), std::move(done));
}

}  // namespace strongroom::engine
