#include "engine/zone_superblock.h"

namespace strongroom::engine {

Status ChangeSuperblock(io::Env* env, Zone& zone, const format::StoreKeys& keys,
                        uint64_t deadline_nanos,
                        const std::function<bool(format::Superblock*)>& change) {
  MutexLock one_at_a_time(&zone.superblock_writes);
  io::DeadlineEnv disk(env, zone.log_thread, deadline_nanos);
  TRY_ASSIGN(auto next, format::ReadSuperblock(&disk, zone.path));
  TRY(format::VerifySuperblock(&disk, zone.path, next, keys));
  {
    MutexLock lock(&zone.mutex);
    const format::Superblock& known = zone.superblock;
    if (next.zone_id != known.zone_id || next.counter < known.counter) {
      return Status(Code::kUnavailable,
                    "zone " + std::to_string(zone.number) + " holds another superblock");
    }
  }
  ++next.counter;
  if (!change(&next)) return Status(Code::kCancelled, "the superblock stays as it is");
  // Crash in here: the slot before rules, or this one.
  TRY(format::ReplaceSuperblock(&disk, zone.path, next, keys));
  MutexLock lock(&zone.mutex);
  zone.superblock = std::move(next);
  return {};
}

}  // namespace strongroom::engine
