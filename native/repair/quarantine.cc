// A name of its own for everything, so that nothing is replaced.
#include "repair/quarantine.h"

namespace strongroom::repair {

namespace {

std::string FreshName(io::Env* env, const std::string& path, const std::string& found) {
  uint8_t random[4];
  env->Random(random);
  return path.substr(path.rfind('/') + 1) + "~" + found + "~" + std::to_string(env->WallMillis()) +
         "~" + ToHex(random);
}

}  // namespace

std::string QuarantineFolder(const std::string& zone_path) { return zone_path + "/quarantine"; }

namespace {
// Crash in here: an empty folder, or none.
Status MakeFolder(io::Env* env, const std::string& zone_path) {
  Status created = env->CreateDirectory(QuarantineFolder(zone_path));
  if (!created.ok() && !created.Is(Code::kExists)) return created;
  return env->SyncDirectory(zone_path);
}
}  // namespace

Result<std::string> MoveToQuarantine(io::Env* env, const std::string& zone_path,
                                     const std::string& path, const std::string& found) {
  TRY(env->Stat(path).status());
  TRY(MakeFolder(env, zone_path));
  const std::string folder = QuarantineFolder(zone_path);
  std::string to = folder + "/" + FreshName(env, path, found);
  TRY(env->Rename(path, to));
  Status synced = env->SyncDirectory(folder);
  if (synced.ok()) return to;
  (void)env->Rename(to, path);  // A disk that fails here may take this too: then it lies in `to`.
  return synced;
}

Status CopyToQuarantine(io::Env* env, const std::string& zone_path, const std::string& name,
                        const std::string& found, ByteSpan bytes) {
  TRY(MakeFolder(env, zone_path));
  const std::string to = QuarantineFolder(zone_path) + "/" + FreshName(env, name, found);
  TRY_ASSIGN(auto file, env->Open(to, {io::OpenMode::kCreate, /*direct=*/false}));
  Status status = file->WriteAt(0, bytes);
  if (status.ok()) status = file->Sync();
  if (status.ok()) status = env->SyncDirectory(QuarantineFolder(zone_path));
  if (!status.ok()) (void)env->Remove(to);
  return status;
}

}  // namespace strongroom::repair
