// The shelf: contexts come back to the thread that keeps them, and under no key but zeros.
#include "aead/contexts.h"

#include "aead/aead.h"
#include "aead/evp.h"
#include "base/testing.h"

namespace strongroom::aead {

namespace {
// Encrypts a block of zeros under whatever key the context has.
std::string EncryptZeros(evp_cipher_ctx_st* context) {
  uint8_t block[16] = {};
  int written = 0;
  const uint8_t nonce[kNonceSize] = {};
  EXPECT(EVP_EncryptInit_ex2(context, nullptr, nullptr, nonce, nullptr) == 1);
  EXPECT(EVP_EncryptUpdate(context, block, &written, block, sizeof(block)) == 1);
  EXPECT_EQ(written, 16);
  return ToHex(block);
}
}  // namespace

TEST(Contexts, AKeptCipherHasForgottenItsKey) {
  const Bytes secret(kKeySize, 0x5e);
  struct {
    CipherKind kind;
    const char* under_zero_key;
  } const cases[] = {
      {CipherKind::kGcm, "cea7403d4d606b6e074ec5d3baf39d18"},
      {CipherKind::kBlock, "dc95c078a2408989ad48a21492842087"},
  };
  for (const auto& each : cases) {
    evp_cipher_ctx_st* context = TakeCipherContext(each.kind);
    SetCipherKey(context, secret);
    EXPECT(EncryptZeros(context) != each.under_zero_key);
    GiveCipherContext(each.kind, context);
    evp_cipher_ctx_st* again = TakeCipherContext(each.kind);
    EXPECT(again == context);
    EXPECT_EQ(EncryptZeros(again), each.under_zero_key);
    GiveCipherContext(each.kind, again);
  }
}

TEST(Contexts, ADigestIsFreshEachTimeAlsoOneInsideAnother) {
  const char* const kOfAbc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
  for (int round = 0; round < 3; ++round) {
    Digest outer(DigestKind::kSha256);
    outer.Update(AsBytes("a"));
    uint8_t out[32];
    {
      Digest inner(DigestKind::kSha256);
      inner.Update(AsBytes("abc"));
      inner.Final(out);
      EXPECT_EQ(ToHex(out), kOfAbc);
    }
    outer.Update(AsBytes("bc"));
    outer.Final(out);
    EXPECT_EQ(ToHex(out), kOfAbc);
  }
}

TEST(Contexts, ADigestThatIsLeftHalfwayTaintsNoOther) {
  uint8_t abandoned[32], fresh[32];
  {
    Digest digest(DigestKind::kSha256);
    digest.Final(fresh);
  }
  { Digest(DigestKind::kSha256).Update(AsBytes("never finished")); }
  Digest(DigestKind::kSha256).Final(abandoned);
  EXPECT_EQ(ToHex(abandoned), ToHex(fresh));
}

}  // namespace strongroom::aead
