// Rows: the worked example of docs/format/row.md, and that no bytes of a row harm their reader.
#include "format/row.h"

#include "format/format_testing.h"

namespace strongroom::format {

namespace {

Bytes Encoded(const Row& row) {
  Bytes out;
  EncodeRow(row, &out);
  return out;
}

Row RandomRow(testing::Random& random, BlobKind kind, ByteSpan body) {
  Row row;
  row.modified = random.Next();
  if (random.Below(2) == 0) row.version = 1 + random.Below(1000);
  row.body = body;
  row.blob.kind = kind;
  if (kind == BlobKind::kNone) return row;
  if (kind == BlobKind::kCounted) {
    row.counted.references = static_cast<uint32_t>(random.Next());
    row.counted.placement = {static_cast<uint16_t>(random.Next()), 4, 2};
    row.counted.size = random.Next();
    return row;
  }
  row.blob.id = TakeId(random);
  row.blob.size = random.Next();
  row.blob.crc64 = random.Next();
  Bytes wrap = random.Take(kDekWrapSize);
  if (HasWrap(kind)) std::copy(wrap.begin(), wrap.end(), row.blob.wrap.begin());
  if (IsSmall(kind)) row.blob.location = random.Next();
  return row;
}

void ExpectEqual(const Row& a, const Row& b) {
  EXPECT_EQ(a.modified, b.modified);
  EXPECT_EQ(a.version, b.version);
  EXPECT_EQ(a.blob.kind, b.blob.kind);
  EXPECT_EQ(a.blob.id, b.blob.id);
  EXPECT_EQ(a.blob.size, b.blob.size);
  EXPECT_EQ(a.blob.crc64, b.blob.crc64);
  EXPECT_EQ(a.blob.wrap, b.blob.wrap);
  EXPECT_EQ(a.blob.location, b.blob.location);
  EXPECT(a.counted == b.counted);
  EXPECT_EQ(a.body, b.body);
}

constexpr BlobKind kKinds[] = {BlobKind::kNone,   BlobKind::kSmall,     BlobKind::kLarge,
                               BlobKind::kParts,  BlobKind::kSmallPart, BlobKind::kLargePart,
                               BlobKind::kCounted};
constexpr size_t kHeads[] = {10, 10 + 104 + 8, 10 + 104, 10 + 104, 10 + 32 + 8, 10 + 32, 10 + 16};

}  // namespace

TEST(Row, TheWorkedExampleIsByteExact) {
  EXPECT_EQ(ToHex(DekAad(kExampleStore, kExampleBlob, ExampleContext())),
            "0300000064656b202122232425262728292a2b2c2d2e2f404142434445464748494a4b4c4d4e4f"
            "1e0000007374726f6e67726f6f6d206275636b6574206b6579000102030405060708");
  EXPECT_EQ(ToHex(Encoded(ExampleRow())),
            "01010068e5cf8b010000404142434445464748494a4b4c4d4e4f0a00000000000000b535a5ab66cd"
            "1b8c101112131415161718191a1b1c1d1e1f2021222324252627bd2828ea60d72bf472b20560a09e"
            "f027ac6e59e9eed12efcf89b6e3176cb40ab06f0c9ff2b4f38c5a58689606f9c570e501000000a00"
            "0000010000");
  Row large = ExampleRow();
  large.blob.kind = BlobKind::kLarge;
  Bytes small = Encoded(ExampleRow()), same = Encoded(large);
  EXPECT_EQ(same.size(), small.size() - 8);
  Row counted;
  counted.modified = kExampleMillis;
  counted.blob.kind = BlobKind::kCounted;
  counted.counted = {2, {1, 4, 2}, 300'000};
  EXPECT_EQ(ToHex(Encoded(counted)), "01060068e5cf8b0100000200000001000402e093040000000000");
  EXPECT_EQ(ToHex(CountedKey(BlobKind::kLarge, kExampleBlob)),
            "42404142434445464748494a4b4c4d4e4f");
  EXPECT_EQ(ToHex(CountedKey(BlobKind::kParts, kExampleBlob)),
            "4c404142434445464748494a4b4c4d4e4f");
  EXPECT_EQ(ToHex(DoomedKey(kExampleBlob)), "44404142434445464748494a4b4c4d4e4f");
  EXPECT_EQ(ToHex(PartKey(kExampleBlob, 258)),
            "50404142434445464748494a4b4c4d4e4f0000000000000102");
  EXPECT_EQ(ToHex(EventKey(Bytes{'e', 1}, 258, 772)), "6501000000000000010200000304");
  Row bare;
  bare.modified = kExampleMillis;
  EXPECT_EQ(ToHex(Encoded(bare)), "01000068e5cf8b010000");
  bare.version = 258;
  EXPECT_EQ(ToHex(Encoded(bare)), "02000068e5cf8b0100000201000000000000");
  bare.version = 0;
  Bytes indexed;
  EncodeIndexRow(kExampleSequence, kExampleSegmentNumber, Encoded(bare), &indexed);
  EXPECT_EQ(ToHex(indexed), "07000000000000000a00000001000068e5cf8b010000");
}

TEST(Row, TheExamplesBlobOpensWithItsKeys) {
  Row row = ExampleRow();
  auto open = [&](const aead::Id& store, const aead::Id& blob, ByteSpan context) {
    return aead::XaesOpen(kExampleBucketKey, DekAad(store, blob, context), row.blob.wrap);
  };
  auto dek = open(kExampleStore, kExampleBlob, ExampleContext());
  ASSERT_OK(dek);
  EXPECT_EQ(std::as_const(*dek).span(), kExampleDek);
  // The wrap fits one blob of one store, and a key made for one thing.
  Bytes other = ExampleContext(), shorter = ExampleContext();
  other.back() ^= 1;
  shorter.pop_back();
  EXPECT_CODE(open(kExampleBlob, kExampleBlob, ExampleContext()), Code::kTampered);
  EXPECT_CODE(open(kExampleStore, kExampleStore, ExampleContext()), Code::kTampered);
  EXPECT_CODE(open(kExampleStore, kExampleBlob, other), Code::kTampered);
  EXPECT_CODE(open(kExampleStore, kExampleBlob, shorter), Code::kTampered);
}

TEST(Row, DecodesWhatItEncoded) {
  testing::Random random(testing::Seed());
  for (int round = 0; round < 200; ++round) {
    for (BlobKind kind : kKinds) {
      Bytes body = random.Take(random.Below(300));
      Row row = RandomRow(random, kind, body);
      Bytes bytes = Encoded(row);
      auto decoded = DecodeRow(bytes);
      ASSERT_OK(decoded);
      ExpectEqual(*decoded, row);
      Bytes indexed;
      EncodeIndexRow(round + 1, 77, bytes, &indexed);
      auto found = DecodeIndexRow(indexed);
      ASSERT_OK(found);
      EXPECT_EQ(found->revision, static_cast<uint64_t>(round + 1));
      EXPECT_EQ(found->home, 77u);
      EXPECT_EQ(found->image, bytes);
      ExpectEqual(found->row, row);
      EXPECT_EQ(IndexRowRevision(indexed), found->revision);
    }
  }
}

// A row has no length of its own (its effect has it), so a cut in the body is not seen here.
TEST(Row, ACutInTheHeadIsCorruption) {
  testing::Random random(testing::Seed());
  for (size_t i = 0; i < std::size(kKinds); ++i) {
    Bytes body = random.Take(5);
    const Row given = RandomRow(random, kKinds[i], body);
    const size_t head = kHeads[i] + (given.version == 0 ? 0 : 8);
    Bytes bytes = Encoded(given);
    ASSERT(bytes.size() == head + 5);
    EveryTruncation(bytes, [&](const Bytes& cut) {
      auto row = DecodeRow(cut);
      if (cut.size() < head) EXPECT_CODE(row, Code::kCorruption);
      if (cut.size() < head) return;
      ASSERT_OK(row);
      EXPECT_EQ(row->body.size(), cut.size() - head);
    });
    Bytes indexed;
    EncodeIndexRow(9, 1, bytes, &indexed);
    EveryTruncation(indexed, [&](const Bytes& cut) {
      EXPECT_EQ(DecodeIndexRow(cut).ok(), cut.size() >= kIndexRowHead + head);
      EXPECT_EQ(IndexRowRevision(cut), cut.size() < kIndexRowHead ? 0u : 9u);
    });
  }
}

TEST(Row, AVersionLiesBesideWhatStands) {
  const std::string text = std::string("otext\0", 6) + std::string(8, '\xff');
  const Bytes standing(text.begin(), text.end());
  const Bytes kept = VersionKey(standing, 258);
  EXPECT_EQ(ToHex(kept), "767465787400fffffffffffffefd");
  EXPECT_EQ(CurrentKey(kept), standing);
  EXPECT_EQ(VersionKey(kept, 258), kept);
  EXPECT(IsCurrentKey(standing) && !IsVersionKey(standing));
  EXPECT(IsVersionKey(kept) && !IsCurrentKey(kept));
  EXPECT(VersionKey(standing, 259) < kept);  // The newest first.
  // An object row key of another form has no versions.
  Bytes other = standing;
  other.back() = 0;
  EXPECT(!HasVersions(other));
  EXPECT(!HasVersions(Bytes(9, 0xff)));
  EXPECT(!HasVersions({}));
  Row row;
  EXPECT_EQ(VersionOf(row, 7), 7u);
  Bytes indexed;
  EncodeIndexRow(7, 1, Encoded(row), &indexed);
  EXPECT_EQ(IndexRowVersion(indexed), 7u);
  row.version = 5;
  EXPECT_EQ(VersionOf(row, 7), 5u);
  indexed.clear();
  EncodeIndexRow(7, 1, Encoded(row), &indexed);
  EXPECT_EQ(IndexRowVersion(indexed), 5u);
  EveryTruncation(indexed, [&](const Bytes& cut) {
    EXPECT(IndexRowVersion(cut) == 0 || IndexRowVersion(cut) == 5);
  });
  Bytes zero = Encoded(row);
  memset(zero.data() + 10, 0, 8);
  EXPECT_CODE(DecodeRow(zero), Code::kCorruption);
}

// Rows lie inside seals, so no checksum: but every byte is either refused or kept.
TEST(Row, NoByteIsLostInDecoding) {
  testing::Random random(testing::Seed());
  for (BlobKind kind : kKinds) {
    Bytes body = random.Take(5);
    EveryFlip(Encoded(RandomRow(random, kind, body)), [](const Bytes& changed, size_t) {
      auto row = DecodeRow(changed);
      if (row.ok()) EXPECT_EQ(Encoded(*row), changed);
    });
  }
}

TEST(Row, ACountingKeyNamesItsBlobAndLiesInTheRange) {
  for (uint8_t first : {0, 255}) {
    aead::Id id = kExampleBlob;
    id[0] = first;
    const Bytes key = CountedKey(BlobKind::kLarge, id);
    const auto named = LargeBlobOf(key);
    EXPECT(named.ok() && *named == id);
    EXPECT(LargeBlobRange().start < key && key < LargeBlobRange().end);
    EXPECT_CODE(LargeBlobOf(ByteSpan(key).first(key.size() - 1)), Code::kCorruption);
  }
  EXPECT_CODE(LargeBlobOf(CountedKey(BlobKind::kParts, kExampleBlob)), Code::kCorruption);
  EXPECT_CODE(LargeBlobOf({}), Code::kCorruption);
}

TEST(Row, APartsKeyNamesItsListAndKeepsTheOrder) {
  aead::Id list{};
  EXPECT(ListOfPart(PartKey(kExampleBlob, 7), &list));
  EXPECT_EQ(list, kExampleBlob);
  Bytes key = PartKey(kExampleBlob, 7);
  EXPECT(!ListOfPart(ByteSpan(key).first(key.size() - 1), &list));
  EXPECT(!ListOfPart(CountedKey(BlobKind::kParts, kExampleBlob), &list));
  EXPECT(PartKey(kExampleBlob, 255) < PartKey(kExampleBlob, 256));
  EXPECT(IsEngineKey(CountedKey(BlobKind::kLarge, kExampleBlob)));
  EXPECT(IsEngineKey(CountedKey(BlobKind::kParts, kExampleBlob)));
  EXPECT(IsEngineKey(DoomedKey(kExampleBlob)));
  EXPECT(IsEngineKey(CheckpointKey(7)));
  EXPECT(!IsEngineKey(key));
  EXPECT(!IsEngineKey(ExampleKey()));
  EXPECT(!IsEngineKey({}));
}

TEST(Row, AnUnknownVersionOrKindIsRefused) {
  for (int value = 0; value < 256; ++value) {
    Bytes bytes = Encoded(ExampleRow());
    bytes[0] = static_cast<uint8_t>(value);
    if (value > 2) EXPECT_CODE(DecodeRow(bytes), Code::kUnsupportedFormat);
    if (value == 0) EXPECT_CODE(DecodeRow(bytes), Code::kCorruption);
    bytes = Encoded(ExampleRow());
    bytes[1] = static_cast<uint8_t>(value);
    if (value > 6) EXPECT_CODE(DecodeRow(bytes), Code::kCorruption);
  }
}

}  // namespace strongroom::format
