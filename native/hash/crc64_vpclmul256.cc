// CRC-64/XZ with VPCLMULQDQ on 256-bit vectors of two lanes, for CPUs that have it without AVX-512.
#include "hash/crc64_lanes.h"
#include "hash/crc64_x86.h"

namespace strongroom::hash {
namespace {

struct Vpclmul256 : X86Lane {
  using Vector = __m256i;
  static constexpr size_t kVector = 32;
  static Vector LoadVector(const uint8_t* from) {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
  }
  static Vector Start(Lane lane) { return _mm256_set_m128i(_mm_setzero_si128(), lane); }
  static Vector Constants(FoldConstants by) {
    return _mm256_broadcastsi128_si256(FromWords(by.low, by.high));
  }
  static Vector FoldOnto(Vector lanes, Vector constants, Vector onto) {
    return _mm256_clmulepi64_epi128(lanes, constants, 0x00) ^
           _mm256_clmulepi64_epi128(lanes, constants, 0x11) ^ onto;
  }
  static Lane LastLane(Vector lanes) {
    return Fold<X86Lane>(_mm256_castsi256_si128(lanes), kFoldBy<16>) ^
           _mm256_extracti128_si256(lanes, 1);
  }
};

}  // namespace

uint64_t Crc64Vpclmul256(const uint8_t* data, size_t size, uint64_t state) {
  return Crc64Lanes<Vpclmul256>(data, size, state);
}

}  // namespace strongroom::hash
