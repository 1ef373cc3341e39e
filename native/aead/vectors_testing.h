// What the vector program's parts share: fields of its line protocol, and the operations that only
// tests have.
#pragma once

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/check.h"

namespace strongroom::aead {

using Fields = std::vector<std::string>;

inline Bytes FromHex(const std::string& hex) {
  Bytes out;
  if (hex == "-") return out;
  CHECK(hex.size() % 2 == 0) << hex;
  const auto digit = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
  for (size_t i = 0; i < hex.size(); i += 2) {
    out.push_back(static_cast<uint8_t>(digit(hex[i]) << 4 | digit(hex[i + 1])));
  }
  return out;
}

inline std::string Hex(ByteSpan bytes) { return bytes.empty() ? "-" : ToHex(bytes); }

template <size_t kSize>
std::array<uint8_t, kSize> Fixed(ByteSpan bytes) {
  CHECK(bytes.size() == kSize);
  std::array<uint8_t, kSize> out;
  std::copy(bytes.begin(), bytes.end(), out.begin());
  return out;
}

std::string EvpSeal(const Fields& in);
std::string EvpOpen(const Fields& in);
std::string C2spOpen(const Fields& in);

}  // namespace strongroom::aead
