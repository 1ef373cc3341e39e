// Both polynomials by tables, eight bytes a step, and by the instruction where there is one: x86
// has it for CRC-32C only, ARMv8 for both. A kernel that does not give the check value is not used.
#include "hash/crc32.h"

#include <array>
#include <atomic>
#include <string>

#include "base/check.h"
#include "cpu/cpu.h"

#if defined(__x86_64__)
#include <nmmintrin.h>
#define CRC32_TARGET __attribute__((target("sse4.2")))
#elif defined(__aarch64__)
#include <arm_acle.h>
#define CRC32_TARGET __attribute__((target("+crc")))
#endif

namespace strongroom::hash {

namespace {

constexpr uint32_t kCrc32Poly = 0xedb88320, kCrc32cPoly = 0x82f63b78;
constexpr size_t kStep = 8;
// tables[i][b] is the register after byte b and then i zero bytes, from an empty register.
using Tables = std::array<std::array<uint32_t, 256>, kStep>;

constexpr Tables MakeTables(uint32_t poly) {
  Tables out{};
  for (uint32_t byte = 0; byte < 256; ++byte) {
    uint32_t value = byte;
    for (int bit = 0; bit < 8; ++bit) value = value >> 1 ^ (value & 1 ? poly : 0);
    out[0][byte] = value;
  }
  for (size_t i = 1; i < kStep; ++i) {
    for (size_t byte = 0; byte < 256; ++byte) {
      const uint32_t before = out[i - 1][byte];
      out[i][byte] = before >> 8 ^ out[0][before & 0xff];
    }
  }
  return out;
}

// A kernel carries the raw register (already inverted) over the bytes.
using Run = uint32_t (*)(const uint8_t* data, size_t size, uint32_t state);

template <uint32_t kPoly>
uint32_t ByTable(const uint8_t* data, size_t size, uint32_t state) {
  static constexpr Tables kTables = MakeTables(kPoly);
  for (; size >= kStep; size -= kStep, data += kStep) {
    const uint64_t word = LoadLittle<uint64_t>(data) ^ state;
    state = 0;
    for (size_t i = 0; i < kStep; ++i) state ^= kTables[kStep - 1 - i][word >> 8 * i & 0xff];
  }
  for (; size > 0; --size, ++data) state = state >> 8 ^ kTables[0][(state ^ *data) & 0xff];
  return state;
}

#if defined(__x86_64__)
CRC32_TARGET uint32_t Crc32cByInstruction(const uint8_t* data, size_t size, uint32_t state) {
  uint64_t wide = state;
  for (; size >= 8; size -= 8, data += 8) wide = _mm_crc32_u64(wide, LoadLittle<uint64_t>(data));
  state = static_cast<uint32_t>(wide);
  for (; size > 0; --size, ++data) state = _mm_crc32_u8(state, *data);
  return state;
}
constexpr Run kCrc32Instruction = nullptr, kCrc32cInstruction = Crc32cByInstruction;
#elif defined(__aarch64__)
CRC32_TARGET uint32_t Crc32ByInstruction(const uint8_t* data, size_t size, uint32_t state) {
  for (; size >= 8; size -= 8, data += 8) state = __crc32d(state, LoadLittle<uint64_t>(data));
  for (; size > 0; --size, ++data) state = __crc32b(state, *data);
  return state;
}
CRC32_TARGET uint32_t Crc32cByInstruction(const uint8_t* data, size_t size, uint32_t state) {
  for (; size >= 8; size -= 8, data += 8) state = __crc32cd(state, LoadLittle<uint64_t>(data));
  for (; size > 0; --size, ++data) state = __crc32cb(state, *data);
  return state;
}
constexpr Run kCrc32Instruction = Crc32ByInstruction, kCrc32cInstruction = Crc32cByInstruction;
#else
constexpr Run kCrc32Instruction = nullptr, kCrc32cInstruction = nullptr;
#endif

// The choice for one polynomial, made once; tests may move it.
class Choice {
 public:
  Choice(Run table, Run instruction, uint32_t check) : table_(table) {
    const bool there = instruction != nullptr && cpu::Detect().crc32c;
    CHECK(Check(table) == check) << "a CRC-32 table is miscompiled";
    if (there && Check(instruction) == check) instruction_ = instruction;
    run_ = instruction_ != nullptr ? instruction_ : table_;
  }
  uint32_t operator()(ByteSpan data, uint32_t crc) const {
    return ~run_.load(std::memory_order_relaxed)(data.data(), data.size(), ~crc);
  }
  std::string_view name() const { return run_.load() == table_ ? "table" : "instruction"; }
  bool has_instruction() const { return instruction_ != nullptr; }
  void Force(bool instruction) {
    run_ = instruction && instruction_ != nullptr ? instruction_ : table_;
  }

 private:
  static uint32_t Check(Run run) {
    const auto digits = AsBytes("123456789");
    return ~run(digits.data(), digits.size(), ~uint32_t{0});
  }
  const Run table_;
  Run instruction_ = nullptr;
  std::atomic<Run> run_;
};

Choice& Crc32Choice() {
  static Choice choice(ByTable<kCrc32Poly>, kCrc32Instruction, 0xcbf43926);
  return choice;
}
Choice& Crc32cChoice() {
  static Choice choice(ByTable<kCrc32cPoly>, kCrc32cInstruction, 0xe3069283);
  return choice;
}

}  // namespace

uint32_t Crc32(ByteSpan data, uint32_t crc) { return Crc32Choice()(data, crc); }
uint32_t Crc32c(ByteSpan data, uint32_t crc) { return Crc32cChoice()(data, crc); }

std::string_view Crc32Kernel() { return Crc32Choice().name(); }
std::string_view Crc32cKernel() { return Crc32cChoice().name(); }

Status ForceCrc32Kernel(std::string_view name) {
  const bool instruction = name == "instruction";
  const bool any = Crc32Choice().has_instruction() || Crc32cChoice().has_instruction();
  if (name != "table" && !(instruction && any)) {
    return {Code::kInvalidArgument,
            "no CRC-32 kernel of this machine is called " + std::string(name)};
  }
  Crc32Choice().Force(instruction);
  Crc32cChoice().Force(instruction);
  return {};
}

}  // namespace strongroom::hash
