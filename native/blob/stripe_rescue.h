// StripeRescue: gets the wanted chunks out of whatever cells of one stripe can be had, and says
// which of them lie. Pure; for the rare stripe, so it may be slow, but it must not be wrong.
//
// A checksum that holds proves nothing, and parity has no tag. So every data cell is opened first:
// those whose tag holds are true, the others tampered. What is missing is rebuilt from the true
// ones and as many parity cells as it takes, in every choice of them, until all tags hold.
#pragma once

#include <cstdint>

#include "aead/chunk.h"
#include "erasure/reed_solomon.h"
#include "format/blob_file.h"

namespace strongroom::blob {

struct StripeRescue {
  // In: L bytes each; null where a cell cannot be had. Cells that are not stored need none.
  const uint8_t* cells[erasure::kCellsMax] = {};
  uint32_t wanted = 0;                          // Data cells.
  uint8_t* out[erasure::kCellsMax] = {};        // Where the plaintext of each wanted cell goes.
  // Out: bit c: cell c is not what was sealed, though its checksum held.
  uint32_t tampered = 0;
};

// OK: every wanted chunk is out, its tag verified. kUnavailable: too few cells. kTampered: enough
// cells, and no choice of them gives what was sealed.
Status Rescue(const format::BlobShape& shape, const erasure::ReedSolomon& code, uint64_t stripe,
              aead::ChunkCipher& cipher, StripeRescue* rescue);

// Opens the sealed cell of a chunk: tag, and the zeros that fill up a short last cell.
Status OpenCell(const format::BlobShape& shape, uint64_t stripe, int cell, ByteSpan sealed,
                aead::ChunkCipher& cipher, uint8_t* out);

// Rebuilds the `missing` data cells from the k cells in `have` (pointers by cell number; zeros
// stand for cells that are not stored) and opens them. `scratch` is only memory.
Status RebuildAndOpen(const format::BlobShape& shape, const erasure::ReedSolomon& code,
                      uint64_t stripe, uint32_t have, const uint8_t* const* cells,
                      uint32_t missing, aead::ChunkCipher& cipher, uint8_t* const* out,
                      Bytes* scratch);

}  // namespace strongroom::blob
