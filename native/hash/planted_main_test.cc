// Makes the mistake that its argument names, mostly inside the core as a sanitizer compiled it:
//   strongroom_planted overflow|undefined|leak|race
// or, loaded by Node as strongroom_planted.node, the one that STRONGROOM_PLANTED names.
// The sanitizer must report it before its silence over the tests counts: scripts/planted.mjs.
#include <climits>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string_view>
#include <thread>
#include <vector>

#include "base/testing.h"
#include "hash/xxh64.h"

namespace strongroom::hash {
namespace {

constexpr size_t kSize = 64;
volatile uint64_t sink;  // Nothing is computed in vain.
volatile int most = INT_MAX;
void* volatile lost;

// The core reads one byte past the end of a block.
void Overflow() {
  auto block = std::make_unique<uint8_t[]>(kSize);
  memset(block.get(), 1, kSize);
  sink = Xxh64(ByteSpan(block.get(), kSize + 1));
}
void Undefined() { sink = static_cast<uint64_t>(most + 1); }
void Leak() {
  lost = malloc(kSize);
  lost = nullptr;
}
// One thread writes the bytes that the core reads in another.
void Race() {
  Bytes shared(kSize, uint8_t{1});
  std::thread reader([&shared] {
    for (int i = 0; i < 10000; ++i) sink = Xxh64(shared);
  });
  for (int i = 0; i < 10000; ++i) memset(shared.data(), i & 0xff, kSize);
  reader.join();
}

struct Mistake {
  std::string_view name;
  void (*make)();
};
constexpr Mistake kMistakes[] = {
    {"overflow", Overflow}, {"undefined", Undefined}, {"leak", Leak}, {"race", Race}};

bool Plant(std::string_view name) {
  for (const Mistake& mistake : kMistakes) {
    if (mistake.name != name) continue;
    mistake.make();
    return true;
  }
  return false;
}

}  // namespace
}  // namespace strongroom::hash

int main(int argc, char** argv) { return argc == 2 && strongroom::hash::Plant(argv[1]) ? 0 : 2; }

// What Node calls when it loads an addon; both arguments are opaque here.
extern "C" __attribute__((visibility("default"))) void* napi_register_module_v1(void*,
                                                                                void* exports) {
  if (const char* mistake = getenv("STRONGROOM_PLANTED")) strongroom::hash::Plant(mistake);
  return exports;
}
