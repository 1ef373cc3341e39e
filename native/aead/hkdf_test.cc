// HMAC and HKDF: another implementation's answers, at the borders of block and hash sizes.
#include "aead/aead.h"
#include "base/testing.h"

namespace strongroom::aead {

TEST(Hmac, GivesTheKnownAnswersAroundTheBlockSize) {
  EXPECT_EQ(ToHex(HmacSha256({}, AsBytes("ikm"))),
            "7e353801993517a0c8465d3631b3033ff18748561c5f44b159311a936706703d");
  EXPECT_EQ(ToHex(HmacSha256(Bytes(64, 1), AsBytes("data"))),
            "abfa73ace0c7763dd0c73a1247d137b4402d8089f1556f41b1478d2656078085");
  EXPECT_EQ(ToHex(HmacSha256(Bytes(65, 1), AsBytes("data"))),
            "12d911322464ab4d86fee70334fc62174f71ba1aa45c7d138e5ac320aa6c6b82");
  EXPECT_EQ(ToHex(HmacSha512(Bytes(129, 1), {})),
            "2941d5266949c963b5bb21190313ce9287c2f9d636d4a76cacf460ec8505c89e"
            "3cdc19b5d9ec22f64396fc8f61d277328090498895df98e97af61ae615bbf246");
}

TEST(Hkdf, GivesTheKnownAnswersOverMoreThanOneBlock) {
  const Bytes prk(32, 7);
  Bytes out(70);
  HkdfExpandSha512(prk, AsBytes("strongroom"), out);
  EXPECT_EQ(ToHex(out),
            "5c9173db34bb9249f61619e3f5ded67d20f4e61201e3e5ca33a479e438654a76"
            "be2308abe38ac7302d5d46b0b891f40f44db00ab3a4f73cfce6e30e9a90f139d"
            "a34b65f1b441");
  Bytes short_out(64);
  HkdfExpandSha512(prk, AsBytes("strongroom"), short_out);
  EXPECT_EQ(ByteSpan(short_out), ByteSpan(out).first(64));
  out.resize(40);
  HkdfExpandSha256(prk, AsBytes("strongroom"), out);
  EXPECT_EQ(ToHex(out),
            "4e3611ba0a5f6726f0566494f1b2d6ac206c9aaeb631244e0a03f87a57fe2680b1bf707f47b82636");
  out.resize(64);
  HkdfExtractSha512(AsBytes("salt"), AsBytes("ikm"), out);
  EXPECT_EQ(ToHex(out),
            "56cc15664b2dcaa57ae910751a1c03a80768a7abb0d4bf491d99d7949bc2c3a7"
            "7d423e8b8c91379f35b9966744d12fbb4440f42bbaa0159fc78cd635983cb506");
  out.resize(32);
  HkdfExtractSha256({}, AsBytes("ikm"), out);
  EXPECT_EQ(ToHex(out), "7e353801993517a0c8465d3631b3033ff18748561c5f44b159311a936706703d");
}

TEST(ConstantTimeEqual, ComparesEveryByteAndTheSizes) {
  const Bytes a(32, 5);
  EXPECT(ConstantTimeEqual(a, Bytes(32, 5)));
  EXPECT(ConstantTimeEqual({}, {}));
  EXPECT(!ConstantTimeEqual(a, ByteSpan(a).first(31)));
  for (size_t i = 0; i < a.size(); ++i) {
    Bytes b = a;
    b[i] ^= 0x80;
    EXPECT(!ConstantTimeEqual(a, b));
  }
}

}  // namespace strongroom::aead
