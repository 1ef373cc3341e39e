// Quarantine: what looked wrong in a zone and was set aside, never deleted.
//
//   <zone>/quarantine/<name>~<what was found>~<wall time in ms>~<8 hex digits>
//
// Whoever looks at it later finds the bytes as they were. The names are what a disk says: one that
// does not fit the grammar is somebody else's file, and told of to nobody.
#pragma once

#include <string>
#include <vector>

#include "io/env.h"
#include "repair/finding.h"

namespace strongroom::repair {

std::string QuarantineFolder(const std::string& zone_path);

// Moves the file into the zone's quarantine, durably, and says where it lies; kNotFound when there
// is none. On the zone's threads. Crash in here: the file lies in one of both places. That its old
// name is gone is durable only when its folder is synced: the caller's, who has more to do there.
Result<std::string> MoveToQuarantine(io::Env* env, const std::string& zone_path,
                                     const std::string& path, const std::string& found);

// For what cannot be moved, being part of a file that goes on: writes these bytes there, durably.
Status CopyToQuarantine(io::Env* env, const std::string& zone_path, const std::string& name,
                        const std::string& found, ByteSpan bytes);

struct SetAside {
  std::string name;  // Of its file.
  std::string what;  // A blob's file, or a segment and where in it.
  FindingKind reason = FindingKind::kRotten;
  uint64_t since_millis = 0;
};
struct Quarantined {
  uint64_t total = 0;
  std::vector<SetAside> page;
};
// What lies in the zone's quarantine: how much, and the first `limit` whose names are above
// `after`, in the order of their names. On the zone's threads.
Result<Quarantined> ListQuarantine(io::Env* env, const std::string& zone_path,
                                   const std::string& after, size_t limit);

}  // namespace strongroom::repair
