#include "engine/small_blob.h"

#include <algorithm>

#include "base/scratch.h"
#include "hash/crc64.h"

namespace strongroom::engine {

namespace {
// One call to the kernel's generator for all that is random in a new blob.
struct Fresh {
  uint8_t id[16], salt[aead::kSaltSize], dek[aead::kKeySize];
};

FreshBlob BlobOf(const Fresh& fresh, const aead::Id& store_id, ByteSpan dek) {
  FreshBlob blob;
  blob.dek = SecretBytes(dek);
  blob.header.store_id = store_id;
  std::copy(std::begin(fresh.id), std::end(fresh.id), blob.header.blob_id.begin());
  std::copy(std::begin(fresh.salt), std::end(fresh.salt), blob.header.salt.begin());
  blob.reference.id = blob.header.blob_id;
  return blob;
}

using Wrap = std::array<uint8_t, format::kDekWrapSize>;
Wrap SealWrap(const std::array<uint8_t, aead::kXaesNonceSize>& nonce, const aead::Id& store_id,
              const Kek& kek, const aead::Id& blob_id, ByteSpan dek) {
  Bytes aad = format::DekAad(store_id, blob_id, kek.context());
  Bytes sealed = aead::XaesSeal(kek.span(), nonce, aad, dek);
  Wrap wrap;
  CHECK(sealed.size() == wrap.size());
  std::copy(sealed.begin(), sealed.end(), wrap.begin());
  return wrap;
}
}  // namespace

FreshBlob MakeBlob(io::Env* env, const aead::Id& store_id, const Kek& kek) {
  struct {
    Fresh fresh;
    uint8_t nonce[aead::kXaesNonceSize];
  } random;
  env->Random({reinterpret_cast<uint8_t*>(&random), sizeof random});
  FreshBlob blob = BlobOf(random.fresh, store_id, random.fresh.dek);
  std::array<uint8_t, aead::kXaesNonceSize> nonce;
  std::copy(std::begin(random.nonce), std::end(random.nonce), nonce.begin());
  blob.reference.kind = format::BlobKind::kSmall;
  blob.reference.wrap = SealWrap(nonce, store_id, kek, blob.reference.id, blob.dek.span());
  Wipe(&random, sizeof random);
  return blob;
}

FreshBlob MakePart(io::Env* env, const aead::Id& store_id, const PartsKey& parts) {
  Fresh fresh;
  env->Random({reinterpret_cast<uint8_t*>(&fresh), sizeof fresh});
  FreshBlob blob = BlobOf(fresh, store_id, parts.dek());
  blob.reference.kind = format::BlobKind::kSmallPart;
  Wipe(&fresh, sizeof fresh);
  return blob;
}

std::array<uint8_t, format::kDekWrapSize> WrapDek(io::Env* env, const aead::Id& store_id,
                                                  const Kek& kek, const aead::Id& blob_id,
                                                  ByteSpan dek) {
  std::array<uint8_t, aead::kXaesNonceSize> nonce;
  env->Random(nonce);
  return SealWrap(nonce, store_id, kek, blob_id, dek);
}

Result<SecretBytes> UnwrapDek(const aead::Id& store_id, const Kek& kek,
                              const format::BlobReference& reference) {
  Bytes aad = format::DekAad(store_id, reference.id, kek.context());
  TRY_ASSIGN(SecretBytes dek, aead::XaesOpen(kek.span(), aad, reference.wrap));
  if (dek.size() != aead::kKeySize) return Status(Code::kTampered, "a DEK of a wrong size");
  return dek;
}

SealedBlob SealSmallBlob(FreshBlob blob, ByteSpan bytes) {
  aead::ChunkCipher cipher = aead::ChunkCipher::ForSealing(blob.dek.span(), &blob.header);
  SealedBlob out;
  out.reference = blob.reference;
  out.reference.size = bytes.size();
  out.reference.crc64 = hash::Crc64(bytes);
  out.frame.resize(format::BlobFrameSize(bytes.size()));
  format::SealBlobFrame(blob.header, cipher, bytes, out.frame.data());
  return out;
}

namespace {
// Appends the range of the frame's plaintext to `out`.
Status OpenRange(const format::BlobFrame& head, ByteSpan frame, aead::ChunkCipher& cipher,
                 uint64_t offset, uint64_t length, Bytes* out) {
  uint64_t end = offset + length;
  size_t base = out->size();
  uint64_t first = offset / aead::kChunkSize * aead::kChunkSize;
  for (uint64_t at = first; at < end || at == 0; at += aead::kChunkSize) {
    uint64_t left = head.plaintext_size - at;
    size_t size = static_cast<size_t>(std::min<uint64_t>(aead::kChunkSize, left));
    size_t place = out->size();
    out->resize(place + size);
    Status status =
        format::OpenBlobFrameChunk(head, frame, cipher, at / aead::kChunkSize, out->data() + place);
    if (!status.ok()) {
      out->resize(base);
      return status;
    }
    if (end == 0) break;
  }
  // Whole chunks were verified; only the range leaves.
  out->erase(out->begin() + base, out->begin() + base + (offset - first));
  out->resize(base + length);
  return {};
}
}  // namespace

Status ReadSmallBlob(log::ZoneLog& log, const SmallBlobRead& read, Bytes* out) {
  const format::BlobReference& reference = read.reference;
  Scratch<Bytes> kept;  // So that a get allocates nothing here.
  Bytes& frame = *kept;
  frame.resize(format::BlobFrameSize(reference.size));
  TRY_ASSIGN(size_t got, log.Read(format::SegmentOf(reference.location),
                                  format::OffsetOf(reference.location), frame));
  if (got < frame.size()) return Status(Code::kCorruption, "the segment ends inside a blob frame");
  TRY_ASSIGN(format::BlobFrame head, format::DecodeBlobFrame(frame));
  bool mine = head.header.blob_id == reference.id && head.plaintext_size == reference.size &&
              head.header.store_id == read.store_id && head.header.chunk_size == aead::kChunkSize;
  if (!mine) return Status(Code::kCorruption, "another blob stands at this location");
  TRY_ASSIGN(auto cipher, aead::ChunkCipher::ForOpening(read.dek, head.header));
  if (read.frame) {
    Bytes opened;
    TRY(OpenRange(head, frame, cipher, 0, reference.size, &opened));
    Wipe(opened.data(), opened.size());
    out->insert(out->end(), frame.begin(), frame.end());
    return {};
  }
  return OpenRange(head, frame, cipher, read.offset, read.length, out);
}

}  // namespace strongroom::engine
