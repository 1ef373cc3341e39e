#include "engine/replacing.h"

#include "engine/zone_folder.h"

namespace strongroom::engine {

namespace {

Status NotEmpty(const std::string& path) {
  return Status(Code::kInvalidArgument, path + " is not empty: a new zone takes an empty folder");
}

// The joining zone that a call before this one left there; none: nothing that anybody could miss.
Result<std::optional<format::Superblock>> LookAt(io::Env* disk, const NewZone& wanted) {
  auto entries = disk->List(wanted.path);
  if (entries.status().Is(Code::kNotFound)) return std::optional<format::Superblock>();
  TRY(entries.status());
  auto found = format::ReadSuperblock(disk, wanted.path);
  if (found.ok()) {
    const format::Superblock& mine = wanted.superblock;
    const bool ours = found->state == format::ZoneState::kJoining &&
                      found->store_id == mine.store_id && found->position == mine.position &&
                      found->zone_count == mine.zone_count;
    if (!ours) return NotEmpty(wanted.path);
    TRY(format::VerifySuperblock(disk, wanted.path, *found, *wanted.keys));
    return std::optional(std::move(*found));
  }
  const bool none = found.status().Is(Code::kNotFound) || found.status().Is(Code::kCorruption);
  if (!none) return found.status();
  for (const io::DirectoryEntry& entry : *entries) {
    if (entry.is_directory || (entry.name != "lock" && entry.name != "superblock")) {
      return NotEmpty(wanted.path);
    }
  }
  return std::optional<format::Superblock>();
}

// REQUIRES: no sound superblock is there.
Status WriteFirst(io::Env* disk, const NewZone& wanted, const format::Superblock& superblock) {
  const std::string path = wanted.path + "/superblock";
  TRY_ASSIGN(auto file, disk->Open(path, {io::OpenMode::kReplace, false}));
  TRY(file->Allocate(2 * format::kSlotSize));
  TRY(format::WriteSuperblock(file.get(), superblock, *wanted.keys));
  // Before the folders are there: else these may be all that a crash leaves.
  return disk->SyncDirectory(wanted.path);
}

}  // namespace

Result<MadeZone> MakeReplacement(io::Env* disk, const NewZone& wanted,
                                 const std::function<void()>& let_go) {
  TRY(LookAt(disk, wanted).status());
  TRY(CreateWithParents(disk, wanted.path));
  let_go();
  MadeZone made;
  TRY_ASSIGN(made.lock, disk->Lock(wanted.path + "/lock", false));
  TRY_ASSIGN(auto before, LookAt(disk, wanted));
  if (before) {
    made.superblock = std::move(*before);
  } else {
    made.superblock = wanted.superblock;
    made.superblock.counter = 1;
    made.superblock.state = format::ZoneState::kJoining;
    disk->Random(made.superblock.zone_id);
    TRY(WriteFirst(disk, wanted, made.superblock));
  }
  TRY(CreateFoldersIn(disk, wanted.path));
  TRY(disk->SyncDirectory(wanted.path));
  TRY(SyncAbove(disk, wanted.path));
  return made;
}

}  // namespace strongroom::engine
