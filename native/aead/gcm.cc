// AES-256-GCM over EVP: one context, re-keyed per blob and given a nonce per message.
#include <algorithm>

#include "aead/aead.h"
#include "aead/contexts.h"
#include "aead/evp.h"
#include "base/bugs.h"

namespace strongroom::aead {

namespace {

using Update = int (*)(evp_cipher_ctx_st*, unsigned char*, int*, const unsigned char*, int);
constexpr size_t kUpdateMax = size_t{1} << 30;              // EVP counts in int.
constexpr uint64_t kMessageMax = (uint64_t{1} << 36) - 32;  // NIST SP 800-38D, 2^39 - 256 bits.

// Feeds `in` whole; `out` is null for additional data.
bool UpdateAll(Update update, evp_cipher_ctx_st* context, ByteSpan in, uint8_t* out) {
  while (!in.empty()) {
    const size_t size = std::min(in.size(), kUpdateMax);
    int written = 0;
    if (update(context, out, &written, in.data(), static_cast<int>(size)) != 1) return false;
    if (out != nullptr) out += size;
    in = in.subspan(size);
  }
  return true;
}

bool DecryptAndVerify(evp_cipher_ctx_st* context, const Nonce& nonce, ByteSpan aad, ByteSpan sealed,
                      uint8_t* out) {
  const ByteSpan ciphertext = sealed.first(sealed.size() - kTagSize);
  // EVP wants the expected tag mutable.
  uint8_t tag[kTagSize];
  memcpy(tag, sealed.data() + ciphertext.size(), kTagSize);
  uint8_t rest[kTagSize];
  int written = 0;
  const int tag_size = STRONGROOM_BUG("short-tag-accepted") ? 4 : kTagSize;
  return EVP_DecryptInit_ex2(context, nullptr, nullptr, nonce.data(), nullptr) == 1 &&
         UpdateAll(EVP_DecryptUpdate, context, aad, nullptr) &&
         UpdateAll(EVP_DecryptUpdate, context, ciphertext, out) &&
         EVP_CIPHER_CTX_ctrl(context, kEvpSetTag, tag_size, tag) == 1 &&
         EVP_DecryptFinal_ex(context, rest, &written) == 1;
}

}  // namespace

GcmKey::GcmKey(ByteSpan key) : context_(TakeCipherContext(CipherKind::kGcm)) { Rekey(key); }
GcmKey::~GcmKey() {
  if (context_ != nullptr) GiveCipherContext(CipherKind::kGcm, context_);
}
GcmKey::GcmKey(GcmKey&& other) noexcept : context_(std::exchange(other.context_, nullptr)) {}
GcmKey& GcmKey::operator=(GcmKey&& other) noexcept {
  std::swap(context_, other.context_);
  return *this;
}

void GcmKey::Rekey(ByteSpan key) { SetCipherKey(context_, key); }

void GcmKey::Seal(const Nonce& nonce, ByteSpan aad, ByteSpan plaintext, uint8_t* out) {
  CHECK(plaintext.size() <= kMessageMax);
  uint8_t rest[kTagSize];
  int written = 0;
  CHECK(EVP_EncryptInit_ex2(context_, nullptr, nullptr, nonce.data(), nullptr) == 1);
  CHECK(UpdateAll(EVP_EncryptUpdate, context_, aad, nullptr));
  CHECK(UpdateAll(EVP_EncryptUpdate, context_, plaintext, out));
  CHECK(EVP_EncryptFinal_ex(context_, rest, &written) == 1);
  CHECK(EVP_CIPHER_CTX_ctrl(context_, kEvpGetTag, kTagSize, out + plaintext.size()) == 1);
}

Status GcmKey::Open(const Nonce& nonce, ByteSpan aad, ByteSpan sealed, uint8_t* out) {
  if (sealed.size() < kTagSize || sealed.size() - kTagSize > kMessageMax) return SealBroken();
  if (DecryptAndVerify(context_, nonce, aad, sealed, out)) return Status::Ok();
  // What was decrypted is the attacker's choice XOR the keystream: nobody may see it.
  if (sealed.size() > kTagSize) OPENSSL_cleanse(out, sealed.size() - kTagSize);
  return SealBroken();
}

Status SealBroken() { return Status(Code::kTampered, "the seal does not hold"); }

}  // namespace strongroom::aead
