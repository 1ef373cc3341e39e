// CRC-64/XZ with VPCLMULQDQ on 512-bit vectors of four lanes.
#include "hash/crc64_lanes.h"
#include "hash/crc64_x86.h"

namespace strongroom::hash {
namespace {

struct Avx512 : X86Lane {
  using Vector = __m512i;
  static constexpr size_t kVector = 64;
  static Vector LoadVector(const uint8_t* from) { return _mm512_loadu_si512(from); }
  static Vector Start(Lane lane) { return _mm512_zextsi128_si512(lane); }
  static Vector Constants(FoldConstants by) { return FourConstants(by, by, by, by); }
  static Vector FoldOnto(Vector lanes, Vector constants, Vector onto) {
    constexpr int kXorOfThree = 0x96;
    return _mm512_ternarylogic_epi64(_mm512_clmulepi64_epi128(lanes, constants, 0x00),
                                     _mm512_clmulepi64_epi128(lanes, constants, 0x11), onto,
                                     kXorOfThree);
  }
  static Lane LastLane(Vector lanes) {
    const Vector constants = FourConstants(kFoldBy<48>, kFoldBy<32>, kFoldBy<16>, {});
    const Vector last = _mm512_maskz_mov_epi64(0xc0, lanes);
    const Vector folded = FoldOnto(lanes, constants, last);
    return Part<0>(folded) ^ Part<1>(folded) ^ Part<2>(folded) ^ Part<3>(folded);
  }

 private:
  static Vector FourConstants(FoldConstants a, FoldConstants b, FoldConstants c, FoldConstants d) {
    const auto word = [](uint64_t value) { return static_cast<int64_t>(value); };
    return _mm512_set_epi64(word(d.high), word(d.low), word(c.high), word(c.low), word(b.high),
                            word(b.low), word(a.high), word(a.low));
  }
  // Masked by all ones: the unmasked form has an operand that compilers take for uninitialised.
  template <int kIndex>
  static Lane Part(Vector lanes) {
    return _mm512_maskz_extracti32x4_epi32(0xf, lanes, kIndex);
  }
};

}  // namespace

uint64_t Crc64Avx512(const uint8_t* data, size_t size, uint64_t state) {
  return Crc64Lanes<Avx512>(data, size, state);
}

}  // namespace strongroom::hash
