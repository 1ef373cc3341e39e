// CPUID says what the CPU has, XGETBV which registers the operating system saves at a context
// switch: a kernel may use a feature only when both agree. Without the second question a wide
// kernel under an old hypervisor or a restricted container dies with SIGILL, or loses half a
// register.
#include "cpu/cpu.h"

#if defined(__x86_64__)
#include <cpuid.h>
#elif defined(__aarch64__) && defined(__linux__)
#include <sys/auxv.h>
#endif

#include <cstdint>

namespace strongroom::cpu {

namespace {

#if defined(__x86_64__)
constexpr bool Bit(uint32_t word, int bit) { return (word >> bit & 1) != 0; }

// XCR0: bits 1-2 are the xmm and ymm state, bits 5-7 the mask and zmm state.
uint64_t SavedState() {
  uint32_t low, high;
  __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return uint64_t{high} << 32 | low;
}

Features Look() {
  Features out;
  uint32_t a = 0, b = 0, c = 0, d = 0;
  if (!__get_cpuid(1, &a, &b, &c, &d)) return out;
  out.crc32c = Bit(c, 20);
  const bool os_saves = Bit(c, 27);  // XGETBV exists.
  out.ssse3 = Bit(c, 9) && Bit(c, 19);
  out.pclmul = out.ssse3 && Bit(c, 1);
  const uint64_t saved = os_saves ? SavedState() : 0;
  const bool ymm = (saved & 0x06) == 0x06, zmm = (saved & 0xe6) == 0xe6;
  if (!__get_cpuid_count(7, 0, &a, &b, &c, &d)) return out;
  out.avx2 = ymm && Bit(b, 5);
  out.gfni256 = out.avx2 && Bit(c, 8);
  out.vpclmul256 = out.avx2 && out.pclmul && Bit(c, 10);
  out.avx512 = out.avx2 && zmm && Bit(b, 16) && Bit(b, 30) && Bit(b, 31);
  out.gfni512 = out.avx512 && Bit(c, 8);
  out.vpclmul512 = out.avx512 && out.vpclmul256;
  return out;
}
#elif defined(__aarch64__)
Features Look() {
  Features out;
  out.neon = true;  // Part of the base architecture.
#if defined(__linux__)
  constexpr unsigned long kHwcapPmull = 1 << 4, kHwcapCrc32 = 1 << 7;
  out.pmull = (getauxval(AT_HWCAP) & kHwcapPmull) != 0;
  out.crc32c = (getauxval(AT_HWCAP) & kHwcapCrc32) != 0;
#elif defined(__APPLE__)
  out.pmull = out.crc32c = true;  // Every Apple arm64 CPU.
#endif
  return out;
}
#else
Features Look() { return {}; }
#endif

}  // namespace

const Features& Detect() {
  static const Features features = Look();
  return features;
}

}  // namespace strongroom::cpu
