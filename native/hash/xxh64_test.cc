// XXH64 against its published values and a slow twin written from the specification.
#include "hash/xxh64.h"

#include <array>
#include <bit>

#include "base/testing.h"

namespace strongroom::hash {
namespace {

// XXH64 as its specification reads, over a padded list of words, with no shortcut of the real one.
uint64_t NaiveXxh64(const Bytes& data, uint64_t seed) {
  const uint64_t p1 = 11400714785074694791u, p2 = 14029467366897019727u, p3 = 1609587929392839161u,
                 p4 = 9650029242287828579u, p5 = 2870177450012600261u;
  auto round = [&](uint64_t sum, uint64_t word) { return std::rotl(sum + word * p2, 31) * p1; };
  auto word = [&](size_t at, int size) {
    uint64_t out = 0;
    for (int i = size - 1; i >= 0; --i) out = out << 8 | data[at + i];
    return out;
  };
  size_t at = 0;
  uint64_t hash;
  if (data.size() < 32) {
    hash = seed + p5;
  } else {
    std::array<uint64_t, 4> sums{seed + p1 + p2, seed + p2, seed, seed - p1};
    for (; at + 32 <= data.size(); at += 32) {
      for (size_t i = 0; i < 4; ++i) sums[i] = round(sums[i], word(at + 8 * i, 8));
    }
    hash = std::rotl(sums[0], 1) + std::rotl(sums[1], 7) + std::rotl(sums[2], 12) +
           std::rotl(sums[3], 18);
    for (uint64_t sum : sums) hash = (hash ^ round(0, sum)) * p1 + p4;
  }
  hash += data.size();
  while (at < data.size()) {
    const size_t left = data.size() - at;
    if (left >= 8) {
      hash = std::rotl(hash ^ round(0, word(at, 8)), 27) * p1 + p4;
      at += 8;
    } else if (left >= 4) {
      hash = std::rotl(hash ^ word(at, 4) * p1, 23) * p2 + p3;
      at += 4;
    } else {
      hash = std::rotl(hash ^ word(at, 1) * p5, 11) * p1;
      at += 1;
    }
  }
  hash = (hash ^ hash >> 33) * p2;
  hash = (hash ^ hash >> 29) * p3;
  return hash ^ hash >> 32;
}

TEST(Xxh64, GivesThePublishedValues) {
  EXPECT_EQ(Xxh64({}), 0xef46db3751d8e999u);
  EXPECT_EQ(Xxh64(AsBytes("a")), 0xd24ec4f1a98c6e5bu);
  EXPECT_EQ(Xxh64(AsBytes("abc")), 0x44bc2cf5ad770999u);
}

TEST(Xxh64, AgreesWithTheNaiveOneAtEveryLengthAndSeed) {
  testing::Random random(testing::Seed());
  for (size_t size = 0; size <= 300; ++size) {
    const Bytes data = random.Take(size);
    const uint64_t seed = size % 3 == 0 ? 0 : random.Next();
    EXPECT_EQ(Xxh64(data, seed), NaiveXxh64(data, seed));
  }
}

}  // namespace
}  // namespace strongroom::hash
