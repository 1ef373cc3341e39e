// XAES-256-GCM: the two published answers (a bit falls out of L << 1, or not), binding and lengths.
#include "aead/aead.h"
#include "base/testing.h"

namespace strongroom::aead {

namespace {
XaesNonce Letters() {
  XaesNonce nonce;
  for (size_t i = 0; i < nonce.size(); ++i) nonce[i] = static_cast<uint8_t>('A' + i);
  return nonce;
}
}  // namespace

TEST(Xaes, GivesThePublishedAnswers) {
  struct {
    uint8_t key_byte;
    const char* aad;
    const char* sealed;
  } const cases[] = {
      {1, "", "ce546ef63c9cc60765923609b33a9a1974e96e52daf2fcf7075e2271"},
      {3, "c2sp.org/XAES-256-GCM", "986ec1832593df5443a179437fd083bf3fdb41abd740a21f71eb769d"},
  };
  for (const auto& each : cases) {
    const Bytes key(kKeySize, each.key_byte);
    const Bytes sealed = XaesSeal(key, Letters(), AsBytes(each.aad), AsBytes("XAES-256-GCM"));
    EXPECT_EQ(AsString(ByteSpan(sealed).first(kXaesNonceSize)), "ABCDEFGHIJKLMNOPQRSTUVWX");
    EXPECT_EQ(ToHex(ByteSpan(sealed).subspan(kXaesNonceSize)), each.sealed);
    const auto opened = XaesOpenBytes(key, AsBytes(each.aad), sealed);
    ASSERT_OK(opened);
    EXPECT_EQ(AsString(*opened), "XAES-256-GCM");
  }
}

TEST(Xaes, EveryFlippedBitIsRefused) {
  const Bytes key(kKeySize, 9), secret(kKeySize, 's');
  const Bytes sealed = XaesSeal(key, Letters(), AsBytes("store"), secret);
  EXPECT_EQ(sealed.size(), secret.size() + kXaesOverhead);
  for (size_t bit = 0; bit < sealed.size() * 8; ++bit) {
    Bytes broken = sealed;
    broken[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
    EXPECT_CODE(XaesOpen(key, AsBytes("store"), broken), Code::kTampered);
  }
  EXPECT_CODE(XaesOpen(key, AsBytes("other"), sealed), Code::kTampered);
  EXPECT_CODE(XaesOpen(Bytes(kKeySize, 8), AsBytes("store"), sealed), Code::kTampered);
  const auto opened = XaesOpen(key, AsBytes("store"), sealed);
  ASSERT_OK(opened);
  EXPECT_EQ(opened->span(), ByteSpan(secret));
}

TEST(Xaes, LengthsOutsideTheFormatAreRefusedNotTrusted) {
  const Bytes key(kKeySize, 9);
  const Bytes empty = XaesSeal(key, Letters(), {}, {});
  ASSERT_OK(XaesOpen(key, {}, empty));
  EXPECT_EQ(XaesOpen(key, {}, empty)->size(), 0u);
  for (size_t size = 0; size < kXaesOverhead; ++size) {
    EXPECT_CODE(XaesOpen(key, {}, ByteSpan(empty).first(size)), Code::kTampered);
    EXPECT_CODE(XaesOpenBytes(key, {}, ByteSpan(empty).first(size)), Code::kTampered);
  }
  const Bytes largest = XaesSeal(key, Letters(), {}, Bytes(kXaesSecretMax, 1));
  EXPECT_OK(XaesOpen(key, {}, largest));
  // Sound, but no secret is that long: locked memory is not for whoever writes the disk to fill.
  const Bytes larger = XaesSeal(key, Letters(), {}, Bytes(kXaesSecretMax + 1, 1));
  EXPECT_CODE(XaesOpen(key, {}, larger), Code::kTampered);
  EXPECT_OK(XaesOpenBytes(key, {}, larger));
}

TEST(Xaes, AKeptKeyGivesWhatAFreshOneGives) {
  testing::Random random(testing::Seed());
  const Bytes key = random.Take(kKeySize);
  XaesKey kept(key);
  for (int round = 0; round < 100; ++round) {
    XaesNonce nonce;
    const Bytes drawn = random.Take(nonce.size()), text = random.Take(random.Below(100));
    memcpy(nonce.data(), drawn.data(), nonce.size());
    Bytes sealed(text.size() + kXaesOverhead), opened(text.size());
    kept.Seal(nonce, AsBytes("aad"), text, sealed.data());
    EXPECT_EQ(sealed, XaesSeal(key, nonce, AsBytes("aad"), text));
    EXPECT_OK(kept.Open(AsBytes("aad"), sealed, opened.data()));
    EXPECT_EQ(opened, text);
    XaesKey moved = std::move(kept);
    kept = std::move(moved);
  }
}

}  // namespace strongroom::aead
