// Opening: from directories to zones that hold one true log. Creates a store where there is none
// (creating.h).
//
//   lock every zone -> read the superblocks -> open the keys -> open the indexes -> recover the log
//
// A zone that is missing, empty or does not answer is left out, as long as enough are left; one of
// another store is refused, for it is a mistake. An existing store's missing zone is never created.
#pragma once

#include "engine/engine.h"
#include "engine/zone.h"
#include "engine/zone_index.h"
#include "log/recovery.h"

namespace strongroom::engine {

struct Opened {
  std::vector<std::shared_ptr<Zone>> zones;  // All that were given, present or not.
  format::StoreKeys keys;
  log::RecordSeal seal;
  std::shared_ptr<const IndexSource> index_source;
  log::Recovered recovered;
  std::vector<std::shared_ptr<Zone>> set;
  size_t quorum = 1;
};

// A zone and its threads, which exist before anything of it is touched: a dead disk may hang at the
// first.
std::shared_ptr<Zone> ZoneAt(io::Env* env, int number, const std::string& path,
                             uint64_t deadline_nanos);

Result<std::unique_ptr<Opened>> OpenZones(const OpenOptions& options,
                                          const std::function<void(const Event&)>& on_event);

}  // namespace strongroom::engine
