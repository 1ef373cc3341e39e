// Reed-Solomon with GFNI on 512-bit vectors: multiplication by a constant is one bit-matrix
// product.
#include <immintrin.h>

#include "erasure/rs_vectors.h"

namespace strongroom::erasure {
namespace {

struct Gfni512 {
  using Vector = __m512i;
  using Input = __m512i;
  static constexpr size_t kWidth = 64, kSpread = 8;
  static constexpr int Vectors(int) { return 4; }  // 4 rows: 16 sums of 32 registers.
  static Vector Zero() { return _mm512_setzero_si512(); }
  static Vector Load(const uint8_t* from) { return _mm512_loadu_si512(from); }
  static void Store(uint8_t* to, Vector a) { _mm512_storeu_si512(to, a); }
  static Vector Xor(Vector a, Vector b) { return _mm512_xor_si512(a, b); }
  static Input Prepare(Vector a) { return a; }
  static Vector Coefficient(const uint8_t* spread) {
    int64_t matrix;
    __builtin_memcpy(&matrix, spread, sizeof matrix);
    return _mm512_set1_epi64(matrix);
  }
  static Vector Multiply(Input a, Vector matrix) {
    return _mm512_gf2p8affine_epi64_epi8(a, matrix, 0);
  }
};

}  // namespace

void ProductGfni512(const Product& product) { Vectors<Gfni512>(product); }

}  // namespace strongroom::erasure
