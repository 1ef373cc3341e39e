// Reed-Solomon with SSSE3: a product is the XOR of two look-ups, one by the low and one by the high
// nibble, in tables of sixteen entries that fit a register.
#include <immintrin.h>

#include "erasure/rs_vectors.h"

namespace strongroom::erasure {
namespace {

struct Ssse3 {
  using Vector = __m128i;
  struct Input {
    __m128i low, high;  // Nibbles.
  };
  struct Tables {
    __m128i low, high;
  };
  static constexpr size_t kWidth = 16, kSpread = 32;
  static constexpr int Vectors(int rows) { return rows == 1 ? 4 : 2; }
  static Vector Zero() { return _mm_setzero_si128(); }
  static Vector Load(const uint8_t* from) {
    return _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
  }
  static void Store(uint8_t* to, Vector a) { _mm_storeu_si128(reinterpret_cast<__m128i*>(to), a); }
  static Vector Xor(Vector a, Vector b) { return _mm_xor_si128(a, b); }
  static Input Prepare(Vector a) {
    const __m128i nibble = _mm_set1_epi8(15);
    return {_mm_and_si128(a, nibble), _mm_and_si128(_mm_srli_epi64(a, 4), nibble)};
  }
  static Tables Coefficient(const uint8_t* spread) { return {Load(spread), Load(spread + 16)}; }
  static Vector Multiply(Input a, Tables by) {
    return _mm_xor_si128(_mm_shuffle_epi8(by.low, a.low), _mm_shuffle_epi8(by.high, a.high));
  }
};

}  // namespace

void ProductSsse3(const Product& product) { Vectors<Ssse3>(product); }

}  // namespace strongroom::erasure
