#include "log/ruling.h"

#include <algorithm>

#include "base/bugs.h"

namespace strongroom::log {

Result<Verdict> Rule(const std::vector<ZoneEvidence>& zones, size_t quorum) {
  size_t counting = 0;
  Verdict verdict;
  const EpochMark* ruling = nullptr;
  for (const ZoneEvidence& zone : zones) {
    if (!zone.counts) continue;
    ++counting;
    verdict.next_epoch = std::max(verdict.next_epoch, zone.epochs_reserved);
    if (!zone.highest) continue;
    verdict.next_epoch = std::max(verdict.next_epoch, zone.highest->number + 1);
    if (!ruling || zone.highest->number > ruling->number) ruling = &*zone.highest;
  }
  if (counting < quorum) {
    return Status(Code::kQuorumLost,
                  std::to_string(counting) + " zones count, " + std::to_string(quorum) + " must");
  }
  for (size_t i = 0; i < zones.size(); ++i) {
    const ZoneEvidence& zone = zones[i];
    bool same = ruling && zone.highest && zone.highest->number == ruling->number;
    if (!STRONGROOM_BUG("fork-taken-as-tail") && zone.counts && same &&
        zone.highest->position.chain != ruling->position.chain) {
      return Status(Code::kRolledBack, "two different records of epoch " +
                                           std::to_string(ruling->number) +
                                           ": the zones hold a fork");
    }
    const auto* set = ruling ? &ruling->payload.set : nullptr;
    bool member = zone.counts && (STRONGROOM_BUG("stale-zone-outvotes") || !set || zone.sole ||
                                  std::find(set->begin(), set->end(), zone.zone_id) != set->end());
    (member ? verdict.members : verdict.stale).push_back(i);
    if (zone.counts && (same || !ruling)) verdict.holders.push_back(i);
  }
  if (ruling) verdict.epoch = *ruling;
  if (verdict.members.empty()) {
    return Status(Code::kQuorumLost, "no zone of the ruling epoch's set is here");
  }
  return verdict;
}

}  // namespace strongroom::log
