// Stands between the core and OpenSSL in the test program. Keys are remembered as hashes, by the
// context that they were given to.
#include <dlfcn.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <mutex>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "aead/aead.h"
#include "aead/contexts.h"
#include "aead/evp.h"
#include "aead/sealings_testing.h"
#include "base/testing.h"

namespace strongroom::aead {

namespace {

using Init = int (*)(evp_cipher_ctx_st*, const evp_cipher_st*, const unsigned char*,
                     const unsigned char*, const ossl_param_st*);

std::atomic<bool> watching{false};
std::mutex mutex;  // Guards the rest. No simulated task waits in here.
std::unordered_map<const void*, uint64_t> keys;
std::vector<uint64_t> pairs;

uint64_t HashOf(ByteSpan bytes) { return std::hash<std::string_view>{}(AsString(bytes)); }

void Note(const void* context, const unsigned char* key, const unsigned char* nonce) {
  std::lock_guard<std::mutex> lock(mutex);
  if (key != nullptr) keys[context] = HashOf({key, kKeySize});
  if (nonce == nullptr) return;
  uint8_t pair[8 + kNonceSize];
  StoreLittle(pair, keys[context]);
  std::copy_n(nonce, kNonceSize, pair + 8);
  pairs.push_back(HashOf(pair));
}

Sealings Count() {
  std::lock_guard<std::mutex> lock(mutex);
  std::sort(pairs.begin(), pairs.end());
  const auto distinct = std::unique(pairs.begin(), pairs.end()) - pairs.begin();
  Sealings out{pairs.size(), pairs.size() - static_cast<size_t>(distinct)};
  return out;
}

}  // namespace

void BeginWatchingSealings() {
  std::lock_guard<std::mutex> lock(mutex);
  keys.clear();
  pairs.clear();
  watching = true;
}

Sealings SealingsSoFar() {
  std::lock_guard<std::mutex> lock(mutex);
  return {pairs.size(), 0};
}

Sealings EndWatchingSealings() {
  watching = false;
  Sealings out = Count();
  std::lock_guard<std::mutex> lock(mutex);
  keys.clear();
  pairs = {};
  return out;
}

namespace {

// What is watched is what the core calls, and a nonce that comes again is seen.
TEST(Sealings, SeesANonceThatComesAgain) {
  const Bytes one(kKeySize, 1), two(kKeySize, 2);
  Nonce nonce{};
  uint8_t out[1 + kTagSize];
  BeginWatchingSealings();
  GcmKey key(one), other(two);
  for (uint8_t i = 0; i < 10; ++i) {
    nonce[0] = i;
    key.Seal(nonce, {}, Bytes(1), out);
    other.Seal(nonce, {}, Bytes(1), out);
  }
  key.Rekey(two);
  nonce[0] = 3;
  key.Seal(nonce, {}, Bytes(1), out);
  Sealings seen = EndWatchingSealings();
  EXPECT_EQ(seen.all, uint64_t{21});
  EXPECT_EQ(seen.repeated, uint64_t{1});
}

}  // namespace

}  // namespace strongroom::aead

extern "C" int EVP_EncryptInit_ex2(evp_cipher_ctx_st* context, const evp_cipher_st* cipher,
                                   const unsigned char* key, const unsigned char* nonce,
                                   const ossl_param_st* parameters) {
  using namespace strongroom::aead;
  static const auto next = reinterpret_cast<Init>(dlsym(RTLD_NEXT, "EVP_EncryptInit_ex2"));
  if (watching) Note(context, key, nonce);
  return next(context, cipher, key, nonce, parameters);
}
