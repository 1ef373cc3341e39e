// HMAC (RFC 2104) and HKDF (RFC 5869) over EVP's SHA-2, on digest contexts that the thread keeps.
//
// EVP's own one-shot HMAC sets up a MAC and a digest per call (1.1 us before the first byte), which
// is more than the hashing of the 64 bytes that a blob's keys are expanded to.
#include <algorithm>
#include <initializer_list>

#include "aead/aead.h"
#include "aead/contexts.h"
#include "aead/evp.h"

namespace strongroom::aead {

namespace {

constexpr size_t kHashMax = 64;
constexpr size_t kBlockMax = 128;
constexpr uint8_t kInnerPad = 0x36;
constexpr uint8_t kOuterPad = 0x5c;

// Writes digest.size() bytes: H((K ^ opad) ‖ H((K ^ ipad) ‖ pieces)).
void Hmac(DigestKind kind, ByteSpan key, std::initializer_list<ByteSpan> pieces, uint8_t* out) {
  Digest digest(kind);
  uint8_t pad[kBlockMax] = {};
  if (key.size() > digest.block_size()) {
    digest.Update(key);
    digest.Final(pad);
  } else if (!key.empty()) {
    memcpy(pad, key.data(), key.size());
  }
  const ByteSpan block(pad, digest.block_size());
  for (uint8_t& byte : pad) byte ^= kInnerPad;
  digest.Update(block);
  for (ByteSpan piece : pieces) digest.Update(piece);
  uint8_t inner[kHashMax];
  digest.Final(inner);
  for (uint8_t& byte : pad) byte ^= kInnerPad ^ kOuterPad;
  digest.Update(block);
  digest.Update({inner, digest.size()});
  digest.Final(out);
  OPENSSL_cleanse(pad, sizeof(pad));
  OPENSSL_cleanse(inner, sizeof(inner));
}

// T(i) = HMAC(prk, T(i-1) ‖ info ‖ i), concatenated and cut to out.size().
void Expand(DigestKind kind, size_t hash_size, ByteSpan prk, ByteSpan info, MutableByteSpan out) {
  CHECK(out.size() <= 255 * hash_size) << "RFC 5869, section 2.3";
  uint8_t block[kHashMax];
  uint8_t counter = 0;
  for (size_t at = 0; at < out.size(); at += hash_size) {
    const ByteSpan previous(block, counter == 0 ? 0 : hash_size);
    ++counter;
    Hmac(kind, prk, {previous, info, {&counter, 1}}, block);
    memcpy(out.data() + at, block, std::min(hash_size, out.size() - at));
  }
  OPENSSL_cleanse(block, sizeof(block));
}

void Extract(DigestKind kind, size_t hash_size, ByteSpan salt, ByteSpan ikm, MutableByteSpan out) {
  CHECK(out.size() == hash_size);
  Hmac(kind, salt, {ikm}, out.data());
}

}  // namespace

void HkdfExpandSha512(ByteSpan prk, ByteSpan info, MutableByteSpan out) {
  Expand(DigestKind::kSha512, 64, prk, info, out);
}
void HkdfExtractSha512(ByteSpan salt, ByteSpan ikm, MutableByteSpan out64) {
  Extract(DigestKind::kSha512, 64, salt, ikm, out64);
}
void HkdfExpandSha256(ByteSpan prk, ByteSpan info, MutableByteSpan out) {
  Expand(DigestKind::kSha256, 32, prk, info, out);
}
void HkdfExtractSha256(ByteSpan salt, ByteSpan ikm, MutableByteSpan out32) {
  Extract(DigestKind::kSha256, 32, salt, ikm, out32);
}

std::array<uint8_t, 32> HmacSha256(ByteSpan key, ByteSpan data) {
  std::array<uint8_t, 32> out;
  Hmac(DigestKind::kSha256, key, {data}, out.data());
  return out;
}
std::array<uint8_t, 64> HmacSha512(ByteSpan key, ByteSpan data) {
  std::array<uint8_t, 64> out;
  Hmac(DigestKind::kSha512, key, {data}, out.data());
  return out;
}

bool ConstantTimeEqual(ByteSpan a, ByteSpan b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace strongroom::aead
