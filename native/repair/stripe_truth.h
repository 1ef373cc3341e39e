// StripeTruth: what all cells of one stripe must be, from those whose checksums hold. Pure.
//
// A checksum that holds proves nothing against an attacker. With the blob's key every data cell is
// judged by its tag and every parity cell by what the true data cells yield, whichever choice of
// cells it takes. Without the key the cells can only be asked whether they agree: where there are
// more than k and they do not, somebody lies and nobody can say who, so nothing is said.
#pragma once

#include <memory>

#include "aead/chunk.h"
#include "base/aligned.h"
#include "erasure/reed_solomon.h"
#include "repair/cell_file.h"

namespace strongroom::repair {

class StripeTruth {
 public:
  // `cipher` null: the key is not at hand. All must outlive this.
  StripeTruth(const format::BlobShape& shape, const erasure::ReedSolomon& code,
              aead::ChunkCipher* cipher)
      : shape_(shape), code_(code), cipher_(cipher) {}

  // `cells`: L bytes by number, null where one is not to be had. kUnavailable: too few. kTampered:
  // with a key, enough cells and no choice of them gives what was sealed; without, they disagree.
  Status Find(uint64_t stripe, const uint8_t* const* cells);

  // After Find was OK, until the next one; the cells given must still be there.
  const uint8_t* cell(int number) const { return cells_[number]; }
  // Given, and not what was sealed: also after kTampered, as far as a tag has shown it.
  CellMask lying() const { return lying_; }

 private:
  Status OpenAll(uint64_t stripe, const uint8_t* const* cells);
  Status Settle(uint64_t stripe, const uint8_t* const* given);

  const format::BlobShape& shape_;
  const erasure::ReedSolomon& code_;
  aead::ChunkCipher* const cipher_;
  const uint8_t* cells_[erasure::kCellsMax] = {};
  CellMask lying_ = 0;
  AlignedBytes rebuilt_;
  Bytes plaintext_;
};

}  // namespace strongroom::repair
