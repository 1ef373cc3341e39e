// Tags decide what is true; parity is tried in every choice until they do.
#include "blob/stripe_rescue.h"

#include <bit>
#include <vector>

#include "base/bugs.h"
#include "base/check.h"
#include "blob/stripe_sealer.h"

namespace strongroom::blob {

namespace {

constexpr uint32_t Bit(int cell) { return uint32_t{1} << cell; }
constexpr uint32_t DataMask(int k) { return k >= 32 ? ~uint32_t{0} : Bit(k) - 1; }

std::vector<int> Indexes(uint32_t mask) {
  std::vector<int> indexes;
  for (; mask != 0; mask &= mask - 1) indexes.push_back(std::countr_zero(mask));
  return indexes;
}

// The next number with as many bits set (Gosper); walks all choices of parity cells.
uint64_t NextChoice(uint64_t choice) {
  const uint64_t lowest = choice & -choice, ripple = choice + lowest;
  return ripple | (((ripple ^ choice) / lowest) >> 2);
}

// The cells of `from` that `choice` picks by rank.
uint32_t Picked(const std::vector<int>& from, uint64_t choice) {
  uint32_t mask = 0;
  for (size_t i = 0; i < from.size(); ++i) {
    if (choice >> i & 1) mask |= Bit(from[i]);
  }
  return mask;
}

bool AllZero(ByteSpan bytes) {
  for (uint8_t b : bytes) {
    if (b != 0) return false;
  }
  return true;
}

// The one stripe at hand.
class Bench {
 public:
  Bench(const format::BlobShape& shape, const erasure::ReedSolomon& code, uint64_t stripe,
        aead::ChunkCipher& cipher, StripeRescue* rescue)
      : shape_(shape), code_(code), stripe_(stripe), cipher_(cipher), rescue_(*rescue) {}

  Status Run() {
    const uint32_t stored = shape_.stored(stripe_);
    OpenData(stored & DataMask(shape_.k));
    const uint32_t missing = rescue_.wanted & ~true_;
    if (missing == 0) return {};
    std::vector<int> parity;
    for (int c = shape_.k; c < shape_.k + shape_.m; ++c) {
      if (rescue_.cells[c] != nullptr) parity.push_back(c);
    }
    const int needed = shape_.k - std::popcount(true_);
    if (static_cast<size_t>(needed) > parity.size()) {
      return Status(Code::kUnavailable, "too few cells of a stripe are left");
    }
    return TryParity(parity, needed, missing);
  }

 private:
  // Cells that are not stored are zeros by definition, and true.
  void OpenData(uint32_t stored_data) {
    true_ = DataMask(shape_.k) & ~stored_data;
    for (int c : Indexes(true_)) rescue_.cells[c] = ZeroCell();
    Bytes unwanted(shape_.chunk_size);
    for (int c : Indexes(stored_data)) {
      if (rescue_.cells[c] == nullptr) continue;
      uint8_t* out = (rescue_.wanted & Bit(c)) ? rescue_.out[c] : unwanted.data();
      const ByteSpan sealed{rescue_.cells[c], shape_.cell_size(stripe_)};
      if (OpenCell(shape_, stripe_, c, sealed, cipher_, out).ok()) {
        true_ |= Bit(c);
      } else {
        rescue_.tampered |= Bit(c);
      }
    }
  }

  Status TryParity(const std::vector<int>& parity, int needed, uint32_t missing) {
    const uint64_t end = uint64_t{1} << parity.size();
    Bytes scratch;
    bool first = true;
    for (uint64_t choice = (uint64_t{1} << needed) - 1; choice < end; choice = NextChoice(choice)) {
      const uint32_t have = true_ | Picked(parity, choice);
      if (RebuildAndOpen(shape_, code_, stripe_, have, rescue_.cells, missing, cipher_, rescue_.out,
                         &scratch)
              .ok()) {
        if (!first) FindLiars(parity, have);
        return {};
      }
      first = false;
    }
    return Status(Code::kTampered, "no choice of cells gives what was sealed");
  }

  // `have` is proven: any other parity cell must be what it yields.
  void FindLiars(const std::vector<int>& parity, uint32_t have) {
    const size_t size = shape_.cell_size(stripe_);
    const std::vector<int> from = Indexes(have);
    std::vector<const uint8_t*> cells;
    for (int c : from) cells.push_back(rescue_.cells[c]);
    Bytes right(size);
    for (int c : parity) {
      uint8_t* out = right.data();
      CHECK(code_.Reconstruct(from, cells.data(), {&c, 1}, &out, size).ok());
      if (memcmp(out, rescue_.cells[c], size) != 0) rescue_.tampered |= Bit(c);
    }
  }

  const format::BlobShape& shape_;
  const erasure::ReedSolomon& code_;
  const uint64_t stripe_;
  aead::ChunkCipher& cipher_;
  StripeRescue& rescue_;
  uint32_t true_ = 0;
};

}  // namespace

Status Rescue(const format::BlobShape& shape, const erasure::ReedSolomon& code, uint64_t stripe,
              aead::ChunkCipher& cipher, StripeRescue* rescue) {
  return Bench(shape, code, stripe, cipher, rescue).Run();
}

Status OpenCell(const format::BlobShape& shape, uint64_t stripe, int cell, ByteSpan sealed,
                aead::ChunkCipher& cipher, uint8_t* out) {
  const uint64_t chunk = stripe * static_cast<uint64_t>(shape.k) + static_cast<uint64_t>(cell);
  const size_t size = shape.sealed_size(chunk);
  // No tag covers the zeros behind a short cell, but whatever is rebuilt from it depends on them.
  if (!AllZero(sealed.subspan(size))) return aead::SealBroken();
  Status opened = cipher.Open(chunk, chunk + 1 == shape.chunks(), sealed.first(size), out);
  return STRONGROOM_BUG("checksum-as-truth") ? Status() : opened;
}

Status RebuildAndOpen(const format::BlobShape& shape, const erasure::ReedSolomon& code,
                      uint64_t stripe, uint32_t have, const uint8_t* const* cells, uint32_t missing,
                      aead::ChunkCipher& cipher, uint8_t* const* out, Bytes* scratch) {
  const size_t size = shape.cell_size(stripe);
  const std::vector<int> from = Indexes(have), lost = Indexes(missing);
  scratch->resize(lost.size() * size);
  std::vector<const uint8_t*> sources;
  for (int c : from) sources.push_back(cells[c]);
  std::vector<uint8_t*> rebuilt;
  for (size_t i = 0; i < lost.size(); ++i) rebuilt.push_back(scratch->data() + i * size);
  TRY(code.Reconstruct(from, sources.data(), lost, rebuilt.data(), size));
  for (size_t i = 0; i < lost.size(); ++i) {
    TRY(OpenCell(shape, stripe, lost[i], {rebuilt[i], size}, cipher, out[lost[i]]));
  }
  return {};
}

}  // namespace strongroom::blob
