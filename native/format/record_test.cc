// Records: the worked examples of docs/format/record.md, and that no plaintext harms its reader,
// although only a holder of the record key can make one.
#include "format/record.h"

#include "format/format_testing.h"

namespace strongroom::format {

namespace {

RecordHead RandomHead(testing::Random& random, RecordKind kind) {
  RecordHead head{kind, random.Next(), random.Next(), {}, random.Next(), random.Next()};
  Bytes chain = random.Take(head.chain_before.size());
  std::copy(chain.begin(), chain.end(), head.chain_before.begin());
  return head;
}

std::vector<TransactionBytes> RandomTransactions(testing::Random& random) {
  std::vector<TransactionBytes> out(1 + random.Below(4));
  for (auto& effects : out) {
    effects.resize(random.Below(4));
    for (EffectBytes& effect : effects) {
      effect.key = random.Take(1 + random.Below(40));
      if (random.Below(3) > 0) effect.row = random.Take(random.Below(60));
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
                  payload.base.chain, kExampleMillis, 0};
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
  EncodeRecordHead({kind, 1, 1, {}, 0, 0}, &out);
  Bytes payload = Unhex(hex);
  out.insert(out.end(), payload.begin(), payload.end());
  return out;
}

}  // namespace

TEST(Record, TheWorkedExamplesAreByteExact) {
  EXPECT_EQ(ToHex(ExampleCommit()),
            "0103000000000000000700000000000000e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b93"
            "4ca495991b7852b8550068e5cf8b0100000000000000000000010000000200000015006f01020304"
            "0506070861c3a900ffffffffffffffff7d00000001010068e5cf8b01000040414243444546474849"
            "4a4b4c4d4e4f0a00000000000000b535a5ab66cd1b8c101112131415161718191a1b1c1d1e1f2021"
            "222324252627bd2828ea60d72bf472b20560a09ef027ac6e59e9eed12efcf89b6e3176cb40ab06f0"
            "c9ff2b4f38c5a58689606f9c570e501000000a0000000100000400626f6c64ffffffff");
  EXPECT_EQ(ToHex(ExampleEpochRecord()),
            "0203000000000000000700000000000000cae662172fd450bb0cd710a769079c05bfc5d8e35efa65"
            "76edc7d0377afdd4a20068e5cf8b0100000000000000000000020000000000000008000000001000"
            "000900000000200000090000000600000000000000cae662172fd450bb0cd710a769079c05bfc5d8"
            "e35efa6576edc7d0377afdd4a202505152535455565758595a5b5c5d5e5f70717273747576777879"
            "7a7b7c7d7e7f");
  EXPECT_EQ(
      ToHex(RecordAad(kExampleStore, kExampleSegment, kBlock, kExampleEpoch, kExampleSequence)),

            "202122232425262728292a2b2c2d2e2fa0a1a2a3a4a5a6a7a8a9aaabacadaeaf0010000003000000"
            "000000000700000000000000");
  Bytes sealed = SealExample(ExampleCommit());
  EXPECT_EQ(ToHex(sealed),
            "e0e1e2e3e4e5e6e7e8e9eaebecedeeeff0f1f2f3f4f5f6f7a0746e563b8ecf07a2244c39d9e79a7b"
            "18acb99a5aa0b0934cc78cd94b9ce0bd008051f15fcf2c93f18ce91dafd5394ed33301a1e6e2fbea"
            "524dff1b39bda3951ee426fe6f1662393e76f3db21eb90caf31069a5c41134b319211c3940602a75"
            "97b6242239e97ba863ad766d32f96e18426f310e64c20aaec8b9a2a849fbae23ad740df743bfc4b2"
            "281f43f5c7aa86350999e84163731c2fd522a0103748653fd6b5c956708778a9c4a33a0b27c32c03"
            "8dd4b2a39f66a4424fb6a2cc834d34c7e22d1bc80c3398227847efb4afe02e9cb74d78f3c1c393fe"
            "ab4bab6a953fe0c2f2ade987136e35cff037a6f9de8457545fa2da09ce3b704a30fda9");
  EXPECT_EQ(ToHex(hash::Sha256(sealed)),
            "81dd10d9342f29e6cec5136d1d662de4e9bf7f6803023b308c1eec8e5da2ff01");
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
    EXPECT_EQ(record.last_sequence(), head.first_sequence + said.size() - 1);
    ASSERT(record.transactions.size() == said.size());
    for (size_t i = 0; i < said.size(); ++i) {
      ASSERT(record.transactions[i].size() == said[i].size());
      for (size_t j = 0; j < said[i].size(); ++j) {
        const EffectView& effect = record.transactions[i][j];
        EXPECT_EQ(effect.key, said[i][j].key);
        ASSERT(effect.row.has_value() == said[i][j].row.has_value());
        if (effect.row) EXPECT_EQ(*effect.row, *said[i][j].row);
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
           "01000000" "01000000" "ffff" "ffffffff",                // A key past the end.
           "01000000" "01000000" "0100" "61" "feffffff",           // A row past the end.
           "01000000" "01000000" "0100" "61" "01000000",           // A row of one byte, absent.
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
