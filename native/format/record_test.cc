// Records: the worked examples of docs/format/record.md, and that no plaintext harms its reader,
// although only a holder of the record key can make one.
#include "format/record.h"

#include "format/format_testing.h"

namespace strongroom::format {

namespace {

RecordHead RandomHead(testing::Random& random, RecordKind kind) {
  RecordHead head{kind, random.Next(), random.Next(), {}, random.Next(), random.Next(), {}};
  Bytes chain = random.Take(head.chain_before.size());
  std::copy(chain.begin(), chain.end(), head.chain_before.begin());
  head.extent = {static_cast<uint32_t>(random.Next()), random.Next(), {}, random.Next()};
  std::copy(chain.rbegin(), chain.rend(), head.extent.chain_before.begin());
  return head;
}

std::vector<TransactionBytes> RandomTransactions(testing::Random& random) {
  std::vector<TransactionBytes> out(1 + random.Below(4));
  for (auto& effects : out) {
    effects.resize(random.Below(4));
    for (EffectBytes& effect : effects) {
      effect.key = random.Take(1 + random.Below(40));
      if (random.Below(3) > 0) effect.row = random.Take(random.Below(60));
      if (effect.row && random.Below(2) > 0) effect.carried = 1 + random.Below(1u << 30);
    }
  }
  return out;
}

EpochPayload ExampleEpoch() {
  EpochPayload payload;
  payload.previous_epoch = 2;
  payload.previous_epoch_segment = 8;
  payload.base.location = Location(9, kBlock);
  payload.base.end = Location(9, 2 * kBlock);
  payload.base.sequence = kExampleSequence - 1;
  payload.base.chain = hash::Sha256(AsBytes("base"));
  payload.set = {Counting<16>(0x50), Counting<16>(0x70)};
  return payload;
}

Bytes ExampleEpochRecord() {
  EpochPayload payload = ExampleEpoch();
  RecordHead head{RecordKind::kEpoch,  kExampleEpoch,  kExampleSequence,
                  payload.base.chain, kExampleMillis, 0, ExampleExtent()};
  return EncodeEpochRecord(head, payload);
}

// What a decoded record says, encoded again.
Bytes Again(const Record& record) {
  if (record.head.kind == RecordKind::kEpoch) return EncodeEpochRecord(record.head, record.epoch);
  std::vector<TransactionBytes> said;
  for (const auto& effects : record.transactions) {
    said.emplace_back();
    for (const EffectView& effect : effects) {
      said.back().push_back({{effect.key.begin(), effect.key.end()}, std::nullopt});
      if (effect.row) said.back().back().row = Bytes(effect.row->begin(), effect.row->end());
      said.back().back().carried = effect.carried;
    }
  }
  return EncodeCommit(record.head, said);
}

void ExpectRobust(const Bytes& bytes) {
  EveryTruncation(bytes, [](Bytes cut) {
    EXPECT_CODE(DecodeRecord(std::move(cut)), Code::kCorruption);
  });
  EveryFlip(bytes, [](const Bytes& changed, size_t) {
    auto record = DecodeRecord(changed);
    if (record.ok()) EXPECT_EQ(Again(*record), changed);
    if (!record.ok()) EXPECT_CODE(record, Code::kCorruption);
  });
  Bytes longer = bytes;
  longer.push_back(0);
  EXPECT_CODE(DecodeRecord(longer), Code::kCorruption);
}

Bytes WithPayload(RecordKind kind, std::string_view hex) {
  Bytes out;
  EncodeRecordHead({kind, 1, 1, {}, 0, 0, {}}, &out);
  Bytes payload = Unhex(hex);
  out.insert(out.end(), payload.begin(), payload.end());
  return out;
}

}  // namespace

TEST(Record, TheWorkedExamplesAreByteExact) {
  EXPECT_EQ(ToHex(ExampleCommit()),
            "0103000000000000000700000000000000e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b93"
            "4ca495991b7852b8550068e5cf8b01000000000000000000000400000002000000000000005b7201"
            "47b6918dfc19baa0d7767cab75b76e17998837d04af43f2f3463c5350f1c01000000000000020000"
            "00020000000115006f010203040506070861c3a900ffffffffffffffff7d00000001010068e5cf8b"
            "010000404142434445464748494a4b4c4d4e4f0a00000000000000b535a5ab66cd1b8c1011121314"
            "15161718191a1b1c1d1e1f2021222324252627bd2828ea60d72bf472b20560a09ef027ac6e59e9ee"
            "d12efcf89b6e3176cb40ab06f0c9ff2b4f38c5a58689606f9c570e501000000a0000000100000004"
            "00626f6c64010000000211004c707172737475767778797a7b7c7d7e7f05000000000000001a0000"
            "000106000000000000000002000000000000000000000000000000");
  EXPECT_EQ(ToHex(ExampleEpochRecord()),
            "0203000000000000000700000000000000cae662172fd450bb0cd710a769079c05bfc5d8e35efa65"
            "76edc7d0377afdd4a20068e5cf8b01000000000000000000000400000002000000000000005b7201"
            "47b6918dfc19baa0d7767cab75b76e17998837d04af43f2f3463c5350f1c01000000000000020000"
            "000000000008000000001000000900000000200000090000000600000000000000cae662172fd450"
            "bb0cd710a769079c05bfc5d8e35efa6576edc7d0377afdd4a202505152535455565758595a5b5c5d"
            "5e5f707172737475767778797a7b7c7d7e7f");
  EXPECT_EQ(
      ToHex(RecordAad(kExampleStore, kExampleSegment, kBlock, kExampleEpoch, kExampleSequence)),

            "202122232425262728292a2b2c2d2e2fa0a1a2a3a4a5a6a7a8a9aaabacadaeaf0010000003000000"
            "000000000700000000000000");
  Bytes sealed = SealExample(ExampleCommit());
  EXPECT_EQ(ToHex(sealed),
            "e0e1e2e3e4e5e6e7e8e9eaebecedeeeff0f1f2f3f4f5f6f7a0746e563b8ecf07a2244c39d9e79a7b"
            "18acb99a5aa0b0934cc78cd94b9ce0bd008051f15fcf2c93f18ce91dafd5394ed33301a1e6e2fbea"
            "524dff1b39bda3951ee126fe6f1662393e63f3b420b2e1cfb1a0ff2059cb271331a89f6dca28bb9d"
            "733e13f2721c44efb20138593de52f59002c754b228742e782f0eee507b5b123c2750ff447ba7780"
            "85d5e691dcd969dbe47503ab8a190436cf38bd0d41b28a95f596ed3317e286c5a90f1d94457d15fd"
            "c5fa5d376f41082c165f4ca89814673a4107e1135d8a8dc6a4aed3e38e3f90062333084fb7efe0ca"
            "8e6d86d7bd170ba225821d97ce07319091387ec1fc9cc8172539e665a7fa5edd2c074829f00d0cd8"
            "d833f41d5569e4ab7acd02d415df3b45c9d2c366ef56c91517a4d416f774d453c71347a28c1f5bf5"
            "ff3ebb0af98026d566e68ed59727bfc25f825ec1b4c00c56c53450d9a34df1ebd6a2a53ba877891e"
            "5473271e7957db4559a2e3d970813faa0038499204aab83a730bdf");
  EXPECT_EQ(ToHex(hash::Sha256(sealed)),
            "db12d2de16c3fc55e8f2031ed2c64fe81f65fbe049818f48d20769aed74aead0");
}

TEST(Record, OpensInItsPlaceOnly) {
  Bytes sealed = SealExample(ExampleCommit());
  auto aad = [](int change) {
    uint64_t epoch = kExampleEpoch + (change == 4), sequence = kExampleSequence + (change == 5);
    return RecordAad(change == 1 ? kExampleSegment : kExampleStore,
                     change == 2 ? kExampleStore : kExampleSegment,
                     static_cast<uint32_t>(change == 3 ? 2 * kBlock : kBlock), epoch, sequence);
  };
  for (int change = 0; change <= 5; ++change) {
    auto opened = aead::XaesOpenBytes(kExampleRecordKey, aad(change), sealed);
    if (change > 0) EXPECT_CODE(opened, Code::kTampered);
    if (change > 0) continue;
    ASSERT_OK(opened);
    EXPECT_EQ(*opened, ExampleCommit());
  }
}

TEST(Record, DecodesWhatWasEncoded) {
  testing::Random random(testing::Seed());
  for (int round = 0; round < 200; ++round) {
    RecordHead head = RandomHead(random, RecordKind::kCommit);
    auto said = RandomTransactions(random);
    auto decoded = DecodeRecord(EncodeCommit(head, said));
    ASSERT_OK(decoded);
    // The views hold through a move of the record.
    Record record = std::move(*decoded);
    EXPECT_EQ(record.head.epoch, head.epoch);
    EXPECT_EQ(record.head.first_sequence, head.first_sequence);
    EXPECT_EQ(record.head.chain_before, head.chain_before);
    EXPECT_EQ(record.head.wall_millis, head.wall_millis);
    EXPECT_EQ(record.head.compliance_millis, head.compliance_millis);
    EXPECT(record.head.extent == head.extent);
    EXPECT_EQ(record.last_sequence(), head.first_sequence + said.size() - 1);
    ASSERT(record.transactions.size() == said.size());
    for (size_t i = 0; i < said.size(); ++i) {
      ASSERT(record.transactions[i].size() == said[i].size());
      for (size_t j = 0; j < said[i].size(); ++j) {
        const EffectView& effect = record.transactions[i][j];
        EXPECT_EQ(effect.key, said[i][j].key);
        ASSERT(effect.row.has_value() == said[i][j].row.has_value());
        if (effect.row) EXPECT_EQ(*effect.row, *said[i][j].row);
        EXPECT_EQ(effect.carried, said[i][j].carried);
      }
    }
  }
}

TEST(Record, AnEpochTakesNoSequence) {
  auto record = DecodeRecord(ExampleEpochRecord());
  ASSERT_OK(record);
  EpochPayload payload = ExampleEpoch();
  EXPECT(record->epoch.base == payload.base);
  EXPECT(record->epoch.set == payload.set);
  EXPECT_EQ(record->epoch.previous_epoch, 2u);
  EXPECT_EQ(record->epoch.previous_epoch_segment, 8u);
  EXPECT(record->transactions.empty());
  EXPECT_EQ(record->last_sequence(), payload.base.sequence);
}

TEST(Record, EveryTruncationAndFlipIsRefusedOrSaysSomethingElse) {
  ExpectRobust(ExampleCommit());
  ExpectRobust(ExampleEpochRecord());
  testing::Random random(testing::Seed());
  for (int round = 0; round < 10; ++round) {
    ExpectRobust(
        EncodeCommit(RandomHead(random, RecordKind::kCommit), RandomTransactions(random)));
  }
}

// A count is believed as far as bytes are there for it, so no count makes anybody allocate.
TEST(Record, HostileCountsAndSizesAreBounded) {
  for (const char* payload : {
           "",                        // No transaction count.
           "ffffffff",                // 2^32 - 1 transactions.
           "02000000" "00000000",     // One more than there are.
           "01000000" "ffffffff",     // 2^32 - 1 effects.
           "01000000" "01000000",     // One effect, no bytes.
           "01000000" "01000000" "01" "ffff" "ffffffff",           // A key past the end.
           "01000000" "01000000" "01" "0100" "61" "ffffffff",      // A row past the end.
           "01000000" "01000000" "01" "0100" "61" "01000000",      // A row of one byte, absent.
           "01000000" "01000000" "02" "0100" "61" "0000000000000000" "00000000",  // Revision 0.
           "01000000" "01000000" "03" "0100" "61" "00000000",      // An unknown effect.
           "00000000" "00",           // A byte left over.
       }) {
    EXPECT_CODE(DecodeRecord(WithPayload(RecordKind::kCommit, payload)), Code::kCorruption);
  }
  EXPECT_OK(DecodeRecord(WithPayload(RecordKind::kCommit, "0100000000000000")));
  std::string base(2 * (8 + 4 + 8 + 8 + 8 + 32), '0');
  EXPECT_CODE(DecodeRecord(WithPayload(RecordKind::kEpoch, base + "00")), Code::kCorruption);
  EXPECT_CODE(DecodeRecord(WithPayload(RecordKind::kEpoch, base + "ff")), Code::kCorruption);
  EXPECT_OK(DecodeRecord(WithPayload(RecordKind::kEpoch, base + "01" + std::string(32, '0'))));
}

TEST(Record, AnUnknownKindIsRefused) {
  for (int kind = 0; kind < 256; ++kind) {
    Bytes bytes = ExampleCommit();
    bytes[0] = static_cast<uint8_t>(kind);
    if (kind != 1) EXPECT_CODE(DecodeRecord(bytes), Code::kCorruption);
  }
}

}  // namespace strongroom::format
