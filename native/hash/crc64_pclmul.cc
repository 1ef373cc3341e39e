// CRC-64/XZ with PCLMULQDQ on 128-bit vectors, each of them one lane.
#include "hash/crc64_lanes.h"
#include "hash/crc64_x86.h"

namespace strongroom::hash {
namespace {

struct Pclmul : X86Lane {
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

uint64_t Crc64Pclmul(const uint8_t* data, size_t size, uint64_t state) {
  return Crc64Lanes<Pclmul>(data, size, state);
}

}  // namespace strongroom::hash
