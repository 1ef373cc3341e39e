// Digests on demand: published values of every kind, alone and together, and over any cutting. The
// tests of lib compare them with Node's own over bodies of every size.
#include "hash/digests.h"

#include "base/testing.h"
#include "hash/crc32.h"

namespace strongroom::hash {
namespace {

std::string Of(uint32_t bits, std::initializer_list<std::string_view> pieces) {
  auto digests = Digests::Create(bits);
  if (!digests.ok()) return digests.status().message();
  for (std::string_view piece : pieces) (*digests)->Update(AsBytes(piece));
  return ToHex((*digests)->Finish());
}

TEST(Digests, GivesThePublishedValues) {
  // RFC 1321 A.5, FIPS 180 and the check values of the CRC catalogue.
  EXPECT_EQ(Of(kDigestMd5, {}), std::string("d41d8cd98f00b204e9800998ecf8427e"));
  EXPECT_EQ(Of(kDigestMd5, {"abc"}), std::string("900150983cd24fb0d6963f7d28e17f72"));
  EXPECT_EQ(Of(kDigestMd5, {"message digest"}), std::string("f96b697d7cb7938d525a2f31aaf161d0"));
  EXPECT_EQ(Of(kDigestSha1, {}), std::string("da39a3ee5e6b4b0d3255bfef95601890afd80709"));
  EXPECT_EQ(Of(kDigestSha1, {"abc"}), std::string("a9993e364706816aba3e25717850c26c9cd0d89d"));
  EXPECT_EQ(Of(kDigestSha256, {"abc"}),
            std::string("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"));
  EXPECT_EQ(Of(kDigestCrc32, {"123456789"}), std::string("cbf43926"));
  EXPECT_EQ(Of(kDigestCrc32c, {"123456789"}), std::string("e3069283"));
  EXPECT_EQ(Of(kDigestCrc64, {"123456789"}), std::string("995dc9bbdf1939fa"));
  EXPECT_EQ(Of(0, {"abc"}), std::string());
}

TEST(Digests, PutsValuesInTheirOrderHoweverTheBodyIsCut) {
  const std::string expected = Of(kDigestMd5, {"123456789"}) + Of(kDigestSha1, {"123456789"}) +
                               Of(kDigestSha256, {"123456789"}) + "cbf43926" + "e3069283" +
                               "995dc9bbdf1939fa";
  EXPECT_EQ(Of(63, {"123456789"}), expected);
  EXPECT_EQ(Of(63, {"1", "", "2345678", "9"}), expected);
}

TEST(Digests, RefusesWhatItDoesNotKnow) {
  EXPECT_CODE(Digests::Create(64).status(), Code::kInvalidArgument);
}

uint32_t OneBitAtATime(uint32_t poly, ByteSpan bytes, uint32_t crc) {
  crc = ~crc;
  for (uint8_t byte : bytes) {
    crc ^= byte;
    for (int i = 0; i < 8; ++i) crc = crc >> 1 ^ (crc & 1 ? poly : 0);
  }
  return ~crc;
}

TEST(Crc32, AgreesWithTheDefinitionAtEveryLengthUnderEveryKernel) {
  testing::Random random(testing::Seed());
  const Bytes data = random.Take(300 + 8);
  for (const char* kernel : {"instruction", "table"}) {
    if (!ForceCrc32Kernel(kernel).ok()) continue;
    for (size_t size = 0; size <= 300; ++size) {
      const ByteSpan piece = ByteSpan(data).subspan(size % 8, size);
      const auto start = static_cast<uint32_t>(random.Next());
      EXPECT_EQ(Crc32(piece, start), OneBitAtATime(0xedb88320, piece, start));
      EXPECT_EQ(Crc32c(piece, start), OneBitAtATime(0x82f63b78, piece, start));
    }
  }
  if (!ForceCrc32Kernel("instruction").ok()) EXPECT_OK(ForceCrc32Kernel("table"));
}

TEST(Crc32, RefusesAKernelItDoesNotHave) {
  const std::string before(Crc32cKernel());
  EXPECT_CODE(ForceCrc32Kernel("fastest"), Code::kInvalidArgument);
  EXPECT_EQ(Crc32cKernel(), std::string_view(before));
}

}  // namespace
}  // namespace strongroom::hash
