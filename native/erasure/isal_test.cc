// ISA-L as an oracle: given our matrix, an independent implementation must compute our parity.
#include <dlfcn.h>

#include "base/testing.h"
#include "erasure/rs_testing.h"

namespace strongroom::erasure {
namespace {

using InitTables = void (*)(int k, int rows, uint8_t* matrix, uint8_t* tables);
using EncodeData = void (*)(int size, int k, int rows, uint8_t* tables, uint8_t** data,
                            uint8_t** parity);

// Whole cells and odd sizes: ISA-L has its own tails.
TEST(RsKernels, AgreeWithIsal) {
  void* library = dlopen("libisal.so.2", RTLD_NOW);
  if (library == nullptr) return testing::Skip("libisal.so.2 is absent (Debian package libisal2)");
  const auto init = reinterpret_cast<InitTables>(dlsym(library, "ec_init_tables"));
  const auto encode = reinterpret_cast<EncodeData>(dlsym(library, "ec_encode_data"));
  ASSERT(init != nullptr && encode != nullptr);

  testing::Random random(testing::Seed());
  for (auto [k, m] : {std::pair{2, 1}, {4, 2}, {5, 3}, {8, 4}, {10, 6}, {16, 16}, {27, 5}}) {
    const auto code = *ReedSolomon::Create(k, m);
    Bytes matrix;
    for (const Bytes& row : ParityRows(*code)) matrix.insert(matrix.end(), row.begin(), row.end());
    Bytes tables(32 * matrix.size());
    init(k, m, matrix.data(), tables.data());
    for (size_t size : {size_t{65552}, size_t{64}, 1000 + static_cast<size_t>(random.Below(99))}) {
      std::vector<Bytes> data, expected(m, Bytes(size)), parity(m, Bytes(size));
      std::vector<uint8_t*> in, expected_out, out;
      for (int c = 0; c < k; ++c) data.push_back(random.Take(size));
      for (auto& cell : data) in.push_back(cell.data());
      for (auto& cell : expected) expected_out.push_back(cell.data());
      for (auto& cell : parity) out.push_back(cell.data());
      encode(static_cast<int>(size), k, m, tables.data(), in.data(), expected_out.data());
      UnderEachKernel([&] {
        code->Encode(in.data(), out.data(), size);
        EXPECT(parity == expected);
      });
    }
  }
  dlclose(library);
}

}  // namespace
}  // namespace strongroom::erasure
