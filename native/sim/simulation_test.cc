// A slice of the simulation with seeds of its own each time; `npm run sim` takes as many as wanted.
#include "sim/simulation.h"

#include "base/testing.h"
#include "io/posix_env.h"

namespace strongroom::sim {

// 20,000 states, or what three seconds allow: `npm test` has a minute and a half in all.
TEST(Simulation, ASliceOfFreshSeedsLosesNothing) {
  std::string found;
  // Of each seed fewer calls than usual, so that the end of a seed is soon there.
  Simulation simulation([&](const std::string& finding) { found += finding + "\n"; }, 60);
  const Figures& figures = simulation.figures();
  const uint64_t states = strongroom::testing::SampleSize(20'000);
  const uint64_t end = io::PosixEnv()->MonotonicNanos() + 3'000'000'000;
  uint64_t seed = strongroom::testing::Seed() >> 16;
  while (figures.distinct < states && figures.bad() == 0) {
    if (states <= 20'000 && io::PosixEnv()->MonotonicNanos() > end) break;
    simulation.RunSeed(seed++, states);
  }
  printf("  %zu seeds, %zu acknowledged, %zu states\n", static_cast<size_t>(figures.seeds),
         static_cast<size_t>(figures.acked), static_cast<size_t>(figures.distinct));
  if (figures.bad() > 0) {
    found += "    replay: npm run sim -- --seed " + std::to_string(seed - 1);
    strongroom::testing::Fail(__FILE__, __LINE__, found);
  }
}

// The same seed takes the same way, whatever ran before.
TEST(Simulation, ASeedIsReplayed) {
  auto run = [](std::vector<uint64_t> seeds) {
    Simulation simulation(nullptr, 400);
    for (uint64_t seed : seeds) simulation.RunSeed(seed, UINT64_MAX);
    return simulation.figures().seed_trace;
  };
  const uint64_t alone = run({7});
  EXPECT_EQ(alone, run({5, 7}));
  EXPECT(alone != run({5}));
}

// A hazard that never strikes would be survived by anybody.
TEST(Simulation, EveryHazardStrikesInSomeLives) {
  Simulation simulation(nullptr, 600);
  for (uint64_t seed = 1; seed <= 20; ++seed) simulation.RunSeed(seed, UINT64_MAX);
  for (size_t i = 0; i < kHazards; ++i) {
    if (simulation.figures().hazards[i] > 0) continue;
    strongroom::testing::Fail(__FILE__, __LINE__, NameOf(Hazard(i)) + std::string(" never struck"));
  }
  EXPECT_EQ(simulation.figures().bad(), uint64_t{0});
}

}  // namespace strongroom::sim
