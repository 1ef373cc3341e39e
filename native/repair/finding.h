// Finding: something in a zone that is not what must be there, and whether it was healed.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"

namespace strongroom::repair {

enum class FindingKind {
  kMissing,     // The zone has nothing there, or its file ends too early.
  kRotten,      // A checksum is wrong.
  kStale,       // Sound, and not what the others hold: older, or of a write that was dropped.
  kTampered,    // The checksum is right and the tag is wrong.
  kUnreadable,  // The disk does not give it.
};
const char* NameOf(FindingKind kind);
std::optional<FindingKind> KindNamed(std::string_view name);

struct Finding {
  FindingKind kind = FindingKind::kRotten;
  int zone = 0;  // 0: every zone, or nobody can say which.
  bool healed = false;
  Bytes row_key;  // Of a row that names it, where one is known.
  std::string what;
};
using OnFinding = std::function<void(Finding)>;

struct Tally {
  uint64_t bytes = 0;    // Read.
  uint64_t records = 0;  // Of the log, once however many zones hold them.
  uint64_t cells = 0;    // Of the log and of blob files, each zone's.
  uint64_t rows = 0;     // Of the index, compared with the log.
};

// Called between steps, with what was read and written since the last call; it may wait, to keep to
// a rate. False: stop.
using Pace = std::function<bool(uint64_t bytes)>;

}  // namespace strongroom::repair
