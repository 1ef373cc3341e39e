// One digest object per process, one context per thread: fetching costs a locked look-up and a new
// context an allocation, each more than hashing a short record.
#include "hash/sha256.h"

#include "base/check.h"
#include "hash/evp_digest.h"

namespace strongroom::hash {

namespace {

const evp_md_st* Digest() {
  static const evp_md_st* const digest = [] {
    CHECK(DigestAvailable()) << "this process has no OpenSSL";
    return EVP_MD_fetch(nullptr, "SHA256", nullptr);  // Never freed: it outlives every thread.
  }();
  CHECK(digest != nullptr) << "OpenSSL has no SHA-256";
  return digest;
}

class Context {
 public:
  ~Context() {
    if (context_ != nullptr) EVP_MD_CTX_free(context_);
  }
  evp_md_ctx_st* Start() {
    const evp_md_st* digest = Digest();
    if (context_ == nullptr) context_ = EVP_MD_CTX_new();
    CHECK(context_ != nullptr && EVP_DigestInit_ex2(context_, digest, nullptr) == 1);
    return context_;
  }

 private:
  evp_md_ctx_st* context_ = nullptr;
};

}  // namespace

Sha256Digest Sha256(std::initializer_list<ByteSpan> pieces) {
  static thread_local Context context;
  evp_md_ctx_st* running = context.Start();
  for (ByteSpan piece : pieces) {
    CHECK(EVP_DigestUpdate(running, piece.data(), piece.size()) == 1);
  }
  Sha256Digest out;
  CHECK(EVP_DigestFinal_ex(running, out.data(), nullptr) == 1);
  return out;
}

Sha256Digest Sha256(ByteSpan data) { return Sha256({data}); }

}  // namespace strongroom::hash
