// Reed-Solomon with NEON: a product is the XOR of two look-ups (TBL), one by the low and one by the
// high nibble, in tables of sixteen entries that fit a register.
#include <arm_neon.h>

#include "erasure/rs_vectors.h"

namespace strongroom::erasure {
namespace {

struct Neon {
  using Vector = uint8x16_t;
  struct Input {
    uint8x16_t low, high;  // Nibbles.
  };
  struct Tables {
    uint8x16_t low, high;
  };
  static constexpr size_t kWidth = 16, kSpread = 32;
  static constexpr int Vectors(int) { return 4; }  // 4 rows: 16 sums of 32 registers.
  static Vector Zero() { return vdupq_n_u8(0); }
  static Vector Load(const uint8_t* from) { return vld1q_u8(from); }
  static void Store(uint8_t* to, Vector a) { vst1q_u8(to, a); }
  static Vector Xor(Vector a, Vector b) { return veorq_u8(a, b); }
  static Input Prepare(Vector a) { return {vandq_u8(a, vdupq_n_u8(15)), vshrq_n_u8(a, 4)}; }
  static Tables Coefficient(const uint8_t* spread) { return {Load(spread), Load(spread + 16)}; }
  static Vector Multiply(Input a, Tables by) {
    return veorq_u8(vqtbl1q_u8(by.low, a.low), vqtbl1q_u8(by.high, a.high));
  }
};

}  // namespace

void ProductNeon(const Product& product) { Vectors<Neon>(product); }

}  // namespace strongroom::erasure
