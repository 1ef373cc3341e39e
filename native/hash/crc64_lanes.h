// CRC-64/XZ with a carry-less multiply over 128-bit lanes: all that is the same on every
// instruction set. Included by instruction-set files only; a file passes its few instructions as
// `Isa`. Vectors are XORed with ^, which every compiler has for them.
//
//   lane      16 bytes of the message: the polynomial l(x) * x^64 + h(x), l in the low word
//   fold      lane * x^D mod P, at most 128 bits long again: moves a lane D bits down the message,
//             onto the lane that stands there. Two words times two constants.
//   reduce    lane * x^64 mod P: the register. One fold by 64 bits, then Barrett's division.
//
// The product of two reflected 64-bit words is 127 bits long, so that read as a lane it stands for
// the product times x: every constant is one power of x lower than the formula says.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "hash/crc64_kernels.h"

namespace strongroom::hash {
namespace {

// What moves a lane by this many bytes: l by x^(D+64), h by x^D.
struct FoldConstants {
  uint64_t low, high;
};
template <int kBytes>
constexpr FoldConstants kFoldBy = {PowerOfX(8 * kBytes + 63), PowerOfX(8 * kBytes - 1)};

// Both of 65 bits, reflected so that bit 0 is x^64; bit 64 (x^0, set in both) is not stored.
constexpr uint64_t kQuotient = QuotientOfX128() << 1 | 1;
constexpr uint64_t kGenerator = kCrc64Poly << 1 | 1;

// A window of 16 indexes into this moves the bytes of a lane up or down and clears the others.
alignas(16) constexpr uint8_t kMoves[48] = {
    0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80,
    0,    1,    2,    3,    4,    5,    6,    7,    8,    9,    10,   11,   12,   13,   14,   15,
    0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80};

template <typename Word>
inline Word LoadWord(const uint8_t* from) {
  Word out;
  __builtin_memcpy(&out, from, sizeof out);
  return out;
}

template <typename Isa>
inline typename Isa::Lane Fold(typename Isa::Lane lane, FoldConstants by) {
  const auto constants = Isa::FromWords(by.low, by.high);
  return Isa::MultiplyLow(lane, constants) ^ Isa::MultiplyHigh(lane, constants);
}

// The remainder of t(x) = low * x^64 + high by P.
template <typename Isa>
inline uint64_t Barrett(typename Isa::Lane t) {
  const auto constants = Isa::FromWords(kQuotient, kGenerator);
  // The quotient: its low word is exact, what is above it was never wanted.
  const auto quotient = Isa::FromWords(0, Isa::Low(Isa::MultiplyLow(t, constants)));
  const auto product = Isa::MultiplyHigh(quotient, constants);
  return Isa::High(product ^ quotient ^ t);
}

template <typename Isa>
inline uint64_t Reduce(typename Isa::Lane lane) {
  // high * x^64 is the high word in the low place.
  const auto folded = Isa::MultiplyLow(lane, Isa::FromWords(PowerOfX(127), 0));
  return Barrett<Isa>(folded ^ Isa::FromWords(Isa::High(lane), 0));
}

// 1 to 8 bytes, right-aligned.
inline uint64_t LoadUpTo8(const uint8_t* data, size_t size) {
  if (size == 8) return LoadWord<uint64_t>(data);
  if (size >= 4) {
    const uint64_t first = LoadWord<uint32_t>(data), last = LoadWord<uint32_t>(data + size - 4);
    return first | last << 8 * (size - 4);
  }
  const size_t middle = size / 2, end = size - 1;
  return data[0] | uint64_t{data[middle]} << 8 * middle | uint64_t{data[end]} << 8 * end;
}

// Less than a lane. Leading zeros do not count, so the message stands at the end of one.
template <typename Isa>
inline uint64_t Short(const uint8_t* data, size_t size, uint64_t state) {
  if (size == 0) return state;
  if (size <= 8) {
    const uint64_t word = LoadUpTo8(data, size) ^ state;
    // What of the state lies beyond the message stays.
    const uint64_t beyond = size == 8 ? 0 : state >> 8 * size;
    return Barrett<Isa>(Isa::FromWords(word << (64 - 8 * size), 0)) ^ beyond;
  }
  const uint64_t first = LoadWord<uint64_t>(data) ^ state;
  const uint64_t last = LoadWord<uint64_t>(data + size - 8) ^ state >> 8 * (size - 8);
  return Reduce<Isa>(Isa::FromWords(first << 8 * (16 - size), last));
}

// The lane so far and the message after it.
template <typename Isa>
inline uint64_t Finish(typename Isa::Lane lane, const uint8_t* data, size_t size) {
  for (; size >= 16; size -= 16, data += 16) {
    lane = Fold<Isa>(lane, kFoldBy<16>) ^ Isa::Load(data);
  }
  if (size > 0) {
    // lane ‖ tail, cut anew: its first `size` bytes, and the 16 that end the message.
    const auto down = Isa::Load(kMoves + 16 + size);
    const auto head = Isa::Shuffle(lane, Isa::Load(kMoves + size));
    const auto end = Isa::Select(down, Isa::Shuffle(lane, down), Isa::Load(data + size - 16));
    lane = Fold<Isa>(head, kFoldBy<16>) ^ end;
  }
  return Reduce<Isa>(lane);
}

// The whole kernel: eight vectors of one or more lanes side by side, each folded over the other
// seven, so that the multiplier never waits for its own result. `Isa` adds to the lane's
// instructions
//
//   Vector, kVector     the vector and its size in bytes
//   LoadVector, Start   from the message; a lane at the front of zeros
//   Constants           the same constants for every lane of a vector
//   FoldOnto            each lane times its constants, XORed onto another vector
//   LastLane            the lanes of a vector, folded onto the last of them
template <typename Isa>
inline typename Isa::Vector LongRun(const uint8_t** data, size_t* size,
                                    typename Isa::Vector start) {
  constexpr int kVectors = 8;
  constexpr size_t kStep = kVectors * Isa::kVector;
  typename Isa::Vector v[kVectors];
  for (int i = 0; i < kVectors; ++i) v[i] = Isa::LoadVector(*data + Isa::kVector * i);
  v[0] = v[0] ^ start;
  const auto by_step = Isa::Constants(kFoldBy<kStep>);
  for (*data += kStep, *size -= kStep; *size >= kStep; *data += kStep, *size -= kStep) {
    for (int i = 0; i < kVectors; ++i) {
      v[i] = Isa::FoldOnto(v[i], by_step, Isa::LoadVector(*data + Isa::kVector * i));
    }
  }
  // Eight become four, two, one: three folds deep instead of seven.
  const auto by_4 = Isa::Constants(kFoldBy<4 * Isa::kVector>);
  const auto by_2 = Isa::Constants(kFoldBy<2 * Isa::kVector>);
  for (int i = 0; i < 4; ++i) v[i + 4] = Isa::FoldOnto(v[i], by_4, v[i + 4]);
  for (int i = 4; i < 6; ++i) v[i + 2] = Isa::FoldOnto(v[i], by_2, v[i + 2]);
  return Isa::FoldOnto(v[6], Isa::Constants(kFoldBy<Isa::kVector>), v[7]);
}

template <typename Isa>
inline uint64_t Crc64Lanes(const uint8_t* data, size_t size, uint64_t state) {
  if (size < 16) return Short<Isa>(data, size, state);
  const auto start = Isa::FromWords(state, 0);
  if (size < Isa::kVector) return Finish<Isa>(Isa::Load(data) ^ start, data + 16, size - 16);
  typename Isa::Vector lanes;
  if (size >= 8 * Isa::kVector) {
    lanes = LongRun<Isa>(&data, &size, Isa::Start(start));
  } else {
    lanes = Isa::LoadVector(data) ^ Isa::Start(start);
    data += Isa::kVector;
    size -= Isa::kVector;
  }
  const auto by_1 = Isa::Constants(kFoldBy<Isa::kVector>);
  for (; size >= Isa::kVector; data += Isa::kVector, size -= Isa::kVector) {
    lanes = Isa::FoldOnto(lanes, by_1, Isa::LoadVector(data));
  }
  return Finish<Isa>(Isa::LastLane(lanes), data, size);
}

}  // namespace
}  // namespace strongroom::hash
