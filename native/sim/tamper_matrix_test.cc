// A slice of the tamper matrix: every attack by its name, a few times each. `npm run test:tamper`
// takes as many as wanted.
#include "sim/tamper_matrix.h"

#include "base/testing.h"

namespace strongroom::sim {

namespace {

void RunASlice(size_t zone_count, uint64_t instances, TamperFigures* figures) {
  const uint64_t seed = strongroom::testing::Seed();
  auto matrix = TamperMatrix::Make(zone_count, seed, [](const std::string& what) {
    strongroom::testing::Fail(__FILE__, __LINE__, what);
  });
  ASSERT_OK(matrix);
  matrix->Run(instances);
  *figures = matrix->figures();
}

}  // namespace

TEST(TamperMatrix, NothingOfAnAttackerIsAcceptedByThreeZones) {
  TamperFigures figures;
  RunASlice(3, 1, &figures);
  EXPECT_EQ(figures.bad(), 0u);
  EXPECT(figures.attacks > 150 && figures.noticed > 0 && figures.refused > 0);
}

TEST(TamperMatrix, NothingOfAnAttackerIsAcceptedByOneZone) {
  TamperFigures figures;
  RunASlice(1, 2, &figures);
  EXPECT_EQ(figures.bad(), 0u);
  EXPECT(figures.attacks > 80 && figures.refused > 0);
}

}  // namespace strongroom::sim
