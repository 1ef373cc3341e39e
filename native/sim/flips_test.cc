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

}  // namespace strongroom::sim
