#include "engine/small_blob.h"

#include <algorithm>

#include "hash/crc64.h"

namespace strongroom::engine {

FreshBlob MakeBlob(io::Env* env, const aead::Id& store_id, const Kek& kek) {
  // One call to the kernel's generator for all that is random here.
  struct {
    uint8_t id[16], salt[aead::kSaltSize], nonce[aead::kXaesNonceSize], dek[aead::kKeySize];
  } random;
  env->Random({reinterpret_cast<uint8_t*>(&random), sizeof random});
  FreshBlob blob;
  blob.dek = SecretBytes(ByteSpan(random.dek));
  blob.header.store_id = store_id;
  std::copy(std::begin(random.id), std::end(random.id), blob.header.blob_id.begin());
  std::copy(std::begin(random.salt), std::end(random.salt), blob.header.salt.begin());
  blob.reference.id = blob.header.blob_id;
  std::array<uint8_t, aead::kXaesNonceSize> nonce;
  std::copy(std::begin(random.nonce), std::end(random.nonce), nonce.begin());
  Bytes aad = format::DekAad(store_id, blob.header.blob_id);
  Bytes wrap = aead::XaesSeal(kek.span(), nonce, aad, blob.dek.span());
  CHECK(wrap.size() == format::kDekWrapSize);
  std::copy(wrap.begin(), wrap.end(), blob.reference.wrap.begin());
  Wipe(&random, sizeof random);
  return blob;
}

Result<SecretBytes> UnwrapDek(const aead::Id& store_id, const Kek& kek,
                              const format::BlobReference& reference) {
  Bytes aad = format::DekAad(store_id, reference.id);
  TRY_ASSIGN(SecretBytes dek, aead::XaesOpen(kek.span(), aad, reference.wrap));
  if (dek.size() != aead::kKeySize) return Status(Code::kTampered, "a DEK of a wrong size");
  return dek;
}

SealedBlob SealSmallBlob(io::Env* env, const aead::Id& store_id, const Kek& kek, ByteSpan bytes) {
  FreshBlob blob = MakeBlob(env, store_id, kek);
  aead::ChunkCipher cipher = aead::ChunkCipher::ForSealing(blob.dek.span(), &blob.header);
  SealedBlob out;
  out.reference = blob.reference;
  out.reference.kind = format::BlobKind::kSmall;
  out.reference.size = bytes.size();
  out.reference.crc64 = hash::Crc64(bytes);
  out.frame.resize(format::BlobFrameSize(bytes.size()));
  format::SealBlobFrame(blob.header, cipher, bytes, out.frame.data());
  return out;
}

Status ReadSmallBlob(log::ZoneLog& log, const SmallBlobRead& read, Bytes* out) {
  const format::BlobReference& reference = read.reference;
  thread_local Bytes frame;  // Zone threads only: reused, so that a get allocates nothing here.
  frame.resize(format::BlobFrameSize(reference.size));
  TRY_ASSIGN(size_t got, log.Read(format::SegmentOf(reference.location),
                                  format::OffsetOf(reference.location), frame));
  if (got < frame.size()) return Status(Code::kCorruption, "the segment ends inside a blob frame");
  TRY_ASSIGN(format::BlobFrame head, format::DecodeBlobFrame(frame));
  bool mine = head.header.blob_id == reference.id && head.plaintext_size == reference.size &&
              head.header.store_id == read.store_id && head.header.chunk_size == aead::kChunkSize;
  if (!mine) return Status(Code::kCorruption, "another blob stands at this location");
  TRY_ASSIGN(SecretBytes dek, UnwrapDek(read.store_id, read.kek, reference));
  TRY_ASSIGN(auto cipher, aead::ChunkCipher::ForOpening(dek.span(), head.header));

  uint64_t end = read.offset + read.length;
  size_t base = out->size();
  uint64_t first = read.offset / aead::kChunkSize * aead::kChunkSize;
  for (uint64_t at = first; at < end || at == 0; at += aead::kChunkSize) {
    size_t size = static_cast<size_t>(std::min<uint64_t>(aead::kChunkSize, reference.size - at));
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
  out->erase(out->begin() + base, out->begin() + base + (read.offset - first));
  out->resize(base + read.length);
  return {};
}

}  // namespace strongroom::engine
