// Reed-Solomon under every kernel of this machine, over cells that stay in the cache; GB/s of data.
#include "base/bytes.h"
#include "base/testing_bench.h"
#include "erasure/reed_solomon.h"

namespace strongroom::erasure {
namespace {

using testing::Measure;
using testing::Report;

constexpr size_t kCell = 64 * 1024 + 16;  // A sealed chunk.

// Cells an odd number of cache lines apart, as the slabs lay them out.
struct Cells {
  Cells(int count, size_t size) : memory(count * (size + 64) + 64, 0x5a) {
    uint8_t* at = memory.data() + 64 - reinterpret_cast<uintptr_t>(memory.data()) % 64;
    for (int i = 0; i < count; ++i, at += size + 64) cells.push_back(at);
  }
  Bytes memory;
  std::vector<uint8_t*> cells;
};

std::string Title(const std::string& kernel, int k, int m) {
  return kernel + " " + std::to_string(k) + "+" + std::to_string(m) + " ";
}

void Encode(const std::string& kernel, int k, int m, size_t size) {
  const auto code = *ReedSolomon::Create(k, m);
  Cells all(k + m, size);
  const auto seconds =
      Measure([&] { code->Encode(all.cells.data(), all.cells.data() + k, size); });
  Report(Title(kernel, k, m) + std::to_string(size), k * size, seconds);
}

// The first `lost` data cells, from the rest.
void Rebuild(const std::string& kernel, int k, int m, int lost) {
  const auto code = *ReedSolomon::Create(k, m);
  Cells all(k + m, kCell);
  std::vector<int> have, wanted;
  for (int i = 0; i < lost; ++i) wanted.push_back(i);
  for (int i = lost; i < k + lost; ++i) have.push_back(i);
  const auto seconds = Measure([&] {
    CHECK(code->Reconstruct(have, all.cells.data() + lost, wanted, all.cells.data(), kCell).ok());
  });
  Report(Title(kernel, k, m) + "rebuild " + std::to_string(lost), k * kCell, seconds);
}

void Run() {
  for (const char* name : {"gfni512", "gfni256", "avx2", "ssse3", "neon", "scalar"}) {
    if (!ForceKernel(name).ok()) continue;
    for (auto [k, m] : {std::pair{2, 1}, {4, 2}, {8, 3}, {8, 4}, {10, 6}}) {
      Encode(name, k, m, kCell);
    }
    Encode(name, 4, 2, 1000);
    Encode(name, 4, 2, 1 << 20);
    Encode(name, 8, 4, 1 << 20);
    Rebuild(name, 4, 2, 1);
    Rebuild(name, 4, 2, 2);
  }
}

}  // namespace
}  // namespace strongroom::erasure

int main() { strongroom::erasure::Run(); }
