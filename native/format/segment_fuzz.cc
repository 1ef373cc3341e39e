// Any bytes as the structures of a segment.
#include "base/testing_fuzz.h"
#include "format/format_testing.h"
#include "format/segment.h"
#include "hash/crc64.h"
#include "hash/xxh64.h"

namespace strongroom::format {
namespace {

using testing::FuzzRecipe;

// The checksum over the first `size` bytes, behind them.
void Mend(Bytes* bytes, size_t size) {
  if (bytes->size() >= size + 8) {
    StoreLittle(bytes->data() + size, hash::Xxh64(ByteSpan(*bytes).first(size)));
  }
}

Bytes Mendable(ByteSpan bytes) {
  Bytes out{1};
  out.insert(out.end(), bytes.begin(), bytes.end());
  return out;
}

constexpr size_t kHeaderSize = 56, kReservedOfHeader = 44, kReservedOfBatch = 60;

std::vector<Bytes> SegmentHeaders() {
  Bytes block = EncodeSegmentHeader({kExampleSegmentNumber, kExampleSegment, kExampleEpoch, 9});
  block.resize(kHeaderSize);
  return {Mendable(block), Mendable({}), Bytes(kHeaderSize + 1)};
}

BatchHeader ExampleBatch() {
  BatchHeader header;
  header.segment_id = kExampleSegment;
  header.offset = kBlock;
  header.size = 2 * kBlock;
  header.record_offset = kBatchHeaderSize;
  header.record_size = 200;
  header.epoch = kExampleEpoch;
  header.first_sequence = kExampleSequence;
  header.record_generation = 1;
  return header;
}

std::vector<Bytes> BatchHeaders() {
  Bytes bytes(kBatchHeaderSize);
  EncodeBatchHeader(ExampleBatch(), bytes.data());
  return {Mendable(bytes), Mendable({}), bytes};
}

aead::SealHeader ExampleHeader(uint32_t chunk_size) {
  aead::SealHeader header;
  header.chunk_size = chunk_size;
  header.store_id = kExampleStore;
  header.blob_id = kExampleBlob;
  return header;
}

Bytes Frame(size_t size) {
  aead::SealHeader header = ExampleHeader(aead::kChunkSize);
  auto cipher = aead::ChunkCipher::ForSealing(kExampleDek, &header);
  Bytes frame(BlobFrameSize(size));
  SealBlobFrame(header, cipher, Bytes(size, 0x5a), frame.data());
  return frame;
}

std::vector<Bytes> Frames() { return {Mendable(Frame(0)), Mendable(Frame(10)), Mendable(Bytes())}; }

// The cells' checksums of a frame whose head checks.
void MendCells(Bytes* frame) {
  auto head = DecodeBlobFrame(*frame);
  if (!head.ok() || frame->size() < BlobFrameSize(head->plaintext_size)) return;
  size_t at = kBlobFrameHeaderSize;
  for (size_t cell = 0; cell < ChunkCount(head->plaintext_size); ++cell) {
    const size_t left = head->plaintext_size - cell * aead::kChunkSize;
    const size_t size = std::min<size_t>(left, aead::kChunkSize) + aead::kTagSize;
    const uint64_t seed = CellCrcSeed(head->header.blob_id, 0, cell);
    const ByteSpan sealed = ByteSpan(*frame).subspan(at, size);
    StoreLittle(frame->data() + at + size, hash::Crc64(sealed, seed));
    at += size + kCellTrailerSize;
  }
}

// Whatever opens was sealed: sealed once more it gives the same bytes.
void OpenAndSealAgain(ByteSpan frame, const BlobFrame& head) {
  aead::SealHeader header = head.header;
  auto cipher = aead::ChunkCipher::ForOpening(kExampleDek, header);
  if (!cipher.ok()) return;
  const size_t size = head.plaintext_size;
  if (frame.size() < BlobFrameSize(size)) return;
  Bytes plaintext(size);
  for (size_t i = 0; i < ChunkCount(size); ++i) {
    Status opened =
        OpenBlobFrameChunk(head, frame, *cipher, i, plaintext.data() + i * aead::kChunkSize);
    if (!opened.ok()) return;
  }
  auto again = aead::ChunkCipher::ForSealing(kExampleDek, &header);
  Bytes sealed(BlobFrameSize(size));
  SealBlobFrame(header, again, plaintext, sealed.data());
  EXPECT(std::equal(sealed.begin() + kBlobFrameHeaderSize, sealed.end(),
                    frame.begin() + kBlobFrameHeaderSize));
}

}  // namespace

FUZZ(SegmentHeader, SegmentHeaders) {
  FuzzRecipe recipe(input);
  const bool mend = recipe.U8() & 1;
  const ByteSpan rest = recipe.Rest();
  Bytes block(rest.begin(), rest.end());
  if (mend) Mend(&block, kHeaderSize - 8);
  auto header = DecodeSegmentHeader(block);
  if (!header.ok()) return;
  Bytes again = EncodeSegmentHeader(*header);
  EXPECT_EQ(again.size(), kBlock);
  // What is reserved, and an older version, are not kept.
  EXPECT(std::equal(again.begin() + 12, again.begin() + kReservedOfHeader, block.begin() + 12));
  auto back = DecodeSegmentHeader(again);
  EXPECT(back.ok() && back->number == header->number && back->id == header->id);
  EXPECT(back.ok() && back->epoch == header->epoch);
  EXPECT(back.ok() && back->epoch_segment == header->epoch_segment);
}

FUZZ(BatchHeader, BatchHeaders) {
  FuzzRecipe recipe(input);
  const uint8_t how = recipe.U8();
  const ByteSpan rest = recipe.Rest();
  Bytes bytes(rest.begin(), rest.end());
  if (how & 1) Mend(&bytes, kBatchHeaderSize - 8);
  aead::Id segment = kExampleSegment;
  uint32_t offset = kBlock;
  if (how & 2 && bytes.size() >= kBatchHeaderSize) {  // It is where it says.
    std::copy_n(bytes.begin() + 8, segment.size(), segment.begin());
    offset = LoadLittle<uint32_t>(bytes.data() + 24);
  }
  auto header = DecodeBatchHeader(bytes, segment, offset);
  if (!header.ok()) {
    EXPECT(header.status().Is(Code::kNotFound));
    return;
  }
  EXPECT(header->segment_id == segment && header->offset == offset);
  EXPECT(header->size % kBlock == 0 && header->size <= kBatchSizeMax);
  EXPECT(header->record_offset >= kBatchHeaderSize);
  EXPECT(uint64_t{header->record_offset} + header->record_size <= header->size);
  Bytes again(kBatchHeaderSize);
  EncodeBatchHeader(*header, again.data());
  EXPECT(std::equal(again.begin(), again.begin() + kReservedOfBatch, bytes.begin()));
}

FUZZ(BlobFrame, Frames) {
  FuzzRecipe recipe(input);
  const uint8_t how = recipe.U8();
  const ByteSpan rest = recipe.Rest();
  Bytes frame(rest.begin(), rest.end());
  if (how & 1) Mend(&frame, kBlobFrameHeaderSize - 8);
  if (how & 2) MendCells(&frame);
  auto head = DecodeBlobFrame(frame);
  if (!head.ok()) return;
  Status sound = CheckBlobFrame(frame);
  EXPECT(sound.ok() || sound.Is(Code::kCorruption));
  // CheckBlobFrame vouches for the whole; without it a frame may be shorter than its head says.
  if (sound.ok()) {
    EXPECT(frame.size() >= BlobFrameSize(head->plaintext_size));
  }
  OpenAndSealAgain(frame, *head);
}

}  // namespace strongroom::format
