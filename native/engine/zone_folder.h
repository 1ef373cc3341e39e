// The folders of a zone. What is there already stays: a crash may have cut an earlier try short.
#pragma once

#include <string>

#include "io/env.h"

namespace strongroom::engine {

// The folder, and those above it that are not there.
Status CreateWithParents(io::Env* env, const std::string& path);
// What a zone's folder holds, but for its superblock. Their names are durable once it is synced.
Status CreateFoldersIn(io::Env* env, const std::string& path);
// Makes the name of `path` durable, and those of the folders above it: an earlier try that crashed
// may have made them. Above its parent, a folder that we may not open was not made by us.
Status SyncAbove(io::Env* env, const std::string& path);

}  // namespace strongroom::engine
