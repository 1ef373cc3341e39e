// The preamble's bytes, and the arithmetic of stripes that are all alike but the last.
#include "format/blob_file.h"

#include <bit>

#include "format/segment.h"
#include "format/superblock.h"
#include "hash/xxh64.h"

namespace strongroom::format {

namespace {

constexpr std::string_view kMagic("SRBLOB\0\1", 8);
constexpr size_t kChecked = 8 + 4 + 2 + 1 + 1 + 8 + aead::kSealHeaderSize;
constexpr int kCellsMax = 32;

constexpr uint32_t Below(int bit) {
  return bit >= 32 ? ~uint32_t{0} : (uint32_t{1} << bit) - 1;
}
constexpr uint32_t RunMask(const CellRun& run) {
  return Below(run.first + run.count) & ~Below(run.first);
}

}  // namespace

Bytes EncodeBlobPreamble(const BlobPreamble& preamble) {
  Bytes block;
  block.reserve(kBlobPreambleSize);
  ByteWriter w(&block);
  w.Raw(AsBytes(kMagic));
  w.U32(kFormatVersion);
  w.U16(preamble.placement);
  w.U8(preamble.k);
  w.U8(preamble.m);
  w.U64(preamble.epoch);
  uint8_t header[aead::kSealHeaderSize];
  aead::EncodeSealHeader(preamble.header, header);
  w.Raw(header);
  CHECK(block.size() == kChecked);
  w.U64(hash::Xxh64(block));
  block.resize(kBlobPreambleSize);
  return block;
}

Result<BlobPreamble> DecodeBlobPreamble(ByteSpan block) {
  if (block.size() < kChecked + 8) return Status(Code::kCorruption, "blob file is cut short");
  if (AsString(block.first(kMagic.size())) != kMagic ||
      hash::Xxh64(block.first(kChecked)) != LoadLittle<uint64_t>(&block[kChecked])) {
    return Status(Code::kCorruption, "blob file: preamble does not check");
  }
  ByteReader r(block.subspan(kMagic.size()));
  if (uint32_t version = r.U32(); version > kFormatVersion) {
    return Status(Code::kUnsupportedFormat, "blob file has version " + std::to_string(version));
  }
  BlobPreamble preamble;
  preamble.placement = r.U16();
  preamble.k = r.U8();
  preamble.m = r.U8();
  preamble.epoch = r.U64();
  TRY_ASSIGN(preamble.header, aead::DecodeSealHeader(r.Raw(aead::kSealHeaderSize)));
  return preamble;
}

bool BlobShape::Valid() const {
  if (chunk_size == 0 || chunk_size > aead::kChunkSize) return false;
  if (k < 1 || m < 0 || k + m > kCellsMax) return false;
  return size / chunk_size < aead::kChunksMax;
}

uint64_t BlobShape::chunks() const { return size == 0 ? 1 : (size - 1) / chunk_size + 1; }

uint64_t BlobShape::stripes() const {
  return (chunks() - 1) / static_cast<uint64_t>(k) + 1;
}

size_t BlobShape::plaintext_size(uint64_t chunk) const {
  if (chunk + 1 < chunks()) return chunk_size;
  return static_cast<size_t>(size - (chunks() - 1) * chunk_size);
}

int BlobShape::data_cells(uint64_t stripe) const {
  if (stripe + 1 < stripes()) return k;
  return static_cast<int>(chunks() - stripe * static_cast<uint64_t>(k));
}

size_t BlobShape::cell_size(uint64_t stripe) const {
  return sealed_size(stripe * static_cast<uint64_t>(k));
}

uint32_t BlobShape::stored(uint64_t stripe) const {
  return Below(data_cells(stripe)) | (Below(k + m) & ~Below(k));
}

uint64_t BlobShape::CellOffset(const CellRun& run, uint64_t stripe, int cell) const {
  const uint64_t full = chunk_size + aead::kTagSize + kCellTrailerSize;
  const uint32_t before = stored(stripe) & RunMask(run) & Below(cell);
  return kBlobPreambleSize + stripe * static_cast<uint64_t>(run.count) * full +
         static_cast<uint64_t>(std::popcount(before)) * (cell_size(stripe) + kCellTrailerSize);
}

uint64_t BlobShape::FileSize(const CellRun& run) const {
  return RoundUp(CellOffset(run, stripes() - 1, run.first + run.count), kBlock);
}

}  // namespace strongroom::format
