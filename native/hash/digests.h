// Digests: what a caller asks to be computed over a body, all in one walk over its bytes.
//
//   values = MD5(16) SHA-1(20) SHA-256(32) CRC-32(4) CRC-32C(4) CRC-64/XZ(8), CRCs big-endian:
//            those that were asked for, one behind the other
#pragma once

#include <array>
#include <cstdint>
#include <memory>

#include "base/bytes.h"
#include "base/status.h"
#include "hash/evp_digest.h"

namespace strongroom::hash {

enum DigestBit : uint32_t {
  kDigestMd5 = 1,
  kDigestSha1 = 2,
  kDigestSha256 = 4,
  kDigestCrc32 = 8,
  kDigestCrc32c = 16,
  kDigestCrc64 = 32,
};

class Digests {
 public:
  // `bits` of DigestBit. kInvalidArgument for others, and where OpenSSL was built or configured
  // without one that is asked for.
  static Result<std::unique_ptr<Digests>> Create(uint32_t bits);
  ~Digests();
  Digests(const Digests&) = delete;
  Digests& operator=(const Digests&) = delete;

  // Any thread, one call at a time.
  void Update(ByteSpan bytes);
  // The values. Nothing may follow.
  Bytes Finish();

 private:
  explicit Digests(uint32_t bits) : bits_(bits) {}
  static constexpr size_t kEvpCount = 3;
  const uint32_t bits_;
  std::array<evp_md_ctx_st*, kEvpCount> running_{};
  uint32_t crc32_ = 0, crc32c_ = 0;
  uint64_t crc64_ = 0;
};

}  // namespace strongroom::hash
