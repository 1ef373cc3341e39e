// Segments and batches: the bytes of the log, equal in every zone at equal places.
//
//   segment   = header block (4096) ‖ batch*          batches start on 4096-byte boundaries
//   header    = "SRSEGMNT" ‖ format version u32 ‖ number u32 ‖ segment id 16 ‖ epoch u64
//             ‖ epoch's first segment u32 ‖ 00000000 ‖ XXH64 of the 48 bytes before u64 ‖ zeros
//   batch     = batch header (80) ‖ blob frame* ‖ sealed record ‖ zeros to the next 4096
//   batch hdr = "SRBATCH1" ‖ segment id 16 ‖ offset in the segment u32 ‖ batch size u32
//             ‖ record offset in the batch u32 ‖ record size u32 ‖ epoch u64 ‖ first sequence u64
//             ‖ record key generation u32 ‖ 00000000 ‖ XXH64(sealed record) u64
//             ‖ XXH64 of the 72 bytes before u64
//   blob frame= seal header 96 ‖ plaintext size u32 ‖ 00000000 ‖ XXH64 of the 104 bytes before u64
//             ‖ (sealed chunk ‖ CRC64 of it u64)*
//
// The CRC64 of a cell starts from the CRC64 of (blob id 16 ‖ placement u16 ‖ cell number u64), so
// that a misdirected write is rot, not a false tampering alarm. A segment's id is random and stands
// in every batch under its checksum: zeros and stale bytes of a recycled file never parse.
//
// A location names a byte of the log: segment number << 32 | offset in the segment.
#pragma once

#include "aead/chunk.h"
#include "base/bytes.h"
#include "base/status.h"

namespace strongroom::format {

constexpr size_t kBlock = 4096;
constexpr size_t kBatchHeaderSize = 80;
constexpr size_t kBatchSizeMax = 16u << 20;
constexpr size_t kBlobFrameHeaderSize = 112;
constexpr size_t kCellTrailerSize = 8;

constexpr uint64_t Location(uint32_t segment, uint32_t offset) {
  return uint64_t{segment} << 32 | offset;
}
constexpr uint32_t SegmentOf(uint64_t location) { return static_cast<uint32_t>(location >> 32); }
constexpr uint32_t OffsetOf(uint64_t location) { return static_cast<uint32_t>(location); }
constexpr size_t RoundUp(size_t size, size_t unit) { return (size + unit - 1) / unit * unit; }

std::string SegmentName(uint32_t number);  // "0000000a.seg"
bool ParseSegmentName(const std::string& name, uint32_t* number);

struct SegmentHeader {
  uint32_t number = 0;
  aead::Id id{};
  uint64_t epoch = 0;          // The reign that made this segment,
  uint32_t epoch_segment = 0;  // and the segment that begins with its epoch record.
};
// One whole block.
Bytes EncodeSegmentHeader(const SegmentHeader& header);
// kNotFound when there is none (zeros), kCorruption when it does not check, kUnsupportedFormat.
Result<SegmentHeader> DecodeSegmentHeader(ByteSpan block);

struct BatchHeader {
  aead::Id segment_id{};
  uint32_t offset = 0;
  uint32_t size = 0;  // Whole batch, a multiple of kBlock.
  uint32_t record_offset = 0;
  uint32_t record_size = 0;
  uint64_t epoch = 0;
  uint64_t first_sequence = 0;
  uint32_t record_generation = 0;
  uint64_t record_checksum = 0;
};
void EncodeBatchHeader(const BatchHeader& header, uint8_t* out);
// kNotFound when the bytes are no batch header of this segment at this offset (zeros, stale, torn).
Result<BatchHeader> DecodeBatchHeader(ByteSpan bytes, const aead::Id& segment_id, uint32_t offset);

// The start value of a cell's CRC64.
uint64_t CellCrcSeed(const aead::Id& blob_id, uint16_t placement, uint64_t cell);

constexpr size_t ChunkCount(uint64_t plaintext_size) {
  if (plaintext_size == 0) return 1;  // An empty body is one chunk of a bare tag.
  return static_cast<size_t>((plaintext_size + aead::kChunkSize - 1) / aead::kChunkSize);
}
constexpr size_t BlobFrameSize(uint64_t plaintext_size) {
  return kBlobFrameHeaderSize + static_cast<size_t>(plaintext_size) +
         ChunkCount(plaintext_size) * (aead::kTagSize + kCellTrailerSize);
}
// Seals `plaintext` as a blob frame of BlobFrameSize bytes. `header` has its commitment already.
void SealBlobFrame(const aead::SealHeader& header, aead::ChunkCipher& cipher, ByteSpan plaintext,
                   uint8_t* out);
struct BlobFrame {
  aead::SealHeader header;
  uint32_t plaintext_size = 0;
};
// Decodes the frame's head. kCorruption when it does not check.
Result<BlobFrame> DecodeBlobFrame(ByteSpan bytes);
// Checks every cell of the frame without a key. kCorruption.
Status CheckBlobFrame(ByteSpan frame);
// Opens chunk `index` of a frame into `out`. kCorruption: rot. kTampered: checksum right, tag
// wrong.
Status OpenBlobFrameChunk(const BlobFrame& head, ByteSpan frame, aead::ChunkCipher& cipher,
                          size_t index, uint8_t* out);

}  // namespace strongroom::format
