#include "sim/tamper_matrix.h"

namespace strongroom::sim {

namespace {

// Of which the last batch may go: it is in the log, and with the log in the zone.
bool IsInLog(Thing thing) {
  return thing == Thing::kRecord || thing == Thing::kBatch || thing == Thing::kSegment ||
         thing == Thing::kFrame || thing == Thing::kSmallChunk || thing == Thing::kZone;
}

}  // namespace

TamperMatrix::TamperMatrix(std::shared_ptr<const Specimen> of,
                           std::shared_ptr<const Specimen> foreign, uint64_t seed,
                           std::function<void(const std::string&)> tell)
    : of_(std::move(of)),
      foreign_(std::move(foreign)),
      seed_(seed),
      tell_(std::move(tell)),
      attacker_(std::make_shared<Attacker>(of_.get(), foreign_.get())) {}

Result<TamperMatrix> TamperMatrix::Make(size_t zone_count, uint64_t seed,
                                        std::function<void(const std::string&)> tell) {
  TRY_ASSIGN(Specimen of, Specimen::Make(zone_count, seed));
  TRY_ASSIGN(Specimen foreign, Specimen::Make(zone_count, ~seed));
  return TamperMatrix(std::make_shared<const Specimen>(std::move(of)),
                      std::make_shared<const Specimen>(std::move(foreign)), seed, std::move(tell));
}

void TamperMatrix::Run(uint64_t instances) {
  for (Thing thing : kThings) {
    for (Deed deed : kDeeds) {
      for (bool mends : {false, true}) {
        for (Reach reach : {Reach::kOneZone, Reach::kEveryZone}) {
          const Attack attack{deed, thing, mends, reach};
          if (!attack.Exists() || (reach == Reach::kEveryZone && of_->zone_count() == 1)) continue;
          uint64_t done = 0;
          for (uint64_t i = 0; i < instances; ++i) {
            io::SimDisk disk = of_->disk();
            const uint64_t seed = io::MixHash(seed_, io::MixHash(i, AsBytes(attack.Name())));
            if (!attacker_->Act(attack, seed, &disk)) continue;
            ++done;
            Judge(attack, seed, &disk);
          }
          figures_.instances += done;
          figures_.attacks += done > 0;
        }
      }
    }
  }
}

void TamperMatrix::Judge(const Attack& attack, uint64_t seed, io::SimDisk* disk) {
  const bool honest_zones = of_->zone_count() > 1 && attack.reach == Reach::kOneZone;
  const Reading reading = of_->Read(disk, seed, Specimen::Demand::kCheckpoint);
  if (reading.strangers > 0 || reading.Count(Fate::kWrong) > 0) {
    return Find(&figures_.accepted, attack, seed, reading);
  }
  if (reading.IsRight()) {
    ++(reading.findings > 0 ? figures_.noticed : figures_.harmless);
    // What the open made of it must be right, too.
    if (!of_->Read(disk, seed + 1, Specimen::Demand::kCheckpoint).IsRight()) {
      Find(&figures_.lost, attack, seed, reading);
    }
    return;
  }
  if (!reading.opened.ok()) {
    ++figures_.refused;
    if (honest_zones) ++refusals_[attack.Name()];
    return;
  }
  if (honest_zones) return Find(&figures_.lost, attack, seed, reading);
  for (size_t i = 0; i < reading.fates.size(); ++i) {
    if (reading.fates[i] != Fate::kMissing) continue;
    const bool last = &of_->items()[i] == &of_->last() && IsInLog(attack.thing);
    if (!last) return Find(&figures_.accepted, attack, seed, reading);
  }
  ++(reading.Count(Fate::kRefused) > 0 || !reading.scanned.ok() ? figures_.refused
                                                                : figures_.last_batch);
}

void TamperMatrix::Find(uint64_t* count, const Attack& attack, uint64_t seed,
                        const Reading& reading) {
  ++*count;
  if (tell_) {
    tell_(attack.Name() + " (" + std::to_string(of_->zone_count()) + " zones, instance " +
          std::to_string(seed) + ")" + of_->Tell(reading));
  }
}

}  // namespace strongroom::sim
