// AES-256-GCM: known answers, nothing unverified comes out, and pooled contexts forget.
#include <thread>

#include "aead/aead.h"
#include "base/testing.h"

namespace strongroom::aead {

namespace {
constexpr uint8_t kZeroKey[kKeySize] = {};
}

TEST(Gcm, EverythingItNeedsIsThere) {
  ASSERT(Available());
  EXPECT_EQ(std::string(ProviderVersion()).substr(0, 8), "OpenSSL ");
  EXPECT_EQ(std::string(ProviderVersion()).find(' ', 8), std::string::npos);
}

TEST(Gcm, GivesTheKnownAnswerOfTheZeroKey) {
  GcmKey key(kZeroKey);
  uint8_t out[16 + kTagSize] = {};
  key.Seal(Nonce{}, {}, ByteSpan(out, 16), out);
  EXPECT_EQ(ToHex(out), "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919");
  // An empty message is a bare tag.
  key.Seal(Nonce{}, {}, {}, out);
  EXPECT_EQ(ToHex(ByteSpan(out, kTagSize)), "530f8afbc74536b9a963b4f1c4cb738b");
  EXPECT_OK(key.Open(Nonce{}, {}, ByteSpan(out, kTagSize), nullptr));
}

TEST(Gcm, OpensWhatItSealedAtEveryLengthInPlaceAndNot) {
  testing::Random random(testing::Seed());
  GcmKey key(random.Take(kKeySize));
  for (size_t size = 0; size <= 300; ++size) {
    const Bytes plaintext = random.Take(size), aad = random.Take(random.Below(40));
    Nonce nonce;
    const Bytes drawn = random.Take(kNonceSize);
    memcpy(nonce.data(), drawn.data(), kNonceSize);
    Bytes sealed(size + kTagSize), opened(size), in_place(plaintext);
    key.Seal(nonce, aad, plaintext, sealed.data());
    in_place.resize(size + kTagSize);
    key.Seal(nonce, aad, ByteSpan(in_place).first(size), in_place.data());
    EXPECT(in_place == sealed);
    EXPECT_OK(key.Open(nonce, aad, sealed, opened.data()));
    EXPECT(opened == plaintext);
    EXPECT_OK(key.Open(nonce, aad, in_place, in_place.data()));
    in_place.resize(size);
    EXPECT(in_place == plaintext);
  }
}

TEST(Gcm, AWrongTagLeavesNoPlaintextBehind) {
  GcmKey key(kZeroKey);
  const Bytes plaintext(100, 'p');
  Bytes sealed(plaintext.size() + kTagSize);
  key.Seal(Nonce{}, AsBytes("aad"), plaintext, sealed.data());
  const Bytes nothing(plaintext.size(), 0);
  for (size_t bit = 0; bit < sealed.size() * 8; ++bit) {
    Bytes broken = sealed;
    broken[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
    Bytes out(plaintext.size(), 0xee);
    EXPECT_CODE(key.Open(Nonce{}, AsBytes("aad"), broken, out.data()), Code::kTampered);
    EXPECT(out == nothing);
  }
  Bytes out(plaintext.size());
  EXPECT_CODE(key.Open(Nonce{1}, AsBytes("aad"), sealed, out.data()), Code::kTampered);
  EXPECT_CODE(key.Open(Nonce{}, AsBytes("aae"), sealed, out.data()), Code::kTampered);
  EXPECT_CODE(key.Open(Nonce{}, {}, sealed, out.data()), Code::kTampered);
  // The same context still opens the sound message.
  EXPECT_OK(key.Open(Nonce{}, AsBytes("aad"), sealed, out.data()));
  EXPECT(out == plaintext);
}

TEST(Gcm, EveryShorterMessageIsRefused) {
  GcmKey key(kZeroKey);
  Bytes sealed(40 + kTagSize), out(40);
  key.Seal(Nonce{}, {}, Bytes(40, 'p'), sealed.data());
  for (size_t size = 0; size < sealed.size(); ++size) {
    EXPECT_CODE(key.Open(Nonce{}, {}, ByteSpan(sealed).first(size), out.data()), Code::kTampered);
  }
}

TEST(Gcm, ARecycledContextKeepsNothingOfTheLastKey) {
  testing::Random random(testing::Seed());
  for (int round = 0; round < 50; ++round) {
    const Bytes secret = random.Take(kKeySize), text = random.Take(33);
    Bytes once(text.size() + kTagSize), again(once), opened(text.size());
    { GcmKey(secret).Seal(Nonce{}, {}, text, once.data()); }
    // More at once than a thread keeps, moved about, released in another order.
    std::vector<GcmKey> many;
    for (int i = 0; i < 20; ++i) many.emplace_back(random.Take(kKeySize));
    many[3] = std::move(many[17]);
    many[17] = GcmKey(secret);
    many[17].Seal(Nonce{}, {}, text, again.data());
    EXPECT(once == again);
    EXPECT_CODE(many[3].Open(Nonce{}, {}, once, opened.data()), Code::kTampered);
    many[3].Rekey(secret);
    EXPECT_OK(many[3].Open(Nonce{}, {}, once, opened.data()));
  }
}

TEST(Gcm, AKeyMayEndOnAnotherThreadThanItBegan) {
  std::vector<GcmKey> keys;
  std::thread maker([&] {
    for (int i = 0; i < 20; ++i) keys.emplace_back(kZeroKey);
  });
  maker.join();
  std::thread user([moved = std::move(keys)]() mutable {
    uint8_t out[kTagSize];
    for (GcmKey& key : moved) {
      key.Seal(Nonce{}, {}, {}, out);
      EXPECT_EQ(ToHex(out), "530f8afbc74536b9a963b4f1c4cb738b");
    }
  });
  user.join();
}

}  // namespace strongroom::aead
