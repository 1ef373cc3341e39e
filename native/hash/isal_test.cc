// ISA-L as an oracle: an independent CRC-64/XZ must give our values.
#include <dlfcn.h>

#include "base/testing.h"
#include "cpu/cpu.h"
#include "hash/crc64.h"

namespace strongroom::hash {
namespace {

using Refl = uint64_t (*)(uint64_t crc, const uint8_t* data, uint64_t size);

TEST(Crc64, AgreesWithIsal) {
  void* library = dlopen("libisal.so.2", RTLD_NOW);
  if (library == nullptr) return testing::Skip("libisal.so.2 is absent (Debian package libisal2)");
#if defined(__x86_64__)
  if (!cpu::Detect().pclmul) return testing::Skip("ISA-L's own CRC-64 needs PCLMULQDQ");
#endif
  const auto expected = reinterpret_cast<Refl>(dlsym(library, "crc64_ecma_refl"));
  ASSERT(expected != nullptr);

  testing::Random random(testing::Seed());
  const Bytes data = random.Take(70000);
  const std::string before(Crc64Kernel());
  for (const char* name : {"avx512", "vpclmul256", "pclmul", "pmull", "table"}) {
    if (!ForceCrc64Kernel(name).ok()) continue;
    for (int i = 0; i < 1000; ++i) {
      const size_t size = random.Below(i % 10 == 0 ? data.size() : 3000);
      const uint64_t start = i % 2 == 0 ? 0 : random.Next();
      const ByteSpan piece = ByteSpan(data).subspan(random.Below(data.size() - size + 1), size);
      EXPECT_EQ(Crc64(piece, start), expected(start, piece.data(), piece.size()));
    }
  }
  EXPECT_OK(ForceCrc64Kernel(before));
  dlclose(library);
}

}  // namespace
}  // namespace strongroom::hash
