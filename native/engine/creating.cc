#include "engine/creating.h"

#include "engine/letting_go.h"
#include "engine/zone_folder.h"

namespace strongroom::engine {

namespace {

// A zone with this many epochs reserved knows that every zone of the store stands.
constexpr uint64_t kAllStand = 1;

Status Explain(const Status& status, const Zone& zone) {
  if (status.ok() || status.Is(Code::kLocked)) return status;
  Code code = status.Is(Code::kNoSpace) ? Code::kNoSpace : Code::kUnavailable;
  return Status(code,
                "zone " + std::to_string(zone.number) + " cannot be created: " + status.message());
}

// Locks what is not locked yet, and looks again under the lock.
Status ClaimAll(const std::vector<std::shared_ptr<Zone>>& zones, AllTouched* touched) {
  std::vector<std::optional<io::FileInfo>> folders;
  for (const auto& zone : zones) {
    TRY(Explain(CreateWithParents(zone->disk.get(), zone->path), *zone));
    auto info = zone->disk->Stat(zone->path);
    folders.push_back(info.ok() ? std::optional(*info) : std::nullopt);
  }
  TRY(RefuseSameDirectory(folders));
  bool made = false;
  for (size_t i = 0; i < zones.size(); ++i) {
    Zone& zone = *zones[i];
    if (zone.lock) continue;
    auto lock = zone.disk->Lock(zone.path + "/lock", false);
    if (lock.status().Is(Code::kLocked) && IsAbandoned({}, zone.path)) {
      return Explain(Status(Code::kUnavailable, "its disk has not answered a try before"), zone);
    }
    if (!lock.ok()) return Explain(lock.status(), zone);
    zone.lock = std::move(*lock);
    (*touched)[i] = LookAt(zone.disk.get(), zone.path);
    TRY(Explain(zone.disk->failure(), zone));
    made |= (*touched)[i].status.ok();
  }
  if (!made && NeverServed(*touched)) return {};
  return Status(Code::kLocked, "another open has just made the store");
}

// The superblock comes last: without it there is no zone. One that stands is never truncated: its
// next slot is written, so that a crash leaves one superblock or the other.
Status CreateZone(const Zone& zone, const format::StoreKeys& keys) {
  io::Env* env = zone.disk.get();
  TRY(CreateFoldersIn(env, zone.path));
  if (zone.superblock.counter == 1) {
    TRY_ASSIGN(auto file, env->Open(zone.path + "/superblock", {io::OpenMode::kReplace, false}));
    TRY(file->Allocate(2 * format::kSlotSize));
    TRY(format::WriteSuperblock(file.get(), zone.superblock, keys));
  } else {
    TRY(format::ReplaceSuperblock(env, zone.path, zone.superblock, keys));
  }
  TRY(env->SyncDirectory(zone.path));
  // Crash before this returns: the zone may be missing as a whole; the store is made anew then.
  return SyncAbove(env, zone.path);
}

Status SayThatAllStand(Zone& zone, const format::StoreKeys& keys) {
  ++zone.superblock.counter;
  zone.superblock.epochs_reserved = kAllStand;
  return format::ReplaceSuperblock(zone.disk.get(), zone.path, zone.superblock, keys);
}

format::Superblock NewShape(const OpenOptions& options, size_t zone_count) {
  format::Superblock shape;
  options.env->Random(shape.store_id);
  shape.zone_count = static_cast<uint8_t>(zone_count);
  shape.small = options.small;
  shape.large = options.large;
  shape.large_from = options.large_from;
  shape.epochs_reserved = 0;
  shape.root_hint = options.root_hint;
  return shape;
}

}  // namespace

Touched LookAt(io::Env* env, const std::string& path) {
  Touched out;
  auto superblock = format::ReadSuperblock(env, path);
  out.status = superblock.status();
  if (superblock.ok()) out.superblock = std::move(*superblock);
  auto segments = log::ZoneLog(env, path).Segments();
  bool none = segments.ok() ? segments->empty() : segments.status().Is(Code::kNotFound);
  out.has_log = !none;
  return out;
}

bool NeverServed(const AllTouched& touched) {
  bool all_here = true, all_stood = false;
  for (const Touched& zone : touched) {
    if (zone.has_log) return false;
    if (zone.status.ok()) {
      if (zone.superblock.epochs_reserved > kAllStand) return false;
      all_stood |= zone.superblock.epochs_reserved == kAllStand;
    } else {
      if (!log::IsAbsent(zone.status)) return false;
      all_here = false;
    }
  }
  // Once all stood, the absent one may be the one that served.
  return all_here || !all_stood;
}

bool MayHaveServed(const AllTouched& touched) {
  for (const Touched& zone : touched) {
    if (!zone.status.ok()) continue;
    if (zone.has_log || zone.superblock.epochs_reserved > kAllStand) return true;
  }
  return false;
}

Status RefuseSameDirectory(const std::vector<std::optional<io::FileInfo>>& folders) {
  for (size_t i = 0; i < folders.size(); ++i) {
    for (size_t j = 0; j < i; ++j) {
      const auto &a = folders[i], &b = folders[j];
      if (!a || !b || a->device != b->device || a->inode != b->inode) continue;
      return Status(Code::kInvalidArgument, "the same directory is given for zone " +
                                                std::to_string(j + 1) + " and zone " +
                                                std::to_string(i + 1));
    }
  }
  return {};
}

Status CreateStore(const OpenOptions& options, const std::vector<std::shared_ptr<Zone>>& zones,
                   AllTouched touched, format::StoreKeys* keys) {
  TRY(ClaimAll(zones, &touched));
  format::Superblock shape = NewShape(options, zones.size());
  *keys = format::CreateStoreKeys(options.env, options.root_key.span(), &shape);
  shape.roster.zones.resize(zones.size());
  for (aead::Id& zone : shape.roster.zones) options.env->Random(zone);
  for (size_t i = 0; i < zones.size(); ++i) {
    shape.counter = touched[i].status.ok() ? touched[i].superblock.counter + 1 : 1;
    zones[i]->superblock = shape;
    zones[i]->superblock.position = static_cast<uint8_t>(i);
    zones[i]->superblock.zone_id = shape.roster.zones[i];
    TRY(Explain(CreateZone(*zones[i], *keys), *zones[i]));
  }
  for (const auto& zone : zones) TRY(Explain(SayThatAllStand(*zone, *keys), *zone));
  for (const auto& zone : zones) zone->present = true;
  return {};
}

}  // namespace strongroom::engine
