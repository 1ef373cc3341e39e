// Log verifier: walks the logs of all zones of the set side by side, past the page cache, from the
// log's beginning to the record that was last when it began; and heals what one of them lacks.
//
// Of every batch it looks at header, seal, chain, each cell of each blob frame and the zeros behind
// it, in every zone; what one zone has wrong is what another has right (batch_truth.h). What stands
// behind a segment's last record is neither truth nor rot: batches that were dropped lie there.
//
// While it walks, the store goes on: batches come only behind the last record it knows, and what is
// written here is written between two appends. One thread, which waits for the disks. Memory: a MiB
// or one batch, of each zone.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "log/log_reader.h"
#include "repair/finding.h"
#include "repair/log_zone.h"

namespace strongroom::repair {

struct LogOrder {
  io::Env* env = nullptr;
  const log::RecordSeal* seal = nullptr;
  std::vector<LogZone> zones;  // Of the set.
  // The last record that stands in all of them, and where it says that the log begins. REQUIRES:
  // what begins there is not unlinked meanwhile.
  format::Position tail;
  format::Extent extent;
  bool heal = false;
  // Whether a zone is one of the set still, where that may change. One that is not is left alone
  // from then on: others are at work there.
  std::function<bool(int number)> counts;
  uint64_t patience_nanos = 30'000'000'000;
};

// Findings of the same kind one behind the other in a zone are told as one. kCancelled: by `pace`.
// kTimedOut, kClosed: no zone answers any more. What is wrong with the logs is no failure.
Status VerifyLog(const LogOrder& order, const Pace& pace, const OnFinding& on_finding,
                 Tally* tally);

}  // namespace strongroom::repair
