// XXH64 (Yann Collet's xxHash, 64 bit): guards every structure on disk (frames, records, headers,
// superblocks), because the TypeScript reader can check it with xxhash-wasm. Finds accidents only.
#pragma once

#include "base/bytes.h"

namespace strongroom::hash {

uint64_t Xxh64(ByteSpan data, uint64_t seed = 0);

}  // namespace strongroom::hash
