#include "engine/opening.h"

#include <algorithm>

#include "engine/creating.h"
#include "engine/letting_go.h"
#include "log/log_switch.h"

namespace strongroom::engine {

namespace {

// The part of the deadline that is left for the next call to a zone whose index has used it up.
constexpr uint64_t kHurry = 8;

// A backup that a crash cut short in the middle of its last step.
Status FinishOrRefuse(io::Env* env, bool read_only, const std::string& path) {
  if (!read_only) return log::FinishSwitch(env, path);
  TRY_ASSIGN(bool switching, log::IsSwitching(env, path));
  if (!switching) return {};
  return Status(Code::kUnavailable, "a backup is in its last step: open it for writing once");
}

// Looks at the zone and locks it, where there is something to lock. kNotFound: nothing there, and
// nothing was made there. On the zone's log thread.
Touched Touch(io::Env* env, bool read_only, const std::string& path) {
  auto folder = env->Stat(path);
  auto look = [&] {
    Touched touched = LookAt(env, path);
    if (folder.ok()) touched.folder = *folder;
    return touched;
  };
  Touched touched = look();
  if (!touched.status.ok() && !touched.status.Is(Code::kCorruption)) return touched;
  auto lock = env->Lock(path + "/lock", read_only);
  if (lock.ok()) {
    Status switched = FinishOrRefuse(env, read_only, path);
    // Again under the lock: another process may have been writing it.
    touched = look();
    touched.lock = std::move(*lock);
    if (touched.status.ok() && !switched.ok()) touched.status = switched;
  } else if (lock.status().Is(Code::kLocked) && IsAbandoned(touched.superblock.zone_id, path)) {
    touched.status = Status(Code::kUnavailable, "its disk has not answered since the last close");
  } else if (!read_only || lock.status().Is(Code::kLocked)) {
    touched.status = lock.status();  // A read-only medium has no lock file, and no writer either.
  }
  return touched;
}

// Of all zones at once. What comes too late is let go of by its thread, the lock included.
AllTouched TouchAll(const OpenOptions& options, const std::vector<std::shared_ptr<Zone>>& zones) {
  struct Answer {
    io::Completion done;
    Touched touched;
  };
  std::vector<std::shared_ptr<Answer>> answers;
  for (const auto& zone : zones) {
    answers.push_back(std::make_shared<Answer>());
    zone->log_thread->Post([env = options.env, read_only = options.read_only, path = zone->path,
                            answer = answers.back()] {
      answer->touched = Touch(env, read_only, path);
      answer->done.Set(Status());
    });
  }
  io::TimeLeft left(options.env, options.zone_deadline_nanos);
  AllTouched out;
  for (size_t i = 0; i < zones.size(); ++i) {
    Status status = answers[i]->done.Wait(left());
    if (status.ok()) {
      out.push_back(std::move(answers[i]->touched));
    } else {
      out.emplace_back().status = status;
    }
    zones[i]->superblock = out[i].superblock;
    zones[i]->lock = std::move(out[i].lock);
  }
  return out;
}

std::vector<std::optional<io::FileInfo>> FoldersOf(const AllTouched& touched) {
  std::vector<std::optional<io::FileInfo>> out;
  for (const Touched& zone : touched) out.push_back(zone.folder);
  return out;
}

void WarnOfSharedDevice(const std::vector<std::shared_ptr<Zone>>& zones,
                        const std::function<void(const Event&)>& on_event) {
  std::vector<uint64_t> devices;
  for (const auto& zone : zones) {
    if (!zone->present) continue;
    if (auto info = zone->disk->Stat(zone->path); info.ok()) devices.push_back(info->device);
  }
  bool one = std::all_of(devices.begin(), devices.end(),
                         [&](uint64_t device) { return device == devices.front(); });
  if (devices.size() > 1 && one)
    on_event({Event::Kind::kSharedDevice, 0, "one device for all zones"});
}

Status CheckShape(const OpenOptions& options, const std::vector<std::shared_ptr<Zone>>& zones,
                  const AllTouched& touched) {
  const format::Superblock* first = nullptr;
  for (size_t i = 0; i < zones.size(); ++i) {
    if (!touched[i].status.ok()) continue;
    const format::Superblock& mine = zones[i]->superblock;
    if (!first) first = &mine;
    std::string name = "zone " + std::to_string(zones[i]->number) + " (" + zones[i]->path + ")";
    if (options.zones.size() == 1 && mine.zone_count == 1 && !format::Counts(mine.state)) {
      return Status(Code::kUnavailable, name + " holds a backup that was never finished");
    }
    if (mine.store_id != first->store_id) {
      return Status(Code::kForeignZone, name + " belongs to another store");
    }
    for (size_t j = 0; j < i; ++j) {
      if (touched[j].status.ok() && zones[j]->superblock.zone_id == mine.zone_id) {
        return Status(Code::kForeignZone, name + " is a copy of another of its zones");
      }
    }
    if (mine.zone_count != first->zone_count) {
      return Status(Code::kForeignZone,
                    name + " is a backup, or of another life of the store than the zones given");
    }
  }
  if (first == nullptr || first->zone_count == options.zones.size()) return {};
  return Status(Code::kInvalidArgument, "the store has " + std::to_string(first->zone_count) +
                                            " zones, " + std::to_string(options.zones.size()) +
                                            " were given");
}

Status DecideFate(const OpenOptions& options, const std::vector<std::shared_ptr<Zone>>& zones,
                  const AllTouched& touched, bool* create) {
  bool none = true;
  const Touched* missing = nullptr;
  for (size_t i = 0; i < zones.size(); ++i) {
    const Status& status = touched[i].status;
    // A lock that another holds, or a newer format, is never worked around.
    if (status.Is(Code::kLocked) || status.Is(Code::kUnsupportedFormat)) {
      return status.With("zone " + std::to_string(zones[i]->number));
    }
    none &= !status.ok();
    if (!status.ok() && !missing) missing = &touched[i];
  }
  *create = options.create && !options.read_only && NeverServed(touched);
  if (*create) return {};
  if (none) {
    return Status(Code::kUnavailable, "no store here: " + missing->status.message());
  }
  if (MayHaveServed(touched)) return CheckShape(options, zones, touched);
  // One of the others may have served without it: only all of them together tell.
  std::string why = missing ? missing->status.message() : "open it with create, to make it anew";
  return Status(Code::kUnavailable, "the making of the store was cut short: " + why);
}

// Opens the keys with the first superblock that lets them, and drops zones whose superblock is
// forged. Only when none opens is the root key wrong: one zone's disk must not be able to say so.
Status OpenKeys(const OpenOptions& options, Opened* opened, const AllTouched& touched,
                const std::function<void(const Event&)>& on_event) {
  std::optional<Status> refused;
  bool have = false;
  for (size_t i = 0; i < opened->zones.size() && !have; ++i) {
    if (!touched[i].status.ok()) continue;
    auto keys = format::OpenStoreKeys(options.root_key.span(), opened->zones[i]->superblock);
    have = keys.ok();
    if (have) opened->keys = std::move(*keys);
    if (!have && !refused) refused = keys.status();
  }
  if (!have) return *refused;
  for (size_t i = 0; i < opened->zones.size(); ++i) {
    Zone& zone = *opened->zones[i];
    if (!touched[i].status.ok()) {
      zone.why = touched[i].status;
      continue;
    }
    zone.why = format::VerifySuperblock(zone.disk.get(), zone.path, zone.superblock, opened->keys);
    zone.present = zone.why.ok();
    if (zone.why.Is(Code::kTampered)) {
      on_event({Event::Kind::kTampering, zone.number, zone.why.message()});
    }
  }
  return {};
}

std::shared_ptr<const IndexSource> MakeIndexSource(const OpenOptions& options,
                                                   const Opened& opened) {
  auto source = std::make_shared<IndexSource>();
  source->env = options.env;
  source->read_only = options.read_only;
  source->write_buffer_size = options.write_buffer_size;
  source->index_key = opened.keys.index.Clone();
  source->seal = opened.seal.Clone();
  return source;
}

// An index on its way. The task owns the zone by shares, and the zone what opens.
struct OpeningIndex {
  std::shared_ptr<Zone> zone;
  std::shared_ptr<OpenedIndex> made = std::make_shared<OpenedIndex>();
  std::shared_ptr<io::Completion> done = std::make_shared<io::Completion>();
};

OpeningIndex BeginIndex(const std::shared_ptr<const IndexSource>& source,
                        const std::shared_ptr<Zone>& zone) {
  OpeningIndex opening{zone};
  auto places = std::make_shared<IndexPlace>(*source, *zone);
  zone->apply_thread->Post([source, places, opening] {
    auto index = OpenIndex(*source, *places);
    if (index.ok()) *opening.made = std::move(*index);
    opening.done->Set(index.status());
  });
  return opening;
}

// Opens the indexes side by side, and goes on without those that take longer than the deadline:
// their replays take them over when they are open. A disk that hangs has cost the open its deadline
// with that; where enough others do not, it is not given another.
void OpenIndexes(const OpenOptions& options, const Opened& opened) {
  std::vector<OpeningIndex> openings;
  for (const auto& zone : opened.zones) {
    if (zone->present) openings.push_back(BeginIndex(opened.index_source, zone));
  }
  io::TimeLeft left(options.env, options.zone_deadline_nanos);
  size_t open = 0;
  for (auto& [zone, made, done] : openings) {
    zone->index_why = done->Wait(left());
    if (zone->index_why.Is(Code::kTimedOut)) zone->late_index = made;
    if (!zone->index_why.ok()) continue;
    zone->index = std::move(made->index);
    zone->index_in_memory = made->in_memory;
    ++open;
  }
  for (auto& [zone, made, done] : openings) {
    bool late = zone->late_index != nullptr && open >= opened.quorum;
    if (late) zone->disk->Hurry(options.zone_deadline_nanos / kHurry);
  }
}

Status RecoverLog(const OpenOptions& options, Opened* opened,
                  const std::function<void(const Event&)>& on_event) {
  std::vector<log::RecoveryZone> views;
  std::vector<std::shared_ptr<Zone>> present;
  for (auto& zone : opened->zones) {
    if (!zone->present) continue;
    present.push_back(zone);
    std::optional<format::Position> applied;
    if (zone->index && zone->index->applied().location != 0) {
      applied = ToPosition(zone->index->applied());
    }
    // A log of its own: what recovery does waits for the disk with the deadline.
    auto log = std::make_shared<log::ZoneLog>(zone->disk.get(), zone->path);
    views.push_back({zone->number, zone->path, zone->superblock, zone->disk, log, applied});
  }
  if (present.size() < opened->quorum) {
    return Status(Code::kQuorumLost,
                  std::to_string(present.size()) + " of " + std::to_string(opened->zones.size()) +
                      " zones are here, " + std::to_string(opened->quorum) + " must be");
  }
  log::RecoveryOptions recovery;
  recovery.env = options.env;
  recovery.seal = &opened->seal;
  recovery.keys = &opened->keys;
  recovery.quorum = opened->quorum;
  recovery.read_only = options.read_only;
  recovery.on_alarm = [&](int zone, const std::string& what) {
    on_event({Event::Kind::kRot, zone, what});
  };
  TRY_ASSIGN(opened->recovered, log::Recover(views, recovery));
  for (size_t i = 0; i < present.size(); ++i) {
    present[i]->superblock.counter = views[i].superblock.counter;
    present[i]->superblock.epochs_reserved = views[i].superblock.epochs_reserved;
    bool was_whole = present[i]->superblock.state == format::ZoneState::kMember;
    present[i]->superblock.state = views[i].superblock.state;
    const auto& common = opened->recovered.common;
    if (was_whole && i < common.size()) present[i]->whole_until = common[i];
  }
  for (const auto& failure : opened->recovered.failed) present[failure.zone]->why = failure.why;
  for (size_t i : opened->recovered.set) opened->set.push_back(present[i]);
  return {};
}

// Who was replaced does not count any more, whatever it holds, and is refused, for it is a mistake.
// A replacement does not count before every other zone knows of it. Those that were in the set when
// it was made know: one of them is among any two that count (docs/decisions/0029).
Status ApplyRoster(const std::vector<std::shared_ptr<Zone>>& zones) {
  const format::Roster* roster = nullptr;
  for (const auto& zone : zones) {
    if (zone->present && !format::Counts(zone->superblock.state)) {
      zone->present = false;
      zone->why = Status(Code::kUnavailable,
                         "it is a replacement that was cut short: replaceZone goes on with it");
    }
    if (!zone->present) continue;
    const format::Roster& its = zone->superblock.roster;
    if (!roster || its.since > roster->since) roster = &its;
  }
  for (const auto& zone : zones) {
    if (!zone->present) continue;
    const size_t position = zone->superblock.position;
    const bool stands =
        position < roster->zones.size() && roster->zones[position] == zone->superblock.zone_id;
    if (stands) continue;
    return Status(Code::kForeignZone,
                  zone->path + " was replaced by another zone: open the store with that one");
  }
  return {};
}

// Puts the zones in the order of the store, in which cells are placed, whatever order the paths
// came in: a list of mounts may be sorted anew. A zone that is away takes the place that is left.
Status PutInOrder(std::vector<std::shared_ptr<Zone>>* zones) {
  std::vector<std::shared_ptr<Zone>> sorted(zones->size());
  for (const auto& zone : *zones) {
    if (!zone->present) continue;
    size_t position = zone->superblock.position;
    if (position >= sorted.size() || sorted[position]) {
      return Status(Code::kForeignZone, zone->path + " says that it is zone " +
                                            std::to_string(position + 1) + ", as another does");
    }
    sorted[position] = zone;
  }
  size_t free = 0;
  for (const auto& zone : *zones) {
    if (zone->present) continue;
    while (sorted[free]) ++free;
    sorted[free] = zone;
  }
  for (size_t i = 0; i < sorted.size(); ++i) sorted[i]->number = static_cast<int>(i) + 1;
  zones->swap(sorted);
  return {};
}

Status OpenInto(Opened* opened, const OpenOptions& options,
                const std::function<void(const Event&)>& on_event) {
  AllTouched touched = TouchAll(options, opened->zones);
  TRY(RefuseSameDirectory(FoldersOf(touched)));
  bool create = false;
  TRY(DecideFate(options, opened->zones, touched, &create));
  if (create) {
    TRY(CreateStore(options, opened->zones, std::move(touched), &opened->keys));
  } else {
    TRY(OpenKeys(options, opened, touched, on_event));
    TRY(ApplyRoster(opened->zones));
  }
  TRY(PutInOrder(&opened->zones));
  const Zone* any = nullptr;
  for (auto& zone : opened->zones) {
    if (zone->present) any = zone.get();
  }
  if (!any) return Status(Code::kUnavailable, "no zone of the store can be opened");
  opened->seal.store_id = any->superblock.store_id;
  opened->seal.generation = opened->keys.record_generation;
  opened->seal.key = opened->keys.record.Clone();
  opened->index_source = MakeIndexSource(options, *opened);
  OpenIndexes(options, *opened);
  TRY(RecoverLog(options, opened, on_event));
  WarnOfSharedDevice(opened->zones, on_event);
  return {};
}

}  // namespace

std::shared_ptr<Zone> ZoneAt(io::Env* env, int number, const std::string& path,
                             uint64_t deadline_nanos) {
  auto zone = std::make_shared<Zone>();
  zone->number = number;
  zone->path = path;
  std::string name = "zone" + std::to_string(zone->number);
  auto threads = [&](const char* what, size_t count) {
    return std::make_shared<io::TaskQueue>(env, name + what, count);
  };
  zone->log_thread = threads("-log", 1);
  zone->disk = std::make_shared<io::DeadlineEnv>(env, zone->log_thread, deadline_nanos);
  zone->cell_threads = threads("-cell", 2);
  zone->read_threads = threads("-read", 2);
  zone->apply_thread = threads("-index", 1);
  zone->log = std::make_shared<log::ZoneLog>(env, zone->path);
  return zone;
}

Result<std::unique_ptr<Opened>> OpenZones(const OpenOptions& options,
                                          const std::function<void(const Event&)>& on_event) {
  auto opened = std::make_unique<Opened>();
  opened->quorum = options.zones.size() / 2 + 1;
  for (size_t i = 0; i < options.zones.size(); ++i) {
    opened->zones.push_back(ZoneAt(options.env, static_cast<int>(i) + 1, options.zones[i],
                                   options.zone_deadline_nanos));
  }
  Status status = OpenInto(opened.get(), options, on_event);
  if (status.ok()) return opened;
  opened->set.clear();
  LetGo(options.env, opened->zones, options.zone_deadline_nanos);
  return status;
}

}  // namespace strongroom::engine
