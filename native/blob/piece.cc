// All places come from the one arithmetic of the format, so what lies in the slab is the file.
#include "blob/piece.h"

#include <algorithm>

#include "base/check.h"
#include "format/segment.h"

namespace strongroom::blob {

namespace {

constexpr size_t kPieceMax = 1u << 20;  // What may be copied in one turn of the event loop.
constexpr size_t kBlock = format::kBlock;
constexpr uint64_t Down(uint64_t offset) { return offset / kBlock * kBlock; }

}  // namespace

PieceLayout::PieceLayout(const placement::Placement& placement, uint32_t chunk_size)
    : placement_(placement), chunk_size_(chunk_size) {
  const size_t slot = chunk_size + aead::kTagSize + format::kCellTrailerSize;
  const auto fits = [&](size_t stripes) {
    size_t slab = 0;
    for (int zone = 0; zone < placement_.zones(); ++zone) {
      const auto cells = static_cast<size_t>(placement_.cells_in(zone));
      slab += format::RoundUp(kBlock + stripes * cells * slot, kBlock);
    }
    return slab <= kSlabSize && stripes * stripe_size() <= kPieceMax;
  };
  stripes_max_ = 1;
  while (fits(stripes_max_ + 1)) ++stripes_max_;
}

size_t PieceLayout::stripe_size() const {
  return static_cast<size_t>(placement_.geometry().k) * chunk_size_;
}

format::CellRun PieceLayout::run(int zone) const {
  return {placement_.first_cell(zone), placement_.cells_in(zone)};
}

format::BlobShape PieceLayout::Shape(uint64_t size) const {
  return {chunk_size_, placement_.geometry().k, placement_.geometry().m, size};
}

Piece::Piece(const PieceLayout& layout, SlabRef slab, uint64_t first_stripe, size_t plaintext,
             bool last)
    : layout_(layout),
      slab_(std::move(slab)),
      first_stripe_(first_stripe),
      plaintext_(plaintext),
      last_(last),
      // At least one byte follows a piece that is not the last, so none of its stripes is the last.
      shape_(layout.Shape(first_stripe * layout.stripe_size() + plaintext + (last ? 0 : 1))),
      end_stripe_(last ? shape_.stripes() : shape_.stripes() - 1) {
  uint8_t* data = slab_->data();
  for (int zone = 0; zone < layout.placement().zones(); ++zone) {
    const format::CellRun run = layout.run(zone);
    const uint64_t begin = shape_.CellOffset(run, first_stripe, run.first);
    const uint64_t end = shape_.CellOffset(run, end_stripe_ - 1, run.first + run.count);
    const uint64_t offset = first_stripe == 0 ? 0 : Down(begin);
    regions_.push_back({data, offset, static_cast<size_t>(begin - offset),
                        static_cast<size_t>(end - offset)});
    data += format::RoundUp(regions_.back().used, kBlock);
  }
  CHECK(data <= slab_->data() + kSlabSize);
}

uint8_t* Piece::Cell(uint64_t stripe, int cell) const {
  const int zone = layout_.placement().zone_of(cell);
  const Region& region = regions_[static_cast<size_t>(zone)];
  return region.data + (shape_.CellOffset(layout_.run(zone), stripe, cell) - region.offset);
}

void Piece::Snapshot(std::span<const ByteSpan> parts) {
  const size_t chunk_size = layout_.chunk_size();
  const auto k = static_cast<uint64_t>(layout_.placement().geometry().k);
  size_t at = 0;
  for (ByteSpan part : parts) {
    while (!part.empty()) {
      const uint64_t chunk = at / chunk_size;
      const size_t into = at % chunk_size;
      const size_t size = std::min(part.size(), chunk_size - into);
      const auto cell = static_cast<int>(chunk % k);
      memcpy(Cell(first_stripe_ + chunk / k, cell) + into, part.data(), size);
      part = part.subspan(size);
      at += size;
    }
  }
  CHECK(at == plaintext_);
}

void Piece::ReadPlaintext(const std::function<void(ByteSpan)>& reader) const {
  const size_t chunk_size = layout_.chunk_size();
  const auto k = static_cast<uint64_t>(layout_.placement().geometry().k);
  for (size_t at = 0; at < plaintext_; at += chunk_size) {
    const uint64_t chunk = at / chunk_size;
    const auto cell = static_cast<int>(chunk % k);
    reader({Cell(first_stripe_ + chunk / k, cell), std::min(chunk_size, plaintext_ - at)});
  }
}

void Piece::Seal(StripeSealer* sealer, std::vector<Bytes>* carry) {
  for (size_t zone = 0; zone < regions_.size(); ++zone) {
    const Bytes& before = (*carry)[zone];
    CHECK(before.size() == regions_[zone].carry);
    // Empty when the piece before ended on a block.
    if (!before.empty()) memcpy(regions_[zone].data, before.data(), before.size());
  }
  for (uint64_t stripe = first_stripe_; stripe < end_stripe_; ++stripe) {
    StripeBuffers buffers;
    buffers.number = stripe;
    buffers.chunks = shape_.data_cells(stripe);
    const uint64_t first = stripe * static_cast<uint64_t>(shape_.k);
    buffers.first_plaintext = shape_.plaintext_size(first);
    buffers.last_plaintext =
        shape_.plaintext_size(first + static_cast<uint64_t>(buffers.chunks) - 1);
    buffers.last = last_ && stripe + 1 == end_stripe_;
    for (int cell = 0; cell < shape_.k + shape_.m; ++cell) {
      if (cell >= buffers.chunks && cell < shape_.k) continue;
      buffers.cells[cell] = Cell(stripe, cell);
    }
    sealer->Seal(buffers);
  }
  for (size_t zone = 0; zone < regions_.size(); ++zone) {
    LeaveCarry(static_cast<int>(zone), &(*carry)[zone]);
  }
}

// Behind the last whole block: kept for the next piece, or filled up with zeros at the end.
void Piece::LeaveCarry(int zone, Bytes* carry) {
  const Region& region = regions_[static_cast<size_t>(zone)];
  const size_t whole = Down(region.used);
  if (last_) {
    memset(region.data + region.used, 0, format::RoundUp(region.used, kBlock) - region.used);
    carry->clear();
  } else {
    carry->assign(region.data + whole, region.data + region.used);
  }
}

ByteSpan Piece::Blocks(int zone) const {
  const Region& region = regions_[static_cast<size_t>(zone)];
  return {region.data, last_ ? format::RoundUp(region.used, kBlock) : Down(region.used)};
}

}  // namespace strongroom::blob
