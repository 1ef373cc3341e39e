// Rows: the unit of metadata, as an effect carries it and as the index keeps it.
//
//   row       = version u8 (1) ‖ blob kind u8 ‖ modified ms u64 ‖ blob ‖ body
//   blob      = nothing (kind 0)
//             | head ‖ frame location u64                          (1, small: in the log)
//             | head ‖ placement u16 ‖ k u8 ‖ m u8                 (2, large: files of its own)
//   head      = blob id 16 ‖ size u64 ‖ CRC64 of the plaintext u64 ‖ DEK wrap 72
//   DEK wrap  = XAES-256-GCM(bucket key, DEK), AAD = "dek" (field) ‖ store id 16 ‖ blob id 16
//   index row = revision u64 ‖ home segment u32 ‖ row
//
// The body belongs to the layers above and is opaque here. The row is sealed as part of its record,
// which ties the blob's id, size and wrap to the row's key.
#pragma once

#include "aead/chunk.h"
#include "base/bytes.h"
#include "base/status.h"

namespace strongroom::format {

constexpr size_t kDekWrapSize = aead::kKeySize + aead::kXaesOverhead;
constexpr size_t kRowKeyMax = 1100;
constexpr size_t kRowMax = 64 * 1024;
constexpr size_t kIndexRowHead = 12;

enum class BlobKind : uint8_t { kNone = 0, kSmall = 1, kLarge = 2 };

struct BlobReference {
  BlobKind kind = BlobKind::kNone;
  aead::Id id{};
  uint64_t size = 0;
  uint64_t crc64 = 0;
  std::array<uint8_t, kDekWrapSize> wrap{};
  uint64_t location = 0;   // Small.
  uint16_t placement = 0;  // Large:
  uint8_t k = 0, m = 0;
};

struct Row {
  uint64_t modified = 0;
  BlobReference blob;
  ByteSpan body;  // Into the bytes it was decoded from, or given by the encoder's caller.
};

void EncodeRow(const Row& row, Bytes* out);
Result<Row> DecodeRow(ByteSpan bytes);

struct IndexRow {
  uint64_t revision = 0;
  uint32_t home = 0;
  Row row;
  ByteSpan image;  // The row without the index's head.
};
void EncodeIndexRow(uint64_t revision, uint32_t home, ByteSpan row, Bytes* out);
Result<IndexRow> DecodeIndexRow(ByteSpan bytes);
// The same into a row that is used again: a page of a listing decodes a thousand.
Status DecodeIndexRow(ByteSpan bytes, IndexRow* row);
// Only the revision: the head of an index row. 0 when too short.
uint64_t IndexRowRevision(ByteSpan bytes);

// The AAD of a DEK's wrap.
Bytes DekAad(const aead::Id& store_id, const aead::Id& blob_id);

}  // namespace strongroom::format
