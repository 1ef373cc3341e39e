// Backup target: the folder that a backup of a store lies in. A zone (1+0) with an id of its own,
// locked while it is written, with threads of its own.
//
//   nothing there -> superblock, "joining": counts for nothing -> log, index and blob folders
//   ... the first backup stands -> "member": an ordinary open opens it
//
// Its log is the store's, up to a record of the store. One that was opened has epochs of its own
// behind that; one that was written to as well is a store of its own and is never touched again.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/zone.h"
#include "log/log_reader.h"

namespace strongroom::engine {

class BackupTarget {
 public:
  struct Options {
    io::Env* env = nullptr;
    const log::RecordSeal* seal = nullptr;
    const format::StoreKeys* keys = nullptr;
    format::Superblock store;        // Of any of its zones.
    std::vector<aead::Id> zone_ids;  // All of the store's,
    std::vector<std::string> paths;  // and where they are.
    uint64_t epoch = 0;              // That the store is in.
    uint64_t patience_nanos = 0;     // For each call to the target's disk.
    uint64_t deadline_nanos = 0;     // To end.
  };
  // Locks the folder, or makes it, and finishes what a crash left half done. kInvalidArgument:
  // something else lies there, or it is, or is within, a zone of the store. kForeignZone: a backup
  // of another store. kLocked. kNoSpace, kIo, kTimedOut: its disk.
  static Result<std::unique_ptr<BackupTarget>> Claim(Options options, const std::string& path);
  ~BackupTarget();  // Lets go of it.

  const std::shared_ptr<Zone>& zone() const { return zone_; }
  const std::string& path() const { return zone_->path; }
  io::Env* disk() const { return zone_->disk.get(); }

  // The last record of the store that it holds; none: it holds nothing yet. kRolledBack: it was
  // written to by itself. kCorruption: what leads there is damaged.
  Result<std::optional<format::Position>> StandsAt();
  // Removes the epochs of its own that StandsAt has found, the latest first: what is left is the
  // backup, at every moment.
  Status RemoveOwnEpochs();
  // From here on an ordinary open opens it. The store's wrapped keys as they are now.
  Status SayThatItStands();

 private:
  BackupTarget(Options options, std::shared_ptr<Zone> zone);
  Status RefuseWithinZones() const;
  Status RefuseAnythingElse() const;
  Status Recognize();
  Status Begin();
  Result<format::Position> EndOfLog() const;

  const Options options_;
  const std::shared_ptr<Zone> zone_;
  std::optional<uint32_t> own_from_;  // The segment of the first epoch of its own.
};

}  // namespace strongroom::engine
