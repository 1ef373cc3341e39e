// What this CPU, and the operating system's saved registers (XGETBV), can do. Each feature bit is
// tested on its own: GFNI-256 and VPCLMULQDQ exist without AVX-512.
#pragma once

namespace strongroom::cpu {

struct Features {
  bool ssse3 = false;       // With SSE4.1.
  bool pclmul = false;      // With ssse3.
  bool avx2 = false;        // With ymm state saved by the OS, as for all of 256 bits.
  bool gfni256 = false;     // GFNI with AVX2 registers.
  bool vpclmul256 = false;  // VPCLMULQDQ with avx2 and pclmul.
  bool avx512 = false;      // F, BW, VL and zmm state saved by the OS.
  bool gfni512 = false;     // GFNI with avx512.
  bool vpclmul512 = false;  // VPCLMULQDQ with avx512.
  bool neon = false, pmull = false;
  bool crc32c = false;  // The CRC-32C instructions: SSE4.2, or those of ARMv8.
};
const Features& Detect();  // Looked up once.

}  // namespace strongroom::cpu
