// Reed-Solomon over vectors: the walk that is the same on every instruction set. Included by
// instruction-set files only; a file passes its few instructions as `Isa`.
//
// The sums of up to four outputs stay in registers while the inputs pass by: every byte of input is
// loaded once, every byte of output stored once.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "erasure/rs_kernels.h"

namespace strongroom::erasure {
namespace {

// The loops below run 1 to 4 times, known at compile time; only unrolled early do their arrays
// become registers.
#if defined(__clang__)
#define STRONGROOM_UNROLL _Pragma("unroll")
#else
#define STRONGROOM_UNROLL _Pragma("GCC unroll 4")
#endif

// kRows outputs, kVectors vectors of each, from position `at`.
template <typename Isa, int kRows, bool kFirstIsXor, int kVectors>
__attribute__((always_inline)) inline void Step(const Product& product, size_t at) {
  using Vector = typename Isa::Vector;
  Vector sums[kRows][kVectors];
  STRONGROOM_UNROLL
  for (int r = 0; r < kRows; ++r) {
    STRONGROOM_UNROLL
    for (int v = 0; v < kVectors; ++v) sums[r][v] = Isa::Zero();
  }
  for (int c = 0; c < product.columns; ++c) {
    const uint8_t* in = product.in[c] + at;
    Vector raw[kVectors];
    typename Isa::Input input[kVectors];
    STRONGROOM_UNROLL
    for (int v = 0; v < kVectors; ++v) {
      raw[v] = Isa::Load(in + Isa::kWidth * v);
      input[v] = Isa::Prepare(raw[v]);
    }
    STRONGROOM_UNROLL
    for (int r = 0; r < kRows; ++r) {
      const size_t index = static_cast<size_t>(r) * product.columns + c;
      const auto by = Isa::Coefficient(product.coefficients + index * Isa::kSpread);
      STRONGROOM_UNROLL
      for (int v = 0; v < kVectors; ++v) {
        const Vector term = kFirstIsXor && r == 0 ? raw[v] : Isa::Multiply(input[v], by);
        sums[r][v] = Isa::Xor(sums[r][v], term);
      }
    }
  }
  STRONGROOM_UNROLL
  for (int r = 0; r < kRows; ++r) {
    uint8_t* out = product.out[r] + at;
    STRONGROOM_UNROLL
    for (int v = 0; v < kVectors; ++v) Isa::Store(out + Isa::kWidth * v, sums[r][v]);
  }
}

template <typename Isa, int kRows, bool kFirstIsXor>
void Rows(const Product& product) {
  constexpr int kVectors = Isa::Vectors(kRows);
  constexpr size_t kStep = kVectors * Isa::kWidth;
  size_t at = product.begin;
  for (; product.end - at >= kStep; at += kStep) {
    Step<Isa, kRows, kFirstIsXor, kVectors>(product, at);
  }
  for (; at < product.end; at += Isa::kWidth) Step<Isa, kRows, kFirstIsXor, 1>(product, at);
}

template <typename Isa>
void Vectors(const Product& product) {
  static_assert(kRowsMax == 4);
  switch (product.rows * 2 + product.first_is_xor) {
    case 2: return Rows<Isa, 1, false>(product);
    case 3: return Rows<Isa, 1, true>(product);
    case 4: return Rows<Isa, 2, false>(product);
    case 5: return Rows<Isa, 2, true>(product);
    case 6: return Rows<Isa, 3, false>(product);
    case 7: return Rows<Isa, 3, true>(product);
    case 8: return Rows<Isa, 4, false>(product);
    case 9: return Rows<Isa, 4, true>(product);
  }
}

}  // namespace
}  // namespace strongroom::erasure
