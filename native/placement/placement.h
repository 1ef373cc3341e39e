// Placement: which cell of a blob lies in which zone, and which cells a read should ask for. Pure.
//
//   cells of a stripe  0 .. k-1 data, k .. k+m-1 parity
//   runs               the k+m cells cut into one contiguous run per zone, as even as they go
//   zone of run r      (r + rotation) mod zones; rotation = first 4 bytes of the blob id, as u32
//
// No zone holds more than m cells of a stripe, so the loss of any one zone loses nothing; the
// rotation spreads the data cells of many blobs, and with them the healthy reads, over all zones.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "aead/chunk.h"
#include "base/status.h"

namespace strongroom::placement {

struct Geometry {
  int k = 1;
  int m = 0;
  int cells() const { return k + m; }
  bool operator==(const Geometry&) const = default;
};

// A set of zones, by position: bit i is zone i of the list that the placement was made for.
using ZoneMask = uint32_t;

class Placement {
 public:
  // kInvalidArgument unless 1 <= k, 0 <= m, k + m <= 32, 1 <= zones <= k + m, and the cells of any
  // one of several zones are at most m. One zone alone takes every geometry: it has nothing to
  // lose.
  static Result<Placement> Create(Geometry geometry, int zones, const aead::Id& blob_id);

  const Geometry& geometry() const { return geometry_; }
  int zones() const { return zones_; }
  // The cells that zone `zone` holds of every stripe: first_cell .. first_cell + cells_in - 1.
  int first_cell(int zone) const;
  int cells_in(int zone) const;
  int zone_of(int cell) const;
  uint32_t cells_of(ZoneMask zones) const;   // Bit c: cell c lies in one of them.
  bool Recoverable(ZoneMask zones) const;    // They hold k cells.

 private:
  Placement(Geometry geometry, int zones, int rotation);
  int run_of(int zone) const;
  Geometry geometry_;
  int zones_;
  int rotation_;
};

// The cells of one stripe that a read should ask for.
struct StripePlan {
  uint32_t cells = 0;    // Bit c: cell c.
  bool rebuild = false;  // A wanted cell is not among them: k cells are read to rebuild it.
};
// Of the stripe's cells, `wanted` must come out (data cells), `stored` exist on disk (the rest are
// zeros by definition and cost nothing), and the zones in `readable` can be asked. Without
// `rebuild`, cells == wanted. Nothing when fewer than k cells can be had.
std::optional<StripePlan> PlanStripe(const Placement& placement, uint32_t wanted, uint32_t stored,
                                     ZoneMask readable);

}  // namespace strongroom::placement
