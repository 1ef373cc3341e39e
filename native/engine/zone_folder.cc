#include "engine/zone_folder.h"

#include "blob/cell_zone.h"

namespace strongroom::engine {

namespace {

Status CreateFolder(io::Env* env, const std::string& path) {
  Status status = env->CreateDirectory(path);
  return status.Is(Code::kExists) ? Status() : status;
}

std::string ParentOf(const std::string& path) {
  size_t slash = path.find_last_of('/');
  if (slash == std::string::npos) return "";
  return slash == 0 && path.size() > 1 ? "/" : path.substr(0, slash);
}

}  // namespace

Status CreateWithParents(io::Env* env, const std::string& path) {
  Status status = CreateFolder(env, path);
  std::string parent = ParentOf(path);
  if (!status.Is(Code::kNotFound) || parent.empty()) return status;
  TRY(CreateWithParents(env, parent));
  return CreateFolder(env, path);
}

Status SyncAbove(io::Env* env, const std::string& path) {
  std::string folder = ParentOf(path);
  if (folder.empty()) return {};
  TRY(env->SyncDirectory(folder));
  for (folder = ParentOf(folder); !folder.empty(); folder = ParentOf(folder)) {
    Status status = env->SyncDirectory(folder);
    bool not_ours = status.Is(Code::kUnavailable) || status.Is(Code::kReadOnly);
    if (!status.ok() && !not_ours) return status;
  }
  return {};
}

Status CreateFoldersIn(io::Env* env, const std::string& path) {
  for (const char* folder : {"/log", "/index"}) TRY(CreateFolder(env, path + folder));
  return blob::CreateBlobFolders(env, path);
}

}  // namespace strongroom::engine
