// Keys that wrap DEKs, and blobs in files of their own: what opens, writes, reads and removes them.
#include <algorithm>
#include <bit>

#include "engine/engine_impl.h"

namespace strongroom::engine {

namespace {
Bytes KeyAad(const aead::Id& store_id, ByteSpan context) {
  Bytes aad;
  ByteWriter w(&aad);
  w.Field(AsBytes("bucket"));
  w.Raw(store_id);
  w.Field(context);
  return aad;
}
}  // namespace

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

// kTampered: the wrong key, or a key of the wrong kind.
Result<SecretBytes> EngineImpl::DekOf(const KekRef& kek, const PartsKeyRef& parts,
                                      const format::BlobReference& reference) const {
  if (format::HasWrap(reference.kind) && kek) return UnwrapDek(shape_.store_id, *kek, reference);
  if (!format::HasWrap(reference.kind) && parts) return SecretBytes(parts->dek());
  return Status(Code::kTampered, "a part opens with its list's key, everything else with a kek");
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
  fresh.header.chunk_size = options_.chunk_size;
  spec.cipher = aead::ChunkCipher::ForSealing(fresh.dek.span(), &fresh.header);
  spec.header = fresh.header;
  spec.geometry = {shape_.large.k, shape_.large.m};
  spec.epoch = opened_->recovered.epoch;
  spec.zones = cell_zones_;
  spec.expected_size = expected_size;
  demand_->Note();
  if (on_plaintext) {
    spec.on_plaintext = [demand = demand_, wanted = std::move(on_plaintext)](ByteSpan bytes) {
      demand->Note();  // An upload may last for hours.
      wanted(bytes);
    };
  }
  NewBlob out;
  out.replaced = replaced_;
  TRY_ASSIGN(out.writer, blob::BlobWriter::Start(blobs_, std::move(spec)));
  out.reference = fresh.reference;
  out.reference.kind = kind;
  out.placement = {0, shape_.large.k, shape_.large.m};
  return out;
}

// Zones that failed it were reported when they did. One that was out meanwhile, and is back, gets
// its cells before the commit.
void EngineImpl::BlobWritten(const blob::BlobDone& done) {
  if (std::popcount(done.zones_written) < static_cast<int>(opened_->zones.size())) {
    ++without_redundancy_;
  }
}

void EngineImpl::CellsFailed(int zone, const Status& why) {
  if (committer_ && !closed()) committer_->Expel(zone, why.message());
}

Result<std::shared_ptr<blob::BlobReader>> EngineImpl::ReadBlob(const Opening& opening) {
  if (closed()) return Status(Code::kClosed, "the store is closed");
  demand_->Note();
  const format::BlobReference& reference = opening.reference;
  blob::BlobReadSpec spec;
  spec.store_id = shape_.store_id;
  spec.blob_id = reference.id;
  TRY_ASSIGN(spec.dek, DekOf(opening.kek, opening.parts, reference));
  spec.size = reference.size;
  spec.chunk_size = options_.chunk_size;
  spec.geometry = {opening.placement.k, opening.placement.m};
  spec.placement = opening.placement.number;
  spec.zones = cell_zones_;
  if (int away = taken_away_; away != 0) spec.zones[static_cast<size_t>(away - 1)] = nullptr;
  return blob::BlobReader::Open(blobs_, std::move(spec));
}

void EngineImpl::Remove(const GoneBlob& blob) {
  if (blob.kind != format::BlobKind::kParts) return RemoveFiles(blob);
  if (clearer_) clearer_->Clear(blob.id);
}

void EngineImpl::RemoveFiles(const GoneBlob& blob) {
  const uint16_t placement = format::PlacedIn(shape_, blob.placement).number;
  for (auto& zone : opened_->zones) {
    if (!zone->cells) continue;
    // Crash before or after: a file that no row names, which a sweep may take.
    zone->cell_threads->Post([zone, env = options_.env, id = blob.id, placement] {
      (void)env->Remove(blob::BlobPath(zone->path, id, placement));
    });
  }
}

// An index that does not answer says nothing of the blob.
Result<bool> EngineImpl::IsCounted(const aead::Id& blob_id) {
  TRY_ASSIGN(auto looked,
             indexes_->Look({format::CountedKey(format::BlobKind::kLarge, blob_id)}, {}));
  return !looked.rows[0].empty();
}

}  // namespace strongroom::engine
