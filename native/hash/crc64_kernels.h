// What crc64.cc asks of a kernel, and the constants they share. Included by instruction-set files:
// only fixed-width integers here, and nothing that could leave a weak symbol in their objects.
//
// A polynomial over GF(2) is held reflected: bit i of a word is the coefficient of x^(63-i), so
// that the bytes of a message, loaded little-endian, stand in the order of falling powers.
#pragma once

#include <stddef.h>
#include <stdint.h>

namespace strongroom::hash {

// x^64 mod P: the generator P without its leading term.
constexpr uint64_t kCrc64Poly = 0xc96c5795d7870f42;

// x^n mod P.
static constexpr uint64_t PowerOfX(int n) {
  uint64_t value = uint64_t{1} << 63;
  for (int i = 0; i < n; ++i) value = value >> 1 ^ (value & 1 ? kCrc64Poly : 0);
  return value;
}

// The quotient of x^128 by P but for its leading term x^64. Long division: bit i of the quotient is
// the leading term of what is left.
static constexpr uint64_t QuotientOfX128() {
  uint64_t quotient = 0, rest = kCrc64Poly;  // x^64 mod P, after the leading term.
  for (int i = 63; i >= 0; --i) {
    const bool carry = rest & 1;
    rest = rest >> 1 ^ (carry ? kCrc64Poly : 0);
    quotient |= uint64_t{carry} << (63 - i);
  }
  return quotient;
}

// A kernel carries the raw register (already inverted) over the bytes.
using Crc64Function = uint64_t (*)(const uint8_t* data, size_t size, uint64_t state);
uint64_t Crc64Table(const uint8_t* data, size_t size, uint64_t state);
uint64_t Crc64Pclmul(const uint8_t* data, size_t size, uint64_t state);
uint64_t Crc64Vpclmul256(const uint8_t* data, size_t size, uint64_t state);
uint64_t Crc64Avx512(const uint8_t* data, size_t size, uint64_t state);
uint64_t Crc64Pmull(const uint8_t* data, size_t size, uint64_t state);

}  // namespace strongroom::hash
