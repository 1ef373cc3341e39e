#include "sim/store.h"

namespace strongroom::sim {

using engine::Effect;
using engine::Engine;

namespace {

constexpr char kFamily = 'o';
constexpr uint64_t kPatience = 3'600'000'000'000;  // Simulated: an hour.
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
  Bytes out(12);
  StoreLittle(out.data(), body.id);
  StoreLittle(out.data() + 8, body.size);
  return out;
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

Result<std::unique_ptr<Store>> Store::Open(io::SimEnv* env, size_t zone_count, Bucket* bucket) {
  engine::OpenOptions options;
  options.env = env;
  for (size_t zone = 1; zone <= zone_count; ++zone) options.zones.push_back(ZonePath(zone));
  options.create = bucket->wrapped.empty();
  options.root_key = SecretBytes(AsBytes("0123456789abcdef0123456789abcdef"));
  if (zone_count == 1) options.small = options.large = {1, 0};
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

Status Store::Fill(const Change& change, Effect* to) {
  Effect& effect = *to;
  effect.key = Bytes{static_cast<uint8_t>(kFamily)};
  effect.key.insert(effect.key.end(), change.key.begin(), change.key.end());
  effect.remove = !change.body.has_value();
  if (effect.remove) return {};
  effect.body = Described(*change.body);
  if (!change.copy_of.empty()) {
    TRY_ASSIGN(engine::Found found, Look(change.copy_of));
    format::IndexRow source = found.row();
    ByteSpan said = source.row.body;
    if (Bytes(said.begin(), said.end()) != effect.body) {
      return Status(Code::kPreconditionFailed, "the source has changed");
    }
    TRY_ASSIGN(auto reference, engine_->Rewrap(source.row.blob, *kek_, *kek_));
    effect.named = engine::NamedBlob{reference, false, found.placement, 0};
    return {};
  }
  Bytes bytes = BytesOf(*change.body);
  if (bytes.size() < kLargeFrom) {
    effect.small = engine_->SealSmall(*kek_, bytes);
    return {};
  }
  TRY_ASSIGN(auto blob, engine_->WriteBlob(*kek_, bytes.size(), {}));
  TRY(Offer(blob.writer.get(), bytes));
  auto answer = std::make_shared<Answer<blob::BlobDone>>();
  blob.writer->Finish([answer](Result<blob::BlobDone> result) { answer->Set(std::move(result)); });
  TRY(answer->done.Wait(kPatience));
  const blob::BlobDone& done = *answer->value;
  engine_->BlobWritten(done);
  effect.named = engine::NamedBlob{blob.reference, true, blob.placement, done.zones_written};
  effect.named->reference.size = done.size;
  effect.named->reference.crc64 = done.crc64;
  return {};
}

Status Store::Commit(const Changes& changes) {
  engine::Transaction transaction;
  for (const Change& change : changes) {
    TRY(Fill(change, &transaction.effects.emplace_back()));
  }
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

Result<Rows> Store::ReadAll(std::string* wrong) {
  auto found = std::make_shared<Answer<Rows>>();
  engine::ScanRequest request;
  request.page.start = {static_cast<uint8_t>(kFamily)};
  request.page.end = {static_cast<uint8_t>(kFamily + 1)};
  request.page.limit = 100'000;
  engine::Engine::Scanning scanning;
  scanning.begin = [found] {
    auto rows = std::make_shared<Rows>();
    auto sink = [rows](ByteSpan key, ByteSpan row, bool) {
      auto decoded = format::DecodeIndexRow(row);
      if (!decoded.ok() || decoded->row.body.size() != 12) return;
      const uint8_t* said = decoded->row.body.data();
      Body body{LoadLittle<uint64_t>(said), LoadLittle<uint32_t>(said + 8)};
      rows->emplace(std::string(key.begin() + 1, key.end()), body);
    };
    return engine::Engine::Attempt{
        sink, [found, rows](const index::ScanEnd&) { found->Set(std::move(*rows)); }};
  };
  scanning.fail = [found](const Status& status) { found->Set(status); };
  engine_->Scan(std::move(request), std::move(scanning));
  TRY(found->done.Wait(kPatience));
  for (const auto& [key, body] : *found->value) {
    TRY_ASSIGN(Bytes bytes, Read(key, body));
    if (bytes != BytesOf(body)) *wrong = key;
  }
  return std::move(*found->value);
}

Result<engine::Found> Store::Look(const std::string& key) {
  engine::GetRequest request;
  request.key = Bytes{static_cast<uint8_t>(kFamily)};
  request.key.insert(request.key.end(), key.begin(), key.end());
  request.kek = kek_;
  auto answer = std::make_shared<Answer<std::optional<engine::Found>>>();
  engine_->Get(std::move(request), [answer](Result<std::optional<engine::Found>> result) {
    answer->Set(std::move(result));
  });
  TRY(answer->done.Wait(kPatience));
  if (!*answer->value) return Status(Code::kNotFound, "no row " + key);
  return std::move(**answer->value);
}

Result<Bytes> Store::Read(const std::string& key, const Body& body) {
  TRY_ASSIGN(engine::Found found, Look(key));
  if (body.size < kLargeFrom) {
    ByteSpan bytes = ByteSpan(found.bytes).subspan(found.row_size);
    return Bytes(bytes.begin(), bytes.end());
  }
  engine::Engine::Opening opening{kek_, nullptr, found.row().row.blob, found.placement};
  TRY_ASSIGN(auto reader, engine_->ReadBlob(opening));
  Bytes out;
  while (out.size() < body.size) {
    auto piece = std::make_shared<Answer<Bytes>>();
    reader->Read(out.size(), body.size - out.size(), 0, [piece](Result<blob::BlobPiece> result) {
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
