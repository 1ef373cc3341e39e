// Ruling: which zones count, which epoch rules, who must be healed. Pure: evidence in, verdict out.
//
// Why the highest epoch among two of three zones is the true one: an epoch number is reserved in
// the superblocks of two zones before it is served, and its record stands on every zone of its set
// (two at least) before anything is acknowledged under it. Any two zones share one with any other
// two.
//
// Why the truth is on a zone that holds the record, member or not: a member without it proves that
// the epoch never stood, so nothing was acknowledged under it; and a recovery copies the record to
// a zone outside the set only after all that is before it.
#pragma once

#include <optional>
#include <vector>

#include "format/record.h"

namespace strongroom::log {

// The highest epoch record that a zone's log holds.
struct EpochMark {
  uint64_t number = 0;
  uint32_t segment = 0;
  format::Position position;
  format::EpochPayload payload;
};

struct ZoneEvidence {
  aead::Id zone_id{};
  bool counts = true;  // False for a replacement that does not hold the whole log yet.
  uint64_t epochs_reserved = 0;
  std::optional<EpochMark> highest;
  // The one zone of its store: its log is the truth, whatever set the epochs name that it holds. A
  // backup begins with those of the store that it is of.
  bool sole = false;
};

struct Verdict {
  std::optional<EpochMark> epoch;  // None: no epoch was ever served; the log is empty.
  std::vector<size_t> members;     // Zones of the ruling epoch's set.
  std::vector<size_t> holders;     // Zones that hold its record: the truth is on one of them.
  std::vector<size_t> stale;       // All others: to be made equal.
  uint64_t next_epoch = 1;         // Never served before.
};

// `quorum` zones must count. kQuorumLost; kRolledBack when two records claim one epoch number.
Result<Verdict> Rule(const std::vector<ZoneEvidence>& zones, size_t quorum);

}  // namespace strongroom::log
