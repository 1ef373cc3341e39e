// k cells that are true, or that are taken for it; all others follow from them.
#include "repair/stripe_truth.h"

#include <bit>
#include <vector>

#include "base/check.h"
#include "blob/stripe_rescue.h"
#include "blob/stripe_sealer.h"

namespace strongroom::repair {

namespace {

constexpr CellMask Bit(int cell) { return CellMask{1} << cell; }
constexpr CellMask Below(int cell) { return cell >= 32 ? ~CellMask{0} : Bit(cell) - 1; }

}  // namespace

Status StripeTruth::Find(uint64_t stripe, const uint8_t* const* cells) {
  lying_ = 0;
  if (cipher_ != nullptr) TRY(OpenAll(stripe, cells));
  return Settle(stripe, cells);
}

// Names those that lie. All data cells are wanted, so each is opened or rebuilt and opened.
Status StripeTruth::OpenAll(uint64_t stripe, const uint8_t* const* cells) {
  plaintext_.resize(static_cast<size_t>(shape_.k) * shape_.chunk_size);
  blob::StripeRescue rescue;
  rescue.wanted = shape_.stored(stripe) & Below(shape_.k);
  for (int c = 0; c < shape_.k + shape_.m; ++c) rescue.cells[c] = cells[c];
  for (int c = 0; c < shape_.k; ++c) {
    rescue.out[c] = plaintext_.data() + static_cast<size_t>(c) * shape_.chunk_size;
  }
  Status status = blob::Rescue(shape_, code_, stripe, *cipher_, &rescue);
  lying_ = rescue.tampered;
  return status;
}

// The first k that do not lie decide. With a key they are those that Rescue has proven: every true
// data cell, and the parity cells of the choice that it opened, or of an equal one.
Status StripeTruth::Settle(uint64_t stripe, const uint8_t* const* given) {
  const size_t size = shape_.cell_size(stripe);
  const CellMask stored = shape_.stored(stripe);
  std::vector<int> from, others;
  std::vector<const uint8_t*> sources;
  for (int c = 0; c < shape_.k + shape_.m; ++c) {
    const bool zeros = (stored & Bit(c)) == 0;
    const bool usable = zeros || (given[c] != nullptr && (lying_ & Bit(c)) == 0);
    cells_[c] = nullptr;
    if (usable && from.size() < static_cast<size_t>(shape_.k)) {
      from.push_back(c);
      sources.push_back(zeros ? blob::ZeroCell() : given[c]);
      cells_[c] = sources.back();
    } else if (!zeros) {
      others.push_back(c);
    }
  }
  if (from.size() < static_cast<size_t>(shape_.k)) {
    return Status(Code::kUnavailable, "too few sound cells of stripe " + std::to_string(stripe));
  }
  if (others.empty()) return {};
  rebuilt_.Resize(others.size() * size);
  std::vector<uint8_t*> out;
  for (size_t i = 0; i < others.size(); ++i) out.push_back(rebuilt_.data() + i * size);
  CHECK(code_.Reconstruct(from, sources.data(), others, out.data(), size).ok());
  for (size_t i = 0; i < others.size(); ++i) {
    const int c = others[i];
    cells_[c] = out[i];
    if (given[c] == nullptr || memcmp(given[c], out[i], size) == 0) continue;
    if (cipher_ == nullptr) {
      return Status(Code::kTampered, "the cells of stripe " + std::to_string(stripe) +
                                         " have right checksums and do not fit together");
    }
    lying_ |= Bit(c);
  }
  return {};
}

}  // namespace strongroom::repair
