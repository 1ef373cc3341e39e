// The few instructions on one 128-bit lane that the x86 kernels of CRC-64/XZ are made of: SSE4.1
// and PCLMULQDQ. Included by instruction-set files only; under wider flags they become the wider
// encoding.
#pragma once

#include <immintrin.h>
#include <stdint.h>

namespace strongroom::hash {
namespace {

struct X86Lane {
  using Lane = __m128i;
  static Lane Load(const uint8_t* from) {
    return _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
  }
  static Lane FromWords(uint64_t low, uint64_t high) {
    return _mm_set_epi64x(static_cast<int64_t>(high), static_cast<int64_t>(low));
  }
  static uint64_t Low(Lane a) { return static_cast<uint64_t>(_mm_cvtsi128_si64(a)); }
  static uint64_t High(Lane a) { return static_cast<uint64_t>(_mm_extract_epi64(a, 1)); }
  static Lane MultiplyLow(Lane a, Lane b) { return _mm_clmulepi64_si128(a, b, 0x00); }
  static Lane MultiplyHigh(Lane a, Lane b) { return _mm_clmulepi64_si128(a, b, 0x11); }
  static Lane Shuffle(Lane bytes, Lane indexes) { return _mm_shuffle_epi8(bytes, indexes); }
  // b where the index has its top bit set, else a.
  static Lane Select(Lane indexes, Lane a, Lane b) { return _mm_blendv_epi8(a, b, indexes); }
};

}  // namespace
}  // namespace strongroom::hash
