#include "engine/sweeper.h"

#include "repair/asking.h"

namespace strongroom::engine {

Sweeper::Sweeper(Options options) : options_(std::move(options)) {
  thread_ = options_.env->StartThread("sweep", [this] { Run(); });
}

Sweeper::~Sweeper() { Stop(); }

void Sweeper::Stop() {
  BeginStop();
  if (thread_) thread_->Join();
  thread_ = nullptr;
}

void Sweeper::Run() {
  if (!stop_.Wait(options_.after_nanos)) return;
  for (const auto& zone : options_.zones) {
    for (int folder = 0; folder < 256 && !stop_.up(); ++folder) {
      // A disk that fails, or is slow, is asked again at the next open.
      if (!SweepFolder(zone, static_cast<uint8_t>(folder)).ok()) break;
    }
  }
}

Status Sweeper::SweepFolder(const std::shared_ptr<Zone>& zone, uint8_t folder) {
  io::Env* const env = options_.env;
  auto files = std::make_shared<std::vector<repair::BlobFileName>>();
  auto list = [env, zone, folder, files]() -> Status {
    TRY_ASSIGN(*files, repair::ListBlobFiles(env, zone->path, folder));
    return {};
  };
  TRY(repair::AskOne(env, zone->cell_threads, list, options_.deadline_nanos));
  TRY_ASSIGN(auto unnamed, Unnamed(std::move(*files)));
  for (const repair::BlobFileName& name : unnamed) {
    // Whoever pins it from here on looks for its row again, and finds none.
    if (options_.is_pinned(name.blob_id)) continue;
    auto removed = std::make_shared<bool>(false);
    auto remove = [env, zone, name, epoch = options_.epoch, removed]() -> Status {
      TRY_ASSIGN(bool orphan, repair::IsOfEarlierOpen(env, zone->path, name, epoch));
      if (!orphan) return {};
      TRY(env->Remove(blob::BlobPath(zone->path, name.blob_id, name.placement)));
      *removed = true;
      return {};
    };
    Status status = repair::AskOne(env, zone->cell_threads, remove, options_.deadline_nanos);
    if (status.ok() && *removed) ++removed_;
    if (!status.ok() && !status.Is(Code::kNotFound)) return status;
  }
  return {};
}

// Those of the files that no row places where they are.
Result<std::vector<repair::BlobFileName>> Sweeper::Unnamed(
    std::vector<repair::BlobFileName> files) {
  std::vector<repair::BlobFileName> out;
  if (files.empty()) return out;
  std::vector<Bytes> keys;
  for (const auto& file : files) {
    keys.push_back(format::CountedKey(format::BlobKind::kLarge, file.blob_id));
  }
  TRY_ASSIGN(auto looked, options_.indexes->Look(keys, {}));
  for (size_t i = 0; i < files.size(); ++i) {
    if (!looked.rows[i].empty()) {
      TRY_ASSIGN(format::IndexRow row, format::DecodeIndexRow(AsBytes(looked.rows[i])));
      if (options_.placed(row.row.counted.placement).number == files[i].placement) continue;
    }
    out.push_back(files[i]);
  }
  return out;
}

}  // namespace strongroom::engine
