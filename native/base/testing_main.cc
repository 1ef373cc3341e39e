// Runs the registered cases, one after the other in one process.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "base/testing.h"

namespace strongroom::testing {

namespace {
struct Case {
  std::string name;
  CaseFunction function;
};
std::vector<Case>& Cases() {
  static std::vector<Case> cases;
  return cases;
}
int failures_in_case = 0;
bool skipped = false;
uint64_t seed = 0;
std::vector<std::string> directories;
}  // namespace

Registration::Registration(const char* suite, const char* name, CaseFunction function) {
  Cases().push_back({std::string(suite) + "." + name, function});
}
void Fail(const char* file, int line, const std::string& message) {
  ++failures_in_case;
  if (failures_in_case <= 10) fprintf(stderr, "  %s:%d: %s\n", file, line, message.c_str());
}
void Skip(const std::string& reason) {
  skipped = true;
  printf("  skipped: %s\n", reason.c_str());
}
uint64_t Seed() { return seed; }

size_t SampleSize(size_t usual) {
  const char* asked = getenv("STRONGROOM_EXHAUSTIVE");
  size_t size = asked ? strtoull(asked, nullptr, 10) : usual;
  return size ? size : SIZE_MAX;
}
std::string TemporaryDirectory() {
  const char* base = getenv("STRONGROOM_TEST_DIR");
  std::string path = (base ? std::string(base) : std::filesystem::temp_directory_path().string()) +
                     "/strongroom-test-XXXXXX";
  if (mkdtemp(path.data()) == nullptr) abort();
  directories.push_back(path);
  return path;
}

static int Run(int argc, char** argv) {
  seed = static_cast<uint64_t>(std::chrono::system_clock::now().time_since_epoch().count());
  std::vector<std::string> filters;
  bool list = false;
  for (int i = 1; i < argc; ++i) {
    std::string argument = argv[i];
    if (argument == "--seed" && i + 1 < argc) {
      seed = strtoull(argv[++i], nullptr, 10);
    } else if (argument == "--list") {
      list = true;
    } else {
      filters.push_back(argument);
    }
  }
  int passed = 0, failed = 0, skips = 0;
  for (const Case& each : Cases()) {
    bool wanted = filters.empty();
    for (const auto& filter : filters) wanted |= each.name.find(filter) != std::string::npos;
    if (!wanted) continue;
    if (list) {
      printf("%s\n", each.name.c_str());
      continue;
    }
    failures_in_case = 0;
    skipped = false;
    auto start = std::chrono::steady_clock::now();
    each.function();
    std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - start;
    const char* word = failures_in_case ? "FAIL" : skipped ? "skip" : "ok";
    if (failures_in_case || skipped || took.count() > 500) {
      printf("%-4s %s (%.0f ms)\n", word, each.name.c_str(), took.count());
    }
    if (failures_in_case) {
      ++failed;
      printf("  replay: strongroom_test --seed %llu %s\n", static_cast<unsigned long long>(seed),
             each.name.c_str());
    } else if (skipped) {
      ++skips;
    } else {
      ++passed;
    }
    fflush(stdout);
  }
  for (const auto& path : directories) std::filesystem::remove_all(path);
  if (!list) printf("%d passed, %d failed, %d skipped\n", passed, failed, skips);
  return failed ? 1 : (list || passed) ? 0 : 2;
}

}  // namespace strongroom::testing

int main(int argc, char** argv) { return strongroom::testing::Run(argc, argv); }
