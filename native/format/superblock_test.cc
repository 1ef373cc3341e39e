// Superblocks: the worked example of docs/format/superblock.md, the two slots in turn, and what
// torn, rotten, forged and newer slots are called.
#include "format/superblock.h"

#include "aead/aead.h"
#include "format/format_testing.h"
#include "hash/xxh64.h"
#include "io/posix_env.h"

namespace strongroom::format {

namespace {

const auto kRoot = Counting<aead::kKeySize>(0x00);

SecretBytes Secret(uint8_t from) { return SecretBytes(ByteSpan(Counting<32>(from))); }

StoreKeys ExampleKeys() {
  StoreKeys keys;
  keys.ring_generation = keys.record_generation = 1;
  keys.ring = Secret(0x40);
  keys.store = Secret(0x60);
  keys.record = SecretBytes(ByteSpan(kExampleRecordKey));
  keys.index = Secret(0xa0);
  return keys;
}

// By the grammar, not by the code under test.
Bytes Wrapped(ByteSpan kek, std::string_view label, uint8_t nonce, ByteSpan secret) {
  Bytes aad;
  ByteWriter w(&aad);
  w.Field(AsBytes(label));
  w.Raw(kExampleStore);
  w.U32(1);
  return aead::XaesSeal(kek, Counting<24>(nonce), aad, secret);
}

Superblock Example() {
  StoreKeys keys = ExampleKeys();
  Superblock s;
  s.counter = 2;
  s.store_id = kExampleStore;
  s.zone_id = Counting<16>(0x50);
  s.zone_count = 3;
  s.roster = {3, {Counting<16>(0x50), Counting<16>(0x70), Counting<16>(0x90)}};
  s.small = {1, 2};
  s.large = {4, 2};
  s.large_from = 256 * 1024;
  s.epochs_reserved = 1001;
  s.root_hint = {1, 0};
  s.ring_generation = s.record_generation = 1;
  s.ring_wrap = Wrapped(kRoot, "ring", 0x10, keys.ring.span());
  s.store_key_wrap = Wrapped(keys.ring.span(), "store", 0x30, keys.store.span());
  s.record_key_wrap = Wrapped(keys.ring.span(), "record", 0x50, keys.record.span());
  s.index_key_wrap = Wrapped(keys.ring.span(), "index", 0x70, keys.index.span());
  return s;
}

// A zone's folder whose superblock the test writes and breaks.
class ZoneFolder {
 public:
  ZoneFolder() : path_(testing::TemporaryDirectory()) {
    auto file = io::PosixEnv()->Open(path_ + "/superblock", {io::OpenMode::kCreate, false});
    CHECK(file.ok());
    file_ = std::move(*file);
  }
  const std::string& path() const { return path_; }
  Status Write(const Superblock& s) { return WriteSuperblock(file_.get(), s, ExampleKeys()); }
  Result<Superblock> Read() const { return ReadSuperblock(io::PosixEnv(), path_); }
  Status Verify(const Superblock& s) const {
    return VerifySuperblock(io::PosixEnv(), path_, s, ExampleKeys());
  }
  Bytes Slot(size_t i) {
    Bytes out(kSlotSize);
    auto size = file_->ReadAt(i * kSlotSize, out);
    out.resize(size.ok() ? *size : 0);
    return out;
  }
  void Put(size_t i, ByteSpan slot) { EXPECT_OK(file_->WriteAt(i * kSlotSize, slot)); }
  void Cut(uint64_t size) { EXPECT_OK(file_->Truncate(size)); }

 private:
  std::string path_;
  std::unique_ptr<io::File> file_;
};

constexpr size_t kUsed = 24 + 434 + 32;  // Of the example's slot.

// Makes the checksum fit, as an attacker would who has no key.
Bytes Fitting(Bytes slot) {
  auto size = LoadLittle<uint32_t>(&slot[12]);
  uint64_t seed = LoadLittle<uint64_t>(&slot[8]);
  StoreLittle(&slot[16], hash::Xxh64(ByteSpan(slot).subspan(24, size), seed));
  return slot;
}

void ExpectEqual(const Superblock& a, const Superblock& b) {
  EXPECT_EQ(a.counter, b.counter);
  EXPECT_EQ(a.store_id, b.store_id);
  EXPECT_EQ(a.zone_id, b.zone_id);
  EXPECT_EQ(a.state, b.state);
  EXPECT_EQ(a.zone_count, b.zone_count);
  EXPECT(a.small.k == b.small.k && a.small.m == b.small.m);
  EXPECT(a.large.k == b.large.k && a.large.m == b.large.m);
  EXPECT_EQ(a.large_from, b.large_from);
  EXPECT_EQ(a.epochs_reserved, b.epochs_reserved);
  EXPECT_EQ(a.root_hint, b.root_hint);
  EXPECT(a.ring_generation == b.ring_generation && a.record_generation == b.record_generation);
  EXPECT_EQ(a.ring_wrap, b.ring_wrap);
  EXPECT_EQ(a.store_key_wrap, b.store_key_wrap);
  EXPECT_EQ(a.record_key_wrap, b.record_key_wrap);
  EXPECT_EQ(a.index_key_wrap, b.index_key_wrap);
  EXPECT_EQ(a.roster.since, b.roster.since);
  EXPECT(a.roster.zones == b.roster.zones);
}

}  // namespace

TEST(Superblock, TheWorkedExampleIsByteExact) {
  ZoneFolder zone;
  ASSERT_OK(zone.Write(Example()));
  Bytes slot = zone.Slot(0);
  ASSERT(slot.size() == kSlotSize);
  EXPECT_EQ(ToHex(ByteSpan(slot).first(kUsed)),
            "535253555045523101000000d2010000a7f217bdb81bc64302000000000000002021222324252627"
            "28292a2b2c2d2e2f505152535455565758595a5b5c5d5e5f010301020402000000000400e9030000"
            "000000000200000001000100000048000000101112131415161718191a1b1c1d1e1f202122232425"
            "2627d67eeb100634217d3a171f7bc94c61a02c0036a9136c59ce9af778ba29e83ec2cecb8a76d663"
            "bf6ef368cbd29a33cf3548000000303132333435363738393a3b3c3d3e3f4041424344454647e01c"
            "b15322b3a9e8da935a9b51c26e0a6f90cdc31ef52d16328a08e0bb8f1e2c7219da31cc86b347e4ad"
            "a2fe1e7782290100000048000000505152535455565758595a5b5c5d5e5f60616263646566671b54"
            "ca48c0f0f6132b9ad6d231c5e174071e88d04441877421c2af13aa60964a647810b64b8458d27aa5"
            "6173f49edfed48000000707172737475767778797a7b7c7d7e7f80818283848586870580f079d8ca"
            "3cf4a07ecb424dcf65c4a47c11f30fbcaf54633e47c911dd36a749e3557b0d56871a285fcba7563f"
            "cb600300000000000000505152535455565758595a5b5c5d5e5f707172737475767778797a7b7c7d"
            "7e7f909192939495969798999a9b9c9d9e9f5ddb1e310c0c382230cf87156c540f275e0e3392b85a"
            "4343de45a1c70c9e3697");
  EXPECT(std::all_of(slot.begin() + kUsed, slot.end(), [](uint8_t b) { return b == 0; }));
}

TEST(Superblock, ReadsWhatWasWritten) {
  testing::Random random(testing::Seed());
  ZoneFolder zone;
  for (int round = 0; round < 50; ++round) {
    Superblock s = Example();
    s.counter = static_cast<uint64_t>(round) + 1;
    s.zone_id = TakeId(random);
    s.state = round % 2 ? ZoneState::kJoining : ZoneState::kMember;
    s.epochs_reserved = random.Next();
    s.large_from = static_cast<uint32_t>(random.Next());
    s.root_hint = random.Take(random.Below(kRootHintMax + 1));
    ASSERT_OK(zone.Write(s));
    auto read = zone.Read();
    ASSERT_OK(read);
    ExpectEqual(*read, s);
    EXPECT_OK(zone.Verify(*read));
  }
}

TEST(Superblock, TheKeysOpenWithTheRootAlone) {
  StoreKeys keys = ExampleKeys();
  auto opened = OpenStoreKeys(kRoot, Example());
  ASSERT_OK(opened);
  EXPECT_EQ(ToHex(opened->ring.span()), ToHex(keys.ring.span()));
  EXPECT_EQ(ToHex(opened->store.span()), ToHex(keys.store.span()));
  EXPECT_EQ(ToHex(opened->record.span()), ToHex(keys.record.span()));
  EXPECT_EQ(ToHex(opened->index.span()), ToHex(keys.index.span()));
  EXPECT_CODE(OpenStoreKeys(Counting<32>(1), Example()), Code::kWrongKey);
}

TEST(Superblock, FreshKeysOpenAgainAndAreFresh) {
  Superblock s = Example(), t = Example();
  StoreKeys keys = CreateStoreKeys(io::PosixEnv(), kRoot, &s);
  StoreKeys other = CreateStoreKeys(io::PosixEnv(), kRoot, &t);
  auto opened = OpenStoreKeys(kRoot, s);
  ASSERT_OK(opened);
  EXPECT_EQ(ToHex(opened->ring.span()), ToHex(keys.ring.span()));
  EXPECT_EQ(ToHex(opened->record.span()), ToHex(keys.record.span()));
  EXPECT(ToHex(keys.ring.span()) != ToHex(other.ring.span()));
  EXPECT(s.ring_wrap != t.ring_wrap);
}

TEST(Superblock, AWrapOpensInItsOwnFieldOnly) {
  Superblock s = Example();
  std::swap(s.store_key_wrap, s.index_key_wrap);
  EXPECT_CODE(OpenStoreKeys(kRoot, s), Code::kTampered);
  s = Example();
  s.record_generation = 2;
  EXPECT_CODE(OpenStoreKeys(kRoot, s), Code::kTampered);
  s = Example();
  s.ring_generation = 2;
  EXPECT_CODE(OpenStoreKeys(kRoot, s), Code::kWrongKey);
  s = Example();
  s.store_id[0] ^= 1;
  EXPECT_CODE(OpenStoreKeys(kRoot, s), Code::kWrongKey);
  for (Bytes Superblock::*wrap : {&Superblock::ring_wrap, &Superblock::store_key_wrap,
                                  &Superblock::record_key_wrap, &Superblock::index_key_wrap}) {
    s = Example();
    (s.*wrap).resize(39);
    EXPECT(!OpenStoreKeys(kRoot, s).ok());
    (s.*wrap).clear();
    EXPECT(!OpenStoreKeys(kRoot, s).ok());
  }
}

TEST(Superblock, SlotsAreWrittenInTurnAndTheHigherCounterRules) {
  ZoneFolder zone;
  EXPECT_CODE(ReadSuperblock(io::PosixEnv(), zone.path() + "/absent"), Code::kNotFound);
  EXPECT_CODE(zone.Read(), Code::kNotFound);
  Superblock s = Example();
  Bytes before[2];
  for (s.counter = 1; s.counter < 6; ++s.counter) {
    ASSERT_OK(zone.Write(s));
    auto read = zone.Read();
    ASSERT_OK(read);
    EXPECT_EQ(read->counter, s.counter);
    size_t other = (s.counter + 1) & 1;
    if (s.counter > 1) EXPECT_EQ(zone.Slot(other), before[other]);
    before[s.counter & 1] = zone.Slot(s.counter & 1);
  }
}

// A power cut in the middle of a write: any 512-byte sector may be old or new.
TEST(Superblock, ATornSlotLeavesTheOther) {
  ZoneFolder zone;
  Superblock old = Example(), now = Example();
  old.counter = 1;
  now.counter = 2;
  now.root_hint = Bytes(kRootHintMax, 7);  // Two sectors.
  ASSERT_OK(zone.Write(old));
  ASSERT_OK(zone.Write(now));
  Bytes whole = zone.Slot(0);
  for (size_t sector = 0; sector < 2; ++sector) {
    Bytes torn = whole;
    std::fill_n(torn.begin() + static_cast<ptrdiff_t>(sector * 512), 512, 0);
    zone.Put(0, torn);
    auto read = zone.Read();
    ASSERT_OK(read);
    EXPECT_EQ(read->counter, 1u);
    EXPECT_OK(zone.Verify(*read));
  }
  zone.Put(0, whole);
  EXPECT_EQ(zone.Read()->counter, 2u);
}

TEST(Superblock, EveryFlipCostsTheSlotAndNoMore) {
  ZoneFolder zone;
  Superblock old = Example();
  old.counter = 1;
  ASSERT_OK(zone.Write(old));
  ASSERT_OK(zone.Write(Example()));
  EveryFlip(ByteSpan(zone.Slot(0)).first(kUsed), [&](const Bytes& changed, size_t) {
    zone.Put(0, changed);
    auto read = zone.Read();
    // Also in the version: rot there must not pass for a newer format.
    ASSERT_OK(read);
    EXPECT_EQ(read->counter, 1u);
  });
}

TEST(Superblock, EveryTruncationIsRefused) {
  ZoneFolder zone;
  ASSERT_OK(zone.Write(Example()));
  for (size_t size = kUsed; size-- > 0;) {
    zone.Cut(size);
    Status status = zone.Read().status();
    EXPECT(status.Is(size < 24 ? Code::kNotFound : Code::kCorruption));
  }
}

TEST(Superblock, AForgedSlotIsTampering) {
  ZoneFolder zone;
  ASSERT_OK(zone.Write(Example()));
  const Bytes slot = zone.Slot(0);
  size_t parsed = 0;
  for (size_t at = 24; at < kUsed; ++at) {
    if (at == 24 + 46 || at == 24 + 47) continue;  // Zeros that nobody reads.
    Bytes forged = slot;
    forged[at] ^= 1;
    zone.Put(0, Fitting(forged));
    auto read = zone.Read();
    if (!read.ok()) {
      EXPECT_CODE(read, Code::kCorruption);
      continue;
    }
    ++parsed;
    EXPECT_CODE(zone.Verify(*read), Code::kTampered);
  }
  EXPECT(parsed > 300);
}

// A disk that answers honestly only when it is asked for proof.
TEST(Superblock, WhatIsVerifiedIsWhatIsHeld) {
  ZoneFolder zone;
  ASSERT_OK(zone.Write(Example()));
  auto read = zone.Read();
  ASSERT_OK(read);
  EXPECT_OK(zone.Verify(*read));
  read->epochs_reserved -= 1000;
  EXPECT_CODE(zone.Verify(*read), Code::kTampered);
}

TEST(Superblock, AnotherStoresKeyProvesNothing) {
  ZoneFolder zone;
  ASSERT_OK(zone.Write(Example()));
  StoreKeys keys = ExampleKeys();
  keys.store = Secret(0x61);
  EXPECT_CODE(VerifySuperblock(io::PosixEnv(), zone.path(), Example(), keys), Code::kTampered);
}

TEST(Superblock, AVersionFromTheFutureIsRefused) {
  ZoneFolder zone;
  Superblock old = Example();
  old.counter = 1;
  ASSERT_OK(zone.Write(old));
  ASSERT_OK(zone.Write(Example()));
  Bytes future = zone.Slot(0);
  StoreLittle(&future[8], kFormatVersion + 1);
  zone.Put(0, Fitting(future));
  // Also when the other slot is of our time: it may lack what the newer release has written.
  EXPECT_CODE(zone.Read(), Code::kUnsupportedFormat);
}

TEST(Superblock, HostileSizesAreBounded) {
  ZoneFolder zone;
  ASSERT_OK(zone.Write(Example()));
  const Bytes slot = zone.Slot(0);
  for (uint32_t size : {0u, 39u, 40u, 4073u, 4096u, 0x7fffffffu, 0xffffffffu}) {
    Bytes forged = slot;
    StoreLittle(&forged[12], size);
    if (size <= kSlotSize - 24) forged = Fitting(forged);
    zone.Put(0, forged);
    EXPECT_CODE(zone.Read(), Code::kCorruption);
  }
  // The root hint's size: past the end, and more than may be.
  for (uint32_t size : {0xffffffffu, 400u, 513u}) {
    Bytes forged = slot;
    StoreLittle(&forged[24 + 60], size);
    zone.Put(0, Fitting(forged));
    EXPECT_CODE(zone.Read(), Code::kCorruption);
  }
  for (uint8_t state : {0, 4, 255}) {
    Bytes forged = slot;
    forged[24 + 40] = state;
    zone.Put(0, Fitting(forged));
    EXPECT_CODE(zone.Read(), Code::kCorruption);
  }
}

}  // namespace strongroom::format
