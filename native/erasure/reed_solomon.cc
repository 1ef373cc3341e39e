// The matrix, its inversion for what is left of a stripe, and the walk over cells of any size.
//
// Parity row r, column c, from the Cauchy matrix over x = k + r and y = c (distinct, so every
// square part of it is invertible, and stays so when whole rows and columns are scaled):
//
//   cauchy(r, c) = 1 / ((k + r) ^ c)
//   parity(r, c) = cauchy(r, c) / cauchy(0, c) * cauchy(0, 0) / cauchy(r, 0)
//
// Row 0 and column 0 are all ones: row 0 is a plain XOR, and k = 1 is replication by itself. A row
// does not depend on m: more parity later leaves the first rows as they are.
#include "erasure/reed_solomon.h"

#include <algorithm>
#include <array>
#include <bitset>
#include <string>

#include "erasure/galois.h"
#include "erasure/rs_dispatch.h"

namespace strongroom::erasure {

namespace {

// rows x columns of every product is at most this: m rows of k coefficients.
constexpr int kCoefficientsMax = kCellsMax / 2 * (kCellsMax / 2);
// Rows beyond the first group read the inputs again; in pieces of this many bytes they are still in
// L1.
constexpr size_t kPieceBytes = 16 * 1024;

uint8_t ParityCoefficient(int k, int r, int c) {
  const auto sum = [&](int row, int column) { return static_cast<uint8_t>((k + row) ^ column); };
  return Multiply(Divide(sum(0, c), sum(r, c)), Divide(sum(r, 0), sum(0, 0)));
}

bool AllOnes(ByteSpan row) {
  return std::all_of(row.begin(), row.end(), [](uint8_t c) { return c == 1; });
}

// One product of a whole set of rows, with its coefficients spread out for the chosen kernel.
class Walk {
 public:
  // REQUIRES: 1 <= rows, rows * columns <= kCoefficientsMax.
  Walk(ByteSpan matrix, int rows, int columns)
      : kernel_(ChosenKernel()), rows_(rows), columns_(columns) {
    first_is_xor_ = AllOnes(matrix.first(columns));
    for (size_t i = 0; i < static_cast<size_t>(rows) * columns; ++i) {
      memcpy(spread_ + i * kernel_.spread, kernel_.spreads + matrix[i] * kernel_.spread,
             kernel_.spread);
    }
  }

  void Run(const uint8_t* const* in, uint8_t* const* out, size_t size) const {
    const size_t width = kernel_.width;
    if (size < width) return RunPadded(in, out, size);
    const size_t whole = size - size % width;
    const size_t piece = rows_ <= kRowsMax ? whole : kPieceBytes / columns_ / kWidthMax * kWidthMax;
    for (size_t begin = 0; begin < whole; begin += piece) {
      Groups(in, out, begin, std::min(whole, begin + piece));
    }
    // The rest: one vector that ends with the cell and repeats a few positions.
    if (whole != size) Groups(in, out, size - width, size);
  }

 private:
  void Groups(const uint8_t* const* in, uint8_t* const* out, size_t begin, size_t end) const {
    for (int first = 0; first < rows_; first += kRowsMax) {
      kernel_.run({in, out + first, columns_, std::min(kRowsMax, rows_ - first),
                   first_is_xor_ && first == 0, spread_ + first * columns_ * kernel_.spread, begin,
                   end});
    }
  }

  // Cells shorter than a vector go through padded copies: a kernel never reads past a cell.
  void RunPadded(const uint8_t* const* in, uint8_t* const* out, size_t size) const {
    uint8_t cells[kCellsMax][kWidthMax];
    const uint8_t* padded_in[kCellsMax];
    uint8_t* padded_out[kCellsMax];
    for (int c = 0; c < columns_; ++c) {
      memset(cells[c], 0, kernel_.width);
      memcpy(cells[c], in[c], size);
      padded_in[c] = cells[c];
    }
    for (int r = 0; r < rows_; ++r) padded_out[r] = cells[columns_ + r];
    Groups(padded_in, padded_out, 0, kernel_.width);
    for (int r = 0; r < rows_; ++r) memcpy(out[r], padded_out[r], size);
  }

  const KernelEntry& kernel_;
  int rows_, columns_;
  bool first_is_xor_;
  uint8_t spread_[kCoefficientsMax * kSpreadMax];
};

void Apply(ByteSpan matrix, int rows, int columns, const uint8_t* const* in, uint8_t* const* out,
           size_t size) {
  if (rows == 0 || size == 0) return;
  if (columns == 1) {  // Replication: the only coefficient is 1.
    for (int r = 0; r < rows; ++r) memcpy(out[r], in[0], size);
    return;
  }
  Walk(matrix, rows, columns).Run(in, out, size);
}

// Rows of k coefficients each.
using Row = std::array<uint8_t, kCellsMax>;
using Rows = std::array<Row, kCellsMax>;

void AddScaled(Row* to, const Row& from, uint8_t factor, int k) {
  for (int c = 0; c < k; ++c) (*to)[c] ^= Multiply(from[c], factor);
}
void Scale(Row* row, uint8_t factor, int k) {
  for (int c = 0; c < k; ++c) (*row)[c] = Multiply((*row)[c], factor);
}

// Gauss-Jordan; returns the inverse. REQUIRES: invertible, which every k rows of an MDS matrix are.
// Rows of the identity that stand in their place cost one look, so the work grows with what is
// lost.
Rows Invert(Rows left, int k) {
  Rows right{};
  for (int i = 0; i < k; ++i) right[i][i] = 1;
  for (int p = 0; p < k; ++p) {
    int found = p;
    while (found < k && left[found][p] == 0) ++found;
    CHECK(found < k) << "the parity matrix is not MDS";
    std::swap(left[p], left[found]);
    std::swap(right[p], right[found]);
    const uint8_t scale = Divide(1, left[p][p]);
    if (scale != 1) {
      Scale(&left[p], scale, k);
      Scale(&right[p], scale, k);
    }
    for (int r = 0; r < k; ++r) {
      const uint8_t factor = left[r][p];
      if (r == p || factor == 0) continue;
      AddScaled(&left[r], left[p], factor, k);
      AddScaled(&right[r], right[p], factor, k);
    }
  }
  return right;
}

// The cells to rebuild from: a data cell stands at its own number, parity cells fill the gaps.
struct Sources {
  std::array<int, kCellsMax> index;
  std::array<const uint8_t*, kCellsMax> cell;
};
Sources Arrange(std::span<const int> have, const uint8_t* const* cells, int k) {
  Sources out;
  out.index.fill(-1);
  for (size_t i = 0; i < have.size(); ++i) {
    if (have[i] < k) {
      out.index[have[i]] = have[i];
      out.cell[have[i]] = cells[i];
    }
  }
  int gap = 0;
  for (size_t i = 0; i < have.size(); ++i) {
    if (have[i] < k) continue;
    while (out.index[gap] >= 0) ++gap;
    out.index[gap] = have[i];
    out.cell[gap] = cells[i];
  }
  return out;
}

// A parity row in terms of the sources: the parity of the rebuilt data.
Row Combine(const uint8_t* parity_row, const Rows& inverse, int k) {
  Row out{};
  for (int i = 0; i < k; ++i) AddScaled(&out, inverse[i], parity_row[i], k);
  return out;
}

Status CheckIndexes(std::span<const int> indexes, int cells, const char* what) {
  std::bitset<kCellsMax> seen;
  for (int index : indexes) {
    if (index < 0 || index >= cells) {
      return {Code::kInvalidArgument, std::string(what) + " names cell " + std::to_string(index)};
    }
    if (seen[index]) {
      return {Code::kInvalidArgument,
              std::string(what) + " names cell " + std::to_string(index) + " twice"};
    }
    seen[index] = true;
  }
  return {};
}

}  // namespace

ReedSolomon::ReedSolomon(int k, int m) : k_(k), m_(m), matrix_(static_cast<size_t>(k + m) * k) {
  for (int i = 0; i < k; ++i) matrix_[i * k + i] = 1;
  for (int r = 0; r < m; ++r) {
    for (int c = 0; c < k; ++c) matrix_[(k + r) * k + c] = ParityCoefficient(k, r, c);
  }
}

Result<std::shared_ptr<const ReedSolomon>> ReedSolomon::Create(int k, int m) {
  if (k < 1 || m < 0 || k > kCellsMax || m > kCellsMax || k + m > kCellsMax) {
    return Status(Code::kInvalidArgument, "no geometry of " + std::to_string(k) + "+" +
                                              std::to_string(m) + " cells");
  }
  return std::shared_ptr<const ReedSolomon>(new ReedSolomon(k, m));
}

void ReedSolomon::Encode(const uint8_t* const* data, uint8_t* const* parity, size_t size) const {
  Apply(ByteSpan(matrix_).subspan(static_cast<size_t>(k_) * k_), m_, k_, data, parity, size);
}

Status ReedSolomon::Reconstruct(std::span<const int> have, const uint8_t* const* cells,
                                std::span<const int> wanted, uint8_t* const* out,
                                size_t size) const {
  if (have.size() != static_cast<size_t>(k_)) {
    return {Code::kInvalidArgument, "reconstruction needs " + std::to_string(k_) + " cells, not " +
                                        std::to_string(have.size())};
  }
  TRY(CheckIndexes(have, k_ + m_, "have"));
  TRY(CheckIndexes(wanted, k_ + m_, "wanted"));

  const Sources sources = Arrange(have, cells, k_);
  Rows rows{};
  for (int i = 0; i < k_; ++i) memcpy(rows[i].data(), &matrix_[sources.index[i] * k_], k_);
  const Rows inverse = Invert(rows, k_);

  Bytes lost;  // A row of k coefficients for each cell that is not simply there.
  std::array<uint8_t*, kCellsMax> lost_out;
  size_t lost_count = 0;
  for (size_t i = 0; i < wanted.size(); ++i) {
    const auto there = std::find(have.begin(), have.end(), wanted[i]);
    if (there != have.end()) {
      if (size != 0) memcpy(out[i], cells[there - have.begin()], size);
      continue;
    }
    const Row row = wanted[i] < k_ ? inverse[wanted[i]]
                                   : Combine(&matrix_[wanted[i] * k_], inverse, k_);
    // The plain XOR, where there is one, goes first: that is where a kernel looks for it.
    const bool front = AllOnes(ByteSpan(row).first(k_));
    lost.insert(front ? lost.begin() : lost.end(), row.begin(), row.begin() + k_);
    lost_out[lost_count++] = out[i];
    if (front) std::rotate(&lost_out[0], &lost_out[lost_count - 1], &lost_out[lost_count]);
  }
  Apply(lost, static_cast<int>(lost_count), k_, sources.cell.data(), lost_out.data(), size);
  return {};
}

}  // namespace strongroom::erasure
