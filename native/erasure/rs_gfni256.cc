// Reed-Solomon with GFNI on 256-bit vectors, for CPUs that have it without AVX-512.
#include <immintrin.h>

#include "erasure/rs_vectors.h"

namespace strongroom::erasure {
namespace {

struct Gfni256 {
  using Vector = __m256i;
  using Input = __m256i;
  static constexpr size_t kWidth = 32, kSpread = 8;
  static constexpr int Vectors(int rows) { return rows <= 2 ? 4 : 2; }  // 16 registers.
  static Vector Zero() { return _mm256_setzero_si256(); }
  static Vector Load(const uint8_t* from) {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
  }
  static void Store(uint8_t* to, Vector a) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), a);
  }
  static Vector Xor(Vector a, Vector b) { return _mm256_xor_si256(a, b); }
  static Input Prepare(Vector a) { return a; }
  static Vector Coefficient(const uint8_t* spread) {
    int64_t matrix;
    __builtin_memcpy(&matrix, spread, sizeof matrix);
    return _mm256_set1_epi64x(matrix);
  }
  static Vector Multiply(Input a, Vector matrix) {
    return _mm256_gf2p8affine_epi64_epi8(a, matrix, 0);
  }
};

}  // namespace

void ProductGfni256(const Product& product) { Vectors<Gfni256>(product); }

}  // namespace strongroom::erasure
