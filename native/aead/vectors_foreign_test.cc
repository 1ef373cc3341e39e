// What the core does not offer but vectors ask for: AES-GCM of any key, nonce and tag size straight
// from EVP, and C2SP's chunked encryption (Cobblestone-256: another label, a base nonce, no
// last-flag) over the core's own GcmKey and HKDF.
#include <map>

#include "aead/chunk.h"
#include "aead/contexts.h"
#include "aead/evp.h"
#include "aead/vectors_testing.h"

namespace strongroom::aead {

namespace {

constexpr int kEvpSetIvSize = 0x9;

class AnyGcm {
 public:
  AnyGcm() : context_(EVP_CIPHER_CTX_new()) {}
  ~AnyGcm() { EVP_CIPHER_CTX_free(context_); }

  // False when the provider does not take a nonce of this size (none is 0 or above 128 bytes).
  bool Start(decltype(&EVP_EncryptInit_ex2) init, ByteSpan key, ByteSpan nonce) {
    const std::string name = "AES-" + std::to_string(key.size() * 8) + "-GCM";
    evp_cipher_st*& cipher = ciphers_[name];
    if (cipher == nullptr) cipher = EVP_CIPHER_fetch(nullptr, name.c_str(), nullptr);
    const int size = static_cast<int>(nonce.size());
    return init(context_, cipher, nullptr, nullptr, nullptr) == 1 &&
           EVP_CIPHER_CTX_ctrl(context_, kEvpSetIvSize, size, nullptr) == 1 &&
           init(context_, nullptr, key.data(), nonce.data(), nullptr) == 1;
  }
  evp_cipher_ctx_st* get() { return context_; }

 private:
  inline static std::map<std::string, evp_cipher_st*> ciphers_;
  evp_cipher_ctx_st* context_;
};

bool Feed(decltype(&EVP_EncryptUpdate) update, AnyGcm& gcm, ByteSpan data, uint8_t* out) {
  int written = 0;
  return data.empty() ||
         update(gcm.get(), out, &written, data.data(), static_cast<int>(data.size())) == 1;
}

}  // namespace

// KEY NONCE AAD PLAINTEXT TAGSIZE -> CIPHERTEXT ‖ TAG
std::string EvpSeal(const Fields& in) {
  const Bytes plaintext = FromHex(in[3]);
  const int tag_size = std::stoi(in[4]);
  Bytes out(plaintext.size() + kTagSize);
  uint8_t rest[kTagSize];
  int written = 0;
  AnyGcm gcm;
  if (!gcm.Start(EVP_EncryptInit_ex2, FromHex(in[0]), FromHex(in[1]))) return "refused";
  CHECK(Feed(EVP_EncryptUpdate, gcm, FromHex(in[2]), nullptr) &&
        Feed(EVP_EncryptUpdate, gcm, plaintext, out.data()) &&
        EVP_EncryptFinal_ex(gcm.get(), rest, &written) == 1);
  uint8_t* tag = out.data() + plaintext.size();
  CHECK(EVP_CIPHER_CTX_ctrl(gcm.get(), kEvpGetTag, tag_size, tag) == 1);
  out.resize(plaintext.size() + static_cast<size_t>(tag_size));
  return Hex(out);
}

// KEY NONCE AAD CIPHERTEXT TAG -> PLAINTEXT
std::string EvpOpen(const Fields& in) {
  const Bytes ciphertext = FromHex(in[3]);
  Bytes tag = FromHex(in[4]), out(ciphertext.size());
  uint8_t rest[kTagSize];
  int written = 0;
  AnyGcm gcm;
  if (!gcm.Start(EVP_DecryptInit_ex2, FromHex(in[0]), FromHex(in[1]))) return "refused";
  const int tag_size = static_cast<int>(tag.size());
  CHECK(Feed(EVP_DecryptUpdate, gcm, FromHex(in[2]), nullptr) &&
        Feed(EVP_DecryptUpdate, gcm, ciphertext, out.data()) &&
        EVP_CIPHER_CTX_ctrl(gcm.get(), kEvpSetTag, tag_size, tag.data()) == 1);
  return EVP_DecryptFinal_ex(gcm.get(), rest, &written) == 1 ? Hex(out) : "tampered";
}

namespace {

std::string Sha512(ByteSpan data) {
  uint8_t out[64];
  Digest digest(DigestKind::kSha512);
  digest.Update(data);
  digest.Final(out);
  return ToHex(out);
}

constexpr size_t kC2spChunk = 16 * 1024;
constexpr size_t kC2spSalt = 24;
constexpr size_t kC2spHeader = kC2spSalt + kCommitmentSize;

struct C2spKeys {
  Bytes key, base_nonce, commitment;
};

C2spKeys C2spDerive(ByteSpan key, ByteSpan salt, ByteSpan context) {
  Bytes info, out(kKeySize + kNonceSize + kCommitmentSize);
  ByteWriter writer(&info);
  writer.Raw(AsBytes("c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM"));
  writer.U8(0);
  writer.Raw(salt);
  writer.Raw(context);
  HkdfExpandSha512(key, info, out);
  ByteReader reader(out);
  const auto take = [&](size_t size) {
    const ByteSpan raw = reader.Raw(size);
    return Bytes(raw.begin(), raw.end());
  };
  C2spKeys keys;
  keys.key = take(kKeySize);
  keys.base_nonce = take(kNonceSize);
  keys.commitment = take(kCommitmentSize);
  return keys;
}

Nonce C2spNonce(const C2spKeys& keys, uint64_t index) {
  Nonce nonce = Fixed<kNonceSize>(keys.base_nonce);
  for (size_t i = 0; i < 8; ++i) nonce[11 - i] ^= static_cast<uint8_t>(index >> 8 * i);
  return nonce;
}

// The whole message again from its plaintext: sealing is the twin that open is held against.
Bytes C2spSeal(const C2spKeys& keys, ByteSpan header, ByteSpan body) {
  Bytes out(header.begin(), header.end());
  GcmKey gcm(keys.key);
  for (uint64_t index = 0;; ++index) {
    const size_t size = std::min(kC2spChunk, body.size());
    out.resize(out.size() + size + kTagSize);
    gcm.Seal(C2spNonce(keys, index), {}, body.first(size), &*out.end() - size - kTagSize);
    body = body.subspan(size);
    if (size < kC2spChunk) return out;
  }
}

}  // namespace

// KEY CONTEXT MESSAGE -> "header", or CHUNKKEY BASENONCE VERDICT SIZE SHA512 FINAL: the verdict (ok
// or tampered), the longest sound prefix, and whether the final chunk opens alone (1 or 0).
std::string C2spOpen(const Fields& in) {
  const Bytes key = FromHex(in[0]), message = FromHex(in[2]);
  if (key.size() != kKeySize || message.size() < kC2spHeader) return "header";
  const ByteSpan header = ByteSpan(message).first(kC2spHeader);
  const C2spKeys keys = C2spDerive(key, header.first(kC2spSalt), FromHex(in[1]));
  if (!ConstantTimeEqual(keys.commitment, header.subspan(kC2spSalt))) return "header";

  const ByteSpan sealed = ByteSpan(message).subspan(kC2spHeader);
  constexpr size_t kSealed = kC2spChunk + kTagSize;
  const uint64_t last = sealed.size() / kSealed;
  GcmKey gcm(keys.key);
  Bytes out(sealed.size() + 1);
  const auto open = [&](uint64_t index, uint8_t* to) {
    const ByteSpan rest = sealed.subspan(index * kSealed);
    const ByteSpan chunk = rest.first(std::min(rest.size(), kSealed));
    return gcm.Open(C2spNonce(keys, index), {}, chunk, to).ok();
  };
  const bool final = open(last, out.data());
  size_t opened = 0;
  uint64_t sound = 0;
  while (sound <= last && open(sound, out.data() + opened)) {
    opened += std::min(kC2spChunk, sealed.size() - sound * kSealed - kTagSize);
    ++sound;
  }
  const ByteSpan prefix = ByteSpan(out).first(opened);
  const bool whole = sound == last + 1;
  if (whole && C2spSeal(keys, header, prefix) != message) return "seals to other bytes";
  return Hex(keys.key) + " " + Hex(keys.base_nonce) + (whole ? " ok " : " tampered ") +
         std::to_string(opened) + " " + Sha512(prefix) + (final ? " 1" : " 0");
}

}  // namespace strongroom::aead
