#include "engine/backup_target.h"

#include <algorithm>

#include "engine/letting_go.h"
#include "engine/opening.h"
#include "engine/zone_folder.h"
#include "log/catch_up.h"
#include "log/log_switch.h"

namespace strongroom::engine {

using format::kBlock;
using format::Location;
using format::Position;

namespace {

using Source = log::LogReader::Source;

std::string FolderAbove(const std::string& path) {
  const size_t slash = path.find_last_of('/');
  if (slash == std::string::npos) return "";
  return slash == 0 && path.size() > 1 ? "/" : path.substr(0, slash);
}

Status WrittenTo() {
  return Status(Code::kRolledBack,
                "this backup was opened and written to: it is a store of its own, and a newer "
                "backup over it would lose what was written");
}

}  // namespace

BackupTarget::BackupTarget(Options options, std::shared_ptr<Zone> zone)
    : options_(std::move(options)), zone_(std::move(zone)) {}

BackupTarget::~BackupTarget() { LetGo(options_.env, {zone_}, options_.deadline_nanos); }

Result<std::unique_ptr<BackupTarget>> BackupTarget::Claim(Options options,
                                                          const std::string& path) {
  auto zone = ZoneAt(options.env, 1, path, options.patience_nanos);
  auto target = std::unique_ptr<BackupTarget>(new BackupTarget(std::move(options), zone));
  io::Env* const disk = target->disk();
  TRY(target->RefuseWithinZones());
  TRY(CreateWithParents(disk, path));
  TRY(SyncAbove(disk, path));
  TRY(target->RefuseWithinZones());  // Now by what the folder is, whatever path leads to it.
  // What is no backup is not given a lock file.
  Status sound = format::ReadSuperblock(disk, path).status();
  if (log::IsAbsent(sound)) TRY(target->RefuseAnythingElse());
  TRY_ASSIGN(zone->lock, disk->Lock(path + "/lock", false));
  sound = format::ReadSuperblock(disk, path).status();
  if (log::IsAbsent(sound)) {
    TRY(target->RefuseAnythingElse());
    TRY(target->Begin());
  } else {
    TRY(sound);
    TRY(target->Recognize());
  }
  TRY(CreateFoldersIn(disk, path));
  TRY(disk->SyncDirectory(path));
  TRY(log::FinishSwitch(disk, path));
  zone->cells = std::make_shared<blob::CellZone>();
  zone->cells->number = zone->number;
  zone->cells->path = path;
  zone->cells->env = target->options_.env;
  zone->cells->cells = zone->cell_threads;
  return target;
}

Status BackupTarget::RefuseWithinZones() const {
  for (std::string above = path(); !above.empty(); above = FolderAbove(above)) {
    auto info = disk()->Stat(above);
    if (info.status().Is(Code::kNotFound)) continue;
    if (!info.ok()) return info.status();
    for (const std::string& zone : options_.paths) {
      // On the target's thread as well: one that hangs costs the backup, and nobody else.
      auto theirs = disk()->Stat(zone);
      if (theirs.status().Is(Code::kTimedOut)) return theirs.status();
      if (!theirs.ok() || theirs->device != info->device || theirs->inode != info->inode) continue;
      return Status(Code::kInvalidArgument, path() + " lies within a zone of the store");
    }
  }
  return {};
}

// Without a sound superblock: what a crash left of a first beginning, or nothing.
Status BackupTarget::RefuseAnythingElse() const {
  TRY_ASSIGN(auto entries, disk()->List(path()));
  for (const auto& entry : entries) {
    if (entry.name == "lock" || entry.name == "superblock") continue;
    return Status(Code::kInvalidArgument, path() + " is not empty and holds no backup");
  }
  return {};
}

Status BackupTarget::Recognize() {
  TRY_ASSIGN(auto found, format::ReadSuperblock(disk(), path()));
  if (found.store_id != options_.store.store_id) {
    return Status(Code::kForeignZone, path() + " belongs to another store");
  }
  TRY(format::VerifySuperblock(disk(), path(), found, *options_.keys));
  const auto& ids = options_.zone_ids;
  if (found.zone_count != 1 || std::find(ids.begin(), ids.end(), found.zone_id) != ids.end()) {
    return Status(Code::kInvalidArgument, path() + " is a zone of a store, or a copy of one");
  }
  zone_->superblock = std::move(found);
  return {};
}

// Crash in here: no sound superblock, or one that counts for nothing.
Status BackupTarget::Begin() {
  format::Superblock mine = options_.store;
  mine.counter = 1;
  options_.env->Random(mine.zone_id);
  mine.state = format::ZoneState::kJoining;
  mine.zone_count = 1;
  mine.roster.zones = {mine.zone_id};
  mine.position = 0;
  mine.small = mine.large = {1, 0};
  mine.epochs_reserved = options_.epoch + 1;
  TRY_ASSIGN(auto file, disk()->Open(path() + "/superblock", {io::OpenMode::kReplace, false}));
  TRY(file->Allocate(2 * format::kSlotSize));
  TRY(format::WriteSuperblock(file.get(), mine, *options_.keys));
  TRY(disk()->SyncDirectory(path()));
  zone_->superblock = std::move(mine);
  return {};
}

Result<std::optional<Position>> BackupTarget::StandsAt() {
  log::ZoneLog log(disk(), path());
  TRY_ASSIGN(auto segments, log.Segments());
  if (segments.empty()) return std::optional<Position>();
  TRY_ASSIGN(Position stands, EndOfLog());
  TRY_ASSIGN(auto mark, log::HighestEpoch(log, *options_.seal, Source::kDirect));
  if (!mark) return Status(Code::kCorruption, "the backup holds no epoch any more");
  const std::vector<aead::Id> own{zone_->superblock.zone_id};
  log::LogReader reader(&log, options_.seal, {}, Source::kDirect);
  own_from_.reset();
  uint32_t segment = mark->segment;
  for (format::EpochPayload payload = mark->payload; payload.set == own;) {
    if (payload.base.sequence != stands.sequence) return WrittenTo();
    stands = payload.base;
    own_from_ = segment;
    segment = payload.previous_epoch_segment;
    auto before = reader.At(Location(segment, kBlock));
    if (!before.ok() && !log::IsAbsent(before.status())) return before.status();
    // Only its own compaction could have retired it.
    if (!before.ok()) return WrittenTo();
    payload = before->record.epoch;
  }
  return std::optional<Position>(stands);
}

// By its last segment that is one.
Result<Position> BackupTarget::EndOfLog() const {
  log::ZoneLog log(disk(), path());
  TRY_ASSIGN(auto segments, log.Segments());
  log::LogReader reader(&log, options_.seal, {}, Source::kDirect);
  for (auto it = segments.rbegin(); it != segments.rend(); ++it) {
    auto first = reader.At(Location(*it, kBlock));
    if (!first.ok() && log::IsAbsent(first.status())) continue;
    if (!first.ok()) return first.status();
    log::LogReader walk(&log, options_.seal, first->position, Source::kDirect);
    for (;;) {
      TRY_ASSIGN(auto entry, walk.Next());
      if (!entry) return walk.position();
    }
  }
  return Status(Code::kCorruption, "the backup's log is damaged");
}

// A segment that only reads as if nothing were in it may be the store's, and the last copy of it.
Status BackupTarget::RemoveOwnEpochs() {
  if (!own_from_) return {};
  log::ZoneLog log(disk(), path());
  TRY_ASSIGN(auto segments, log.Segments());
  for (auto it = segments.rbegin(); it != segments.rend() && *it >= *own_from_; ++it) {
    TRY(log.Remove(*it));
  }
  return {};
}

Status BackupTarget::SayThatItStands() {
  format::Superblock next = options_.store;
  const format::Superblock& known = zone_->superblock;
  next.counter = known.counter + 1;
  next.zone_id = known.zone_id;
  next.state = format::ZoneState::kMember;
  next.zone_count = 1;
  next.roster.zones = {next.zone_id};
  next.position = 0;
  next.small = known.small;
  next.large = known.large;
  next.epochs_reserved = std::max(known.epochs_reserved, options_.epoch + 1);
  TRY(format::ReplaceSuperblock(disk(), path(), next, *options_.keys));
  zone_->superblock = std::move(next);
  return {};
}

}  // namespace strongroom::engine
