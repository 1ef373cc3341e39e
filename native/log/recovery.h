// Recovery: from what the zones' disks hold to one true log, equal on every zone of a new epoch's
// set. Runs at every open, before anything is served.
//
//   sync everything -> find each zone's highest epoch -> rule -> walk the holders' chains to the
//   longest sound tail -> make the other zones equal -> reserve epoch numbers -> append the new
//   epoch
//
// The truth is the longest sound chain through the ruling epoch on a zone that holds its record:
// every acknowledged record stands on every member of its set, so nothing acknowledged can be
// missing, and a longer tail is adopted whole or not at all. A crash anywhere in here leaves a
// state from which the next recovery reaches the same history (log/recovery_test.cc walks every
// crash point). A disk that fails or falls silent anywhere in here is left out, and recovery begins
// again without it.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "format/superblock.h"
#include "io/deadline_env.h"
#include "log/log_reader.h"
#include "log/ruling.h"

namespace strongroom::log {

// A zone as recovery sees it.
struct RecoveryZone {
  int number = 0;  // 1-based, as the user gave them.
  std::string path;
  format::Superblock superblock;
  std::shared_ptr<io::DeadlineEnv> disk;
  std::shared_ptr<ZoneLog> log;  // On that disk.
  // What this zone's index has applied, if that is known: the walk may start there.
  std::optional<format::Position> applied;
};

struct RecoveryOptions {
  io::Env* env = nullptr;
  const RecordSeal* seal = nullptr;
  const format::StoreKeys* keys = nullptr;
  size_t quorum = 1;
  bool read_only = false;  // Takes none of the writing steps.
  std::function<void(int zone, const std::string& what)> on_alarm;
};

struct Recovered {
  uint64_t epoch = 0;
  uint32_t epoch_segment = 0;
  aead::Id epoch_segment_id{};
  format::Position tail;
  format::Extent extent;         // As the tail's record says.
  uint64_t epochs_reserved = 0;  // Numbers below this are ours to use.
  std::vector<size_t> set;       // Indexes into the zones given.
  // Of each zone given: the sequence up to which it held everything before it was made equal.
  std::vector<uint64_t> common;
  struct Failure {
    size_t zone;
    Status why;
  };
  std::vector<Failure> failed;  // Zones that broke on the way: not in the set.
};

// kQuorumLost, kRolledBack, kCorruption (rot that no other zone can heal), kUnsupportedFormat, kIo.
Result<Recovered> Recover(std::vector<RecoveryZone>& zones, const RecoveryOptions& options);

// Appends an epoch record in a segment of its own to the given zones, in parallel no, in order:
// each is durable when its Status is OK. Used by recovery and when a zone is expelled.
struct NewEpoch {
  uint64_t number = 0;
  uint32_t segment = 0;
  uint64_t previous_epoch = 0;
  uint32_t previous_epoch_segment = 0;
  format::Position base;
  std::vector<aead::Id> set;
  uint64_t wall_millis = 0;
  format::Extent extent;  // As the base's record says.
};
// The segment's header and first batch, the same bytes for every zone.
struct EpochImage {
  format::SegmentHeader header;
  AlignedBytes batch;
  format::Position position;
};
EpochImage SealEpoch(io::Env* env, const RecordSeal& seal, const NewEpoch& epoch);
Status WriteEpoch(ZoneLog& log, const EpochImage& image);

constexpr uint64_t kEpochsPerReservation = 1000;
constexpr uint64_t kFirstSegmentSize = 1 << 20;

}  // namespace strongroom::log
