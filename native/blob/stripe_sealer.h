// StripeSealer: from the plaintext of one stripe to its cells, while it is hot in the L2 cache.
//
//   CRC64 of the plaintext -> seal each chunk where it lies -> parity -> CRC64 of each cell
//
// Everything happens in place: the caller lays each chunk where its cell belongs, with room for tag
// and checksum behind it, so a stripe of 4+2 touches 384 KiB and no byte is copied.
#pragma once

#include <memory>

#include "aead/chunk.h"
#include "erasure/reed_solomon.h"
#include "format/blob_file.h"

namespace strongroom::blob {

struct StripeBuffers {
  uint64_t number = 0;
  int chunks = 0;                 // Data cells that carry a chunk; the others are zeros.
  size_t first_plaintext = 0;     // Of the first chunk, and all but the last:
  size_t last_plaintext = 0;      // of the last chunk of the stripe.
  bool last = false;              // The stripe that ends the blob.
  // Where each cell is to lie; data cells without a chunk have no place. L + 8 bytes each.
  uint8_t* cells[erasure::kCellsMax] = {};
};

class StripeSealer {
 public:
  StripeSealer(aead::ChunkCipher cipher, const aead::Id& blob_id, uint16_t placement,
               std::shared_ptr<const erasure::ReedSolomon> code);

  // Seals the stripe. REQUIRES: stripes come in order, each once.
  void Seal(const StripeBuffers& stripe);
  // Of all plaintext so far.
  uint64_t plaintext_crc64() const { return plaintext_crc64_; }

 private:
  void SealChunks(const StripeBuffers& stripe, size_t cell_size);
  void Encode(const StripeBuffers& stripe, size_t cell_size);

  aead::ChunkCipher cipher_;
  const aead::Id blob_id_;
  const uint16_t placement_;
  const std::shared_ptr<const erasure::ReedSolomon> code_;
  uint64_t next_ = 0;
  uint64_t plaintext_crc64_ = 0;
};

// As many zeros as the largest cell has bytes: what stands for data cells behind the last chunk.
const uint8_t* ZeroCell();

}  // namespace strongroom::blob
