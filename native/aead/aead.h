// AES-256-GCM through the OpenSSL that Node carries (EVP). No cipher of our own.
//
// GcmKey: one key schedule, used for many nonces; not thread-safe (one EVP context inside), cheap to
// make from a 32-byte key (re-keys a pooled context: about 0.2 us).
// Xaes: XAES-256-GCM (C2SP), a fresh 24-byte nonce from the kernel per message: records, superblocks,
// wraps. Output is nonce ‖ ciphertext ‖ tag.
#pragma once

#include <array>
#include <memory>

#include "base/bytes.h"
#include "base/secret_bytes.h"
#include "base/status.h"

namespace strongroom::aead {

constexpr size_t kKeySize = 32;
constexpr size_t kTagSize = 16;
constexpr size_t kNonceSize = 12;
constexpr size_t kXaesNonceSize = 24;
constexpr size_t kXaesOverhead = kXaesNonceSize + kTagSize;

// True when every EVP symbol that the core uses is there. Checked once at load; nothing else in this
// header may be called otherwise.
bool Available();
const char* ProviderVersion();  // Such as "OpenSSL 3.0.19".

class GcmKey {
 public:
  explicit GcmKey(ByteSpan key);  // REQUIRES: 32 bytes.
  ~GcmKey();
  GcmKey(GcmKey&&) noexcept;
  GcmKey& operator=(GcmKey&&) noexcept;
  void Rekey(ByteSpan key);

  // Writes ciphertext ‖ tag (plaintext.size() + 16 bytes) to `out`. In place (out == plaintext) allowed.
  void Seal(const std::array<uint8_t, kNonceSize>& nonce, ByteSpan aad, ByteSpan plaintext, uint8_t* out);
  // Writes sealed.size() - 16 bytes to `out`. kTampered when the tag is wrong; `out` is then wiped.
  Status Open(const std::array<uint8_t, kNonceSize>& nonce, ByteSpan aad, ByteSpan sealed, uint8_t* out);

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

// `nonce` must be 24 fresh random bytes from Env::Random.
Bytes XaesSeal(ByteSpan key, const std::array<uint8_t, kXaesNonceSize>& nonce, ByteSpan aad, ByteSpan plaintext);
// kTampered when the tag is wrong or the message is too short.
Result<SecretBytes> XaesOpen(ByteSpan key, ByteSpan aad, ByteSpan sealed);
// The same for plaintext that is no secret key (commit records): a heap buffer.
Result<Bytes> XaesOpenBytes(ByteSpan key, ByteSpan aad, ByteSpan sealed);

// RFC 5869 with SHA-512 / SHA-256 through EVP HMAC. `out` at most 255 hash lengths.
void HkdfExpandSha512(ByteSpan prk, ByteSpan info, MutableByteSpan out);
void HkdfExtractSha512(ByteSpan salt, ByteSpan ikm, MutableByteSpan out64);
void HkdfExpandSha256(ByteSpan prk, ByteSpan info, MutableByteSpan out);
void HkdfExtractSha256(ByteSpan salt, ByteSpan ikm, MutableByteSpan out32);
std::array<uint8_t, 32> HmacSha256(ByteSpan key, ByteSpan data);
bool ConstantTimeEqual(ByteSpan a, ByteSpan b);

}  // namespace strongroom::aead
