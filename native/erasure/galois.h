// GF(2^8): bytes as polynomials over GF(2) modulo x^8 + x^4 + x^3 + x^2 + 1 (0x11d), in which 2
// generates every element but zero. Addition is XOR.
#pragma once

#include <array>
#include <cstdint>

namespace strongroom::erasure {

// x times `a`.
constexpr uint8_t Double(uint8_t a) { return static_cast<uint8_t>(a << 1 ^ (a & 0x80 ? 0x1d : 0)); }

struct Logarithms {
  std::array<uint8_t, 256> log{};  // log[0] is meaningless.
  std::array<uint8_t, 510> exp{};  // Twice around, so that a sum of two logs needs no modulo.
};
constexpr Logarithms MakeLogarithms() {
  Logarithms out;
  uint8_t power = 1;
  for (int i = 0; i < 255; ++i, power = Double(power)) {
    out.log[power] = static_cast<uint8_t>(i);
    out.exp[i] = out.exp[i + 255] = power;
  }
  return out;
}
inline constexpr Logarithms kLogarithms = MakeLogarithms();

constexpr uint8_t Multiply(uint8_t a, uint8_t b) {
  if (a == 0 || b == 0) return 0;
  return kLogarithms.exp[kLogarithms.log[a] + kLogarithms.log[b]];
}
// REQUIRES: b is not zero.
constexpr uint8_t Divide(uint8_t a, uint8_t b) {
  if (a == 0) return 0;
  return kLogarithms.exp[kLogarithms.log[a] + 255 - kLogarithms.log[b]];
}

}  // namespace strongroom::erasure
