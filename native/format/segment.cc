#include "format/segment.h"

#include <cstdio>

#include "format/superblock.h"
#include "hash/crc64.h"
#include "hash/xxh64.h"

namespace strongroom::format {

namespace {
constexpr std::string_view kSegmentMagic = "SRSEGMNT";
constexpr std::string_view kBatchMagic = "SRBATCH1";
constexpr size_t kSegmentHeaderSize = 56;
}  // namespace

std::string SegmentName(uint32_t number) {
  char name[16];
  snprintf(name, sizeof name, "%08x.seg", number);
  return name;
}

bool ParseSegmentName(const std::string& name, uint32_t* number) {
  unsigned value = 0;
  if (name.size() != 12 || sscanf(name.c_str(), "%8x.seg", &value) != 1) return false;
  *number = value;
  return SegmentName(value) == name;
}

Bytes EncodeSegmentHeader(const SegmentHeader& header) {
  Bytes block;
  ByteWriter w(&block);
  w.Raw(AsBytes(kSegmentMagic));
  w.U32(kFormatVersion);
  w.U32(header.number);
  w.Raw(header.id);
  w.U64(header.epoch);
  w.U32(header.epoch_segment);
  w.U32(0);
  w.U64(hash::Xxh64(block));
  block.resize(kBlock);
  return block;
}

Result<SegmentHeader> DecodeSegmentHeader(ByteSpan block) {
  if (block.size() < kSegmentHeaderSize || AsString(block.first(8)) != kSegmentMagic) {
    return Status(Code::kNotFound, "no segment header");
  }
  if (hash::Xxh64(block.first(48)) != LoadLittle<uint64_t>(&block[48])) {
    return Status(Code::kCorruption, "segment header: checksum wrong");
  }
  ByteReader r(block.subspan(8));
  if (uint32_t version = r.U32(); version > kFormatVersion) {
    return Status(Code::kUnsupportedFormat, "segment has version " + std::to_string(version));
  }
  SegmentHeader header;
  header.number = r.U32();
  r.Into(header.id);
  header.epoch = r.U64();
  header.epoch_segment = r.U32();
  return header;
}

void EncodeBatchHeader(const BatchHeader& header, uint8_t* out) {
  Bytes bytes;
  bytes.reserve(kBatchHeaderSize);
  ByteWriter w(&bytes);
  w.Raw(AsBytes(kBatchMagic));
  w.Raw(header.segment_id);
  w.U32(header.offset);
  w.U32(header.size);
  w.U32(header.record_offset);
  w.U32(header.record_size);
  w.U64(header.epoch);
  w.U64(header.first_sequence);
  w.U32(header.record_generation);
  w.U32(0);
  w.U64(header.record_checksum);
  w.U64(hash::Xxh64(bytes));
  CHECK(bytes.size() == kBatchHeaderSize);
  memcpy(out, bytes.data(), bytes.size());
}

Result<BatchHeader> DecodeBatchHeader(ByteSpan bytes, const aead::Id& segment_id, uint32_t offset) {
  Status none(Code::kNotFound, "no batch here");
  if (bytes.size() < kBatchHeaderSize || AsString(bytes.first(8)) != kBatchMagic) return none;
  if (hash::Xxh64(bytes.first(72)) != LoadLittle<uint64_t>(&bytes[72])) return none;
  ByteReader r(bytes.subspan(8));
  BatchHeader h;
  r.Into(h.segment_id);
  h.offset = r.U32();
  h.size = r.U32();
  h.record_offset = r.U32();
  h.record_size = r.U32();
  h.epoch = r.U64();
  h.first_sequence = r.U64();
  h.record_generation = r.U32();
  r.Skip(4);
  h.record_checksum = r.U64();
  bool bounded = h.size % kBlock == 0 && h.size <= kBatchSizeMax &&
                 h.record_offset >= kBatchHeaderSize && h.record_offset <= h.size &&
                 h.record_size <= h.size - h.record_offset;
  if (h.segment_id != segment_id || h.offset != offset || !bounded) return none;
  return h;
}

uint64_t CellCrcSeed(const aead::Id& blob_id, uint16_t placement, uint64_t cell) {
  uint8_t name[26];
  memcpy(name, blob_id.data(), 16);
  StoreLittle(name + 16, placement);
  StoreLittle(name + 18, cell);
  return hash::Crc64(name);
}

void SealBlobFrame(const aead::SealHeader& header, aead::ChunkCipher& cipher, ByteSpan plaintext,
                   uint8_t* out) {
  aead::EncodeSealHeader(header, out);
  StoreLittle(out + 96, static_cast<uint32_t>(plaintext.size()));
  StoreLittle(out + 100, uint32_t{0});
  StoreLittle(out + 104, hash::Xxh64({out, 104}));
  uint8_t* at = out + kBlobFrameHeaderSize;
  size_t count = ChunkCount(plaintext.size());
  for (size_t i = 0; i < count; ++i) {
    size_t from = i * aead::kChunkSize;
    size_t size = std::min<size_t>(aead::kChunkSize, plaintext.size() - from);
    cipher.Seal(i, i + 1 == count, plaintext.subspan(from, size), at);
    ByteSpan cell{at, size + aead::kTagSize};
    StoreLittle(at + cell.size(), hash::Crc64(cell, CellCrcSeed(header.blob_id, 0, i)));
    at += cell.size() + kCellTrailerSize;
  }
}

Result<BlobFrame> DecodeBlobFrame(ByteSpan bytes) {
  Status bad(Code::kCorruption, "blob frame: head does not check");
  if (bytes.size() < kBlobFrameHeaderSize) return bad;
  if (hash::Xxh64(bytes.first(104)) != LoadLittle<uint64_t>(&bytes[104])) return bad;
  BlobFrame frame;
  TRY_ASSIGN(frame.header, aead::DecodeSealHeader(bytes.first(aead::kSealHeaderSize)));
  frame.plaintext_size = LoadLittle<uint32_t>(&bytes[96]);
  return frame;
}

namespace {
// The sealed bytes of chunk `index`, its checksum checked.
Result<ByteSpan> CheckedCell(const BlobFrame& head, ByteSpan frame, size_t index) {
  size_t at = kBlobFrameHeaderSize + index * (aead::kSealedChunkSize + kCellTrailerSize);
  size_t left = head.plaintext_size - index * aead::kChunkSize;
  size_t size = std::min<size_t>(aead::kChunkSize, left) + aead::kTagSize;
  if (at > frame.size() || size + kCellTrailerSize > frame.size() - at) {
    return Status(Code::kCorruption, "blob frame is cut short");
  }
  ByteSpan cell = frame.subspan(at, size);
  uint64_t crc = hash::Crc64(cell, CellCrcSeed(head.header.blob_id, 0, index));
  if (crc != LoadLittle<uint64_t>(frame.data() + at + size)) {
    return Status(Code::kCorruption, "cell: checksum wrong");
  }
  return cell;
}
}  // namespace

Status CheckBlobFrame(ByteSpan frame) {
  TRY_ASSIGN(BlobFrame head, DecodeBlobFrame(frame));
  for (size_t i = 0; i < ChunkCount(head.plaintext_size); ++i) {
    auto cell = CheckedCell(head, frame, i);
    if (!cell.ok()) return cell.status();
  }
  return {};
}

Status OpenBlobFrameChunk(const BlobFrame& head, ByteSpan frame, aead::ChunkCipher& cipher,
                          size_t index, uint8_t* out) {
  TRY_ASSIGN(ByteSpan cell, CheckedCell(head, frame, index));
  return cipher.Open(index, index + 1 == ChunkCount(head.plaintext_size), cell, out);
}

}  // namespace strongroom::format
