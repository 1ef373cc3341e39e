// TamperMatrix: every deed of an attacker on every thing, on three zones and on one. Nothing that
// he made may ever be taken for what was stored.
//
//   one zone of three   everything is right, from the honest zones; or the store is refused
//   every zone, or the only one   everything is right, or a typed error: of the object, or of the
//                       store. A rollback of the whole store is told by the checkpoint
#pragma once

#include <functional>
#include <map>
#include <string>

#include "sim/attacker.h"

namespace strongroom::sim {

struct TamperFigures {
  uint64_t attacks = 0;  // With a name of their own, and an instance that changed something.
  uint64_t instances = 0;
  uint64_t harmless = 0;    // Everything is right; nobody asked for what was changed.
  uint64_t noticed = 0;     // Everything is right, and an event told of it.
  uint64_t refused = 0;     // A typed error, of the store or of an object.
  uint64_t last_batch = 0;  // Everywhere alike: what came after the last checkpoint was cut off.
  uint64_t accepted = 0;    // What the attacker made was taken for what was stored.
  uint64_t lost = 0;        // One zone cost more than itself.
  uint64_t bad() const { return accepted + lost; }
};

class TamperMatrix {
 public:
  // `tell` hears of each finding.
  static Result<TamperMatrix> Make(size_t zone_count, uint64_t seed,
                                   std::function<void(const std::string&)> tell);
  // So many instances of each attack.
  void Run(uint64_t instances);
  const TamperFigures& figures() const { return figures_; }
  // Of attacks on one zone of three: how often the store was refused, by their names.
  const std::map<std::string, uint64_t>& refusals() const { return refusals_; }

 private:
  TamperMatrix(std::shared_ptr<const Specimen> of, std::shared_ptr<const Specimen> foreign,
               uint64_t seed, std::function<void(const std::string&)> tell);
  void Judge(const Attack& attack, uint64_t seed, io::SimDisk* disk);
  void Find(uint64_t* count, const Attack& attack, uint64_t seed, const Reading& reading);

  std::shared_ptr<const Specimen> of_, foreign_;
  uint64_t seed_;
  std::function<void(const std::string&)> tell_;
  std::shared_ptr<const Attacker> attacker_;
  TamperFigures figures_;
  std::map<std::string, uint64_t> refusals_;
};

}  // namespace strongroom::sim
