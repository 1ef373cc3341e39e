#include "sim/store.h"

namespace strongroom::sim {

using engine::Effect;
using engine::Engine;
using engine::PartsKeyRef;

namespace {

constexpr char kFamily = 'o', kOlder = format::kOlderFamily;
constexpr size_t kVersionEnd = 1 + 8;  // Of a key of a row that has versions: 00 and the version.
constexpr uint64_t kPatience = 3'600'000'000'000;  // Simulated: an hour.
constexpr size_t kDescribed = 13;
const char kContext[] = "sim";

template <typename T>
struct Answer {
  io::Completion done;
  std::optional<T> value;
  void Set(Result<T> result) {
    if (result.ok()) value = std::move(*result);
    done.Set(result.status());
  }
};

// What the row itself says of its body.
Bytes Described(const Body& body) {
  Bytes out(kDescribed);
  StoreLittle(out.data(), body.id);
  StoreLittle(out.data() + 8, body.size);
  out[12] = body.list;
  return out;
}
std::optional<Body> SaidOf(ByteSpan said) {
  if (said.size() != kDescribed) return {};
  return Body{LoadLittle<uint64_t>(said.data()), LoadLittle<uint32_t>(said.data() + 8),
              said[12] != 0};
}

Bytes KeyOf(const std::string& key) {
  Bytes out = {static_cast<uint8_t>(kFamily)};
  out.insert(out.end(), key.begin(), key.end());
  if (!HasVersions(key)) return out;
  out.push_back(0);
  out.resize(out.size() + 8, 0xff);
  return out;
}

std::string NameOf(ByteSpan key) {
  const size_t end = format::HasVersions(key) ? kVersionEnd : 0;
  return std::string(AsString(key.subspan(1, key.size() - 1 - end)));
}

Status Offer(blob::BlobWriter* writer, ByteSpan body) {
  const size_t piece = writer->piece_max();
  for (size_t at = 0;;) {
    const bool last = body.size() - at <= piece;
    const ByteSpan part = body.subspan(at, last ? body.size() - at : piece);
    auto again = std::make_shared<io::Completion>();
    TRY_ASSIGN(bool taken, writer->Offer({&part, 1}, last, [again] { again->Set(Status()); }));
    if (!taken) {
      TRY(again->Wait(kPatience));
      continue;
    }
    at += part.size();
    if (last) return {};
  }
}

}  // namespace

Result<std::unique_ptr<Store>> Store::Open(io::SimEnv* env, size_t zone_count, Bucket* bucket,
                                           uint64_t sweep_after_nanos) {
  engine::OpenOptions options;
  options.env = env;
  for (size_t zone = 1; zone <= zone_count; ++zone) options.zones.push_back(ZonePath(zone));
  options.sweep_after_nanos = sweep_after_nanos;
  return OpenWith(std::move(options), bucket);
}

Result<std::unique_ptr<Store>> Store::OpenBackup(io::SimEnv* env, const std::string& path,
                                                 Bucket* bucket, bool read_only,
                                                 uint64_t sweep_after_nanos) {
  engine::OpenOptions options;
  options.env = env;
  options.zones = {path};
  options.read_only = read_only;
  options.sweep_after_nanos = sweep_after_nanos;
  return OpenWith(std::move(options), bucket);
}

Result<std::unique_ptr<Store>> Store::OpenWith(engine::OpenOptions options, Bucket* bucket) {
  options.create = bucket->wrapped.empty();
  options.root_key = SecretBytes(AsBytes("0123456789abcdef0123456789abcdef"));
  if (options.zones.size() == 1) options.small = options.large = {1, 0};
  options.large_from = kLargeFrom;
  options.read_slabs = options.write_slabs = 2;
  options.codec_threads = 1;
  options.write_buffer_size = 64 << 10;
  auto store = std::make_unique<Store>();
  TRY_ASSIGN(store->engine_, Engine::Open(std::move(options), nullptr));
  if (bucket->wrapped.empty()) {
    auto [wrapped, kek] = store->engine_->CreateKey(AsBytes(kContext));
    bucket->wrapped = wrapped;
    store->kek_ = kek;
  } else {
    TRY_ASSIGN(store->kek_, store->engine_->OpenKey(bucket->wrapped, AsBytes(kContext)));
  }
  return store;
}

// ---- In.

Status Store::Commit(const Changes& changes) {
  engine::Transaction transaction;
  for (const Change& change : changes) {
    if (!change.follows) TRY(Fill(change, &transaction));
  }
  auto done = std::make_shared<io::Completion>();
  engine_->Commit(std::move(transaction),
                  [done](Result<engine::Committed> result) { done->Set(result.status()); });
  return done->Wait(kPatience);
}

Status Store::Fill(const Change& change, engine::Transaction* to) {
  uint64_t list = 0, position = 0;
  PartsKeyRef parts;
  Bytes key = KeyOf(change.key);
  if (IsPart(change.key, &list, &position)) {
    TRY_ASSIGN(parts, ListOf(change, to));
    key = format::PartKey(parts->id(), position);
  }
  std::string of;
  uint64_t body = 0;
  if (IsVersion(change.key, &of, &body)) {
    TRY_ASSIGN(Kept kept, FindVersion(change.key));
    key = std::move(kept.key);
  }
  to->effects.emplace_back();
  to->effects.back().key = std::move(key);
  to->effects.back().keep_old = change.keeps;
  to->effects.back().remove = !change.body.has_value();
  if (!change.body) return {};
  if (!change.from.empty()) return StandAgain(change, to);
  to->effects.back().body = Described(*change.body);
  if (!change.copy_of.empty() || change.body->list) return Name(change, to);
  return Write(*change.body, parts, &to->effects.back());
}

Status Store::StandAgain(const Change& change, engine::Transaction* to) {
  TRY_ASSIGN(Kept kept, FindVersion(change.from));
  to->checks.push_back({kept.key, kept.revision});
  to->effects.back().from = std::move(kept.key);
  return {};
}

// Its key says its number, which nobody was told: it is known by the body that its row says.
Result<Store::Kept> Store::FindVersion(const std::string& name) {
  std::string of;
  uint64_t body = 0;
  IsVersion(name, &of, &body);
  Bytes start = KeyOf(of), end;
  start.resize(start.size() - 8);
  start[0] = static_cast<uint8_t>(kOlder);
  end = start;
  end.back() = 1;
  TRY_ASSIGN(Scanned rows, Scan(std::move(start), std::move(end)));
  for (const auto& [key, row] : rows) {
    TRY_ASSIGN(format::IndexRow decoded, format::DecodeIndexRow(row));
    auto said = SaidOf(decoded.row.body);
    if (said && said->id == body) return Kept{key, decoded.revision};
  }
  return Status(Code::kPreconditionFailed, "the version has gone");
}

// A row that names a list, or a large body that another row names.
Status Store::Name(const Change& change, engine::Transaction* to) {
  const Body& body = *change.body;
  Effect& effect = to->effects.back();
  if (change.copy_of.empty()) {
    lists_[body.id] = engine_->CreateParts();
    effect.named =
        engine::NamedBlob{engine_->NameParts(*kek_, *lists_[body.id], 0, 0), true, {}, 0};
    return {};
  }
  TRY_ASSIGN(engine::Found found, Look(KeyOf(change.copy_of), nullptr));
  format::IndexRow source = found.row();
  auto said = SaidOf(source.row.body);
  bool same = said && (body.list ? said->list && said->id == body.id : *said == body);
  if (!same) return Status(Code::kPreconditionFailed, "the source has changed");
  if (body.list) to->checks.push_back({KeyOf(change.copy_of), source.revision});
  TRY_ASSIGN(auto reference, engine_->Rewrap(source.row.blob, *kek_, *kek_));
  effect.named = engine::NamedBlob{reference, false, found.placement, 0};
  return {};
}

// The list's key, and a check that the row that names it stands, unless it is beside it here.
Result<PartsKeyRef> Store::ListOf(const Change& part, engine::Transaction* to) {
  const Bytes key = KeyOf(part.named_by);
  for (const Effect& effect : to->effects) {
    if (effect.key != key || !effect.named->fresh) continue;
    return lists_[LoadLittle<uint64_t>(effect.body.data())];
  }
  TRY_ASSIGN(engine::Found found, Look(key, nullptr));
  uint64_t list = 0, position = 0;
  IsPart(part.key, &list, &position);
  auto said = SaidOf(found.row().row.body);
  if (!found.parts || !said || said->id != list) {
    return Status(Code::kPreconditionFailed, "the list has gone");
  }
  to->checks.push_back({key, found.row().revision});
  return found.parts;
}

Status Store::Write(const Body& body, const PartsKeyRef& parts, Effect* to) {
  Bytes bytes = BytesOf(body);
  if (bytes.size() >= kLargeFrom) return WriteLarge(bytes, parts, to);
  to->small = parts ? engine_->SealPart(*parts, bytes) : engine_->SealSmall(*kek_, bytes);
  return {};
}

Status Store::WriteLarge(ByteSpan bytes, const PartsKeyRef& parts, Effect* to) {
  auto started = parts ? engine_->WritePart(*parts, bytes.size(), {})
                       : engine_->WriteBlob(*kek_, bytes.size(), {});
  if (!started.ok()) return started.status();
  Engine::NewBlob blob = std::move(*started);
  TRY(Offer(blob.writer.get(), bytes));
  auto answer = std::make_shared<Answer<blob::BlobDone>>();
  blob.writer->Finish([answer](Result<blob::BlobDone> result) { answer->Set(std::move(result)); });
  TRY(answer->done.Wait(kPatience));
  const blob::BlobDone& done = *answer->value;
  engine_->BlobWritten(done);
  to->named = engine::NamedBlob{blob.reference, true, blob.placement, done.zones_written};
  to->named->reference.size = done.size;
  to->named->reference.crc64 = done.crc64;
  return {};
}

// ---- Out.

Status Store::Compact() {
  auto done = std::make_shared<io::Completion>();
  engine_->Compact([done](Status status) { done->Set(std::move(status)); });
  return done->Wait(kPatience);
}

Result<engine::VerifyNews> Store::BackUp(const std::string& path) {
  auto run = engine_->BackUp(path);
  for (;;) {
    struct Answer {
      io::Completion done;
      engine::VerifyNews news;
    };
    auto answer = std::make_shared<Answer>();
    run->Next([answer](engine::VerifyNews news) {
      answer->news = std::move(news);
      answer->done.Set(Status());
    });
    TRY(answer->done.Wait(kPatience));
    if (!answer->news.over) continue;
    TRY(answer->news.status);
    return answer->news;
  }
}

Bytes Store::RowKey(const std::string& key) { return KeyOf(key); }

Result<uint64_t> Store::RevisionOf(const std::string& key) {
  TRY_ASSIGN(engine::Found found, Look(KeyOf(key), nullptr));
  return found.row().revision;
}

Status Store::Touch(const std::string& key) {
  TRY_ASSIGN(engine::Found found, Look(KeyOf(key), nullptr));
  engine::Transaction transaction;
  transaction.checks.push_back({KeyOf(key), found.row().revision});
  Effect& effect = transaction.effects.emplace_back();
  effect.key = KeyOf(key);
  effect.keep = true;
  ByteSpan said = found.row().row.body;
  effect.body.assign(said.begin(), said.end());
  auto done = std::make_shared<io::Completion>();
  engine_->Commit(std::move(transaction),
                  [done](Result<engine::Committed> result) { done->Set(result.status()); });
  return done->Wait(kPatience);
}

bool Store::IsWhole() {
  for (const auto& zone : engine_->status().zones) {
    if (!zone.in_set) return false;
  }
  return true;
}

Result<Account> Store::ReadAll() {
  Bytes end = {static_cast<uint8_t>(kFamily + 1)};
  TRY_ASSIGN(Scanned rows, Scan(KeyOf(""), std::move(end)));
  Account account;
  for (const auto& [key, row] : rows) ReadRow({key, row, NameOf(key)}, nullptr, &account);
  Bytes first = {static_cast<uint8_t>(kOlder)}, behind = {static_cast<uint8_t>(kOlder + 1)};
  TRY_ASSIGN(Scanned kept, Scan(std::move(first), std::move(behind)));
  for (const auto& [key, row] : kept) {
    auto decoded = format::DecodeIndexRow(row);
    const auto said = decoded.ok() ? SaidOf(decoded->row.body) : std::nullopt;
    const std::string name = said ? VersionName(NameOf(key), *said) : NameOf(key);
    ReadRow({key, row, name}, nullptr, &account);
  }
  return account;
}

// What the page says of the row, then the row by itself, as a get finds it, and what hangs on it.
void Store::ReadRow(const Listed& listed, const PartsKeyRef& parts, Account* to) {
  auto decoded = format::DecodeIndexRow(listed.row);
  auto said = decoded.ok() ? SaidOf(decoded->row.body) : std::nullopt;
  if (!said) {
    to->wrong = listed.name;
    return;
  }
  to->rows[listed.name] = *said;
  auto found = Look(listed.key, parts);
  const bool large = !said->list && said->size >= kLargeFrom;
  if (!found.ok()) return to->refusals.push_back({listed.name, large, said->list, found.status()});
  if (SaidOf(found->row().row.body) != said) to->wrong = listed.name;
  if (said->list) return ReadParts(listed.name, said->id, found->parts, to);
  ByteSpan small = ByteSpan(found->bytes).subspan(found->row_size);
  auto bytes = large ? ReadLarge(*found, parts) : Result<Bytes>(Bytes(small.begin(), small.end()));
  if (!bytes.ok()) {
    to->refusals.push_back({listed.name, large, false, bytes.status()});
  } else if (*bytes != BytesOf(*said)) {
    to->wrong = listed.name;
  }
}

void Store::ReadParts(const std::string& name, uint64_t list, const PartsKeyRef& parts,
                      Account* to) {
  if (!parts) {
    to->wrong = name;
    return;
  }
  auto rows = Scan(format::PartKey(parts->id(), 0), format::PartKey(parts->id(), UINT64_MAX));
  if (!rows.ok()) return to->refusals.push_back({name, false, true, rows.status()});
  for (const auto& [key, row] : *rows) {
    uint64_t position = 0;
    for (size_t i = key.size() - 8; i < key.size(); ++i) position = position << 8 | key[i];
    ReadRow({key, row, PartName(list, position)}, parts, to);
  }
}

Result<Store::Scanned> Store::Scan(Bytes start, Bytes end) {
  auto found = std::make_shared<Answer<Scanned>>();
  engine::ScanRequest request;
  request.page.start = std::move(start);
  request.page.end = std::move(end);
  request.page.limit = 100'000;
  Engine::Scanning scanning;
  scanning.begin = [found] {
    auto rows = std::make_shared<Scanned>();
    auto sink = [rows](ByteSpan key, ByteSpan row, bool) {
      rows->emplace_back(Bytes(key.begin(), key.end()), Bytes(row.begin(), row.end()));
    };
    return Engine::Attempt{sink,
                           [found, rows](const index::ScanEnd&) { found->Set(std::move(*rows)); }};
  };
  scanning.fail = [found](const Status& status) { found->Set(status); };
  engine_->Scan(std::move(request), std::move(scanning));
  TRY(found->done.Wait(kPatience));
  return std::move(*found->value);
}

Result<engine::Found> Store::Look(Bytes key, PartsKeyRef parts) {
  engine::GetRequest request;
  request.key = std::move(key);
  if (!parts) request.kek = kek_;
  request.parts = std::move(parts);
  auto answer = std::make_shared<Answer<std::optional<engine::Found>>>();
  engine_->Get(std::move(request), [answer](Result<std::optional<engine::Found>> result) {
    answer->Set(std::move(result));
  });
  TRY(answer->done.Wait(kPatience));
  if (!*answer->value) return Status(Code::kNotFound, "no such row");
  return std::move(**answer->value);
}

Result<Bytes> Store::ReadLarge(const engine::Found& found, const PartsKeyRef& parts) {
  const format::BlobReference blob = found.row().row.blob;
  Engine::Opening opening{parts ? nullptr : kek_, parts, blob, found.placement};
  TRY_ASSIGN(auto reader, engine_->ReadBlob(opening));
  Bytes out;
  while (out.size() < blob.size) {
    auto piece = std::make_shared<Answer<Bytes>>();
    reader->Read(out.size(), blob.size - out.size(), 0, [piece](Result<blob::BlobPiece> result) {
      if (!result.ok()) return piece->Set(result.status());
      ByteSpan bytes = result->bytes();
      piece->Set(Bytes(bytes.begin(), bytes.end()));
    });
    TRY(piece->done.Wait(kPatience));
    if (piece->value->empty()) return Status(Code::kCorruption, "the blob ends early");
    out.insert(out.end(), piece->value->begin(), piece->value->end());
  }
  return out;
}

}  // namespace strongroom::sim
