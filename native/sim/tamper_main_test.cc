// strongroom_tamper flips [--every N] [--part I --of J] [--seconds T] [--seed S]: turns over bits
// of two small stores, one of three zones and one of one, and prints a line of JSON. --every 1, as
// without: all eight bits of every byte; N > 1: one bit of every N-th byte. J processes share the
// work. Exit code 1 when anything was silent or lost.
#include <chrono>
#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "sim/flips.h"

namespace {

using namespace strongroom::sim;

struct Options {
  uint64_t every = 1, part = 0, of = 1, seconds = UINT64_MAX, seed = 1;
};

bool Parse(int argc, char** argv, Options* options) {
  if (argc < 2 || strcmp(argv[1], "flips") != 0) return false;
  for (int i = 2; i < argc; ++i) {
    uint64_t* to = strcmp(argv[i], "--every") == 0     ? &options->every
                   : strcmp(argv[i], "--part") == 0    ? &options->part
                   : strcmp(argv[i], "--of") == 0      ? &options->of
                   : strcmp(argv[i], "--seed") == 0    ? &options->seed
                   : strcmp(argv[i], "--seconds") == 0 ? &options->seconds
                                                       : nullptr;
    char* end = nullptr;
    if (to == nullptr || i + 1 == argc) return false;
    *to = strtoull(argv[++i], &end, 10);
    if (*end != '\0') return false;
  }
  return options->every > 0 && options->part < options->of;
}

using Clock = std::chrono::steady_clock;
double Since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

void Add(const FlipFigures& from, FlipFigures* to) {
  to->flips += from.flips;
  to->healed += from.healed;
  to->noticed += from.noticed;
  to->typed_errors += from.typed_errors;
  to->last_batch += from.last_batch;
  to->unused += from.unused;
  to->silent += from.silent;
  to->lost += from.lost;
}

// Whether all bits were reached in time.
bool FlipAll(const Specimen& specimen, const Options& options, Clock::time_point start,
             FlipFigures* out) {
  Flips flips(&specimen, [](const std::string& what) { fprintf(stderr, "%s\n", what.c_str()); });
  fprintf(stderr, "%zu zones: %" PRIu64 " bytes\n", specimen.zone_count(), flips.bytes());
  double told = 0;
  bool whole = true;
  const uint64_t step = options.every * options.of;
  for (uint64_t byte = options.every * options.part; byte < flips.bytes() && whole; byte += step) {
    const uint64_t first = options.every == 1 ? 0 : byte / options.every % 8;
    for (uint64_t bit = first; bit < (options.every == 1 ? 8 : first + 1); ++bit) {
      flips.Flip(byte, static_cast<int>(bit));
    }
    double now = Since(start);
    whole = now < static_cast<double>(options.seconds);
    if (now - told < 10) continue;
    told = now;
    fprintf(stderr, "byte %" PRIu64 ", %" PRIu64 " flips, %.0f s\n", byte, flips.figures().flips,
            now);
  }
  Add(flips.figures(), out);
  return whole;
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  if (!Parse(argc, argv, &options)) {
    fprintf(
        stderr,
        "usage: strongroom_tamper flips [--every N] [--part I --of J] [--seconds T] [--seed S]\n");
    return 2;
  }
  const auto start = Clock::now();
  FlipFigures all;
  bool whole = true;
  for (size_t zones : {3, 1}) {
    auto specimen = Specimen::Make(zones, options.seed);
    if (!specimen.ok()) {
      fprintf(stderr, "%s\n", specimen.status().ToString().c_str());
      return 2;
    }
    whole &= FlipAll(*specimen, options, start, &all);
  }
  printf("{\"flips\":%" PRIu64 ",\"healed\":%" PRIu64 ",\"noticed\":%" PRIu64
         ",\"typedErrors\":%" PRIu64 ",\"lastBatch\":%" PRIu64 ",\"unused\":%" PRIu64
         ",\"silent\":%" PRIu64 ",\"lost\":%" PRIu64 ",\"whole\":%s,\"seconds\":%.1f}\n",
         all.flips, all.healed, all.noticed, all.typed_errors, all.last_batch, all.unused,
         all.silent, all.lost, whole ? "true" : "false", Since(start));
  return all.bad() > 0 ? 1 : 0;
}
