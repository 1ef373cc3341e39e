// Chunks: the worked example of docs/format/seal-header.md, and that a sealed chunk opens nowhere
// but in its place, in its blob, in its store.
#include "aead/chunk.h"

#include <algorithm>

#include "base/testing.h"

namespace strongroom::aead {

namespace {

constexpr uint32_t kSmall = 256;  // Many chunks in few bytes.

template <size_t kSize>
std::array<uint8_t, kSize> Counting(uint8_t from) {
  std::array<uint8_t, kSize> out;
  for (size_t i = 0; i < kSize; ++i) out[i] = static_cast<uint8_t>(from + i);
  return out;
}

SealHeader ExampleHeader() {
  SealHeader header;
  header.chunk_size = kSmall;
  header.store_id = Counting<16>(0x20);
  header.blob_id = Counting<16>(0x40);
  header.salt = Counting<24>(0x60);
  return header;
}

const std::array<uint8_t, 32> kDek = Counting<32>(0);

Bytes Sealed(ChunkCipher& cipher, uint64_t index, bool last, ByteSpan plaintext) {
  Bytes out(plaintext.size() + kTagSize);
  cipher.Seal(index, last, plaintext, out.data());
  return out;
}

Status Opens(ChunkCipher& cipher, uint64_t index, bool last, ByteSpan sealed) {
  Bytes out(sealed.size());
  return cipher.Open(index, last, sealed, out.data());
}

// The verdict on one sealed chunk under a header that differs from the one it was sealed under,
// also when the attacker can make the commitment fit.
void ExpectForeign(const SealHeader& other, ByteSpan sealed) {
  EXPECT_CODE(ChunkCipher::ForOpening(kDek, other), Code::kTampered);
  SealHeader fitting = other;
  ChunkCipher::ForSealing(kDek, &fitting);
  auto cipher = ChunkCipher::ForOpening(kDek, fitting);
  ASSERT_OK(cipher);
  EXPECT_CODE(Opens(*cipher, 0, true, sealed), Code::kTampered);
}

}  // namespace

TEST(Chunk, TheWorkedExampleIsByteExact) {
  SealHeader header = ExampleHeader();
  header.chunk_size = 4;
  ChunkCipher cipher = ChunkCipher::ForSealing(kDek, &header);
  uint8_t encoded[kSealHeaderSize];
  EncodeSealHeader(header, encoded);
  EXPECT_EQ(ToHex(encoded),
            "0100000004000000"
            "202122232425262728292a2b2c2d2e2f"
            "404142434445464748494a4b4c4d4e4f"
            "606162636465666768696a6b6c6d6e6f7071727374757677"
            "0831f9edd855701ad64ecd90cca4a2eb5a8bec08260cbadb3a5846c87840e1fd");
  EXPECT_EQ(ToHex(Sealed(cipher, 0, false, AsBytes("stro"))),
            "1d88c64c02a0ab502b5f8489afc76f231979e825");
  EXPECT_EQ(ToHex(Sealed(cipher, 1, false, AsBytes("ngro"))),
            "99ed079557c504b8d0371fa64de43fc5556138f3");
  EXPECT_EQ(ToHex(Sealed(cipher, 2, true, AsBytes("om"))),
            "cbcc0b2112fa116539e8be0fa1baf32bb293");
  EXPECT_EQ(ToHex(Sealed(cipher, 0, true, {})), "6f355cfbb62cc18c16865d0d56344ccb");
}

TEST(Chunk, OpensWhatItSealedInAnyOrderAlsoFromAClone) {
  testing::Random random(testing::Seed());
  for (uint32_t chunk_size : {256u, 16384u, kChunkSize}) {
    SealHeader header = ExampleHeader();
    header.chunk_size = chunk_size;
    ChunkCipher writer = ChunkCipher::ForSealing(kDek, &header);
    const Bytes body = random.Take(chunk_size * 3 + random.Below(chunk_size + 1));
    std::vector<Bytes> sealed;
    for (size_t i = 0; i < 4; ++i) {
      const size_t size = std::min<size_t>(chunk_size, body.size() - i * chunk_size);
      sealed.push_back(Sealed(writer, i, i == 3, ByteSpan(body).subspan(i * chunk_size, size)));
    }
    auto reader = ChunkCipher::ForOpening(kDek, header);
    ASSERT_OK(reader);
    ChunkCipher clone = reader->Clone();
    for (size_t i : {2, 0, 3, 1}) {
      Bytes out(sealed[i].size() - kTagSize);
      EXPECT_OK((i % 2 ? clone : *reader).Open(i, i == 3, sealed[i], out.data()));
      EXPECT(memcmp(out.data(), body.data() + i * chunk_size, out.size()) == 0);
    }
  }
}

TEST(Chunk, EveryFlippedBitIsRefused) {
  SealHeader header = ExampleHeader();
  ChunkCipher cipher = ChunkCipher::ForSealing(kDek, &header);
  const Bytes sealed = Sealed(cipher, 0, true, AsBytes("a small sealed chunk"));
  for (size_t bit = 0; bit < sealed.size() * 8; ++bit) {
    Bytes broken = sealed;
    broken[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
    EXPECT_CODE(Opens(cipher, 0, true, broken), Code::kTampered);
  }
  for (size_t size = 0; size < sealed.size(); ++size) {
    EXPECT_CODE(Opens(cipher, 0, true, ByteSpan(sealed).first(size)), Code::kTampered);
  }
  Bytes longer = sealed;
  longer.push_back(0);
  EXPECT_CODE(Opens(cipher, 0, true, longer), Code::kTampered);
  EXPECT_OK(Opens(cipher, 0, true, sealed));
}

TEST(Chunk, ReorderingTruncationAndExtensionAreRefused) {
  SealHeader header = ExampleHeader();
  ChunkCipher cipher = ChunkCipher::ForSealing(kDek, &header);
  const Bytes full(kSmall, 'f');
  const Bytes first = Sealed(cipher, 0, false, full), second = Sealed(cipher, 1, true, full);
  EXPECT_OK(Opens(cipher, 0, false, first));
  EXPECT_OK(Opens(cipher, 1, true, second));
  EXPECT_CODE(Opens(cipher, 1, true, first), Code::kTampered);    // Swapped.
  EXPECT_CODE(Opens(cipher, 0, false, second), Code::kTampered);
  EXPECT_CODE(Opens(cipher, 0, true, first), Code::kTampered);    // The rest cut off.
  EXPECT_CODE(Opens(cipher, 1, false, second), Code::kTampered);  // Something behind the end.
  EXPECT_CODE(Opens(cipher, 1 + (uint64_t{1} << 32), true, second), Code::kTampered);
}

TEST(Chunk, AnotherBlobStoreSaltChunkSizeOrDekIsRefused) {
  SealHeader header = ExampleHeader();
  ChunkCipher cipher = ChunkCipher::ForSealing(kDek, &header);
  const Bytes sealed = Sealed(cipher, 0, true, AsBytes("bound"));
  SealHeader other = header;
  other.blob_id[15] ^= 1;
  ExpectForeign(other, sealed);
  other = header;
  other.store_id[0] ^= 0x80;
  ExpectForeign(other, sealed);
  other = header;
  other.salt[23] ^= 1;
  ExpectForeign(other, sealed);
  other = header;
  other.chunk_size = kSmall * 2;
  ExpectForeign(other, sealed);
  auto dek = kDek;
  dek[31] ^= 1;
  EXPECT_CODE(ChunkCipher::ForOpening(dek, header), Code::kTampered);
  EXPECT_CODE(ChunkCipher::ForOpening(ByteSpan(kDek).first(31), header), Code::kTampered);
}

TEST(Chunk, AWrongCommitmentIsFoundBeforeAnyChunkIsOpened) {
  SealHeader header = ExampleHeader();
  ChunkCipher::ForSealing(kDek, &header);
  for (size_t bit = 0; bit < kCommitmentSize * 8; ++bit) {
    SealHeader other = header;
    other.commitment[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
    // No cipher comes out, so there is nothing that could open a chunk.
    EXPECT_CODE(ChunkCipher::ForOpening(kDek, other), Code::kTampered);
  }
}

TEST(Chunk, IndexesAndLengthsOutsideTheFormatAreRefused) {
  SealHeader header = ExampleHeader();
  ChunkCipher cipher = ChunkCipher::ForSealing(kDek, &header);
  const Bytes sealed = Sealed(cipher, kChunksMax - 1, true, AsBytes("the last there can be"));
  EXPECT_OK(Opens(cipher, kChunksMax - 1, true, sealed));
  EXPECT_CODE(Opens(cipher, kChunksMax, true, sealed), Code::kTampered);
  EXPECT_CODE(Opens(cipher, UINT64_MAX, true, sealed), Code::kTampered);
  // Longer than any chunk: nothing is written, the buffer need not hold it.
  Bytes out(kSmall, 0xee);
  const Bytes longer(kSmall + kTagSize + 1);
  EXPECT_CODE(cipher.Open(0, true, longer, out.data()), Code::kTampered);
  EXPECT(out == Bytes(kSmall, 0xee));
}

TEST(SealHeader, DecodesWhatWasEncodedAndRefusesTheRest) {
  SealHeader header = ExampleHeader();
  ChunkCipher::ForSealing(kDek, &header);
  Bytes encoded(kSealHeaderSize);
  EncodeSealHeader(header, encoded.data());
  const auto decoded = DecodeSealHeader(encoded);
  ASSERT_OK(decoded);
  Bytes again(kSealHeaderSize);
  EncodeSealHeader(*decoded, again.data());
  EXPECT_EQ(again, encoded);
  EXPECT_OK(ChunkCipher::ForOpening(kDek, *decoded));

  EXPECT_CODE(DecodeSealHeader(ByteSpan(encoded).first(kSealHeaderSize - 1)), Code::kCorruption);
  EXPECT_CODE(DecodeSealHeader({}), Code::kCorruption);
  for (size_t reserved : {0, 1, 2, 3}) {
    Bytes other = encoded;
    other[reserved] ^= 4;
    EXPECT_CODE(DecodeSealHeader(other), Code::kUnsupportedFormat);
  }
  for (uint32_t size : {0u, kChunkSize + 1, UINT32_MAX}) {
    Bytes other = encoded;
    StoreLittle(other.data() + 4, size);
    EXPECT_CODE(DecodeSealHeader(other), Code::kUnsupportedFormat);
    SealHeader hostile = header;
    hostile.chunk_size = size;
    EXPECT_CODE(ChunkCipher::ForOpening(kDek, hostile), Code::kUnsupportedFormat);
  }
  SealHeader hostile = header;
  hostile.suite = 2;
  EXPECT_CODE(ChunkCipher::ForOpening(kDek, hostile), Code::kUnsupportedFormat);
}

TEST(SealHeader, NoFlippedBitOfItIsAccepted) {
  SealHeader header = ExampleHeader();
  ChunkCipher::ForSealing(kDek, &header);
  Bytes encoded(kSealHeaderSize);
  EncodeSealHeader(header, encoded.data());
  for (size_t bit = 0; bit < encoded.size() * 8; ++bit) {
    Bytes broken = encoded;
    broken[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
    const auto decoded = DecodeSealHeader(broken);
    if (decoded.ok()) EXPECT_CODE(ChunkCipher::ForOpening(kDek, *decoded), Code::kTampered);
  }
}

}  // namespace strongroom::aead
