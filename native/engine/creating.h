// Creating: from nothing, or from what a crash left of an earlier try, to zones that hold an empty
// store.
//
//   make and lock every zone's folder -> write every zone, its superblock last, reserving 0 epochs
//   -> once all stand, write 1 into each -> (recovery reserves the first thousand)
//
// So each number in a zone's superblock proves something about the others: 1 says that every zone
// was whole, more says that every zone says 1 at least. A store serves only after more than 1 is
// durable in some zone. Hence a zone that says 0 belongs to a store that never served, and neither
// did a store that says 1 in its last zone: nothing was acknowledged and it may be made anew.
#pragma once

#include <optional>

#include "engine/engine.h"
#include "engine/zone.h"

namespace strongroom::engine {

// What an open found where a zone should be.
struct Touched {
  // Of its superblock, and of its lock. kNotFound: none. kCorruption: not one sound slot.
  Status status;
  bool has_log = true;            // A segment lies there, or none can be ruled out.
  format::Superblock superblock;  // When the status is OK.
  std::unique_ptr<io::FileLock> lock;
  std::optional<io::FileInfo> folder;  // When it is there.
};
using AllTouched = std::vector<Touched>;

// Reads the superblock of the zone at `path` and looks for segments. Writes nothing.
Touched LookAt(io::Env* env, const std::string& path);
// True when nothing was ever acknowledged by a store in these zones: there is none, or a crash cut
// its making short. False whenever a zone has a log or does not answer.
bool NeverServed(const AllTouched& touched);
// True when one of these zones shows that all zones of its store once stood.
bool MayHaveServed(const AllTouched& touched);

// One directory under two names would be one failure domain under two. Those that do not exist yet
// are not looked at. kInvalidArgument.
Status RefuseSameDirectory(const std::vector<std::optional<io::FileInfo>>& folders);

// REQUIRES: NeverServed(touched). kLocked when another open makes the store meanwhile. A
// crash or an error leaves zones that NeverServed knows again.
Status CreateStore(const OpenOptions& options, const std::vector<std::shared_ptr<Zone>>& zones,
                   AllTouched touched, format::StoreKeys* keys);

}  // namespace strongroom::engine
