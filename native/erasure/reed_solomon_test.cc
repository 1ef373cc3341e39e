// Reed-Solomon: the matrix byte for byte, and every loss a code must survive under every kernel.
#include "erasure/reed_solomon.h"

#include <algorithm>
#include <functional>
#include <numeric>

#include "base/testing.h"
#include "erasure/rs_testing.h"

namespace strongroom::erasure {
namespace {

struct Stripe {
  std::shared_ptr<const ReedSolomon> code;
  std::vector<Bytes> cells;  // k data, then m parity.
};
std::vector<const uint8_t*> Pointers(const std::vector<Bytes>& cells) {
  std::vector<const uint8_t*> out;
  for (const auto& cell : cells) out.push_back(cell.data());
  return out;
}
Stripe RandomStripe(int k, int m, size_t size, testing::Random* random) {
  Stripe out{*ReedSolomon::Create(k, m), {}};
  for (int i = 0; i < k + m; ++i) out.cells.push_back(i < k ? random->Take(size) : Bytes(size));
  std::vector<uint8_t*> parity;
  for (int i = k; i < k + m; ++i) parity.push_back(out.cells[i].data());
  out.code->Encode(Pointers(out.cells).data(), parity.data(), size);
  return out;
}

// Rebuilds `wanted` from `have` and compares with what was there.
void ExpectRebuilt(const Stripe& stripe, const std::vector<int>& have,
                   const std::vector<int>& wanted) {
  const size_t size = stripe.cells[0].size();
  std::vector<const uint8_t*> in;
  for (int i : have) in.push_back(stripe.cells[i].data());
  std::vector<Bytes> rebuilt(wanted.size(), Bytes(size, 0xee));
  std::vector<uint8_t*> out;
  for (auto& cell : rebuilt) out.push_back(cell.data());
  EXPECT_OK(stripe.code->Reconstruct(have, in.data(), wanted, out.data(), size));
  for (size_t i = 0; i < wanted.size(); ++i) {
    if (rebuilt[i] == stripe.cells[wanted[i]]) continue;
    testing::Fail(__FILE__, __LINE__, "cell " + std::to_string(wanted[i]) + " of " +
                                          std::to_string(stripe.code->k()) + "+" +
                                          std::to_string(stripe.code->m()) + " is rebuilt wrong");
  }
}

void ForEachSubset(int count, int size, const std::function<void(const std::vector<int>&)>& body) {
  for (uint32_t mask = 0; mask < 1u << count; ++mask) {
    std::vector<int> subset;
    for (int i = 0; i < count; ++i) {
      if (mask >> i & 1) subset.push_back(i);
    }
    if (subset.size() == static_cast<size_t>(size)) body(subset);
  }
}
std::vector<int> Rest(int count, const std::vector<int>& have) {
  std::vector<int> out;
  for (int i = 0; i < count; ++i) {
    if (std::find(have.begin(), have.end(), i) == have.end()) out.push_back(i);
  }
  return out;
}

// docs/format/erasure.md names these bytes. A change here makes every stored blob unreadable.
TEST(ReedSolomon, HasTheMatrixOfTheFormat) {
  const auto rows = [](int k, int m) {
    std::string out;
    for (const Bytes& row : ParityRows(**ReedSolomon::Create(k, m))) out += ToHex(row) + " ";
    return out;
  };
  EXPECT_EQ(rows(1, 2), std::string("01 01 "));
  EXPECT_EQ(rows(2, 1), std::string("0101 "));
  EXPECT_EQ(rows(4, 2), std::string("01010101 01d95cac "));
  EXPECT_EQ(rows(8, 4), std::string("0101010101010101 0137274954b5e1d9 "
                                    "0127d9a15c3cac5a 0149a1efdc840f18 "));
}

TEST(ReedSolomon, GivesTheWorkedExampleOfTheFormat) {
  const uint8_t data[4][4] = {{0x00, 0x01, 0x02, 0x03}, {0x10, 0x20, 0x40, 0x80},
                              {0xff, 0xfe, 0xfd, 0xfc}, {0x53, 0x74, 0x6f, 0x72}};
  const uint8_t* in[] = {data[0], data[1], data[2], data[3]};
  uint8_t parity[2][4];
  uint8_t* out[] = {parity[0], parity[1]};
  (*ReedSolomon::Create(4, 2))->Encode(in, out, 4);
  EXPECT_EQ(ToHex(parity[0]), std::string("bcabd00d"));
  EXPECT_EQ(ToHex(parity[1]), std::string("a881f25e"));

  const uint8_t* left[] = {data[0], parity[0], parity[1], data[3]};
  uint8_t lost[2][4];
  uint8_t* rebuilt[] = {lost[0], lost[1]};
  const int have[] = {0, 4, 5, 3}, wanted[] = {1, 2};
  EXPECT_OK((*ReedSolomon::Create(4, 2))->Reconstruct(have, left, wanted, rebuilt, 4));
  EXPECT_EQ(ToHex(lost[0]), std::string("10204080"));
  EXPECT_EQ(ToHex(lost[1]), std::string("fffefdfc"));
}

TEST(ReedSolomon, HasOnesInTheFirstRowAndColumnOfEveryGeometry) {
  for (int k = 1; k <= kCellsMax; ++k) {
    const auto rows = ParityRows(**ReedSolomon::Create(k, kCellsMax - k));
    for (size_t r = 0; r < rows.size(); ++r) {
      for (int c = 0; c < k; ++c) {
        EXPECT(rows[r][c] != 0);
        if (r == 0 || c == 0) EXPECT_EQ(static_cast<int>(rows[r][c]), 1);
      }
    }
  }
}

TEST(ReedSolomon, RefusesGeometriesItCannotCode) {
  constexpr int kHuge = 1 << 30;  // Twice that overflows.
  for (auto [k, m] :
       {std::pair{0, 1}, {-1, 2}, {1, -1}, {32, 1}, {1, 32}, {33, 0}, {kHuge, kHuge}}) {
    EXPECT_CODE(ReedSolomon::Create(k, m), Code::kInvalidArgument);
  }
  EXPECT_OK(ReedSolomon::Create(32, 0));
  EXPECT_OK(ReedSolomon::Create(1, 31));
}

// Every set of k cells rebuilds everything else: the code is MDS.
TEST(ReedSolomon, SurvivesEveryLossItPromises) {
  testing::Random random(testing::Seed());
  for (auto [k, m] : {std::pair{1, 2}, {2, 1}, {3, 2}, {4, 2}, {5, 5}, {8, 4}, {1, 0}, {3, 0}}) {
    const Stripe stripe = RandomStripe(k, m, 67, &random);
    ForEachSubset(k + m, k, [&, k = k, m = m](const std::vector<int>& have) {
      std::vector<int> rest = Rest(k + m, have);
      ExpectRebuilt(stripe, have, rest);
      std::reverse(rest.begin(), rest.end());
      ExpectRebuilt(stripe, have, rest);
    });
  }
}

TEST(ReedSolomon, RebuildsInAnyOrderAndCopiesWhatItHas) {
  testing::Random random(testing::Seed());
  for (int round = 0; round < 400; ++round) {
    const int cells = 1 + static_cast<int>(random.Below(kCellsMax));
    const int k = 1 + static_cast<int>(random.Below(cells));
    const Stripe stripe = RandomStripe(k, cells - k, random.Below(300), &random);
    std::vector<int> order(cells);
    std::iota(order.begin(), order.end(), 0);
    auto shuffle = [&] {
      for (size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[random.Below(i)]);
    };
    shuffle();
    const std::vector<int> have(order.begin(), order.begin() + k);
    shuffle();
    ExpectRebuilt(stripe, have, {order.begin(), order.begin() + 1 + random.Below(cells)});
  }
}

TEST(ReedSolomon, RefusesSourcesThatCannotRebuild) {
  testing::Random random(testing::Seed());
  const Stripe stripe = RandomStripe(4, 2, 64, &random);
  Bytes cell(64);
  uint8_t* out[] = {cell.data(), cell.data()};
  const auto in = Pointers(stripe.cells);
  auto rebuild = [&](std::vector<int> have, std::vector<int> wanted) {
    return stripe.code->Reconstruct(have, in.data(), wanted, out, 64);
  };
  EXPECT_OK(rebuild({0, 1, 2, 3}, {5}));
  EXPECT_OK(rebuild({0, 1, 2, 3}, {}));
  EXPECT_CODE(rebuild({0, 1, 2}, {5}), Code::kInvalidArgument);
  EXPECT_CODE(rebuild({0, 1, 2, 3, 4}, {5}), Code::kInvalidArgument);
  EXPECT_CODE(rebuild({0, 1, 2, 2}, {5}), Code::kInvalidArgument);
  EXPECT_CODE(rebuild({0, 1, 2, 6}, {5}), Code::kInvalidArgument);
  EXPECT_CODE(rebuild({0, 1, 2, -1}, {5}), Code::kInvalidArgument);
  EXPECT_CODE(rebuild({0, 1, 2, 3}, {6}), Code::kInvalidArgument);
  EXPECT_CODE(rebuild({0, 1, 2, 3}, {-1}), Code::kInvalidArgument);
  EXPECT_CODE(rebuild({0, 1, 2, 3}, {5, 5}), Code::kInvalidArgument);
}

TEST(RsKernels, RebuildAlike) {
  testing::Random random(testing::Seed());
  const Stripe stripe = RandomStripe(8, 4, 65552, &random);
  UnderEachKernel([&] {
    ExpectRebuilt(stripe, {4, 5, 6, 7, 8, 9, 10, 11}, {0, 1, 2, 3});
    ExpectRebuilt(stripe, {0, 1, 2, 4, 5, 6, 7, 8}, {3, 9, 10, 11});
  });
}

}  // namespace
}  // namespace strongroom::erasure
