// A slice of the flips: one bit of every 197th byte, beginning elsewhere in each run. `npm run
// test:flips` turns over every bit.
#include "sim/flips.h"

#include "base/testing.h"

namespace strongroom::sim {

namespace {

void FlipASlice(size_t zone_count, FlipFigures* figures) {
  auto specimen = Specimen::Make(zone_count, 1);
  ASSERT_OK(specimen);
  Flips flips(&*specimen,
              [](const std::string& what) { strongroom::testing::Fail(__FILE__, __LINE__, what); });
  constexpr uint64_t kEvery = 197;
  strongroom::testing::Random random(strongroom::testing::Seed());
  for (uint64_t byte = random.Below(kEvery); byte < flips.bytes(); byte += kEvery) {
    flips.Flip(byte, static_cast<int>(random.Below(8)));
  }
  *figures = flips.figures();
}

}  // namespace

TEST(Flips, CostNothingInThreeZones) {
  FlipFigures figures;
  FlipASlice(3, &figures);
  EXPECT_EQ(figures.bad() + figures.typed_errors + figures.last_batch, 0u);
  EXPECT(figures.healed > 0 && figures.noticed > 0 && figures.unused > 0);
}

TEST(Flips, CostATypedErrorInOneZone) {
  FlipFigures figures;
  FlipASlice(1, &figures);
  EXPECT_EQ(figures.bad(), 0u);
  EXPECT(figures.typed_errors > 0 && figures.healed > 0 && figures.unused > 0);
}

// The story: somebody met a rotten table first, and the process ended before the index was given
// up. The next open served from the same table, and refused what it could have made anew.
TEST(Flips, ARottenTableIsGivenUpBeforeAnybodyIsRefused) {
  auto specimen = Specimen::Make(1, 1);
  ASSERT_OK(specimen);
  Flips flips(&*specimen,
              [](const std::string& what) { strongroom::testing::Fail(__FILE__, __LINE__, what); });
  struct Site {
    const char* path;
    uint64_t offset;
    int bit;
  };
  const Site sites[] = {{"/z1/index/000005.ldb", 517, 1},
                        {"/z1/index/000005.ldb", 809, 3},
                        {"/z1/index/000005.ldb", 1279, 7},
                        {"/z1/index/000009.ldb", 857, 4}};
  for (const Site& site : sites) {
    uint64_t byte = site.offset;
    for (const auto& file : specimen->disk().Files("/")) {
      if (file.path == site.path) break;
      byte += file.size;
    }
    flips.Flip(byte, site.bit);
  }
  EXPECT_EQ(flips.figures().bad(), 0u);
}

}  // namespace strongroom::sim
