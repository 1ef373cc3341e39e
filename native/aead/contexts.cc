// The shelf of each thread: contexts between two uses, forgetful of the last one.
#include "aead/contexts.h"

#include <utility>

#include "aead/evp.h"
#include "base/check.h"

namespace strongroom::aead {

namespace {

constexpr size_t kKept = 8;  // Contexts of one kind that a thread keeps; more are freed.
constexpr uint8_t kZeroKey[32] = {};

const evp_cipher_st* Algorithm(CipherKind kind) {
  static const evp_cipher_st* const gcm = EVP_CIPHER_fetch(nullptr, "AES-256-GCM", nullptr);
  static const evp_cipher_st* const block = EVP_CIPHER_fetch(nullptr, "AES-256-ECB", nullptr);
  return kind == CipherKind::kGcm ? gcm : block;
}

const evp_md_st* Algorithm(DigestKind kind) {
  static const evp_md_st* const sha256 = EVP_MD_fetch(nullptr, "SHA2-256", nullptr);
  static const evp_md_st* const sha512 = EVP_MD_fetch(nullptr, "SHA2-512", nullptr);
  return kind == DigestKind::kSha256 ? sha256 : sha512;
}

evp_cipher_ctx_st* NewCipherContext(CipherKind kind) {
  evp_cipher_ctx_st* context = EVP_CIPHER_CTX_new();
  CHECK(context != nullptr);
  CHECK(EVP_EncryptInit_ex2(context, Algorithm(kind), nullptr, nullptr, nullptr) == 1);
  if (kind == CipherKind::kBlock) {
    CHECK(EVP_CIPHER_CTX_set_padding(context, 0) == 1);
  }
  return context;
}

evp_md_ctx_st* NewDigestContext(DigestKind kind) {
  evp_md_ctx_st* context = EVP_MD_CTX_new();
  CHECK(context != nullptr);
  CHECK(EVP_DigestInit_ex2(context, Algorithm(kind), nullptr) == 1);
  return context;
}

// What one thread keeps. Its destructor runs at the thread's end, possibly before the last GcmKey
// of that thread goes; from then on `ended` sends every context straight to OpenSSL.
struct Shelf {
  evp_cipher_ctx_st* ciphers[2][kKept];
  size_t count[2] = {0, 0};
  evp_md_ctx_st* digests[2] = {nullptr, nullptr};
  ~Shelf();
};
thread_local bool ended = false;
thread_local Shelf shelf;

Shelf::~Shelf() {
  ended = true;
  for (size_t kind = 0; kind < 2; ++kind) {
    while (count[kind] > 0) EVP_CIPHER_CTX_free(ciphers[kind][--count[kind]]);
    if (digests[kind] != nullptr) EVP_MD_CTX_free(digests[kind]);
  }
}

}  // namespace

bool AlgorithmsAvailable() {
  return Algorithm(CipherKind::kGcm) && Algorithm(CipherKind::kBlock) &&
         Algorithm(DigestKind::kSha256) && Algorithm(DigestKind::kSha512);
}

evp_cipher_ctx_st* TakeCipherContext(CipherKind kind) {
  const auto i = static_cast<size_t>(kind);
  if (ended || shelf.count[i] == 0) return NewCipherContext(kind);
  return shelf.ciphers[i][--shelf.count[i]];
}

void GiveCipherContext(CipherKind kind, evp_cipher_ctx_st* context) {
  const auto i = static_cast<size_t>(kind);
  if (ended || shelf.count[i] == kKept) {
    EVP_CIPHER_CTX_free(context);  // OpenSSL cleanses what it frees.
    return;
  }
  SetCipherKey(context, kZeroKey);
  shelf.ciphers[i][shelf.count[i]++] = context;
}

void SetCipherKey(evp_cipher_ctx_st* context, ByteSpan key) {
  CHECK(key.size() == sizeof(kZeroKey)) << "AES-256 takes 32 bytes";
  CHECK(EVP_EncryptInit_ex2(context, nullptr, key.data(), nullptr, nullptr) == 1);
}

Digest::Digest(DigestKind kind) : kind_(kind) {
  const auto i = static_cast<size_t>(kind);
  context_ = ended ? nullptr : std::exchange(shelf.digests[i], nullptr);
  if (context_ == nullptr) context_ = NewDigestContext(kind);
}

Digest::~Digest() {
  const auto i = static_cast<size_t>(kind_);
  if (started_) Restart();
  if (ended || shelf.digests[i] != nullptr) {
    EVP_MD_CTX_free(context_);
  } else {
    shelf.digests[i] = context_;
  }
}

void Digest::Update(ByteSpan data) {
  started_ = true;
  CHECK(EVP_DigestUpdate(context_, data.data(), data.size()) == 1);
}

void Digest::Final(uint8_t* out) {
  CHECK(EVP_DigestFinal_ex(context_, out, nullptr) == 1);
  Restart();
}

void Digest::Restart() {
  CHECK(EVP_DigestInit_ex2(context_, nullptr, nullptr) == 1);
  started_ = false;
}

}  // namespace strongroom::aead
