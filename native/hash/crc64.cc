// CRC-64/XZ: the choice of a kernel, and the arithmetic that joins two values.
//
// A value is the remainder of the message times x^64 modulo the generator P, with the register
// inverted before and after. Appending n bytes multiplies what came before by x^(8n); the
// inversions cancel in that, so Combine needs only a and b's values and b's size.
#include "hash/crc64.h"

#include <array>
#include <atomic>
#include <string>

#include "base/check.h"
#include "cpu/cpu.h"
#include "hash/crc64_kernels.h"

namespace strongroom::hash {

namespace {

// a * b mod P, both reflected: bit 63 is x^0.
constexpr uint64_t Multiply(uint64_t a, uint64_t b) {
  uint64_t product = 0;
  for (int i = 0; i < 64; ++i) {
    if (a >> 63 != 0) product ^= b;
    a <<= 1;
    b = b >> 1 ^ (b & 1 ? kCrc64Poly : 0);
  }
  return product;
}

// kBytesShift[i] = x^(8 * 2^i) mod P: what appending 2^i bytes multiplies by.
constexpr std::array<uint64_t, 64> kBytesShift = [] {
  std::array<uint64_t, 64> out{};
  out[0] = uint64_t{1} << (63 - 8);
  for (size_t i = 1; i < out.size(); ++i) out[i] = Multiply(out[i - 1], out[i - 1]);
  return out;
}();

struct Kernel {
  const char* name;
  bool supported;  // By the CPU, with everything its file is compiled for.
  Crc64Function run;
};

// A kernel that does not give these two values on this machine is never used: one is the published
// check value, the other takes the long loop, a fold of every width and a tail.
bool AnswersRight(const Kernel& kernel) {
  std::array<uint8_t, 2045> pattern;
  for (size_t i = 0; i < pattern.size(); ++i) pattern[i] = static_cast<uint8_t>(i * 167 + (i >> 3));
  const auto digits = AsBytes("123456789");
  return ~kernel.run(digits.data(), digits.size(), ~uint64_t{0}) == 0x995dc9bbdf1939fa &&
         ~kernel.run(pattern.data(), pattern.size(), ~uint64_t{0}) == 0x20639832537b10e0;
}

// The kernels of this machine, best first. The choice is made once; tests may move it.
class Dispatch {
 public:
  static Dispatch& Get() {
    static Dispatch dispatch;
    return dispatch;
  }
  const Kernel& chosen() const { return *chosen_.load(std::memory_order_relaxed); }
  bool Force(std::string_view name) {
    for (const Kernel& kernel : kernels_) {
      if (kernel.supported && kernel.name == name) {
        chosen_.store(&kernel, std::memory_order_relaxed);
        return true;
      }
    }
    return false;
  }

 private:
  Dispatch() {
    for (Kernel& kernel : kernels_) kernel.supported = kernel.supported && AnswersRight(kernel);
    CHECK(kernels_.back().supported) << "the CRC-64 table is miscompiled";
    size_t best = 0;
    while (!kernels_[best].supported) ++best;
    chosen_ = &kernels_[best];
  }
  static constexpr size_t kCount = 1
#if defined(__x86_64__)
                                   + 3
#elif defined(__aarch64__)
                                   + 1
#endif
      ;
  const cpu::Features& cpu_ = cpu::Detect();
  std::array<Kernel, kCount> kernels_{{
#if defined(__x86_64__)
      {"avx512", cpu_.vpclmul512 && cpu_.gfni512, Crc64Avx512},
      {"vpclmul256", cpu_.vpclmul256, Crc64Vpclmul256},
      {"pclmul", cpu_.pclmul, Crc64Pclmul},
#elif defined(__aarch64__)
      {"pmull", cpu_.pmull, Crc64Pmull},
#endif
      {"table", true, Crc64Table},
  }};
  std::atomic<const Kernel*> chosen_;
};

}  // namespace

uint64_t Crc64(ByteSpan data, uint64_t crc) {
  return ~Dispatch::Get().chosen().run(data.data(), data.size(), ~crc);
}

uint64_t Crc64Combine(uint64_t crc_a, uint64_t crc_b, uint64_t size_b) {
  for (size_t i = 0; size_b != 0; ++i, size_b >>= 1) {
    if (size_b & 1) crc_a = Multiply(crc_a, kBytesShift[i]);
  }
  return crc_a ^ crc_b;
}

std::string_view Crc64Kernel() { return Dispatch::Get().chosen().name; }

Status ForceCrc64Kernel(std::string_view name) {
  if (Dispatch::Get().Force(name)) return {};
  return {Code::kInvalidArgument,
          "no CRC-64 kernel of this machine is called " + std::string(name)};
}

}  // namespace strongroom::hash
