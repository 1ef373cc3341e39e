// The list of targets, and what each is given when nobody fuzzes.
#include "base/testing_fuzz.h"

#include <fstream>

namespace strongroom::testing {

namespace {
std::vector<FuzzTarget>& Targets() {
  static std::vector<FuzzTarget> targets;
  return targets;
}

bool FromHex(const std::string& line, Bytes* out) {
  if (line.size() % 2 != 0) return false;
  for (size_t i = 0; i < line.size(); i += 2) {
    unsigned byte = 0;
    if (sscanf(line.c_str() + i, "%2x", &byte) != 1) return false;
    out->push_back(static_cast<uint8_t>(byte));
  }
  return true;
}
}  // namespace

FuzzRegistration::FuzzRegistration(const FuzzTarget& target) { Targets().push_back(target); }
const std::vector<FuzzTarget>& FuzzTargets() { return Targets(); }

std::vector<FuzzInput> CorpusOf(const FuzzTarget& target) {
  std::vector<FuzzInput> out;
  for (Bytes& seed : target.seeds()) {
    out.push_back({"seed " + std::to_string(out.size()), std::move(seed)});
  }
  // From the folder of the project, where all of its commands run.
  std::ifstream file(std::string("test/corpus/") + target.name + ".txt");
  std::string line;
  for (int number = 1; std::getline(file, line); ++number) {
    if (line.starts_with("#")) continue;
    FuzzInput input{"line " + std::to_string(number), {}};
    EXPECT(FromHex(line, &input.bytes));
    out.push_back(std::move(input));
  }
  return out;
}

void ReplayCorpus(const FuzzTarget& target) {
  for (const FuzzInput& input : CorpusOf(target)) target.run(input.bytes);
}

}  // namespace strongroom::testing
