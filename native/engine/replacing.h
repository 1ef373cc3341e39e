// Replacing: makes the folder that takes a lost zone's place. It counts for nothing until every
// other zone knows of it (docs/decisions/0029).
//
//   look -> lock -> look again -> superblock, "joining", with an id of its own -> folders
//
// A crash anywhere leaves a folder that the next call knows again: empty but for a lock and a
// superblock that was never whole, or a joining zone. Nothing that lies there is ever removed.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "engine/zone.h"

namespace strongroom::engine {

struct NewZone {
  std::string path;
  format::Superblock superblock;  // Of any other zone, with the position of the new one.
  const format::StoreKeys* keys = nullptr;
};
struct MadeZone {
  format::Superblock superblock;
  std::unique_ptr<io::FileLock> lock;
};

// `let_go` is called before the folder is locked: whoever opened the store with it holds it.
// kInvalidArgument: the folder holds something, and no replacement of this zone that was cut short.
// kLocked; kNotFound: no folder above it; those of the disk.
Result<MadeZone> MakeReplacement(io::Env* disk, const NewZone& wanted,
                                 const std::function<void()>& let_go);

}  // namespace strongroom::engine
