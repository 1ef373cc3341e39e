// Any bytes as the two slots of a superblock.
#include "base/testing_fuzz.h"
#include "format/format_testing.h"
#include "format/superblock.h"
#include "hash/xxh64.h"
#include "io/held_testing.h"

namespace strongroom::format {
namespace {

using testing::FuzzRecipe;

const char kPath[] = "/zone/superblock";
constexpr size_t kSlotHeader = 24, kMac = 32;
const Bytes kRoot(32, 7);

// One store, whose keys are the same in every run.
struct Example {
  Superblock superblock;
  StoreKeys keys;
  Example() {
    io::HeldEnv env;
    superblock.counter = 2;
    superblock.store_id = kExampleStore;
    superblock.zone_id = kExampleBlob;
    superblock.zone_count = 3;
    superblock.roster.zones = {kExampleBlob, kExampleStore, {}};
    superblock.large = {4, 2};
    superblock.epochs_reserved = 1000;
    superblock.root_hint = {1, 2, 3};
    keys = CreateStoreKeys(&env, kRoot, &superblock);
  }
};
const Example& TheExample() {
  static const Example example;
  return example;
}

// recipe = how u8 ‖ size of the first slot u16 ‖ its bytes ‖ those of the second
std::vector<Bytes> Slots() {
  io::HeldEnv env;
  env.At(kPath);
  auto file = std::move(*env.Open(kPath, {io::OpenMode::kReadWrite, false}));
  Superblock superblock = TheExample().superblock;
  for (uint64_t counter : {2, 3}) {
    superblock.counter = counter;
    CHECK(WriteSuperblock(file.get(), superblock, TheExample().keys).ok());
  }
  const Bytes& slots = env.At(kPath);
  const size_t used = kSlotHeader + LoadLittle<uint32_t>(&slots[12]);
  std::vector<Bytes> out;
  for (uint8_t how : {0, 1, 3}) {
    Bytes& seed = out.emplace_back(3);
    seed[0] = how;
    StoreLittle(&seed[1], static_cast<uint16_t>(used));
    seed.insert(seed.end(), &slots[0], &slots[used]);
    seed.insert(seed.end(), &slots[kSlotSize], &slots[kSlotSize + used]);
  }
  return out;
}

// Gives a slot the seal and the checksum that fit what it says.
void Mend(MutableByteSpan slot, bool seal) {
  if (slot.size() < kSlotHeader) return;
  const size_t size = LoadLittle<uint32_t>(&slot[12]);
  if (size < kMac || size > slot.size() - kSlotHeader) return;
  MutableByteSpan body = slot.subspan(kSlotHeader, size);
  if (seal) {
    Bytes message(4);
    StoreLittle(message.data(), kFormatVersion);
    message.insert(message.end(), body.begin(), body.end() - kMac);
    auto mac = aead::HmacSha256(TheExample().keys.store.span(), message);
    std::copy(mac.begin(), mac.end(), body.end() - kMac);
  }
  StoreLittle(&slot[16], hash::Xxh64(body, LoadLittle<uint64_t>(&slot[8])));
}

}  // namespace

FUZZ(Superblock, Slots) {
  FuzzRecipe recipe(input);
  const uint8_t how = recipe.U8();
  const ByteSpan first = recipe.Field(), second = recipe.Rest();
  io::HeldEnv env;
  Bytes& file = env.At(kPath);
  file.assign(first.begin(), first.end());
  if (!second.empty()) {
    file.resize(kSlotSize);
    file.insert(file.end(), second.begin(), second.end());
  }
  if (how & 1) {
    for (size_t at = 0; at < file.size() && at < 2 * kSlotSize; at += kSlotSize) {
      Mend(MutableByteSpan(file).subspan(at, std::min(kSlotSize, file.size() - at)), how & 2);
    }
  }
  auto read = ReadSuperblock(&env, "/zone");
  if (!read.ok()) return;
  EXPECT(read->position < read->zone_count && read->root_hint.size() <= kRootHintMax);
  if (!VerifySuperblock(&env, "/zone", *read, TheExample().keys).ok()) return;
  auto keys = OpenStoreKeys(kRoot, *read);
  if (!keys.ok()) {
    EXPECT(keys.status().Is(Code::kWrongKey) || keys.status().Is(Code::kTampered));
  }
  // What is proved can be replaced, and is read back as it was written.
  Superblock next = *read;
  ++next.counter;
  if (next.counter == 0) return;
  EXPECT_OK(ReplaceSuperblock(&env, "/zone", next, TheExample().keys));
  auto again = ReadSuperblock(&env, "/zone");
  EXPECT(again.ok() && again->counter == next.counter && again->ring_wrap == next.ring_wrap);
}

}  // namespace strongroom::format
