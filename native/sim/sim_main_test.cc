// strongroom_sim [--states N] [--seed S] [--seconds T]: crashes simulated stores until N distinct
// images were judged or T seconds went by, and prints one line of JSON. The first seed is S, each
// later one is one more. Exit code 1 at the first finding.
#include <chrono>
#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "sim/simulation.h"

namespace {

struct Options {
  uint64_t states = 2'000'000, seed = 1, seconds = UINT64_MAX;
};

bool Parse(int argc, char** argv, Options* options) {
  for (int i = 1; i < argc; ++i) {
    uint64_t* to = strcmp(argv[i], "--states") == 0    ? &options->states
                   : strcmp(argv[i], "--seed") == 0    ? &options->seed
                   : strcmp(argv[i], "--seconds") == 0 ? &options->seconds
                                                       : nullptr;
    char* end = nullptr;
    if (to == nullptr || i + 1 == argc) return false;
    *to = strtoull(argv[++i], &end, 10);
    if (*end != '\0') return false;
  }
  return true;
}

// "kill":12,"powerCut":3,...
std::string Struck(const strongroom::sim::HazardCounts& counts) {
  std::string out;
  for (size_t i = 0; i < counts.size(); ++i) {
    out += std::string(i == 0 ? "" : ",") + "\"" + NameOf(strongroom::sim::Hazard(i)) +
           "\":" + std::to_string(counts[i]);
  }
  return out;
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  if (!Parse(argc, argv, &options)) {
    fprintf(stderr, "usage: strongroom_sim [--states N] [--seed S] [--seconds T]\n");
    return 2;
  }
  using Clock = std::chrono::steady_clock;
  const auto start = Clock::now();
  auto seconds = [&] { return std::chrono::duration<double>(Clock::now() - start).count(); };
  strongroom::sim::Simulation simulation(
      [](const std::string& finding) { fprintf(stderr, "%s\n", finding.c_str()); });
  const auto& figures = simulation.figures();
  double told = 0;
  uint64_t seed = options.seed;
  while (figures.distinct < options.states && figures.bad() == 0 &&
         seconds() < static_cast<double>(options.seconds)) {
    simulation.RunSeed(seed++, options.states);
    if (seconds() - told < 10) continue;
    told = seconds();
    fprintf(stderr, "%" PRIu64 " states, %.0f s\n", figures.distinct, told);
  }
  if (figures.bad() > 0) {
    fprintf(stderr, "replay: strongroom_sim --seed %" PRIu64 "\n", seed - 1);
  }
  printf("{\"states\":%" PRIu64 ",\"distinct\":%" PRIu64 ",\"seeds\":%" PRIu64 ",\"seed\":%" PRIu64
         ",\"operations\":%" PRIu64 ",\"acked\":%" PRIu64 ",\"lost\":%" PRIu64 ",\"torn\":%" PRIu64
         ",\"resurrected\":%" PRIu64 ",\"failedOpen\":%" PRIu64 ",\"silent\":%" PRIu64
         ",\"typed\":%" PRIu64 ",\"hazards\":{%s},\"trace\":\"%016" PRIx64 "\",\"seconds\":%.1f}\n",
         figures.states, figures.distinct, figures.seeds, options.seed, figures.operations,
         figures.acked, figures.lost, figures.torn, figures.resurrected, figures.failed_open,
         figures.silent, figures.typed, Struck(figures.hazards).c_str(), figures.trace, seconds());
  return figures.bad() > 0 ? 1 : 0;
}
