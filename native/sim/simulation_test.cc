// A slice of the simulation with seeds of its own each time; `npm run sim` takes as many as wanted.
#include "sim/simulation.h"

#include "base/testing.h"
#include "io/posix_env.h"

namespace strongroom::sim {

// 20,000 states, or what three seconds allow: `npm test` has a minute and a half in all.
TEST(Simulation, ASliceOfFreshSeedsLosesNothing) {
  std::string found;
  // Of each seed fewer calls than usual, so that the end of a seed is soon there.
  Simulation simulation([&](const std::string& finding) { found += finding + "\n"; }, 24);
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
    Figures before;
    for (uint64_t seed : seeds) {
      before = simulation.figures();
      simulation.RunSeed(seed, UINT64_MAX);
    }
    const Figures& after = simulation.figures();
    return std::make_pair(after.operations - before.operations, after.acked - before.acked);
  };
  EXPECT(run({7}) == run({5, 7}));
}

}  // namespace strongroom::sim
