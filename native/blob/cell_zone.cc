// Names and folders of blob files.
#include "blob/cell_zone.h"

namespace strongroom::blob {

namespace {

std::string Root(const std::string& zone_path) { return zone_path + "/blob"; }

Status CreateIfMissing(io::Env* env, const std::string& path) {
  Status created = env->CreateDirectory(path);
  return created.Is(Code::kExists) ? Status() : created;
}

}  // namespace

Status CreateBlobFolders(io::Env* env, const std::string& zone_path) {
  TRY(CreateIfMissing(env, Root(zone_path)));
  for (int i = 0; i < 256; ++i) {
    const auto first = static_cast<uint8_t>(i);
    TRY(CreateIfMissing(env, Root(zone_path) + "/" + ToHex({&first, 1})));
  }
  // Crash before these lines: some of the folders are there, and the next call makes the others.
  // After: a writer may sync its own folder alone.
  TRY(env->SyncDirectory(Root(zone_path)));
  return env->SyncDirectory(zone_path);
}

std::string BlobFolder(const std::string& zone_path, const aead::Id& blob_id) {
  return Root(zone_path) + "/" + ToHex(ByteSpan(blob_id).first(1));
}

std::string BlobPath(const std::string& zone_path, const aead::Id& blob_id, uint16_t placement) {
  return BlobFolder(zone_path, blob_id) + "/" + ToHex(blob_id) + "." + std::to_string(placement);
}

}  // namespace strongroom::blob
