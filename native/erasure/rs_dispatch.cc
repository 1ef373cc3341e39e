// One row per kernel, best first. A row is used only when the CPU has everything its file is
// compiled for and the kernel has given a known answer on this very machine.
#include "erasure/rs_dispatch.h"

#include <array>
#include <atomic>
#include <string>

#include "base/check.h"
#include "cpu/cpu.h"
#include "erasure/galois.h"
#include "erasure/reed_solomon.h"

namespace strongroom::erasure {

namespace {

template <size_t kSize>
using Spreads = std::array<std::array<uint8_t, kSize>, 256>;

// The scalar kernel takes the coefficient as it is.
constexpr Spreads<1> kPlain = [] {
  Spreads<1> out{};
  for (size_t c = 0; c < 256; ++c) out[c][0] = static_cast<uint8_t>(c);
  return out;
}();

// The products of the coefficient with the 16 low and the 16 high nibbles.
constexpr Spreads<32> kNibbles = [] {
  Spreads<32> out{};
  for (size_t c = 0; c < 256; ++c) {
    for (size_t n = 0; n < 16; ++n) {
      out[c][n] = Multiply(static_cast<uint8_t>(c), static_cast<uint8_t>(n));
      out[c][16 + n] = Multiply(static_cast<uint8_t>(c), static_cast<uint8_t>(n << 4));
    }
  }
  return out;
}();

// Multiplication by the coefficient as an 8x8 bit matrix: output bit i is the parity of the input
// and byte 7 - i. That is how 0x11d works on instructions made for another polynomial.
constexpr Spreads<8> kBitMatrices = [] {
  Spreads<8> out{};
  for (size_t c = 0; c < 256; ++c) {
    uint8_t column = static_cast<uint8_t>(c);  // The image of input bit j.
    for (int j = 0; j < 8; ++j, column = Double(column)) {
      for (int i = 0; i < 8; ++i) out[c][7 - i] |= static_cast<uint8_t>((column >> i & 1) << j);
    }
  }
  return out;
}();

// Three inputs and two outputs over several steps of the widest kernel; a fixed fingerprint of the
// outputs, so that a table that is wrong for all kernels alike shows as well.
bool AnswersRight(const KernelEntry& kernel) {
  constexpr size_t kColumns = 3, kRows = 2, kSize = 9 * kWidthMax;
  constexpr uint8_t kCoefficients[kRows][kColumns] = {{1, 1, 1}, {0x02, 0x8e, 0xff}};
  std::array<std::array<uint8_t, kSize>, kColumns + kRows> cells;
  const uint8_t* in[kColumns];
  for (size_t c = 0; c < kColumns; ++c) {
    for (size_t i = 0; i < kSize; ++i) {
      cells[c][i] = static_cast<uint8_t>((i + 85 * c) * 167 + (i >> 3));
    }
    in[c] = cells[c].data();
  }
  uint8_t* out[kRows] = {cells[kColumns].data(), cells[kColumns + 1].data()};
  uint8_t spread[kRows * kColumns * kSpreadMax];
  for (size_t i = 0; i < kRows * kColumns; ++i) {
    const uint8_t coefficient = kCoefficients[i / kColumns][i % kColumns];
    memcpy(spread + i * kernel.spread, kernel.spreads + coefficient * kernel.spread, kernel.spread);
  }
  kernel.run({in, out, kColumns, kRows, true, spread, 0, kSize});
  uint64_t fingerprint = 0xcbf29ce484222325;  // FNV-1a.
  for (const uint8_t* row : out) {
    for (size_t i = 0; i < kSize; ++i) fingerprint = (fingerprint ^ row[i]) * 0x100000001b3;
  }
  return fingerprint == 0xbb70b3d2419befab;
}

// The choice is made once; tests may move it.
class Dispatch {
 public:
  static Dispatch& Get() {
    static Dispatch dispatch;
    return dispatch;
  }
  const KernelEntry& chosen() const { return *chosen_.load(std::memory_order_relaxed); }
  bool Force(std::string_view name) {
    for (const KernelEntry& kernel : kernels_) {
      if (kernel.supported && kernel.name == name) {
        chosen_.store(&kernel, std::memory_order_relaxed);
        return true;
      }
    }
    return false;
  }

 private:
  Dispatch() {
    for (KernelEntry& kernel : kernels_) {
      kernel.supported = kernel.supported && AnswersRight(kernel);
    }
    CHECK(kernels_.back().supported) << "the scalar Reed-Solomon kernel is miscompiled";
    size_t best = 0;
    while (!kernels_[best].supported) ++best;
    chosen_ = &kernels_[best];
  }
  static constexpr size_t kCount = 1
#if defined(__x86_64__)
                                   + 4
#elif defined(__aarch64__)
                                   + 1
#endif
      ;
  const cpu::Features& cpu_ = cpu::Detect();
  std::array<KernelEntry, kCount> kernels_{{
#if defined(__x86_64__)
      {"gfni512", cpu_.gfni512 && cpu_.vpclmul512, ProductGfni512, 64, kBitMatrices[0].data(), 8},
      {"gfni256", cpu_.gfni256, ProductGfni256, 32, kBitMatrices[0].data(), 8},
      {"avx2", cpu_.avx2, ProductAvx2, 32, kNibbles[0].data(), 32},
      {"ssse3", cpu_.ssse3 && cpu_.pclmul, ProductSsse3, 16, kNibbles[0].data(), 32},
#elif defined(__aarch64__)
      {"neon", cpu_.neon, ProductNeon, 16, kNibbles[0].data(), 32},
#endif
      {"scalar", true, ProductScalar, 64, kPlain[0].data(), 1},
  }};
  std::atomic<const KernelEntry*> chosen_;
};

}  // namespace

const KernelEntry& ChosenKernel() { return Dispatch::Get().chosen(); }

std::string_view Kernel() { return ChosenKernel().name; }

Status ForceKernel(std::string_view name) {
  if (Dispatch::Get().Force(name)) return {};
  return {Code::kInvalidArgument,
          "no Reed-Solomon kernel of this machine is called " + std::string(name)};
}

}  // namespace strongroom::erasure
