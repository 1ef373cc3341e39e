// Reed-Solomon with AVX2: a product is the XOR of two look-ups, one by the low and one by the high
// nibble, in tables of sixteen entries that fit a register.
#include <immintrin.h>

#include "erasure/rs_vectors.h"

namespace strongroom::erasure {
namespace {

struct Avx2 {
  using Vector = __m256i;
  struct Input {
    __m256i low, high;  // Nibbles.
  };
  struct Tables {
    __m256i low, high;
  };
  static constexpr size_t kWidth = 32, kSpread = 32;
  static constexpr int Vectors(int rows) { return rows == 1 ? 4 : rows == 2 ? 3 : 2; }
  static Vector Zero() { return _mm256_setzero_si256(); }
  static Vector Load(const uint8_t* from) {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
  }
  static void Store(uint8_t* to, Vector a) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), a);
  }
  static Vector Xor(Vector a, Vector b) { return _mm256_xor_si256(a, b); }
  static Input Prepare(Vector a) {
    const __m256i nibble = _mm256_set1_epi8(15);
    return {_mm256_and_si256(a, nibble), _mm256_and_si256(_mm256_srli_epi64(a, 4), nibble)};
  }
  static Tables Coefficient(const uint8_t* spread) {
    const auto* halves = reinterpret_cast<const __m128i*>(spread);
    return {_mm256_broadcastsi128_si256(_mm_loadu_si128(halves)),
            _mm256_broadcastsi128_si256(_mm_loadu_si128(halves + 1))};
  }
  static Vector Multiply(Input a, Tables by) {
    return _mm256_xor_si256(_mm256_shuffle_epi8(by.low, a.low),
                            _mm256_shuffle_epi8(by.high, a.high));
  }
};

}  // namespace

void ProductAvx2(const Product& product) { Vectors<Avx2>(product); }

}  // namespace strongroom::erasure
