// Small blobs: sealed whole by the caller's thread, kept in the log, read back from any zone's
// copy.
#pragma once

#include <atomic>
#include <functional>

#include "engine/engine.h"
#include "engine/zone.h"

namespace strongroom::engine {

// A fresh DEK, blob id and salt; the DEK wrapped under `kek`. Its own content key, so its chunks
// are sealed once and never again.
struct FreshBlob {
  aead::SealHeader header;
  SecretBytes dek;
  format::BlobReference reference;
};
FreshBlob MakeBlob(io::Env* env, const aead::Id& store_id, const Kek& kek);
Result<SecretBytes> UnwrapDek(const aead::Id& store_id, const Kek& kek,
                              const format::BlobReference& reference);

SealedBlob SealSmallBlob(io::Env* env, const aead::Id& store_id, const Kek& kek, ByteSpan bytes);

// Why one zone's copy of a frame could not be used.
using CopyTrouble = std::function<void(int zone, const Status& why)>;

struct SmallBlobRead {
  const aead::Id& store_id;
  const Kek& kek;
  const format::BlobReference& reference;
  uint64_t offset, length;  // Within the blob.
};
// Appends the range to `out`, from `zone`'s copy. REQUIRES: one of the zone's threads. kCorruption:
// rot. kTampered: checksum right, tag wrong.
Status ReadSmallBlob(log::ZoneLog& log, const SmallBlobRead& read, Bytes* out);

}  // namespace strongroom::engine
