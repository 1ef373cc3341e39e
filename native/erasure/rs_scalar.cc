// The portable kernel: 64 bits hold eight bytes, and doubling all eight is a shift, a mask and a
// reduction. A sum of products is worked out as Horner would, from the highest bit of the
// coefficients down: double what there is, add the inputs whose coefficient has the bit. Seven
// doublings a row, however many inputs there are, and none for a row of ones.
#include <cstring>

#include "erasure/rs_kernels.h"

namespace strongroom::erasure {

namespace {

constexpr size_t kWords = 8;  // One step: 64 bytes, which compilers keep in vector registers.
struct Words {
  uint64_t word[kWords];
};

void Add(Words* to, const uint8_t* from) {
  Words words;
  memcpy(words.word, from, sizeof words.word);
  for (size_t i = 0; i < kWords; ++i) to->word[i] ^= words.word[i];
}
// Multiplies each byte by x: what is shifted out of a byte comes back as 0x1d.
void DoubleBytes(Words* words) {
  for (uint64_t& word : words->word) {
    const uint64_t carries = word >> 7 & 0x0101010101010101;
    word = (word & 0x7f7f7f7f7f7f7f7f) << 1 ^ carries * 0x1d;
  }
}

void Row(const Product& product, int row, size_t at) {
  const uint8_t* coefficients = product.coefficients + row * product.columns;
  Words sum{};
  bool empty = true;
  for (int bit = 7; bit >= 0; --bit) {
    if (!empty) DoubleBytes(&sum);
    for (int c = 0; c < product.columns; ++c) {
      if ((coefficients[c] >> bit & 1) == 0) continue;
      Add(&sum, product.in[c] + at);
      empty = false;
    }
  }
  memcpy(product.out[row] + at, sum.word, sizeof sum.word);
}

}  // namespace

void ProductScalar(const Product& product) {
  for (size_t at = product.begin; at < product.end; at += sizeof(Words)) {
    for (int row = 0; row < product.rows; ++row) Row(product, row, at);
  }
}

}  // namespace strongroom::erasure
