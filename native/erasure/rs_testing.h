// What the tests of Reed-Solomon share: the kernels to expect, and the field's arithmetic a second
// time.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "base/testing.h"
#include "cpu/cpu.h"
#include "erasure/reed_solomon.h"

namespace strongroom::erasure {

// Shift and add: shares nothing with galois.h.
inline uint8_t SlowMultiply(uint8_t a, uint8_t b) {
  uint32_t product = 0;
  for (int i = 0; i < 8; ++i) {
    if (b >> i & 1) product ^= uint32_t{a} << i;
  }
  for (int i = 15; i >= 8; --i) {
    if (product >> i & 1) product ^= 0x11du << (i - 8);
  }
  return static_cast<uint8_t>(product);
}

// products[a][b], worked out once.
inline const std::vector<Bytes>& SlowProducts() {
  static const std::vector<Bytes> products = [] {
    std::vector<Bytes> out(256, Bytes(256));
    for (int a = 0; a < 256; ++a) {
      for (int b = 0; b < 256; ++b) {
        out[a][b] = SlowMultiply(static_cast<uint8_t>(a), static_cast<uint8_t>(b));
      }
    }
    return out;
  }();
  return products;
}

// The parity rows as they act: the parity of unit inputs.
inline std::vector<Bytes> ParityRows(const ReedSolomon& code) {
  std::vector<Bytes> rows(code.m(), Bytes(code.k()));
  for (int c = 0; c < code.k(); ++c) {
    Bytes unit(code.k(), 0), parity(code.m());
    unit[c] = 1;
    std::vector<const uint8_t*> in;
    std::vector<uint8_t*> out;
    for (auto& byte : unit) in.push_back(&byte);
    for (auto& byte : parity) out.push_back(&byte);
    code.Encode(in.data(), out.data(), 1);
    for (int r = 0; r < code.m(); ++r) rows[r][c] = parity[r];
  }
  return rows;
}

inline std::vector<Bytes> SlowEncode(const std::vector<Bytes>& rows,
                                     const std::vector<Bytes>& data) {
  std::vector<Bytes> parity(rows.size(), Bytes(data[0].size()));
  for (size_t r = 0; r < rows.size(); ++r) {
    for (size_t c = 0; c < data.size(); ++c) {
      const Bytes& products = SlowProducts()[rows[r][c]];
      for (size_t i = 0; i < data[c].size(); ++i) parity[r][i] ^= products[data[c][i]];
    }
  }
  return parity;
}

struct KernelExpectation {
  const char* name;
  bool supported;
};
inline std::array<KernelExpectation, 6> Kernels() {
  const cpu::Features& cpu = cpu::Detect();
  return {{{"gfni512", cpu.gfni512 && cpu.vpclmul512},
           {"gfni256", cpu.gfni256},
           {"avx2", cpu.avx2},
           {"ssse3", cpu.pclmul},
           {"neon", cpu.neon},
           {"scalar", true}}};
}
template <typename Body>
void UnderEachKernel(Body body) {
  const std::string before(Kernel());
  for (const auto& [name, supported] : Kernels()) {
    if (!supported) continue;
    EXPECT_OK(ForceKernel(name));
    EXPECT_EQ(Kernel(), std::string_view(name));
    body();
  }
  EXPECT_OK(ForceKernel(before));
}

}  // namespace strongroom::erasure
