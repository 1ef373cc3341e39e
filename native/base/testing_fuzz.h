// Fuzz targets: functions that are given any bytes and expect what must hold for all of them.
//
//   FUZZ(Row, Rows) { auto row = format::DecodeRow(input); ... EXPECT(...); }
//
// They are built twice. clang links each file with libFuzzer (`npm run fuzz`,
// testing_fuzz_main.cc); the ordinary C++ tests give each target its seeds and the inputs of
// test/corpus/<Target>.txt, one per line in hex, so that what was found once is looked at for ever,
// with every compiler.
//
// Behind a checksum or a seal a mutated input is refused at the door. Such a target reads its input
// as a recipe: what to write, which bytes to change, and which checksums to mend afterwards.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "base/testing.h"

namespace strongroom::testing {

using FuzzFunction = void (*)(ByteSpan input);
using FuzzSeeds = std::vector<Bytes> (*)();  // Well formed, by our own encoders.

struct FuzzTarget {
  const char* name;
  FuzzSeeds seeds;
  FuzzFunction run;
};

struct FuzzRegistration {
  explicit FuzzRegistration(const FuzzTarget& target);
};
const std::vector<FuzzTarget>& FuzzTargets();

// The seeds and the inputs of test/corpus, each under a name for messages.
struct FuzzInput {
  std::string name;
  Bytes bytes;
};
std::vector<FuzzInput> CorpusOf(const FuzzTarget& target);
void ReplayCorpus(const FuzzTarget& target);

// The input as a recipe: numbers and pieces, and zeros when it has ended.
class FuzzRecipe {
 public:
  explicit FuzzRecipe(ByteSpan input) : in_(input) {}
  bool ended() const { return in_.empty(); }
  uint8_t U8() { return static_cast<uint8_t>(Number(1)); }
  uint16_t U16() { return static_cast<uint16_t>(Number(2)); }
  uint32_t U32() { return static_cast<uint32_t>(Number(4)); }
  uint64_t U64() { return Number(8); }
  uint64_t Below(uint64_t bound) { return bound == 0 ? 0 : U32() % bound; }
  ByteSpan Take(size_t size) {
    ByteSpan out = in_.first(std::min(size, in_.size()));
    in_ = in_.subspan(out.size());
    return out;
  }
  ByteSpan Field() { return Take(U16()); }
  ByteSpan Rest() { return Take(in_.size()); }

 private:
  uint64_t Number(size_t size) {
    uint8_t bytes[8] = {};
    ByteSpan taken = Take(size);
    std::copy(taken.begin(), taken.end(), bytes);
    return LoadLittle<uint64_t>(bytes);
  }
  ByteSpan in_;
};

}  // namespace strongroom::testing

#define FUZZ(name, seeds)                                                                   \
  static void name##_input(::strongroom::ByteSpan input);                                   \
  static const ::strongroom::testing::FuzzTarget name##_target{#name, seeds, name##_input}; \
  static ::strongroom::testing::FuzzRegistration name##_fuzz_registration(name##_target);   \
  TEST(Fuzz, name) { ::strongroom::testing::ReplayCorpus(name##_target); }                  \
  static void name##_input(::strongroom::ByteSpan input)
