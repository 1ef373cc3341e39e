// Quarantine: what looked wrong in a zone and was set aside, never deleted.
//
//   <zone>/quarantine/<name>~<what was found>~<wall time in ms>~<8 hex digits>
//
// Whoever looks at it later finds the bytes as they were.
#pragma once

#include <string>

#include "io/env.h"

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

}  // namespace strongroom::repair
