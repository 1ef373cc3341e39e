// Reed-Solomon over GF(2^8), polynomial 0x11d: stripes <-> cells. Knows no files and no keys.
//
// The matrix is Cauchy, normalised so that the first parity row and the first column are all ones:
// the first parity cell is a plain XOR, and k = 1 is replication (every parity cell equals the data
// cell). k + m <= 32. Byte for byte in docs/format/erasure.md.
#pragma once

#include <memory>
#include <span>
#include <string_view>

#include "base/bytes.h"
#include "base/status.h"

namespace strongroom::erasure {

constexpr int kCellsMax = 32;

class ReedSolomon {
 public:
  // kInvalidArgument unless 1 <= k, 0 <= m, k + m <= kCellsMax.
  static Result<std::shared_ptr<const ReedSolomon>> Create(int k, int m);

  int k() const { return k_; }
  int m() const { return m_; }
  // Computes the m parity cells of k data cells, `size` bytes each. Any alignment, no overlap.
  void Encode(const uint8_t* const* data, uint8_t* const* parity, size_t size) const;
  // Rebuilds the cells named in `wanted` (0..k+m-1) into `out` from the k cells named in `have`.
  // kInvalidArgument when an index is out of range or repeated or `have` is not k long.
  Status Reconstruct(std::span<const int> have, const uint8_t* const* cells,
                     std::span<const int> wanted, uint8_t* const* out, size_t size) const;

 private:
  ReedSolomon(int k, int m);
  int k_, m_;
  Bytes matrix_;  // (k + m) rows of k coefficients; the first k are the identity.
};

// The kernel in use: "gfni512", "gfni256", "avx2", "ssse3", "neon" or "scalar".
std::string_view Kernel();
// For tests: forces a kernel. kInvalidArgument when the name is unknown or this CPU lacks it.
Status ForceKernel(std::string_view name);

}  // namespace strongroom::erasure
