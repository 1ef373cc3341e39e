// CRC-64/XZ (reflected, polynomial 0x42F0E1EBA9EA3693, OSS's x-oss-hash-crc64ecma): guards every
// cell and, over the plaintext, every object. Finds accidents only; truth is the AEAD tag. Check
// value: "123456789" -> 995dc9bbdf1939fa.
#pragma once

#include <string_view>

#include "base/bytes.h"
#include "base/status.h"

namespace strongroom::hash {

// `crc` is the value so far (0 to begin): Crc64(b, Crc64(a)) == Crc64(a ‖ b).
uint64_t Crc64(ByteSpan data, uint64_t crc = 0);
// The value of a ‖ b from those of a and b. O(log size_b).
uint64_t Crc64Combine(uint64_t crc_a, uint64_t crc_b, uint64_t size_b);

// The kernel in use: "avx512", "vpclmul256", "pclmul", "pmull" or "table".
std::string_view Crc64Kernel();
// For tests: forces a kernel. kInvalidArgument when the name is unknown or this CPU lacks it.
Status ForceCrc64Kernel(std::string_view name);

}  // namespace strongroom::hash
