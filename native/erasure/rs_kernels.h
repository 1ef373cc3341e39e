// What Reed-Solomon asks of a kernel: outputs = matrix x inputs, column of bytes by column of
// bytes. Included by instruction-set files: only fixed-width integers here, and nothing that could
// leave a weak symbol in their objects.
#pragma once

#include <stddef.h>
#include <stdint.h>

namespace strongroom::erasure {

// A kernel computes up to this many outputs while it holds one vector of an input in a register.
constexpr int kRowsMax = 4;

// For every byte position p in [begin, end): out[r][p] = XOR over c of coefficient(r, c) *
// in[c][p].
struct Product {
  const uint8_t* const* in;
  uint8_t* const* out;
  int columns;         // 1 or more.
  int rows;            // 1..kRowsMax.
  bool first_is_xor;   // Row 0 is all ones: no multiplication.
  // The coefficients row after row, each spread out to the kernel's `spread` bytes.
  const uint8_t* coefficients;
  size_t begin, end;   // end - begin is a multiple of the kernel's `width`.
};
using ProductFunction = void (*)(const Product& product);

void ProductScalar(const Product& product);
void ProductSsse3(const Product& product);
void ProductAvx2(const Product& product);
void ProductGfni256(const Product& product);
void ProductGfni512(const Product& product);
void ProductNeon(const Product& product);

}  // namespace strongroom::erasure
