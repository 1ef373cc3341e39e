// CRC-64/XZ: every kernel against the definition, and the values of parts against that of the
// whole.
#include "hash/crc64.h"

#include <algorithm>
#include <array>
#include <vector>

#include "base/testing.h"
#include "cpu/cpu.h"

namespace strongroom::hash {
namespace {

// Bit by bit, as the definition reads.
uint64_t BitwiseCrc64(ByteSpan data, uint64_t crc = 0) {
  crc = ~crc;
  for (uint8_t byte : data) {
    crc ^= byte;
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ (crc & 1 ? 0xc96c5795d7870f42 : 0);
  }
  return ~crc;
}

struct KernelExpectation {
  const char* name;
  bool supported;
};
std::array<KernelExpectation, 5> Crc64Kernels() {
  const cpu::Features& cpu = cpu::Detect();
  return {{{"avx512", cpu.vpclmul512 && cpu.gfni512},
           {"vpclmul256", cpu.vpclmul256},
           {"pclmul", cpu.pclmul},
           {"pmull", cpu.pmull},
           {"table", true}}};
}

// Runs `body` once under every kernel of this machine and goes back to the one in use.
template <typename Body>
void UnderEachKernel(Body body) {
  const std::string before(Crc64Kernel());
  for (const auto& [name, supported] : Crc64Kernels()) {
    if (!supported) continue;
    EXPECT_OK(ForceCrc64Kernel(name));
    EXPECT_EQ(Crc64Kernel(), std::string_view(name));
    body();
  }
  EXPECT_OK(ForceCrc64Kernel(before));
}

TEST(Crc64, GivesTheCheckValueUnderEveryKernel) {
  UnderEachKernel([] {
    EXPECT_EQ(Crc64(AsBytes("123456789")), 0x995dc9bbdf1939fau);
    EXPECT_EQ(Crc64({}), 0u);
    EXPECT_EQ(Crc64({}, 0x1122334455667788), 0x1122334455667788u);
  });
}

// docs/format/checksums.md names these bytes.
TEST(Crc64, GivesTheWorkedExamplesOfTheFormat) {
  const uint64_t a = Crc64(AsBytes("1234")), b = Crc64(AsBytes("56789"));
  EXPECT_EQ(a, 0xce4e879366b8c328u);
  EXPECT_EQ(b, 0x6971a807c348604bu);
  EXPECT_EQ(Crc64Combine(a, b, 5), 0x995dc9bbdf1939fau);
  uint8_t name[26] = {};
  for (uint8_t i = 0; i < 16; ++i) name[i] = i;
  name[16] = 1;
  name[18] = 5;
  EXPECT_EQ(Crc64(name), 0x93c938f472b5a3d4u);
  EXPECT_EQ(Crc64(AsBytes("strongroom"), Crc64(name)), 0xa390457a24115205u);
}

TEST(Crc64, UsesTheBestKernelOfThisCpu) {
  const auto kernels = Crc64Kernels();
  const auto* best = std::find_if(kernels.begin(), kernels.end(),
                                  [](const auto& kernel) { return kernel.supported; });
  EXPECT_EQ(Crc64Kernel(), std::string_view(best->name));
}

TEST(Crc64, RefusesAKernelItDoesNotHave) {
  const std::string before(Crc64Kernel());
  for (const auto& [name, supported] : Crc64Kernels()) {
    if (!supported) EXPECT_CODE(ForceCrc64Kernel(name), Code::kInvalidArgument);
  }
  EXPECT_CODE(ForceCrc64Kernel("fastest"), Code::kInvalidArgument);
  EXPECT_CODE(ForceCrc64Kernel(""), Code::kInvalidArgument);
  EXPECT_EQ(Crc64Kernel(), std::string_view(before));
}

struct Piece {
  size_t offset, size;
  uint64_t start, expected;
};
// Every length up to beyond four of the longest steps (512 bytes): short ones at all 64 alignments,
// the others at a few that differ from length to length.
std::vector<Piece> Pieces(const Bytes& data, testing::Random* random) {
  std::vector<Piece> out;
  for (size_t size = 0; size <= 2200; ++size) {
    const size_t step = size <= 160 ? 1 : 29;
    for (size_t offset = size % step; offset < 64; offset += step) {
      const uint64_t start = size % 2 == 0 ? 0 : random->Next();
      const ByteSpan piece = ByteSpan(data).subspan(offset, size);
      out.push_back({offset, size, start, BitwiseCrc64(piece, start)});
    }
  }
  return out;
}

TEST(Crc64, AgreesWithTheDefinitionAtEveryLengthAndAlignment) {
  testing::Random random(testing::Seed());
  const Bytes data = random.Take(2200 + 64);
  const std::vector<Piece> pieces = Pieces(data, &random);
  UnderEachKernel([&] {
    for (const auto& [offset, size, start, expected] : pieces) {
      if (Crc64(ByteSpan(data).subspan(offset, size), start) == expected) continue;
      testing::Fail(__FILE__, __LINE__,
                    std::string(Crc64Kernel()) + " differs at size " + std::to_string(size) +
                        " offset " + std::to_string(offset));
    }
  });
}

TEST(Crc64, AgreesOverWholeCells) {
  testing::Random random(testing::Seed());
  for (size_t size : {65536u, 65552u, 100003u}) {
    const Bytes data = random.Take(size);
    const uint64_t expected = BitwiseCrc64(data);
    UnderEachKernel([&] { EXPECT_EQ(Crc64(data), expected); });
  }
}

TEST(Crc64, ContinuesAndCombinesOverAnySplit) {
  testing::Random random(testing::Seed());
  const Bytes data = random.Take(5000);
  const uint64_t whole = BitwiseCrc64(data);
  UnderEachKernel([&] {
    for (int i = 0; i < 300; ++i) {
      const size_t at = random.Below(data.size() + 1);
      const ByteSpan a = ByteSpan(data).first(at), b = ByteSpan(data).subspan(at);
      EXPECT_EQ(Crc64(b, Crc64(a)), whole);
      EXPECT_EQ(Crc64Combine(Crc64(a), Crc64(b), b.size()), whole);
    }
  });
}

// 2^40 zero bytes cannot be hashed here, but doubling a run of zeros can; the last value comes from
// raising x to the power by other means.
TEST(Crc64, CombinesSizesBeyondMemory) {
  const Bytes memory(1 << 20, 0);
  uint64_t zeros = Crc64(ByteSpan(memory).first(1)), size = 1;
  for (; size < memory.size(); size *= 2) zeros = Crc64Combine(zeros, zeros, size);
  EXPECT_EQ(zeros, Crc64(memory));
  for (; size < uint64_t{1} << 40; size *= 2) zeros = Crc64Combine(zeros, zeros, size);
  EXPECT_EQ(zeros, 0xb55e34c8e93212cau);
  const uint64_t a = Crc64(AsBytes("a")), b = Crc64(AsBytes("b"));
  EXPECT_EQ(Crc64Combine(Crc64Combine(a, zeros, size), b, 1),
            Crc64Combine(a, Crc64Combine(zeros, b, 1), size + 1));
}

}  // namespace
}  // namespace strongroom::hash
