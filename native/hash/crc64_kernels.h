// What crc64.cc asks of a kernel, and the constants they share. Included by instruction-set files:
// only fixed-width integers here, and nothing that could leave a weak symbol in their objects.
//
// A polynomial over GF(2) is held reflected: bit i of a word is the coefficient of x^(63-i), so that
// the bytes of a message, loaded little-endian, stand in the order of falling powers.
#pragma once

#include <stddef.h>
#include <stdint.h>

namespace strongroom::hash {

// x^64 mod P, reflected: the generator without its leading term.
constexpr uint64_t kCrc64Poly = 0xc96c5795d7870f42;

// A kernel carries the raw register (already inverted) over the bytes.
using Crc64Function = uint64_t (*)(const uint8_t* data, size_t size, uint64_t state);
uint64_t Crc64Table(const uint8_t* data, size_t size, uint64_t state);
uint64_t Crc64Pclmul(const uint8_t* data, size_t size, uint64_t state);
uint64_t Crc64Avx512(const uint8_t* data, size_t size, uint64_t state);
uint64_t Crc64Pmull(const uint8_t* data, size_t size, uint64_t state);

}  // namespace strongroom::hash
