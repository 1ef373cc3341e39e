// Timing for the benches beside the code: how long one call takes on one core. To be run by hand,
// on a quiet machine: build the target named like the file, say `cmake --build out/test --target
// rs_bench`.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

namespace strongroom::testing {

struct Seconds {
  double median, best;
};
// Of one call, over several rounds of at least 10 ms each.
template <typename Body>
Seconds Measure(Body body) {
  using Clock = std::chrono::steady_clock;
  std::vector<double> rounds;
  size_t repeat = 1;
  while (rounds.size() < 15) {
    const auto start = Clock::now();
    for (size_t i = 0; i < repeat; ++i) body();
    const double taken = std::chrono::duration<double>(Clock::now() - start).count();
    if (taken < 0.01) {
      repeat *= 2;
    } else {
      rounds.push_back(taken / static_cast<double>(repeat));
    }
  }
  std::sort(rounds.begin(), rounds.end());
  return {rounds[rounds.size() / 2], rounds[0]};
}

inline void Report(const std::string& what, size_t bytes, Seconds seconds) {
  const double gigabytes = static_cast<double>(bytes) / 1e9;
  printf("%-28s %8.2f GB/s (best %8.2f) %12.1f ns\n", what.c_str(), gigabytes / seconds.median,
         gigabytes / seconds.best, seconds.median * 1e9);
}

}  // namespace strongroom::testing
