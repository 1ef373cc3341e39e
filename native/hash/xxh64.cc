// XXH64: four running sums over 32-byte stripes, merged, then the tail in steps of 8, 4 and 1
// bytes.
//
// All loads are little-endian and all arithmetic is modulo 2^64.
#include "hash/xxh64.h"

#include <bit>

namespace strongroom::hash {

namespace {

constexpr uint64_t kPrime1 = 0x9e3779b185ebca87, kPrime2 = 0xc2b2ae3d27d4eb4f,
                   kPrime3 = 0x165667b19e3779f9, kPrime4 = 0x85ebca77c2b2ae63,
                   kPrime5 = 0x27d4eb2f165667c5;

uint64_t Round(uint64_t sum, uint64_t word) {
  return std::rotl(sum + word * kPrime2, 31) * kPrime1;
}
uint64_t Merge(uint64_t hash, uint64_t sum) { return (hash ^ Round(0, sum)) * kPrime1 + kPrime4; }

// Advances *at over all whole stripes.
uint64_t Stripes(const uint8_t** at, const uint8_t* end, uint64_t seed) {
  uint64_t a = seed + kPrime1 + kPrime2, b = seed + kPrime2, c = seed, d = seed - kPrime1;
  const uint8_t* p = *at;
  for (; end - p >= 32; p += 32) {
    a = Round(a, LoadLittle<uint64_t>(p));
    b = Round(b, LoadLittle<uint64_t>(p + 8));
    c = Round(c, LoadLittle<uint64_t>(p + 16));
    d = Round(d, LoadLittle<uint64_t>(p + 24));
  }
  *at = p;
  uint64_t hash = std::rotl(a, 1) + std::rotl(b, 7) + std::rotl(c, 12) + std::rotl(d, 18);
  for (uint64_t sum : {a, b, c, d}) hash = Merge(hash, sum);
  return hash;
}

uint64_t Tail(uint64_t hash, const uint8_t* p, const uint8_t* end) {
  for (; end - p >= 8; p += 8) {
    hash = std::rotl(hash ^ Round(0, LoadLittle<uint64_t>(p)), 27) * kPrime1 + kPrime4;
  }
  if (end - p >= 4) {
    hash = std::rotl(hash ^ LoadLittle<uint32_t>(p) * kPrime1, 23) * kPrime2 + kPrime3;
    p += 4;
  }
  for (; p != end; ++p) hash = std::rotl(hash ^ *p * kPrime5, 11) * kPrime1;
  return hash;
}

// Every input bit reaches every output bit.
uint64_t Avalanche(uint64_t hash) {
  hash = (hash ^ hash >> 33) * kPrime2;
  hash = (hash ^ hash >> 29) * kPrime3;
  return hash ^ hash >> 32;
}

}  // namespace

uint64_t Xxh64(ByteSpan data, uint64_t seed) {
  const uint8_t* p = data.data();
  const uint8_t* end = p + data.size();
  uint64_t hash = data.size() >= 32 ? Stripes(&p, end, seed) : seed + kPrime5;
  return Avalanche(Tail(hash + data.size(), p, end));
}

}  // namespace strongroom::hash
