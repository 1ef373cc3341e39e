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

Result<std::string> MoveToQuarantine(io::Env* env, const std::string& zone_path,
                                     const std::string& path, const std::string& found) {
  TRY(env->Stat(path).status());
  const std::string folder = QuarantineFolder(zone_path);
  Status created = env->CreateDirectory(folder);
  if (!created.ok() && !created.Is(Code::kExists)) return created;
  // Before anything lies in it. Crash before this line: an empty folder, or none.
  TRY(env->SyncDirectory(zone_path));
  std::string to = folder + "/" + FreshName(env, path, found);
  TRY(env->Rename(path, to));
  Status synced = env->SyncDirectory(folder);
  if (synced.ok()) return to;
  (void)env->Rename(to, path);  // A disk that fails here may take this too: then it lies in `to`.
  return synced;
}

}  // namespace strongroom::repair
