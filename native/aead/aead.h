// AES-256-GCM through the OpenSSL that Node carries (EVP). No cipher of our own.
//
// GcmKey: one key schedule, used for many nonces; not thread-safe (one EVP context inside), cheap
// to make from a 32-byte key (re-keys a context that the thread kept: about 0.2 us).
// Xaes: XAES-256-GCM (C2SP), a fresh 24-byte nonce from the kernel per message: records,
// superblocks, wraps. Output is nonce ‖ ciphertext ‖ tag.
#pragma once

#include <array>

#include "base/bytes.h"
#include "base/secret_bytes.h"
#include "base/status.h"

struct evp_cipher_ctx_st;  // OpenSSL's, opaque.

namespace strongroom::aead {

constexpr size_t kKeySize = 32;
constexpr size_t kTagSize = 16;
constexpr size_t kNonceSize = 12;
constexpr size_t kXaesNonceSize = 24;
constexpr size_t kXaesOverhead = kXaesNonceSize + kTagSize;
// The largest plaintext that XaesOpen unseals into locked memory.
constexpr size_t kXaesSecretMax = 64 * 1024;

using Nonce = std::array<uint8_t, kNonceSize>;
using XaesNonce = std::array<uint8_t, kXaesNonceSize>;

// True when every EVP symbol and algorithm that this folder uses is there. Checked once at load;
// nothing else in this header may be called otherwise.
bool Available();
const char* ProviderVersion();  // Such as "OpenSSL 3.0.19".

// The one answer to every wrong tag, key, nonce, commitment or length: kTampered. Which of them it
// was is nobody's business.
Status SealBroken();

class GcmKey {
 public:
  explicit GcmKey(ByteSpan key);  // REQUIRES: 32 bytes.
  ~GcmKey();
  GcmKey(GcmKey&&) noexcept;
  GcmKey& operator=(GcmKey&&) noexcept;
  void Rekey(ByteSpan key);

  // Writes ciphertext ‖ tag (plaintext.size() + 16 bytes) to `out`. In place (out == plaintext)
  // allowed. A nonce must never come twice under one key.
  void Seal(const Nonce& nonce, ByteSpan aad, ByteSpan plaintext, uint8_t* out);
  // Writes sealed.size() - 16 bytes to `out`; until this returns OK they are not to be looked at.
  // kTampered when the tag is wrong; `out` is then wiped. In place (out == sealed) allowed, but
  // then a wrong tag destroys the input.
  Status Open(const Nonce& nonce, ByteSpan aad, ByteSpan sealed, uint8_t* out);

 private:
  evp_cipher_ctx_st* context_;
};

// An XAES-256-GCM key whose block cipher and CMAC subkey are kept: for keys that wrap often. Not
// thread-safe.
class XaesKey {
 public:
  explicit XaesKey(ByteSpan key);  // REQUIRES: 32 bytes.
  ~XaesKey();
  XaesKey(XaesKey&&) noexcept;
  XaesKey& operator=(XaesKey&&) noexcept;

  // Writes nonce ‖ ciphertext ‖ tag (plaintext.size() + kXaesOverhead bytes) to `out`. `nonce` must
  // be 24 fresh random bytes from Env::Random.
  void Seal(const XaesNonce& nonce, ByteSpan aad, ByteSpan plaintext, uint8_t* out);
  // Writes sealed.size() - kXaesOverhead bytes to `out`. kTampered when the message is shorter than
  // that or its tag is wrong; `out` is then wiped.
  Status Open(ByteSpan aad, ByteSpan sealed, uint8_t* out);

 private:
  void DeriveMessageKey(const uint8_t* nonce);
  evp_cipher_ctx_st* block_;  // AES-256 under the key.
  SecretBytes subkey_;        // K1 of CMAC.
  GcmKey gcm_;                // Re-keyed for each message.
};

Bytes XaesSeal(ByteSpan key, const XaesNonce& nonce, ByteSpan aad, ByteSpan plaintext);
// kTampered when the tag is wrong or the message is too short, or too long to be a secret.
Result<SecretBytes> XaesOpen(ByteSpan key, ByteSpan aad, ByteSpan sealed);
// The same for plaintext that is no secret key (commit records): a heap buffer.
Result<Bytes> XaesOpenBytes(ByteSpan key, ByteSpan aad, ByteSpan sealed);

// RFC 5869 and RFC 2104, built from the SHA-2 of EVP. HKDF's `out` is at most 255 hash lengths.
void HkdfExpandSha512(ByteSpan prk, ByteSpan info, MutableByteSpan out);
void HkdfExtractSha512(ByteSpan salt, ByteSpan ikm, MutableByteSpan out64);
void HkdfExpandSha256(ByteSpan prk, ByteSpan info, MutableByteSpan out);
void HkdfExtractSha256(ByteSpan salt, ByteSpan ikm, MutableByteSpan out32);
std::array<uint8_t, 32> HmacSha256(ByteSpan key, ByteSpan data);
std::array<uint8_t, 64> HmacSha512(ByteSpan key, ByteSpan data);
// The time depends on the sizes only.
bool ConstantTimeEqual(ByteSpan a, ByteSpan b);

}  // namespace strongroom::aead
