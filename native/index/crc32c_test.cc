// CRC-32C: the instruction agrees with LevelDB's portable code, whose check value is known.
#include "base/testing.h"
#include "port/port.h"

namespace strongroom::index {

namespace {
uint32_t OneBitAtATime(uint32_t crc, ByteSpan bytes) {
  crc = ~crc;
  for (uint8_t byte : bytes) {
    crc ^= byte;
    for (int i = 0; i < 8; ++i) crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78 : 0);
  }
  return ~crc;
}
}  // namespace

TEST(Crc32c, EqualsTheDefinitionOrIsNotThere) {
  EXPECT_EQ(OneBitAtATime(0, AsBytes("123456789")), 0xe3069283u);
  if (leveldb::port::AcceleratedCRC32C(0, "x", 1) == 0) return testing::Skip("no instruction");
  testing::Random random(testing::Seed());
  for (size_t size = 0; size < 200; ++size) {
    Bytes bytes = random.Take(size + 8);
    ByteSpan at = ByteSpan(bytes).subspan(random.Below(8), size);
    uint32_t before = static_cast<uint32_t>(random.Next());
    EXPECT_EQ(leveldb::port::AcceleratedCRC32C(before, AsString(at).data(), at.size()),
              OneBitAtATime(before, at));
  }
}

}  // namespace strongroom::index
