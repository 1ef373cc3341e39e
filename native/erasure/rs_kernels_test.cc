// Every kernel against arithmetic written a second time: all lengths, alignments and coefficients,
// and which kernel it was that ran.
#include <algorithm>

#include "base/testing.h"
#include "erasure/reed_solomon.h"
#include "erasure/rs_testing.h"

namespace strongroom::erasure {
namespace {

TEST(RsKernels, UsesTheBestOfThisCpu) {
  const auto kernels = Kernels();
  const auto* best = std::find_if(kernels.begin(), kernels.end(),
                                  [](const auto& kernel) { return kernel.supported; });
  EXPECT_EQ(Kernel(), std::string_view(best->name));
}

TEST(RsKernels, RefusesOneItDoesNotHave) {
  const std::string before(Kernel());
  for (const auto& [name, supported] : Kernels()) {
    if (!supported) EXPECT_CODE(ForceKernel(name), Code::kInvalidArgument);
  }
  EXPECT_CODE(ForceKernel("fastest"), Code::kInvalidArgument);
  EXPECT_CODE(ForceKernel(""), Code::kInvalidArgument);
  EXPECT_EQ(Kernel(), std::string_view(before));
}

// One encode with every cell at its own offset in a guarded buffer, against SlowEncode.
class Arena {
 public:
  Arena(int k, int m, size_t size, size_t offset_in, size_t offset_out, testing::Random* random)
      : size_(size) {
    for (int i = 0; i < k; ++i) data_.push_back(random->Take(size));
    for (int i = 0; i < k; ++i) Place(data_[i], offset_in + i, &in_);
    for (int r = 0; r < m; ++r) Place(Bytes(size, 0xcc), offset_out + 5 * r, &out_);
  }
  const std::vector<Bytes>& data() const { return data_; }
  void Encode(const ReedSolomon& code) {
    std::vector<const uint8_t*> in;
    std::vector<uint8_t*> out;
    for (auto& cell : in_) in.push_back(cell.bytes.data() + cell.at);
    for (auto& cell : out_) out.push_back(cell.bytes.data() + cell.at);
    code.Encode(in.data(), out.data(), size_);
  }
  bool Holds(const std::vector<Bytes>& parity) const {
    for (size_t r = 0; r < out_.size(); ++r) {
      Bytes expected(out_[r].bytes.size(), kGuard);
      std::copy(parity[r].begin(), parity[r].end(), expected.begin() + out_[r].at);
      if (expected != out_[r].bytes) return false;  // Wrong bytes, or bytes outside the cell.
    }
    return true;
  }

 private:
  static constexpr uint8_t kGuard = 0xa5;
  struct Cell {
    Bytes bytes;
    size_t at;
  };
  // vectors come 16-byte aligned, so `at` runs through the alignments of a 64-byte line.
  void Place(const Bytes& content, size_t offset, std::vector<Cell>* cells) {
    Bytes bytes(content.size() + 192, kGuard);
    const size_t at = 64 - reinterpret_cast<uintptr_t>(bytes.data()) % 64 + offset % 64;
    std::copy(content.begin(), content.end(), bytes.begin() + at);
    cells->push_back({std::move(bytes), at});
  }
  size_t size_;
  std::vector<Bytes> data_;
  std::vector<Cell> in_, out_;
};

void ExpectEncodes(const ReedSolomon& code, const std::vector<Bytes>& rows, size_t size,
                   size_t offset_in, size_t offset_out, testing::Random* random) {
  Arena arena(code.k(), code.m(), size, offset_in, offset_out, random);
  arena.Encode(code);
  if (arena.Holds(SlowEncode(rows, arena.data()))) return;
  testing::Fail(__FILE__, __LINE__,
                std::string(Kernel()) + " differs at size " + std::to_string(size) + " offsets " +
                    std::to_string(offset_in) + " " + std::to_string(offset_out));
}

TEST(RsKernels, AgreeAtEveryLength) {
  testing::Random random(testing::Seed());
  const auto code = *ReedSolomon::Create(3, 2);
  const auto rows = ParityRows(*code);
  UnderEachKernel([&] {
    for (size_t size = 0; size <= 4 * 256 + 1; ++size) {
      ExpectEncodes(*code, rows, size, random.Below(64), random.Below(64), &random);
    }
  });
}

TEST(RsKernels, AgreeAtEveryAlignment) {
  testing::Random random(testing::Seed());
  const auto code = *ReedSolomon::Create(2, 2);
  const auto rows = ParityRows(*code);
  UnderEachKernel([&] {
    for (size_t offset = 0; offset < 64; ++offset) {
      for (size_t size : {15u, 64u, 65u, 300u}) {
        ExpectEncodes(*code, rows, size, offset, 0, &random);
        ExpectEncodes(*code, rows, size, 0, offset, &random);
      }
    }
  });
}

TEST(RsKernels, AgreeForEveryCoefficient) {
  testing::Random random(testing::Seed());
  // The matrices of 16+16 and its neighbours hold every element of the field but zero.
  UnderEachKernel([&] {
    for (int k = 12; k <= 20; ++k) {
      const auto code = *ReedSolomon::Create(k, kCellsMax - k);
      ExpectEncodes(*code, ParityRows(*code), 1500, 3, 7, &random);
    }
  });
}

TEST(RsKernels, AgreeForEveryNumberOfCells) {
  testing::Random random(testing::Seed());
  UnderEachKernel([&] {
    for (int k = 1; k < kCellsMax; ++k) {
      for (int m = 1; k + m <= kCellsMax; m += m < 9 ? 1 : 7) {
        const auto code = *ReedSolomon::Create(k, m);
        ExpectEncodes(*code, ParityRows(*code), 200 + random.Below(200), k, m, &random);
      }
    }
  });
}

TEST(RsKernels, AgreeOverWholeCells) {
  testing::Random random(testing::Seed());
  const auto code = *ReedSolomon::Create(4, 6);
  const auto rows = ParityRows(*code);
  UnderEachKernel([&] { ExpectEncodes(*code, rows, 65552, 1, 2, &random); });
}

}  // namespace
}  // namespace strongroom::erasure
