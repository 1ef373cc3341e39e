// Blob files: the cells of one large blob in one zone, `<zone>/blob/<xx>/<blob id
// hex>.<placement>`.
//
//   file     = preamble (4096) ‖ cells of stripe 0 ‖ ... ‖ cells of the last ‖ zeros to 4096
//   preamble = "SRBLOB\0\1" ‖ format version u32 ‖ placement u16 ‖ k u8 ‖ m u8 ‖ epoch u64
//            ‖ seal header 96 ‖ XXH64 of the 120 bytes before u64 ‖ zeros
//   cell     = sealed chunk or parity, L bytes ‖ CRC64 of them u64
//
// Of each stripe a zone holds the run of cells that placement gives it, in order. Data cell i of a
// stripe is sealed chunk i. L is a full chunk and its tag, and in the last stripe the size of its
// first sealed chunk: a shorter last chunk is followed by zeros up to L, for parity and checksum.
// Data cells behind the last chunk are zeros by definition; they are in the parity, not in the
// file. A cell's CRC64 starts from CellCrcSeed(blob id, placement, stripe * (k + m) + cell of the
// stripe).
//
// Nothing here is believed about the length: it comes from the sealed version row. What an attacker
// can do: name another epoch, so that the sweep takes or spares a file that no row names;
// everything else meets the commitment, the tags or the row. Worked example:
// docs/format/blob-file.md.
#pragma once

#include "aead/chunk.h"
#include "base/bytes.h"
#include "base/status.h"

namespace strongroom::format {

constexpr size_t kBlobPreambleSize = 4096;

struct BlobPreamble {
  uint16_t placement = 0;
  uint8_t k = 1, m = 0;
  uint64_t epoch = 0;  // Of the open that wrote the file.
  aead::SealHeader header;
};
// One whole block.
Bytes EncodeBlobPreamble(const BlobPreamble& preamble);
// Takes any amount of the file's beginning. kCorruption: cut short, or the checksum is wrong;
// kUnsupportedFormat.
Result<BlobPreamble> DecodeBlobPreamble(ByteSpan block);

// Cells of a stripe that one zone holds: first .. first + count - 1.
struct CellRun {
  int first = 0;
  int count = 0;
};

// Where everything is in a blob of `size` bytes of plaintext in k+m geometry. Pure arithmetic.
struct BlobShape {
  uint32_t chunk_size = aead::kChunkSize;
  int k = 1, m = 0;
  uint64_t size = 0;

  // False when it has more chunks than may be sealed under one key, or is no geometry at all. All
  // below REQUIRES: true.
  bool Valid() const;
  uint64_t chunks() const;   // At least one: an empty body is one chunk of a bare tag.
  uint64_t stripes() const;
  size_t plaintext_size(uint64_t chunk) const;
  size_t sealed_size(uint64_t chunk) const { return plaintext_size(chunk) + aead::kTagSize; }
  int data_cells(uint64_t stripe) const;  // Chunks in the stripe: k, or fewer in the last one.
  size_t cell_size(uint64_t stripe) const;  // L.
  // Bit c: cell c of the stripe is in a file. Data cells that are not are zeros.
  uint32_t stored(uint64_t stripe) const;
  uint64_t CellNumber(uint64_t stripe, int cell) const {
    return stripe * static_cast<uint64_t>(k + m) + static_cast<uint64_t>(cell);
  }
  // The cell's place in the file of the zone that holds `run`. REQUIRES: stored, in the run.
  uint64_t CellOffset(const CellRun& run, uint64_t stripe, int cell) const;
  uint64_t FileSize(const CellRun& run) const;  // A multiple of 4096.
};

}  // namespace strongroom::format
