// CRC-32 (of zlib, gzip and PNG) and CRC-32C (Castagnoli) over bodies, when a caller asks for them.
// Find accidents only. Check values: "123456789" -> cbf43926 and e3069283.
#pragma once

#include <string_view>

#include "base/bytes.h"
#include "base/status.h"

namespace strongroom::hash {

// `crc` is the value so far (0 to begin): Crc32(b, Crc32(a)) == Crc32(a ‖ b).
uint32_t Crc32(ByteSpan data, uint32_t crc = 0);
uint32_t Crc32c(ByteSpan data, uint32_t crc = 0);

// The kernels in use: "instruction" or "table".
std::string_view Crc32Kernel();
std::string_view Crc32cKernel();
// For tests: forces both. kInvalidArgument when the name is unknown or this CPU has neither.
Status ForceCrc32Kernel(std::string_view name);

}  // namespace strongroom::hash
