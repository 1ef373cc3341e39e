// What a zone says of itself, changed while the store serves: read, judged, written anew.
#pragma once

#include <functional>

#include "engine/zone.h"

namespace strongroom::engine {

// Puts `change` into the zone's superblock, durably; false leaves it, with kCancelled. Waits for
// the zone's log thread, a deadline per call. kUnavailable: another superblock lies there.
Status ChangeSuperblock(io::Env* env, Zone& zone, const format::StoreKeys& keys,
                        uint64_t deadline_nanos,
                        const std::function<bool(format::Superblock*)>& change);

}  // namespace strongroom::engine
