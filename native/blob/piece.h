// Piece: up to 1 MiB of plaintext on its way through a slab, from snapshot to the zones' files.
//
//   slab = region of zone 0 ‖ region of zone 1 ‖ ...
//   region = image of the zone's file from a 4 KiB boundary on:
//            carry (what the piece before left behind its last whole block; the preamble, at first)
//          ‖ this zone's cells of the piece's stripes
//
// Each chunk of plaintext is copied to where its cell belongs and sealed there, and a region goes
// to disk as it stands, in whole blocks.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "blob/slab_pool.h"
#include "blob/stripe_sealer.h"
#include "format/blob_file.h"
#include "placement/placement.h"

namespace strongroom::blob {

class PieceLayout {
 public:
  PieceLayout(const placement::Placement& placement, uint32_t chunk_size);

  const placement::Placement& placement() const { return placement_; }
  uint32_t chunk_size() const { return chunk_size_; }
  size_t stripe_size() const;
  size_t piece_max() const { return stripes_max_ * stripe_size(); }
  format::CellRun run(int zone) const;
  // A blob of this layout with `size` bytes.
  format::BlobShape Shape(uint64_t size) const;

 private:
  const placement::Placement placement_;
  const uint32_t chunk_size_;
  size_t stripes_max_;
};

class Piece {
 public:
  struct Region {
    uint8_t* data;
    uint64_t offset;  // In the file.
    size_t carry;
    size_t used;      // Carry and cells.
  };

  // The piece that begins with stripe `first_stripe`. REQUIRES: whole stripes unless it is the
  // last.
  Piece(const PieceLayout& layout, SlabRef slab, uint64_t first_stripe, size_t plaintext,
        bool last);

  // Copies the plaintext into place. REQUIRES: the parts are as long as the piece together.
  void Snapshot(std::span<const ByteSpan> parts);
  // Before Seal: the plaintext, chunk by chunk, where it lies.
  void ReadPlaintext(const std::function<void(ByteSpan)>& reader) const;
  // `carry` is what the piece before left in each zone; what this one leaves takes its place.
  void Seal(StripeSealer* sealer, std::vector<Bytes>* carry);
  // After Seal: what zone `zone` is to write at region(zone).offset, whole blocks.
  ByteSpan Blocks(int zone) const;
  const Region& region(int zone) const { return regions_[static_cast<size_t>(zone)]; }
  const SlabRef& slab() const { return slab_; }
  bool last() const { return last_; }

 private:
  uint8_t* Cell(uint64_t stripe, int cell) const;
  void LeaveCarry(int zone, Bytes* carry);

  const PieceLayout& layout_;
  const SlabRef slab_;
  const uint64_t first_stripe_;
  const size_t plaintext_;
  const bool last_;
  format::BlobShape shape_;
  uint64_t end_stripe_;
  std::vector<Region> regions_;
};

}  // namespace strongroom::blob
