// strongroom_tamper flips [--every N] [--part I --of J] [--seconds T] [--seed S]: turns over bits
// of two small stores, one of three zones and one of one, and prints a line of JSON. --every 1, as
// without: all eight bits of every byte; N > 1: one bit of every N-th byte. J processes share the
// work.
//
// strongroom_tamper matrix [--instances N] [--seed S]: every attack of the tamper matrix on two
// such stores, N times each.
//
// Exit code 1 when anything was silent, accepted or lost.
#include <chrono>
#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "sim/flips.h"
#include "sim/tamper_matrix.h"

namespace {

using namespace strongroom::sim;

struct Options {
  bool flips = false;
  uint64_t every = 1, part = 0, of = 1, seconds = UINT64_MAX, seed = 1, instances = 50;
};

bool Parse(int argc, char** argv, Options* options) {
  if (argc < 2) return false;
  options->flips = strcmp(argv[1], "flips") == 0;
  if (!options->flips && strcmp(argv[1], "matrix") != 0) return false;
  for (int i = 2; i < argc; ++i) {
    uint64_t* to = strcmp(argv[i], "--every") == 0       ? &options->every
                   : strcmp(argv[i], "--part") == 0      ? &options->part
                   : strcmp(argv[i], "--of") == 0        ? &options->of
                   : strcmp(argv[i], "--seed") == 0      ? &options->seed
                   : strcmp(argv[i], "--seconds") == 0   ? &options->seconds
                   : strcmp(argv[i], "--instances") == 0 ? &options->instances
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
void Complain(const std::string& what) { fprintf(stderr, "%s\n", what.c_str()); }

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
  Flips flips(&specimen, Complain);
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

int RunFlips(const Options& options) {
  const auto start = Clock::now();
  FlipFigures all;
  bool whole = true;
  for (size_t zones : {3, 1}) {
    auto specimen = Specimen::Make(zones, options.seed);
    if (!specimen.ok()) {
      Complain(specimen.status().ToString());
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

void Add(const TamperFigures& from, TamperFigures* to) {
  to->attacks += from.attacks;
  to->instances += from.instances;
  to->harmless += from.harmless;
  to->noticed += from.noticed;
  to->refused += from.refused;
  to->last_batch += from.last_batch;
  to->accepted += from.accepted;
  to->lost += from.lost;
}

int RunMatrix(const Options& options) {
  const auto start = Clock::now();
  TamperFigures all;
  for (size_t zones : {3, 1}) {
    auto matrix = TamperMatrix::Make(zones, options.seed, Complain);
    if (!matrix.ok()) {
      Complain(matrix.status().ToString());
      return 2;
    }
    matrix->Run(options.instances);
    Add(matrix->figures(), &all);
    for (const auto& [name, count] : matrix->refusals()) {
      fprintf(stderr, "one zone of three, and the store was refused: %s, %" PRIu64 "\n",
              name.c_str(), count);
    }
  }
  printf("{\"attacks\":%" PRIu64 ",\"instances\":%" PRIu64 ",\"harmless\":%" PRIu64
         ",\"noticed\":%" PRIu64 ",\"refused\":%" PRIu64 ",\"lastBatch\":%" PRIu64
         ",\"accepted\":%" PRIu64 ",\"lost\":%" PRIu64 ",\"seconds\":%.1f}\n",
         all.attacks, all.instances, all.harmless, all.noticed, all.refused, all.last_batch,
         all.accepted, all.lost, Since(start));
  return all.bad() > 0 ? 1 : 0;
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  if (Parse(argc, argv, &options)) return options.flips ? RunFlips(options) : RunMatrix(options);
  fprintf(stderr,
          "usage: strongroom_tamper flips [--every N] [--part I --of J] [--seconds T] [--seed S]\n"
          "       strongroom_tamper matrix [--instances N] [--seed S]\n");
  return 2;
}
