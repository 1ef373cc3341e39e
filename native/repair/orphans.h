// Orphans: blob files that nobody may name any more, told from those that somebody still will.
//
//   <zone>/blob/<first byte of the id, hex>/<blob id, hex>.<placement>
//
// An upload writes its file before its commit names it. So a file that no row names is an orphan
// only when it was written by an earlier open than this one, as its preamble says: what that open
// did not commit nobody commits any more. A preamble that does not check tells no age: such a file
// stays, for repair to judge.
//
// Thread: the zone's own.
#pragma once

#include <string>
#include <vector>

#include "format/blob_file.h"
#include "io/env.h"

namespace strongroom::repair {

struct BlobFileName {
  aead::Id blob_id{};
  uint16_t placement = 0;
};

// False for any other name: what is being copied or set aside is not for us.
bool ParseBlobFileName(const std::string& name, BlobFileName* out);
// The blob files in one of the zone's 256 folders. One that is missing holds none.
Result<std::vector<BlobFileName>> ListBlobFiles(io::Env* env, const std::string& zone_path,
                                                uint8_t folder);
// Whether the file was written by an open before the one whose first epoch is `epoch`.
Result<bool> IsOfEarlierOpen(io::Env* env, const std::string& zone_path, const BlobFileName& name,
                             uint64_t epoch);

}  // namespace strongroom::repair
