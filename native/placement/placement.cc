// Runs of cells over rotated zones; the choice of cells for one stripe.
#include "placement/placement.h"

#include <algorithm>
#include <bit>
#include <string>

#include "base/bytes.h"
#include "base/check.h"

namespace strongroom::placement {

namespace {

constexpr int kCellsMax = 32;

int Least(uint32_t mask) { return std::countr_zero(mask); }

// Moves up to `count` cells, lowest first, from `from` into the answer.
uint32_t Pick(uint32_t from, int count) {
  uint32_t picked = 0;
  for (; from != 0 && count > 0; from &= from - 1, --count) picked |= uint32_t{1} << Least(from);
  return picked;
}

std::string Name(Geometry geometry) {
  return std::to_string(geometry.k) + "+" + std::to_string(geometry.m);
}

}  // namespace

Placement::Placement(Geometry geometry, int zones, int rotation)
    : geometry_(geometry), zones_(zones), rotation_(rotation) {}

Result<Placement> Placement::Create(Geometry geometry, int zones, const aead::Id& blob_id) {
  const auto [k, m] = geometry;
  if (k < 1 || m < 0 || k > kCellsMax || m > kCellsMax || k + m > kCellsMax) {
    return Status(Code::kInvalidArgument, "no geometry: " + Name(geometry));
  }
  if (zones < 1 || zones > k + m) {
    return Status(Code::kInvalidArgument, Name(geometry) + " does not fill " +
                                              std::to_string(zones) + " zones");
  }
  const int most = (k + m + zones - 1) / zones;
  if (zones > 1 && most > m) {
    return Status(Code::kInvalidArgument,
                  Name(geometry) + " on " + std::to_string(zones) + " zones puts " +
                      std::to_string(most) + " cells into one: its loss would lose data");
  }
  const auto rotation = LoadLittle<uint32_t>(blob_id.data()) % static_cast<uint32_t>(zones);
  return Placement(geometry, zones, static_cast<int>(rotation));
}

// The run of a zone: zone = (run + rotation) mod zones, turned around.
int Placement::run_of(int zone) const {
  CHECK(zone >= 0 && zone < zones_);
  return (zone - rotation_ + zones_) % zones_;
}

int Placement::cells_in(int zone) const {
  const int cells = geometry_.cells();
  return cells / zones_ + (run_of(zone) < cells % zones_ ? 1 : 0);
}

int Placement::first_cell(int zone) const {
  const int cells = geometry_.cells(), run = run_of(zone);
  return run * (cells / zones_) + std::min(run, cells % zones_);
}

int Placement::zone_of(int cell) const {
  CHECK(cell >= 0 && cell < geometry_.cells());
  // The first `longer` runs have one cell more than the others.
  const int least = geometry_.cells() / zones_, longer = geometry_.cells() % zones_;
  const int in_longer = longer * (least + 1);
  const int run = cell < in_longer ? cell / (least + 1) : longer + (cell - in_longer) / least;
  return (run + rotation_) % zones_;
}

uint32_t Placement::cells_of(ZoneMask zones) const {
  uint32_t cells = 0;
  for (int zone = 0; zone < zones_; ++zone) {
    if ((zones >> zone & 1) == 0) continue;
    for (int i = 0; i < cells_in(zone); ++i) cells |= uint32_t{1} << (first_cell(zone) + i);
  }
  return cells;
}

bool Placement::Recoverable(ZoneMask zones) const {
  return std::popcount(cells_of(zones)) >= geometry_.k;
}

std::optional<StripePlan> PlanStripe(const Placement& placement, uint32_t wanted, uint32_t stored,
                                     ZoneMask readable) {
  const uint32_t there = placement.cells_of(readable) & stored;
  wanted &= stored;
  if ((wanted & ~there) == 0) return StripePlan{wanted, false};

  const int k = placement.geometry().k;
  const uint32_t data = k == 32 ? ~uint32_t{0} : (uint32_t{1} << k) - 1;
  const int needed = std::popcount(stored & data);  // The other data cells are known to be zeros.
  uint32_t cells = wanted & there;
  for (uint32_t next : {there & data & ~wanted, there & ~data}) {
    cells |= Pick(next, needed - std::popcount(cells));
  }
  if (std::popcount(cells) < needed) return std::nullopt;
  return StripePlan{cells, true};
}

}  // namespace strongroom::placement
