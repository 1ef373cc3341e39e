// CRC-32C by the CPU's own instruction, for LevelDB's blocks and records. The tags are the truth
// about tables; this checksum is what LevelDB's format demands.
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "cpu/cpu.h"
#include "port/port.h"

#if defined(__x86_64__)
#include <nmmintrin.h>
#define CRC32C_TARGET __attribute__((target("sse4.2")))
#elif defined(__aarch64__)
#include <arm_acle.h>
#define CRC32C_TARGET __attribute__((target("+crc")))
#endif

namespace leveldb::port {

namespace {
#if defined(CRC32C_TARGET)
#if defined(__x86_64__)
CRC32C_TARGET uint64_t Eight(uint64_t crc, uint64_t word) { return _mm_crc32_u64(crc, word); }
CRC32C_TARGET uint32_t One(uint32_t crc, uint8_t byte) { return _mm_crc32_u8(crc, byte); }
#else
CRC32C_TARGET uint64_t Eight(uint64_t crc, uint64_t word) {
  return __crc32cd(static_cast<uint32_t>(crc), word);
}
CRC32C_TARGET uint32_t One(uint32_t crc, uint8_t byte) { return __crc32cb(crc, byte); }
#endif

CRC32C_TARGET uint32_t Extend(uint32_t crc, const char* bytes, size_t size) {
  uint64_t wide = ~crc;
  for (; size >= 8; bytes += 8, size -= 8) {
    uint64_t word;
    memcpy(&word, bytes, 8);
    wide = Eight(wide, word);
  }
  uint32_t out = static_cast<uint32_t>(wide);
  for (; size > 0; ++bytes, --size) out = One(out, static_cast<uint8_t>(*bytes));
  return ~out;
}
#endif
}  // namespace

uint32_t AcceleratedCRC32C([[maybe_unused]] uint32_t crc, [[maybe_unused]] const char* bytes,
                           [[maybe_unused]] size_t size) {
#if defined(CRC32C_TARGET)
  if (strongroom::cpu::Detect().crc32c) return Extend(crc, bytes, size);
#endif
  return 0;
}

}  // namespace leveldb::port
