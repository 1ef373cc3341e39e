// The portable kernel: 64 bits hold eight bytes, and doubling all eight is a shift, a mask and a
// reduction. A product is the XOR of the doublings that the bits of its coefficient name, and the
// doublings of an input are shared by all rows.
#include <cstring>

#include "erasure/rs_kernels.h"

namespace strongroom::erasure {

namespace {

constexpr size_t kWords = 8;  // One step: 64 bytes, which compilers keep in vector registers.
struct Words {
  uint64_t word[kWords];
};

Words Load(const uint8_t* from) {
  Words out;
  memcpy(out.word, from, sizeof out.word);
  return out;
}
void Add(Words* to, const Words& from) {
  for (size_t i = 0; i < kWords; ++i) to->word[i] ^= from.word[i];
}
// Multiplies each byte by x: what is shifted out of a byte comes back as 0x1d.
void DoubleBytes(Words* words) {
  for (uint64_t& word : words->word) {
    const uint64_t carries = word >> 7 & 0x0101010101010101;
    word = (word & 0x7f7f7f7f7f7f7f7f) << 1 ^ carries * 0x1d;
  }
}

void Step(const Product& product, size_t at) {
  Words sums[kRowsMax] = {};
  for (int c = 0; c < product.columns; ++c) {
    Words input = Load(product.in[c] + at);
    for (int bit = 0; bit < 8; ++bit) {
      for (int r = 0; r < product.rows; ++r) {
        if (product.coefficients[r * product.columns + c] >> bit & 1) Add(&sums[r], input);
      }
      DoubleBytes(&input);
    }
  }
  for (int r = 0; r < product.rows; ++r) {
    memcpy(product.out[r] + at, sums[r].word, sizeof sums[r].word);
  }
}

}  // namespace

void ProductScalar(const Product& product) {
  for (size_t at = product.begin; at < product.end; at += sizeof(Words)) Step(product, at);
}

}  // namespace strongroom::erasure
