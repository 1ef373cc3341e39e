// The seal of one chunk: keys from the DEK and the header, the nonce from the position.
#include "aead/chunk.h"

#include "aead/contexts.h"
#include "base/bugs.h"

namespace strongroom::aead {

namespace {

// 16 bytes, so that label, suite, salt, context and HKDF's counter fill 105 bytes: with SHA-512's
// padding one block behind the key block.
constexpr std::string_view kLabel = "strongroom.chunk";
constexpr size_t kInfoSize = 16 + 1 + 1 + kSaltSize + (4 + 16) + (4 + 16) + 4;

using Info = std::array<uint8_t, kInfoSize>;
using Aad = std::array<uint8_t, 32>;  // SHA-256 of the seal header.

uint8_t* Append(uint8_t* to, ByteSpan bytes) {
  memcpy(to, bytes.data(), bytes.size());
  return to + bytes.size();
}
uint8_t* AppendU32(uint8_t* to, uint32_t value) {
  StoreLittle(to, value);
  return to + sizeof(value);
}

// Every field that may ever vary in length carries it: "ab" ‖ "c" must not derive what "a" ‖ "bc"
// does.
Info DerivationInfo(const SealHeader& header) {
  static_assert(kLabel.size() == 16);
  Info info;
  uint8_t* to = Append(info.data(), AsBytes(kLabel));
  *to++ = header.suite;
  *to++ = 0;
  to = Append(to, header.salt);
  to = AppendU32(to, static_cast<uint32_t>(header.store_id.size()));
  to = Append(to, header.store_id);
  to = AppendU32(to, static_cast<uint32_t>(header.blob_id.size()));
  to = Append(to, header.blob_id);
  to = AppendU32(to, header.chunk_size);
  CHECK(to == info.data() + info.size());
  return info;
}

// contentKey ‖ commitment.
SecretBytes Derive(ByteSpan dek, const SealHeader& header) {
  SecretBytes derived(kKeySize + kCommitmentSize);
  HkdfExpandSha512(dek, DerivationInfo(header), derived.span());
  return derived;
}

Aad HeaderHash(const SealHeader& header) {
  uint8_t encoded[kSealHeaderSize];
  EncodeSealHeader(header, encoded);
  Digest digest(DigestKind::kSha256);
  digest.Update(encoded);
  Aad hash;
  digest.Final(hash.data());
  return hash;
}

bool Supported(const SealHeader& header) {
  return header.suite == kSuiteV1 && header.chunk_size > 0 && header.chunk_size <= kChunkSize;
}
Status Unsupported() { return Status(Code::kUnsupportedFormat, "unknown seal header"); }

Nonce ChunkNonce(uint64_t index, bool last) {
  Nonce nonce{};
  StoreBig64(nonce.data() + 3, index);
  nonce[11] = last && !STRONGROOM_BUG("no-last-flag") ? 1 : 0;
  return nonce;
}

}  // namespace

ChunkCipher::ChunkCipher(SecretBytes derived, const Aad& aad, uint32_t chunk_size)
    : derived_(std::move(derived)),
      aad_(aad),
      chunk_size_(chunk_size),
      gcm_(std::as_const(derived_).span().first(kKeySize)) {}

ChunkCipher ChunkCipher::ForSealing(ByteSpan dek, SealHeader* header) {
  CHECK(dek.size() == kKeySize);
  CHECK(Supported(*header));
  SecretBytes derived = Derive(dek, *header);
  memcpy(header->commitment.data(), derived.span().data() + kKeySize, kCommitmentSize);
  return ChunkCipher(std::move(derived), HeaderHash(*header), header->chunk_size);
}

Result<ChunkCipher> ChunkCipher::ForOpening(ByteSpan dek, const SealHeader& header) {
  if (!Supported(header)) return Unsupported();
  if (dek.size() != kKeySize) return SealBroken();
  SecretBytes derived = Derive(dek, header);
  // Before any chunk is opened: GCM alone does not commit to its key, so a body can be made that
  // two keys open, each to another plaintext.
  if (STRONGROOM_BUG("no-commitment-check")) {
    return ChunkCipher(std::move(derived), HeaderHash(header), header.chunk_size);
  }
  if (!ConstantTimeEqual(derived.span().subspan(kKeySize), header.commitment)) return SealBroken();
  return ChunkCipher(std::move(derived), HeaderHash(header), header.chunk_size);
}

ChunkCipher ChunkCipher::Clone() const { return ChunkCipher(derived_.Clone(), aad_, chunk_size_); }

void ChunkCipher::Seal(uint64_t index, bool last, ByteSpan plaintext, uint8_t* out) {
  // Checked before sealing: a counter that wraps uses a nonce twice.
  CHECK(index < kChunksMax);
  CHECK(plaintext.size() <= chunk_size_);
  gcm_.Seal(ChunkNonce(index, last), aad_, plaintext, out);
}

Status ChunkCipher::Open(uint64_t index, bool last, ByteSpan sealed, uint8_t* out) {
  if (index >= kChunksMax || sealed.size() > chunk_size_ + kTagSize) return SealBroken();
  return gcm_.Open(ChunkNonce(index, last), aad_, sealed, out);
}

void EncodeSealHeader(const SealHeader& header, uint8_t* out) {
  memset(out, 0, 4);
  out[0] = header.suite;
  uint8_t* to = AppendU32(out + 4, header.chunk_size);
  to = Append(to, header.store_id);
  to = Append(to, header.blob_id);
  to = Append(to, header.salt);
  to = Append(to, header.commitment);
  CHECK(to == out + kSealHeaderSize);
}

Result<SealHeader> DecodeSealHeader(ByteSpan bytes) {
  if (bytes.size() != kSealHeaderSize) return Status(Code::kCorruption, "seal header size");
  ByteReader reader(bytes);
  SealHeader header;
  header.suite = reader.U8();
  const bool reserved = reader.U8() != 0 || reader.U16() != 0;
  header.chunk_size = reader.U32();
  reader.Into(header.store_id);
  reader.Into(header.blob_id);
  reader.Into(header.salt);
  reader.Into(header.commitment);
  if (reserved || !Supported(header)) return Unsupported();
  return header;
}

}  // namespace strongroom::aead
