// CRC-64/XZ with PMULL, arm's carry-less multiply, on 128-bit vectors, each of them one lane.
#include <arm_neon.h>

#include "hash/crc64_lanes.h"

namespace strongroom::hash {
namespace {

struct Pmull {
  using Lane = uint8x16_t;
  static Lane Load(const uint8_t* from) { return vld1q_u8(from); }
  static Lane FromWords(uint64_t low, uint64_t high) {
    return vreinterpretq_u8_u64(vcombine_u64(vcreate_u64(low), vcreate_u64(high)));
  }
  static uint64_t Low(Lane a) { return vgetq_lane_u64(vreinterpretq_u64_u8(a), 0); }
  static uint64_t High(Lane a) { return vgetq_lane_u64(vreinterpretq_u64_u8(a), 1); }
  static Lane MultiplyLow(Lane a, Lane b) {
    return vreinterpretq_u8_p128(
        vmull_p64(static_cast<poly64_t>(Low(a)), static_cast<poly64_t>(Low(b))));
  }
  static Lane MultiplyHigh(Lane a, Lane b) {
    return vreinterpretq_u8_p128(vmull_high_p64(vreinterpretq_p64_u8(a), vreinterpretq_p64_u8(b)));
  }
  static Lane Shuffle(Lane bytes, Lane indexes) { return vqtbl1q_u8(bytes, indexes); }
  // b where the index has its top bit set, else a.
  static Lane Select(Lane indexes, Lane a, Lane b) {
    return vbslq_u8(vcltzq_s8(vreinterpretq_s8_u8(indexes)), b, a);
  }

  using Vector = Lane;
  static constexpr size_t kVector = 16;
  static Vector LoadVector(const uint8_t* from) { return Load(from); }
  static Vector Start(Lane lane) { return lane; }
  static Vector Constants(FoldConstants by) { return FromWords(by.low, by.high); }
  static Vector FoldOnto(Vector lanes, Vector constants, Vector onto) {
    return MultiplyLow(lanes, constants) ^ MultiplyHigh(lanes, constants) ^ onto;
  }
  static Lane LastLane(Vector lanes) { return lanes; }
};

}  // namespace

uint64_t Crc64Pmull(const uint8_t* data, size_t size, uint64_t state) {
  return Crc64Lanes<Pmull>(data, size, state);
}

}  // namespace strongroom::hash
