// The kernels of this machine: which one is in use and what it wants its coefficients to look like.
#pragma once

#include "erasure/rs_kernels.h"

namespace strongroom::erasure {

struct KernelEntry {
  const char* name;
  bool supported;         // By the CPU, with everything its file is compiled for.
  ProductFunction run;
  size_t width;           // Sizes are multiples of this.
  const uint8_t* spreads; // 256 spread-out coefficients of `spread` bytes.
  size_t spread;
};
constexpr size_t kWidthMax = 64;
constexpr size_t kSpreadMax = 32;

const KernelEntry& ChosenKernel();

}  // namespace strongroom::erasure
