// libFuzzer's side of the targets of one file. What the environment variable
// STRONGROOM_FUZZ_TARGET names is run; an expectation that does not hold ends the process, which
// libFuzzer takes for a crash and keeps the input of.
//   fuzz_x --list           the names of the targets
//   fuzz_x --write FOLDER   writes the target's corpus as files, to start from
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>

#include "base/testing_fuzz.h"

namespace strongroom::testing {

namespace {
const FuzzTarget* chosen = nullptr;

void Choose() {
  const char* name = getenv("STRONGROOM_FUZZ_TARGET");
  for (const FuzzTarget& target : FuzzTargets()) {
    if (name != nullptr && strcmp(target.name, name) == 0) chosen = &target;
  }
  if (chosen != nullptr) return;
  fprintf(stderr, "STRONGROOM_FUZZ_TARGET names no target: %s\n", name ? name : "(nothing)");
  exit(2);
}

void Write(const std::string& folder) {
  for (const FuzzInput& input : CorpusOf(*chosen)) {
    std::string name = input.name;
    std::replace(name.begin(), name.end(), ' ', '-');
    std::ofstream file(folder + "/" + name, std::ios::binary);
    file.write(reinterpret_cast<const char*>(input.bytes.data()),
               static_cast<std::streamsize>(input.bytes.size()));
  }
}
}  // namespace

Registration::Registration(const char*, const char*, CaseFunction) {}
void Fail(const char* file, int line, const std::string& message) {
  fprintf(stderr, "%s:%d: %s\n", file, line, message.c_str());
  abort();
}
uint64_t Seed() { return 1; }

static int Initialize(int argc, char** argv) {
  if (argc > 1 && strcmp(argv[1], "--list") == 0) {
    for (const FuzzTarget& target : FuzzTargets()) printf("%s\n", target.name);
    exit(0);
  }
  Choose();
  if (argc > 2 && strcmp(argv[1], "--write") == 0) {
    Write(argv[2]);
    exit(0);
  }
  return 0;
}

}  // namespace strongroom::testing

extern "C" int LLVMFuzzerInitialize(int* argc, char*** argv) {
  return strongroom::testing::Initialize(*argc, *argv);
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  strongroom::testing::chosen->run({data, size});
  return 0;
}
