#include "engine/engine.h"

#include <algorithm>
#include <atomic>
#include <string_view>
#include <unordered_set>

#include "engine/blob_pins.h"
#include "engine/committer.h"
#include "engine/creating.h"
#include "engine/index_set.h"
#include "engine/letting_go.h"
#include "engine/opening.h"
#include "engine/parts_clearer.h"
#include "engine/small_blob.h"
#include "format/superblock.h"

namespace strongroom::engine {

namespace {

constexpr uint64_t kCloseNanos = 10'000'000'000;

Bytes KeyAad(const aead::Id& store_id, ByteSpan context) {
  Bytes aad;
  ByteWriter w(&aad);
  w.Field(AsBytes("bucket"));
  w.Raw(store_id);
  w.Field(context);
  return aad;
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
    if (format::IsCountingKey(effect.key)) {
      return Status(Code::kInvalidArgument, "only the engine counts references");
    }
    if (effect.body.size() > format::kRowMax) {
      return Status(Code::kInvalidArgument, "a row has at most 64 KiB");
    }
    total += effect.key.size() + effect.body.size() + 256;
    if (effect.event) {
      const EventRow& event = *effect.event;
      if (event.under.empty() || event.under.size() > 64 || format::IsCountingKey(event.under)) {
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
    if (!keys.insert(AsString(effect.key)).second) {
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
// after the change would pass under a check from before it.
Result<bool> Holds(index::Index& index, const Check& check, Status* broken) {
  thread_local std::string row;
  row.clear();
  auto got = index.Get(check.key, &row);
  if (!got.ok()) return *broken = got.status();
  return format::IndexRowRevision(AsBytes(row)) == check.revision;
}

// Whatever a zone's thread or a reader's holder may still call after the close holds a share, or
// asks for one that may be gone. Who opened the engine holds a handle that closes it.
class EngineImpl : public Engine, public std::enable_shared_from_this<EngineImpl> {
 public:
  EngineImpl(OpenOptions options, std::function<void(const Event&)> on_event)
      : options_(std::move(options)), on_event_(std::move(on_event)) {}
  ~EngineImpl() override { Close(); }
  Status Start();

  const aead::Id& store_id() const override { return shape_.store_id; }
  uint32_t format_version() const override { return format::kFormatVersion; }
  bool read_only() const override { return options_.read_only; }
  uint32_t large_from() const override { return shape_.large_from; }

  std::pair<Bytes, KekRef> CreateKey(ByteSpan context) override;
  Result<KekRef> OpenKey(ByteSpan wrapped, ByteSpan context) override;
  SealedBlob SealSmall(const Kek& kek, ByteSpan plaintext) override {
    return SealSmallBlob(MakeBlob(options_.env, shape_.store_id, kek), plaintext);
  }
  SealedBlob SealPart(const PartsKey& parts, ByteSpan plaintext) override {
    return SealSmallBlob(MakePart(options_.env, shape_.store_id, parts), plaintext);
  }
  PartsKeyRef CreateParts() override;
  format::BlobReference NameParts(const Kek& kek, const PartsKey& parts, uint64_t size,
                                  uint64_t crc64) override;
  Result<format::BlobReference> Rewrap(const format::BlobReference& reference, const Kek& from,
                                       const Kek& to) override;
  void Commit(Transaction transaction, Committing done) override;
  void Get(GetRequest request, Finding done) override;
  void Scan(ScanRequest request, Scanning scanning) override;
  Result<NewBlob> WriteBlob(const Kek& kek, uint64_t expected_size,
                            std::function<void(ByteSpan)> on_plaintext) override {
    if (Status refusal = WriteRefusal(); !refusal.ok()) return refusal;
    return StartBlob(MakeBlob(options_.env, shape_.store_id, kek), format::BlobKind::kLarge,
                     expected_size, std::move(on_plaintext));
  }
  Result<NewBlob> WritePart(const PartsKey& parts, uint64_t expected_size,
                            std::function<void(ByteSpan)> on_plaintext) override {
    if (Status refusal = WriteRefusal(); !refusal.ok()) return refusal;
    return StartBlob(MakePart(options_.env, shape_.store_id, parts), format::BlobKind::kLargePart,
                     expected_size, std::move(on_plaintext));
  }
  std::shared_ptr<void> AwaitChange(Bytes under, std::function<void()> done) override {
    return waits_->Await(std::move(under), std::move(done));
  }
  bool PostToCodec(std::function<void()> work) override {
    return !closed() && codec_ && codec_->Post(std::move(work));
  }
  Result<std::shared_ptr<blob::BlobReader>> ReadBlob(const Opening& opening) override;
  void BlobWritten(const blob::BlobDone& done) override;
  void DropBlob(const GoneBlob& blob) override { RemoveFiles(blob); }
  EngineStatus status() override;
  void Close() override;

 private:
  Result<std::optional<Found>> GetFrom(const std::shared_ptr<Zone>& zone, index::Index& index,
                                       const GetRequest& request, Status* broken);
  Status ReadSmall(const std::shared_ptr<Zone>& zone, const SmallBlobRead& read, Bytes* out);
  void StartBlobs();
  void StartCommitter();
  void StartIndexes();
  void StopCommitter();
  void StartClearer();
  Status WriteRefusal() const;
  Result<NewBlob> StartBlob(FreshBlob fresh, format::BlobKind kind, uint64_t expected_size,
                            std::function<void(ByteSpan)> on_plaintext);
  Result<SecretBytes> DekOf(const KekRef& kek, const PartsKeyRef& parts,
                            const format::BlobReference& reference) const;
  Status OpenFound(const std::shared_ptr<Zone>& zone, const GetRequest& request,
                   const format::BlobReference& blob, Found* found);
  void Remove(const GoneBlob& blob);
  void RemoveFiles(const GoneBlob& blob);
  void Report(Event::Kind kind, int zone, const std::string& what);
  void CellsFailed(int zone, const Status& why);
  bool closed() const { return closed_.load(); }

  OpenOptions options_;
  const std::function<void(const Event&)> on_event_;
  format::Superblock shape_;
  std::unique_ptr<Opened> opened_;
  std::shared_ptr<blob::Deadlines> index_deadlines_;
  std::shared_ptr<io::TaskQueue> codec_;
  std::shared_ptr<blob::BlobContext> blobs_;
  blob::CellZones cell_zones_;
  std::shared_ptr<BlobPins> pins_;
  std::shared_ptr<IndexSet> indexes_;
  const std::shared_ptr<ChangeWaits> waits_ = std::make_shared<ChangeWaits>();
  std::unique_ptr<log::ReplicatedLog> log_;
  std::unique_ptr<Committer> committer_;
  std::shared_ptr<PartsClearer> clearer_;
  std::atomic<bool> closed_{false};
  Mutex close_mutex_;
  Mutex event_mutex_;      // Held while on_event_ runs, so that Close can wait for it.
  bool silenced_ = false;  // Guarded by event_mutex_.
  std::atomic<uint64_t> rot_found_{0}, tampering_found_{0}, degraded_{0}, without_redundancy_{0};
  mutable Mutex state_mutex_;
  std::string read_only_reason_;  // Guarded by state_mutex_.
};

void EngineImpl::Report(Event::Kind kind, int zone, const std::string& what) {
  if (kind == Event::Kind::kRot) ++rot_found_;
  if (kind == Event::Kind::kTampering) ++tampering_found_;
  if (kind == Event::Kind::kReadOnly) {
    MutexLock lock(&state_mutex_);
    if (read_only_reason_.empty()) read_only_reason_ = what;
  }
  MutexLock lock(&event_mutex_);
  if (on_event_ && !silenced_) on_event_({kind, zone, what});
}

Status EngineImpl::Start() {
  auto report = [this](const Event& event) { Report(event.kind, event.zone, event.what); };
  TRY_ASSIGN(opened_, OpenZones(options_, report));
  for (auto& zone : opened_->zones) {
    if (zone->present) shape_ = zone->superblock;
  }
  for (auto& zone : opened_->zones) {
    bool in_set = std::find(opened_->set.begin(), opened_->set.end(), zone) != opened_->set.end();
    if (!in_set) Report(Event::Kind::kZoneStale, zone->number, zone->why.message());
  }
  StartBlobs();
  StartIndexes();
  Status serving = indexes_->AwaitServing();
  if (!serving.ok()) return serving;
  if (options_.read_only) return {};
  StartCommitter();
  StartClearer();
  return {};
}

void EngineImpl::StartBlobs() {
  codec_ = std::make_shared<io::TaskQueue>(options_.env, "codec", options_.codec_threads);
  blobs_ = std::make_shared<blob::BlobContext>();
  blobs_->env = options_.env;
  blobs_->codec = codec_;
  blobs_->read_slabs = blob::SlabPool::Create(options_.read_slabs);
  blobs_->write_slabs = blob::SlabPool::Create(options_.write_slabs);
  blobs_->deadlines = std::make_shared<blob::Deadlines>(options_.env);
  blobs_->zone_deadline_nanos = options_.zone_deadline_nanos;
  blobs_->hedge_nanos = std::min<uint64_t>(200'000'000, options_.zone_deadline_nanos / 2);
  blobs_->on_trouble = [weak = weak_from_this()](const blob::CellTrouble& trouble) {
    auto self = weak.lock();
    if (!self) return;
    using Kind = blob::CellTrouble::Kind;
    if (trouble.kind == Kind::kTampered) {
      self->Report(Event::Kind::kTampering, trouble.zone, trouble.what);
    } else if (trouble.kind == Kind::kRot) {
      self->Report(Event::Kind::kRot, trouble.zone, trouble.what);
    }
  };
  for (auto& zone : opened_->zones) {
    if (!zone->present) {
      cell_zones_.push_back(nullptr);
      continue;
    }
    zone->cells = std::make_shared<blob::CellZone>();
    zone->cells->number = zone->number;
    zone->cells->path = zone->path;
    zone->cells->env = options_.env;
    zone->cells->cells = zone->cell_threads;
    zone->cells->healthy =
        std::find(opened_->set.begin(), opened_->set.end(), zone) != opened_->set.end();
    zone->cells->on_failure = [weak = weak_from_this(), number = zone->number](const Status& why) {
      if (auto self = weak.lock()) self->CellsFailed(number, why);
    };
    cell_zones_.push_back(zone->cells);
  }
  pins_ = std::make_shared<BlobPins>([weak = weak_from_this()](const GoneBlob& blob) {
    if (auto self = weak.lock()) self->Remove(blob);
  });
}

void EngineImpl::StartIndexes() {
  index_deadlines_ = std::make_shared<blob::Deadlines>(options_.env);
  IndexSet::Options options;
  options.env = options_.env;
  options.deadline_nanos = options_.zone_deadline_nanos;
  options.deadlines = index_deadlines_;
  options.tail = ToApplied(opened_->recovered.tail);
  options.on_lost = [weak = weak_from_this()](int zone, const Status& why) {
    auto self = weak.lock();
    if (!self || self->closed()) return;
    // A zone that failed or was expelled is reported as such; here only what its bytes show.
    std::string what = "index: " + why.message();
    if (why.Is(Code::kTampered)) self->Report(Event::Kind::kTampering, zone, what);
    if (why.Is(Code::kCorruption)) self->Report(Event::Kind::kRot, zone, what);
  };
  indexes_ = IndexSet::Start(options, opened_->set);
  for (size_t i = 0; i < opened_->set.size(); ++i) {
    std::shared_ptr<Zone> zone = opened_->set[i];
    if (!zone->index) {
      indexes_->Forgo(i, zone->index_why);
      continue;
    }
    indexes_->Begin(i, [zone, source = opened_->index_source](const ReplayAim& aim) {
      return ReplayIndex(*source, *zone, aim);
    });
  }
}

void EngineImpl::StartCommitter() {
  log::ReplicatedLog::Options options;
  options.env = options_.env;
  options.seal = &opened_->seal;
  options.quorum = opened_->quorum;
  options.deadline_nanos = options_.zone_deadline_nanos;
  options.on_expelled = [this](int zone, const std::string& why) {
    Zone& lost = *opened_->zones[static_cast<size_t>(zone - 1)];
    lost.cells->healthy = false;
    {
      MutexLock lock(&state_mutex_);
      lost.why = Status(Code::kUnavailable, why);
    }
    indexes_->Drop(zone, Status(Code::kUnavailable, why));
    Report(Event::Kind::kZoneExpelled, zone, why);
  };
  std::vector<log::LogMember> members;
  for (auto& zone : opened_->set) {
    members.push_back({zone->number, zone->superblock.zone_id, zone->log, zone->log_thread});
  }
  log_ = std::make_unique<log::ReplicatedLog>(options, members, opened_->recovered);
  Committer::Options committing;
  committing.env = options_.env;
  committing.seal = &opened_->seal;
  committing.log = log_.get();
  committing.indexes = indexes_.get();
  committing.waits = waits_.get();
  committing.on_gone = [this](const GoneBlob& blob) { pins_->Unreferenced(blob); };
  committing.on_stopped = [this](const Status& why) {
    Report(Event::Kind::kReadOnly, 0, why.message());
  };
  committer_ = std::make_unique<Committer>(committing);
}

void EngineImpl::StartClearer() {
  PartsClearer::Options options;
  options.opened_at = opened_->recovered.tail.sequence;
  options.rows = [weak = weak_from_this()](Bytes start, Bytes end, uint32_t limit,
                                           PartsClearer::Options::Found found) {
    auto self = weak.lock();
    if (!self) return found(Status(Code::kClosed, "the store is closed"));
    ScanRequest scan;
    scan.page.start = std::move(start);
    scan.page.end = std::move(end);
    scan.page.limit = limit;
    scan.page.fill_cache = false;
    Scanning scanning;
    scanning.begin = [found] {
      auto page = std::make_shared<PartsClearer::Page>();
      auto sink = [page](ByteSpan key, ByteSpan row, bool) {
        page->rows.push_back({Bytes(key.begin(), key.end()), format::IndexRowRevision(row)});
      };
      return Attempt{sink, [found, page](const index::ScanEnd& end) {
                       if (end.truncated) page->resume = end.resume;
                       found(std::move(*page));
                     }};
    };
    scanning.fail = [found](const Status& why) { found(why); };
    self->Scan(std::move(scan), std::move(scanning));
  };
  options.commit = [weak = weak_from_this()](Transaction transaction, Committing done) {
    auto self = weak.lock();
    if (!self) return done(Status(Code::kClosed, "the store is closed"));
    self->committer_->Commit(std::move(transaction), std::move(done));
  };
  clearer_ = std::make_shared<PartsClearer>(options);
  clearer_->Resume();
}

std::pair<Bytes, KekRef> EngineImpl::CreateKey(ByteSpan context) {
  SecretBytes secret(aead::kKeySize);
  options_.env->Random(secret.span());
  Bytes wrapped = format::WrapKey(options_.env, opened_->keys.ring.span(),
                                  KeyAad(shape_.store_id, context), secret.span());
  return {std::move(wrapped), std::make_shared<const Kek>(std::move(secret), context)};
}

Result<KekRef> EngineImpl::OpenKey(ByteSpan wrapped, ByteSpan context) {
  TRY_ASSIGN(SecretBytes secret,
             aead::XaesOpen(opened_->keys.ring.span(), KeyAad(shape_.store_id, context), wrapped));
  if (secret.size() != aead::kKeySize) return Status(Code::kTampered, "a key of a wrong size");
  return KekRef(std::make_shared<const Kek>(std::move(secret), context));
}

void EngineImpl::Commit(Transaction transaction, Committing done) {
  Status status = CheckLimits(transaction);
  if (closed()) status = Status(Code::kClosed, "the store is closed");
  if (status.ok() && !committer_) {
    status = Status(Code::kReadOnly, "the store was opened read-only");
  }
  if (!status.ok()) return done(status);
  committer_->Commit(std::move(transaction), std::move(done));
}

void EngineImpl::Get(GetRequest request, Finding done) {
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
  thread_local std::string row_bytes;
  for (;;) {
    row_bytes.clear();
    auto got = index.Get(request.key, &row_bytes);
    if (!got.ok()) return *broken = got.status();
    if (request.check) {
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
    if (open && format::IsCounted(blob.kind)) {
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
      found.placement = count.row.counted.placement;
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
  SmallBlobRead read{shape_.store_id, dek.span(), blob, found->offset, found->length,
                     request.frame};
  return ReadSmall(zone, read, &found->bytes);
}

// kTampered: the wrong key, or a key of the wrong kind.
Result<SecretBytes> EngineImpl::DekOf(const KekRef& kek, const PartsKeyRef& parts,
                                      const format::BlobReference& reference) const {
  if (format::HasWrap(reference.kind) && kek) return UnwrapDek(shape_.store_id, *kek, reference);
  if (!format::HasWrap(reference.kind) && parts) return SecretBytes(parts->dek());
  return Status(Code::kTampered, "a part opens with its list's key, everything else with a kek");
}

// From this zone's copy, else from the others'.
Status EngineImpl::ReadSmall(const std::shared_ptr<Zone>& zone, const SmallBlobRead& read,
                             Bytes* out) {
  Status first = ReadSmallBlob(*zone->log, read, out);
  if (first.ok()) return first;
  auto tell = [&](const Zone& which, const Status& why) {
    bool tampered = why.Is(Code::kTampered);
    Report(tampered ? Event::Kind::kTampering : Event::Kind::kRot, which.number,
           "blob " + ToHex(read.reference.id) + ": " + why.message());
  };
  tell(*zone, first);
  for (auto& other : opened_->set) {
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
          SmallBlobRead again{shared->store_id, shared->dek.span(), shared->reference, offset,
                              length, frame};
          return ReadSmallBlob(*other->log, again, &shared->out);
        },
        options_.zone_deadline_nanos);
    if (status.ok()) {
      ++degraded_;
      out->insert(out->end(), shared->out.begin(), shared->out.end());
      return status;
    }
    if (!status.Is(Code::kTimedOut)) tell(*other, status);
  }
  // kUnavailable would mean "the index broke": the caller asks what is wrong with the bytes.
  return first.Is(Code::kTampered) ? first : Status(Code::kCorruption, first.message());
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

PartsKeyRef EngineImpl::CreateParts() {
  aead::Id id;
  SecretBytes dek(aead::kKeySize);
  options_.env->Random(id);
  options_.env->Random(dek.span());
  return std::make_shared<const PartsKey>(id, std::move(dek));
}

format::BlobReference EngineImpl::NameParts(const Kek& kek, const PartsKey& parts, uint64_t size,
                                            uint64_t crc64) {
  format::BlobReference reference;
  reference.kind = format::BlobKind::kParts;
  reference.id = parts.id();
  reference.size = size;
  reference.crc64 = crc64;
  reference.wrap = WrapDek(options_.env, shape_.store_id, kek, parts.id(), parts.dek());
  return reference;
}

Result<format::BlobReference> EngineImpl::Rewrap(const format::BlobReference& reference,
                                                 const Kek& from, const Kek& to) {
  TRY_ASSIGN(SecretBytes dek, UnwrapDek(shape_.store_id, from, reference));
  format::BlobReference out = reference;
  out.wrap = WrapDek(options_.env, shape_.store_id, to, reference.id, dek.span());
  return out;
}

Status EngineImpl::WriteRefusal() const {
  if (closed()) return Status(Code::kClosed, "the store is closed");
  if (!committer_) return Status(Code::kReadOnly, "the store was opened read-only");
  return {};
}

Result<Engine::NewBlob> EngineImpl::StartBlob(FreshBlob fresh, format::BlobKind kind,
                                              uint64_t expected_size,
                                              std::function<void(ByteSpan)> on_plaintext) {
  blob::BlobWriteSpec spec;
  spec.cipher = aead::ChunkCipher::ForSealing(fresh.dek.span(), &fresh.header);
  spec.header = fresh.header;
  spec.geometry = {shape_.large.k, shape_.large.m};
  spec.epoch = opened_->recovered.epoch;
  spec.zones = cell_zones_;
  spec.expected_size = expected_size;
  spec.on_plaintext = std::move(on_plaintext);
  NewBlob out;
  TRY_ASSIGN(out.writer, blob::BlobWriter::Start(blobs_, std::move(spec)));
  out.reference = fresh.reference;
  out.reference.kind = kind;
  out.placement = {0, shape_.large.k, shape_.large.m};
  return out;
}

void EngineImpl::BlobWritten(const blob::BlobDone& done) {
  bool everywhere = true;
  for (size_t i = 0; i < opened_->zones.size(); ++i) {
    if (done.zones_written >> i & 1) continue;
    everywhere = false;
    bool mine = i < done.zone_status.size() && !done.zone_status[i].ok();
    if (cell_zones_[i] && cell_zones_[i]->healthy && mine) {
      CellsFailed(static_cast<int>(i) + 1, done.zone_status[i]);
    }
  }
  if (!everywhere) ++without_redundancy_;
}

void EngineImpl::CellsFailed(int zone, const Status& why) {
  if (committer_ && !closed()) committer_->Expel(zone, why.message());
}

Result<std::shared_ptr<blob::BlobReader>> EngineImpl::ReadBlob(const Opening& opening) {
  if (closed()) return Status(Code::kClosed, "the store is closed");
  const format::BlobReference& reference = opening.reference;
  blob::BlobReadSpec spec;
  spec.store_id = shape_.store_id;
  spec.blob_id = reference.id;
  TRY_ASSIGN(spec.dek, DekOf(opening.kek, opening.parts, reference));
  spec.size = reference.size;
  spec.geometry = {opening.placement.k, opening.placement.m};
  spec.placement = opening.placement.number;
  spec.zones = cell_zones_;
  return blob::BlobReader::Open(blobs_, std::move(spec));
}

void EngineImpl::Remove(const GoneBlob& blob) {
  if (blob.kind != format::BlobKind::kParts) return RemoveFiles(blob);
  if (clearer_) clearer_->Clear(blob.id);
}

void EngineImpl::RemoveFiles(const GoneBlob& blob) {
  for (auto& zone : opened_->zones) {
    if (!zone->cells) continue;
    // Crash before or after: a file that no row names, which a sweep may take.
    zone->cell_threads->Post([zone, env = options_.env, blob] {
      (void)env->Remove(blob::BlobPath(zone->path, blob.id, blob.placement.number));
    });
  }
}

EngineStatus EngineImpl::status() {
  EngineStatus out;
  std::vector<int> set;
  if (log_) {
    out.epoch = log_->epoch();
    set = log_->set();
  } else {
    out.epoch = opened_->recovered.epoch;
    for (auto& zone : opened_->set) set.push_back(zone->number);
  }
  out.sequence = committer_ ? committer_->sequence() : opened_->recovered.tail.sequence;
  MutexLock lock(&state_mutex_);
  for (auto& zone : opened_->zones) {
    bool in_set = std::find(set.begin(), set.end(), zone->number) != set.end();
    out.zones.push_back({zone->number, zone->superblock.zone_id, zone->path, zone->present, in_set,
                         in_set ? "" : zone->why.message()});
  }
  out.read_only_reason = options_.read_only ? "opened read-only" : read_only_reason_;
  out.degraded_reads = degraded_ + blobs_->degraded_reads;
  out.rot_found = rot_found_;
  out.tampering_found = tampering_found_;
  out.commits = committer_ ? committer_->commits() : 0;
  out.batches = committer_ ? committer_->batches() : 0;
  out.without_redundancy = without_redundancy_;
  return out;
}

void EngineImpl::Close() {
  MutexLock lock(&close_mutex_);
  if (closed_.exchange(true)) return;
  waits_->End();
  if (!opened_) return;
  if (clearer_) clearer_->Stop();
  if (log_) log_->EndWithin(kCloseNanos);
  if (committer_) StopCommitter();
  if (log_) log_->Trim();
  if (indexes_) {
    if (!options_.read_only) indexes_->Checkpoint(kCloseNanos);
    indexes_->Stop();
  }
  LetGo(options_.env, opened_->zones, options_.zone_deadline_nanos);
  if (codec_) codec_->Stop(options_.zone_deadline_nanos);
  MutexLock silence(&event_mutex_);
  silenced_ = true;
}

// What is queued is settled first. A lookup in the one index whose disk hangs is not waited for: it
// hears that the store is closed, and so does its commit.
void EngineImpl::StopCommitter() {
  auto alarm = index_deadlines_->After(kCloseNanos, [indexes = indexes_] { indexes->Stop(); });
  committer_->Stop();
  index_deadlines_->Cancel(alarm);
}

}  // namespace

format::IndexRow Found::row() const {
  auto decoded = format::DecodeIndexRow(ByteSpan(bytes).first(row_size));
  CHECK(decoded.ok()) << "checked when it was found";
  return *decoded;
}

Result<Bytes> ReadRootHint(io::Env* env, const std::vector<std::string>& zones) {
  TRY(RefuseSameDirectory(env, zones));
  Status last(Code::kNotFound, "no zones");
  for (const std::string& path : zones) {
    Zone zone;
    zone.log = std::make_shared<log::ZoneLog>(env, path);
    zone.path = path;
    Touched touched = LookAt(env, zone);
    if (touched.status.ok()) return zone.superblock.root_hint;
    // Torn by a crash while it was made for the first time: that is no store yet.
    if (touched.status.Is(Code::kCorruption) && !touched.has_log) continue;
    if (last.Is(Code::kNotFound)) last = touched.status;
  }
  // Not one can be looked at: a file in the folder's place, a disk that does not answer.
  if (last.Is(Code::kIo)) return Status(Code::kUnavailable, last.message());
  return last;
}

Result<std::shared_ptr<Engine>> Engine::Open(OpenOptions options,
                                             std::function<void(const Event&)> on_event) {
  if (options.root_hint.size() > format::kRootHintMax) {
    return Status(Code::kInvalidArgument, "a root hint has at most 512 bytes");
  }
  auto engine = std::make_shared<EngineImpl>(std::move(options), std::move(on_event));
  Status status = engine->Start();
  if (!status.ok()) {
    engine->Close();
    return status;
  }
  // The last handle closes; a stuck thread may hold the engine itself for longer.
  Engine* handle = engine.get();
  return std::shared_ptr<Engine>(handle, [engine = std::move(engine)](Engine*) mutable {
    engine->Close();
    engine = nullptr;
  });
}

}  // namespace strongroom::engine
