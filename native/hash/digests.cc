// One fetched digest object per kind and process; a context of its own for each body.
#include "hash/digests.h"

#include <string>

#include "base/check.h"
#include "hash/crc32.h"
#include "hash/crc64.h"

namespace strongroom::hash {

namespace {

struct EvpKind {
  uint32_t bit;
  const char* name;
  size_t size;
};
// In the order of their values.
constexpr EvpKind kKinds[] = {
    {kDigestMd5, "MD5", 16}, {kDigestSha1, "SHA1", 20}, {kDigestSha256, "SHA256", 32}};
constexpr uint32_t kAll =
    kDigestMd5 | kDigestSha1 | kDigestSha256 | kDigestCrc32 | kDigestCrc32c | kDigestCrc64;

// Null where OpenSSL has none, such as MD5 under FIPS. Never freed: it outlives every thread.
const evp_md_st* Fetched(size_t kind) {
  static const std::array<const evp_md_st*, std::size(kKinds)> fetched = [] {
    std::array<const evp_md_st*, std::size(kKinds)> out{};
    for (size_t i = 0; i < out.size() && DigestAvailable(); ++i) {
      out[i] = EVP_MD_fetch(nullptr, kKinds[i].name, nullptr);
    }
    return out;
  }();
  return fetched[kind];
}

template <typename Integer>
void PutBigEndian(Bytes* out, Integer value) {
  for (int shift = 8 * (static_cast<int>(sizeof value) - 1); shift >= 0; shift -= 8) {
    out->push_back(static_cast<uint8_t>(value >> shift));
  }
}

}  // namespace

Result<std::unique_ptr<Digests>> Digests::Create(uint32_t bits) {
  if ((bits & ~kAll) != 0) return Status(Code::kInvalidArgument, "no such digest");
  std::unique_ptr<Digests> out(new Digests(bits));
  for (size_t i = 0; i < std::size(kKinds); ++i) {
    if ((bits & kKinds[i].bit) == 0) continue;
    const evp_md_st* digest = Fetched(i);
    if (digest == nullptr) {
      return Status(Code::kInvalidArgument,
                    std::string("this process's OpenSSL has no ") + kKinds[i].name);
    }
    out->running_[i] = EVP_MD_CTX_new();
    CHECK(out->running_[i] != nullptr &&
          EVP_DigestInit_ex2(out->running_[i], digest, nullptr) == 1);
  }
  return out;
}

Digests::~Digests() {
  for (evp_md_ctx_st* running : running_) {
    if (running != nullptr) EVP_MD_CTX_free(running);
  }
}

void Digests::Update(ByteSpan bytes) {
  for (evp_md_ctx_st* running : running_) {
    if (running == nullptr) continue;
    CHECK(EVP_DigestUpdate(running, bytes.data(), bytes.size()) == 1);
  }
  if (bits_ & kDigestCrc32) crc32_ = Crc32(bytes, crc32_);
  if (bits_ & kDigestCrc32c) crc32c_ = Crc32c(bytes, crc32c_);
  if (bits_ & kDigestCrc64) crc64_ = Crc64(bytes, crc64_);
}

Bytes Digests::Finish() {
  Bytes out;
  for (size_t i = 0; i < running_.size(); ++i) {
    if (running_[i] == nullptr) continue;
    const size_t at = out.size();
    out.resize(at + kKinds[i].size);
    CHECK(EVP_DigestFinal_ex(running_[i], out.data() + at, nullptr) == 1);
  }
  if (bits_ & kDigestCrc32) PutBigEndian(&out, crc32_);
  if (bits_ & kDigestCrc32c) PutBigEndian(&out, crc32c_);
  if (bits_ & kDigestCrc64) PutBigEndian(&out, crc64_);
  return out;
}

}  // namespace strongroom::hash
