// Catching up: makes the log of one zone equal to a true one. The zone may lack a batch, have been
// away for long, or be empty; recovery catches up at an open, and whoever brings a zone back into
// the set of an open store does the same, in rounds.
//
//   where do the two part? -> copy from there on -> remove what the truth lacks
//
// Copies come first, so that a crash in between leaves a whole log plus leftovers.
#pragma once

#include <functional>
#include <optional>

#include "log/log_reader.h"
#include "log/ruling.h"

namespace strongroom::log {

// The true log and the one that is to be made equal to it.
struct LogPair {
  const RecordSeal* seal = nullptr;
  ZoneLog* truth = nullptr;
  std::optional<EpochMark> ruling;  // The truth's highest epoch.
  ZoneLog* zone = nullptr;
  int number = 0;         // The zone's, for messages.
  format::Extent extent;  // As the truth's last record says.
};

// The last record that both hold, with all that is before it; none: the truth's origin. Also none
// where the truth has retired it meanwhile: then the log is copied anew. kRolledBack: the zone
// lived on by itself, or holds another record of an epoch of the truth.
Result<format::Position> CommonBase(const LogPair& logs);

// Copies the truth from `common` to `tail` and removes what else stands behind it. What the truth
// has retired is not copied. `pace`: see ZoneLog::CopyFrom.
Status MakeEqual(const LogPair& logs, const format::Position& common, const format::Position& tail,
                 const ZoneLog::Pace& pace = {});

// Proves that the zone holds every record from `from` to `tail`, and every cell in their batches:
// a copy is no better than what was read. kCorruption.
Status ProveEqual(ZoneLog& zone, const RecordSeal& seal, const format::Position& from,
                  const format::Position& tail, const ZoneLog::Pace& pace);

// The highest epoch record that the log holds.
Result<std::optional<EpochMark>> HighestEpoch(ZoneLog& log, const RecordSeal& seal,
                                              LogReader::Source source);

// Are all cells of the batch there? An error of the disk says nothing of them: taken for a torn
// batch, it would cut off what was acknowledged.
Result<bool> IsWhole(LogReader& reader, const LogEntry& entry);

}  // namespace strongroom::log
