// SHA-256 through EVP: the chain over commit records and the hash of seal headers.
#pragma once

#include <array>
#include <initializer_list>

#include "base/bytes.h"

namespace strongroom::hash {

using Sha256Digest = std::array<uint8_t, 32>;
Sha256Digest Sha256(ByteSpan data);
// Of the concatenation of `pieces`.
Sha256Digest Sha256(std::initializer_list<ByteSpan> pieces);

}  // namespace strongroom::hash
