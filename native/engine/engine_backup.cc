// Backups of an open store: what each of them sees of the engine. On a thread of their own, one
// after the other.
#include "engine/backup.h"
#include "engine/engine_impl.h"
#include "engine/verify_run.h"

namespace strongroom::engine {

std::shared_ptr<Verifying> EngineImpl::BackUp(std::string path) {
  return StartRun(Lane::kBackup, 0, [path = std::move(path)](EngineImpl* self, VerifyRun* run) {
    return self->BackUpTo(path, run);
  });
}

Status EngineImpl::BackUpTo(const std::string& path, VerifyRun* run) {
  Backup::Options options;
  options.path = path;
  options.target.env = options_.env;
  options.target.seal = &opened_->seal;
  options.target.keys = &opened_->keys;
  for (const auto& zone : opened_->zones) {
    options.target.paths.push_back(zone->path);
    MutexLock lock(&zone->mutex);
    if (!zone->present) continue;
    options.target.zone_ids.push_back(zone->superblock.zone_id);
    options.target.store = zone->superblock;
  }
  options.target.epoch = log_ ? log_->epoch() : opened_->recovered.epoch;
  options.target.patience_nanos = blobs_->patience_nanos;
  options.target.deadline_nanos = options_.zone_deadline_nanos;
  options.chunk_size = options_.chunk_size;
  options.blobs = blobs_;
  options.cell_zones = cell_zones_;
  auto source = std::make_shared<IndexSource>();
  source->env = options_.env;
  source->write_buffer_size = options_.write_buffer_size;
  source->index_key = opened_->keys.index.Clone();
  source->seal = opened_->seal.Clone();
  options.index_source = std::move(source);
  options.pins = pins_;
  options.set = [this] { return ZonesOfSet(); };
  options.hold = [this] { return HoldLog(); };
  options.rows = [this](index::ScanRequest page) { return AwaitPage(*this, std::move(page)); };
  options.is_counted = [this](const aead::Id& id) { return IsCounted(id); };
  options.pace = [run](uint64_t bytes) {
    run->tally()->bytes += bytes;
    return run->Pace(0);
  };
  TRY_ASSIGN(Backup::Done done, Backup(std::move(options)).Run());
  run->TellBackup(done.sequence, done.bytes);
  return {};
}

}  // namespace strongroom::engine
