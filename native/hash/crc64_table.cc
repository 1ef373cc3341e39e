// CRC-64/XZ by tables, sixteen bytes a step: for every CPU without a carry-less multiply.
#include <array>

#include "base/bytes.h"
#include "hash/crc64_kernels.h"

namespace strongroom::hash {

namespace {

constexpr size_t kStep = 16;
// tables[i][b] is the register after byte b and then i zero bytes, from an empty register.
using Tables = std::array<std::array<uint64_t, 256>, kStep>;

constexpr Tables MakeTables() {
  Tables out{};
  for (uint64_t byte = 0; byte < 256; ++byte) {
    uint64_t value = byte;
    for (int bit = 0; bit < 8; ++bit) value = value >> 1 ^ (value & 1 ? kCrc64Poly : 0);
    out[0][byte] = value;
  }
  for (size_t i = 1; i < kStep; ++i) {
    for (size_t byte = 0; byte < 256; ++byte) {
      const uint64_t before = out[i - 1][byte];
      out[i][byte] = before >> 8 ^ out[0][before & 0xff];
    }
  }
  return out;
}
constexpr Tables kTables = MakeTables();

// Eight bytes of which the last is followed by `after` more.
uint64_t LookUp(uint64_t bytes, size_t after) {
  uint64_t out = 0;
  for (size_t i = 0; i < 8; ++i) out ^= kTables[after + 7 - i][bytes >> 8 * i & 0xff];
  return out;
}

}  // namespace

uint64_t Crc64Table(const uint8_t* data, size_t size, uint64_t state) {
  for (; size >= kStep; size -= kStep, data += kStep) {
    state = LookUp(LoadLittle<uint64_t>(data) ^ state, 8) ^
            LookUp(LoadLittle<uint64_t>(data + 8), 0);
  }
  if (size >= 8) {
    state = LookUp(LoadLittle<uint64_t>(data) ^ state, 0);
    size -= 8;
    data += 8;
  }
  for (; size > 0; --size, ++data) state = state >> 8 ^ kTables[0][(state ^ *data) & 0xff];
  return state;
}

}  // namespace strongroom::hash
