// Checksums under every kernel of this machine, over memory that stays in the cache.
#include "base/testing_bench.h"
#include "hash/crc64.h"
#include "hash/xxh64.h"

namespace strongroom::hash {
namespace {

using testing::Measure;
using testing::Report;

constexpr size_t kSizes[] = {8, 13, 16, 64, 100, 256, 1024, 4096, 65536, 65552, 1 << 20};
volatile uint64_t sink;

void Run() {
  const Bytes data(1 << 20, 0x5a);
  for (size_t size : kSizes) {
    const ByteSpan piece = ByteSpan(data).first(size);
    Report("xxh64 " + std::to_string(size), size, Measure([&] { sink = Xxh64(piece); }));
  }
  for (const char* name : {"avx512", "vpclmul256", "pclmul", "pmull", "table"}) {
    if (!ForceCrc64Kernel(name).ok()) continue;
    for (size_t size : kSizes) {
      const ByteSpan piece = ByteSpan(data).first(size);
      Report(std::string("crc64 ") + name + " " + std::to_string(size), size,
             Measure([&] { sink = Crc64(piece, sink); }));
    }
  }
  for (uint64_t size : {65536, 1000003}) {
    Report("crc64 combine " + std::to_string(size), 0,
           Measure([&] { sink = Crc64Combine(sink, 1, size); }));
  }
}

}  // namespace
}  // namespace strongroom::hash

int main() { strongroom::hash::Run(); }
