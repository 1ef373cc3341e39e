// Hazards: what goes wrong around a simulated store, each with a probability of its own per seed.
//
// With three zones all of it happens to one zone, which is then the sick one for the rest of the
// store's life: whatever it does, nothing may be lost, torn, resurrected or refused. Power and
// processes go as a whole, and the clock is everybody's.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "base/testing.h"
#include "io/sim_disk.h"
#include "io/sim_fault.h"

namespace strongroom::sim {

enum class Hazard {
  kKill,       // The process dies: its unsynced writes are in the page cache.
  kPowerCut,   // And they are gone, or some of them.
  kFail,       // A few writes or syncs fail, or all from then on.
  kHang,       // One does not return.
  kSlow,       // They take seconds.
  kNoSpace,    // One zone says that it is full.
  kFull,       // All of them are, for a while.
  kLie,        // A write or a sync succeeds and does nothing.
  kMisdirect,  // A write goes to the neighbouring block.
  kStray,      // A read comes from there.
  kRefuse,     // A few reads fail.
  kRot,        // Bits of what is durable flip.
  kAway,       // A zone is not there when the store is opened.
  kVanish,     // It goes while the store is open, and is stale when it comes back.
  kOlder,      // It is replaced by an older copy of itself.
  kClock,      // The wall clock jumps.
};
constexpr size_t kHazards = 16;
const char* NameOf(Hazard hazard);

using HazardCounts = std::array<uint64_t, kHazards>;

// How often each strikes in the life of one store.
class Odds {
 public:
  explicit Odds(testing::Random& random);
  // `one_in`: at medium odds. Draws one number, whatever the odds.
  bool Strike(Hazard hazard, uint64_t one_in, testing::Random& random) const;

 private:
  std::array<uint8_t, kHazards> weights_{};
};

// The fault that a hazard is on a running machine; none for those that happen to the disk itself.
std::optional<io::SimFault> FaultOf(Hazard hazard, const std::string& zone,
                                    testing::Random& random);
// Flips some durable bits below `zone`: of the log mostly, and of what else lies there.
void Rot(io::SimDisk* disk, const std::string& zone, testing::Random& random);

}  // namespace strongroom::sim
