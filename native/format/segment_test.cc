// Segments, batches and blob frames: the worked examples of docs/format/log.md, and that stale,
// torn, rotten and hostile bytes are told apart as the log needs it.
#include "format/segment.h"

#include "format/format_testing.h"
#include "format/superblock.h"
#include "hash/crc64.h"
#include "hash/xxh64.h"

namespace strongroom::format {

namespace {

SegmentHeader ExampleHeader() { return {kExampleSegmentNumber, kExampleSegment, kExampleEpoch, 9}; }

// Changes `bytes` at `at` and makes the checksum behind the first `size` bytes fit, as an attacker
// would.
Bytes Forged(Bytes bytes, size_t at, ByteSpan with, size_t size) {
  memcpy(&bytes[at], with.data(), with.size());
  StoreLittle(&bytes[size], hash::Xxh64(ByteSpan(bytes).first(size)));
  return bytes;
}
Bytes Forged32(const Bytes& bytes, size_t at, uint32_t value, size_t size) {
  uint8_t with[4];
  StoreLittle(with, value);
  return Forged(bytes, at, with, size);
}

Bytes Encoded(const BatchHeader& header) {
  Bytes out(kBatchHeaderSize);
  EncodeBatchHeader(header, out.data());
  return out;
}

struct SealedFrame {
  aead::SealHeader header;
  Bytes bytes;
};
SealedFrame Seal(aead::SealHeader header, ByteSpan dek, ByteSpan plaintext) {
  aead::ChunkCipher cipher = aead::ChunkCipher::ForSealing(dek, &header);
  SealedFrame out{header, Bytes(BlobFrameSize(plaintext.size()))};
  SealBlobFrame(header, cipher, plaintext, out.bytes.data());
  return out;
}
SealedFrame ExampleFrame() {
  aead::SealHeader header;
  header.store_id = kExampleStore;
  header.blob_id = kExampleBlob;
  header.salt = Counting<24>(0x60);
  return Seal(header, kExampleDek, AsBytes("strongroom"));
}
SealedFrame RandomFrame(testing::Random& random, ByteSpan plaintext) {
  aead::SealHeader header;
  header.store_id = TakeId(random);
  header.blob_id = TakeId(random);
  Bytes salt = random.Take(header.salt.size());
  std::copy(salt.begin(), salt.end(), header.salt.begin());
  return Seal(header, kExampleDek, plaintext);
}

// The frame's plaintext, chunk by chunk, from the last one.
Result<Bytes> Opened(ByteSpan frame) {
  TRY_ASSIGN(BlobFrame head, DecodeBlobFrame(frame));
  TRY_ASSIGN(auto cipher, aead::ChunkCipher::ForOpening(kExampleDek, head.header));
  Bytes out(head.plaintext_size);
  for (size_t i = ChunkCount(head.plaintext_size); i-- > 0;) {
    TRY(OpenBlobFrameChunk(head, frame, cipher, i, out.data() + i * aead::kChunkSize));
  }
  return out;
}

// The first batch of the example's segment: one small put and one delete.
Bytes ExampleBatch() {
  Bytes frame = ExampleFrame().bytes;
  Bytes sealed = SealExample(ExampleCommit());
  BatchHeader header;
  header.segment_id = kExampleSegment;
  header.offset = kBlock;
  header.size = kBlock;
  header.record_offset = static_cast<uint32_t>(kBatchHeaderSize + frame.size());
  header.record_size = static_cast<uint32_t>(sealed.size());
  header.epoch = kExampleEpoch;
  header.first_sequence = kExampleSequence;
  header.record_generation = 1;
  header.record_checksum = hash::Xxh64(sealed);
  Bytes batch = Encoded(header);
  batch.insert(batch.end(), frame.begin(), frame.end());
  batch.insert(batch.end(), sealed.begin(), sealed.end());
  batch.resize(kBlock);
  return batch;
}

}  // namespace

TEST(Segment, NamesAreEightHexDigits) {
  EXPECT_EQ(SegmentName(10), "0000000a.seg");
  EXPECT_EQ(SegmentName(0xffffffff), "ffffffff.seg");
  testing::Random random(testing::Seed());
  for (int round = 0; round < 100; ++round) {
    auto number = static_cast<uint32_t>(random.Next());
    uint32_t parsed = 0;
    EXPECT(ParseSegmentName(SegmentName(number), &parsed));
    EXPECT_EQ(parsed, number);
  }
  for (const char* name :
       {"", "0000000A.seg", "000000a.seg", "00000000a.seg", "0x00000a.seg", " 000000a.seg",
        "+000000a.seg", "-0000001.seg", "0000000a.sex", "0000000a.seg.copy", "0000000g.seg"}) {
    uint32_t parsed = 0;
    EXPECT(!ParseSegmentName(name, &parsed));
  }
}

TEST(Segment, ALocationIsNumberAndOffset) {
  EXPECT_EQ(Location(10, 4096), 0x0000000a'00001000u);
  EXPECT_EQ(SegmentOf(0x0000000a'00001000u), 10u);
  EXPECT_EQ(OffsetOf(0x0000000a'00001000u), 4096u);
  EXPECT_EQ(Location(0xffffffff, 0xffffffff), UINT64_MAX);
}

TEST(Segment, TheWorkedExamplesAreByteExact) {
  Bytes header = EncodeSegmentHeader(ExampleHeader());
  ASSERT(header.size() == kBlock);
  EXPECT_EQ(ToHex(ByteSpan(header).first(56)),
            "53525345474d4e54010000000a000000a0a1a2a3a4a5a6a7a8a9aaabacadaeaf0300000000000000"
            "09000000000000001815a885ed6acae5");
  EXPECT(std::all_of(header.begin() + 56, header.end(), [](uint8_t b) { return b == 0; }));
  Bytes batch = ExampleBatch();
  EXPECT_EQ(ToHex(ByteSpan(batch).first(80)),
            "5352424154434831a0a1a2a3a4a5a6a7a8a9aaabacadaeaf0010000000100000e200000083010000"
            "030000000000000007000000000000000100000000000000132334fa25694e5ddf7cf1d4a279cba6");
  EXPECT_EQ(ToHex(ByteSpan(batch).subspan(80, 146)),
            "0100000000000100202122232425262728292a2b2c2d2e2f404142434445464748494a4b4c4d4e4f"
            "606162636465666768696a6b6c6d6e6f7071727374757677f6607e8ea4a9627389a05b0448b5d591"
            "cefc3ae44d1edae3763b4026e9addf5a0a000000000000008b58e24b3811fb8eb08f7d6fef97c71b"
            "e373bd298f53e27ac5dd4f7c6c2ff199b065a78e491d31bf8d8c");
  EXPECT_EQ(CellCrcSeed(kExampleBlob, 0, 0), uint64_t{0x39aa23845dde6ff});
}

TEST(Segment, HeaderRoundTrip) {
  testing::Random random(testing::Seed());
  for (int round = 0; round < 100; ++round) {
    SegmentHeader header{static_cast<uint32_t>(random.Next()), TakeId(random), random.Next(),
                         static_cast<uint32_t>(random.Next())};
    auto decoded = DecodeSegmentHeader(EncodeSegmentHeader(header));
    ASSERT_OK(decoded);
    EXPECT_EQ(decoded->number, header.number);
    EXPECT_EQ(decoded->id, header.id);
    EXPECT_EQ(decoded->epoch, header.epoch);
    EXPECT_EQ(decoded->epoch_segment, header.epoch_segment);
  }
}

// Absent (a crash cut the making short) and rotten are two things: one is skipped, one is told.
TEST(Segment, AHeaderIsThereOrAbsentOrRotten) {
  Bytes header = EncodeSegmentHeader(ExampleHeader());
  EXPECT_CODE(DecodeSegmentHeader(Bytes(kBlock)), Code::kNotFound);
  EveryTruncation(header, [](const Bytes& cut) {
    auto decoded = DecodeSegmentHeader(cut);
    if (cut.size() < 56) EXPECT_CODE(decoded, Code::kNotFound);
    if (cut.size() >= 56) EXPECT_OK(decoded);
  });
  EveryFlip(ByteSpan(header).first(56), [](const Bytes& changed, size_t at) {
    EXPECT_CODE(DecodeSegmentHeader(changed), at < 8 ? Code::kNotFound : Code::kCorruption);
  });
  Bytes future = Forged32(header, 8, kFormatVersion + 1, 48);
  EXPECT_CODE(DecodeSegmentHeader(future), Code::kUnsupportedFormat);
}

TEST(Segment, BatchHeaderRoundTrip) {
  testing::Random random(testing::Seed());
  for (int round = 0; round < 100; ++round) {
    BatchHeader header;
    header.segment_id = TakeId(random);
    header.offset = static_cast<uint32_t>(random.Next());
    header.size = static_cast<uint32_t>(kBlock * (1 + random.Below(kBatchSizeMax / kBlock)));
    header.record_offset =
        static_cast<uint32_t>(kBatchHeaderSize + random.Below(header.size - kBatchHeaderSize));
    header.record_size = static_cast<uint32_t>(random.Below(header.size - header.record_offset));
    header.epoch = random.Next();
    header.first_sequence = random.Next();
    header.record_generation = static_cast<uint32_t>(random.Next());
    header.record_checksum = random.Next();
    auto decoded = DecodeBatchHeader(Encoded(header), header.segment_id, header.offset);
    ASSERT_OK(decoded);
    EXPECT_EQ(Encoded(*decoded), Encoded(header));
    // Stale bytes of another segment, or of another place in this one, are no batch.
    EXPECT_CODE(DecodeBatchHeader(Encoded(header), TakeId(random), header.offset), Code::kNotFound);
    EXPECT_CODE(DecodeBatchHeader(Encoded(header), header.segment_id, header.offset + 4096),
                Code::kNotFound);
  }
}

TEST(Segment, WhatIsNoWholeBatchHeaderIsTheEndOfTheLog) {
  Bytes batch = ExampleBatch();
  auto decode = [](ByteSpan bytes) { return DecodeBatchHeader(bytes, kExampleSegment, kBlock); };
  ASSERT_OK(decode(batch));
  EXPECT_CODE(decode(Bytes(kBlock)), Code::kNotFound);
  ByteSpan header = ByteSpan(batch).first(kBatchHeaderSize);
  EveryTruncation(header, [&](const Bytes& cut) { EXPECT_CODE(decode(cut), Code::kNotFound); });
  EveryFlip(header,
            [&](const Bytes& changed, size_t) { EXPECT_CODE(decode(changed), Code::kNotFound); });
}

// A header with a right checksum may still be made by an attacker: what it says stays inside.
TEST(Segment, HostileSizesOfABatchAreBounded) {
  Bytes batch = ExampleBatch();
  batch.resize(kBatchHeaderSize);
  constexpr uint32_t kMax = 0xffffffff;
  struct {
    size_t at;
    uint32_t value;
  } table[] = {{28, 0},    {28, 1},    {28, kBlock + 1}, {28, kBatchSizeMax + kBlock},
               {28, kMax}, {32, 0},    {32, 79},         {32, kBlock + 1},
               {32, kMax}, {36, kMax}, {36, kBlock},     {36, kMax - 100}};
  for (const auto& row : table) {
    Bytes forged = Forged32(batch, row.at, row.value, 72);
    EXPECT_CODE(DecodeBatchHeader(forged, kExampleSegment, kBlock), Code::kNotFound);
  }
  testing::Random random(testing::Seed());
  for (int round = 0; round < 2000; ++round) {
    Bytes forged = Forged(batch, 28, random.Take(12), 72);
    auto header = DecodeBatchHeader(forged, kExampleSegment, kBlock);
    if (!header.ok()) continue;
    EXPECT(header->size <= kBatchSizeMax && header->size % kBlock == 0);
    EXPECT(uint64_t{header->record_offset} + header->record_size <= header->size);
  }
}

TEST(BlobFrame, OpensWhatItSealed) {
  testing::Random random(testing::Seed());
  for (size_t size : {0u, 1u, 10u, 65535u, 65536u, 65537u, 131072u, 262144u, 200017u}) {
    Bytes plaintext = random.Take(size);
    SealedFrame frame = RandomFrame(random, plaintext);
    EXPECT_OK(CheckBlobFrame(frame.bytes));
    auto opened = Opened(frame.bytes);
    ASSERT_OK(opened);
    EXPECT_EQ(*opened, plaintext);
  }
}

TEST(BlobFrame, EveryTruncationAndFlipIsRot) {
  for (std::string_view text : {"", "strongroom"}) {
    Bytes frame = Seal(ExampleFrame().header, kExampleDek, AsBytes(text)).bytes;
    EveryTruncation(frame, [](const Bytes& cut) {
      EXPECT_CODE(CheckBlobFrame(cut), Code::kCorruption);
      EXPECT_CODE(Opened(cut), Code::kCorruption);
    });
    EveryFlip(frame, [](const Bytes& changed, size_t) {
      EXPECT_CODE(CheckBlobFrame(changed), Code::kCorruption);
      EXPECT_CODE(Opened(changed), Code::kCorruption);
    });
  }
}

TEST(BlobFrame, ABrokenSealUnderARightChecksumIsTampering) {
  Bytes frame = ExampleFrame().bytes;
  ByteSpan cell = ByteSpan(frame).subspan(kBlobFrameHeaderSize, 10 + aead::kTagSize);
  for (size_t i = 0; i < cell.size(); ++i) {
    Bytes forged = frame;
    forged[kBlobFrameHeaderSize + i] ^= 1;
    ByteSpan changed = ByteSpan(forged).subspan(kBlobFrameHeaderSize, cell.size());
    uint64_t crc = hash::Crc64(changed, CellCrcSeed(kExampleBlob, 0, 0));
    StoreLittle(&forged[kBlobFrameHeaderSize + cell.size()], crc);
    EXPECT_OK(CheckBlobFrame(forged));
    EXPECT_CODE(Opened(forged), Code::kTampered);
  }
}

// Two cells of one blob, and the cells of two blobs: a misdirected write is rot.
TEST(BlobFrame, ACellInAnothersPlaceIsRot) {
  testing::Random random(testing::Seed());
  Bytes plaintext = random.Take(3 * aead::kChunkSize);
  SealedFrame one = RandomFrame(random, plaintext), two = RandomFrame(random, plaintext);
  constexpr size_t kCell = aead::kSealedChunkSize + kCellTrailerSize;
  uint8_t* first = &one.bytes[kBlobFrameHeaderSize];
  std::swap_ranges(first, first + kCell, first + kCell);
  EXPECT_CODE(CheckBlobFrame(one.bytes), Code::kCorruption);
  std::swap_ranges(first, first + kCell, first + kCell);
  EXPECT_OK(CheckBlobFrame(one.bytes));
  std::copy_n(&two.bytes[kBlobFrameHeaderSize], kCell, first);
  EXPECT_CODE(CheckBlobFrame(one.bytes), Code::kCorruption);
}

TEST(BlobFrame, HostileHeadsAreBounded) {
  Bytes frame = ExampleFrame().bytes;
  for (uint32_t size : {0u, 9u, 11u, 65536u, 0x7fffffffu, 0xffffffffu}) {
    Bytes forged = Forged32(frame, 96, size, 104);
    EXPECT_OK(DecodeBlobFrame(forged));
    EXPECT_CODE(CheckBlobFrame(forged), Code::kCorruption);
  }
  Bytes suite = Forged32(frame, 0, 2, 104);
  EXPECT_CODE(DecodeBlobFrame(suite), Code::kUnsupportedFormat);
  // A chunk that the frame cannot have.
  auto head = DecodeBlobFrame(frame);
  ASSERT_OK(head);
  auto cipher = aead::ChunkCipher::ForOpening(kExampleDek, head->header);
  ASSERT_OK(cipher);
  Bytes out(aead::kChunkSize);
  for (size_t index : {size_t{1}, size_t{2}, size_t{1} << 40}) {
    EXPECT_CODE(OpenBlobFrameChunk(*head, frame, *cipher, index, out.data()), Code::kCorruption);
  }
}

}  // namespace strongroom::format
