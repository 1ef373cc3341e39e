// Small blobs: sealed whole by the caller's thread, kept in the log, read back from any zone's
// copy.
#pragma once

#include <atomic>
#include <functional>

#include "engine/engine.h"
#include "engine/zone.h"

namespace strongroom::engine {

// A fresh blob id and salt, and a DEK: a fresh one wrapped under `kek`, or that of a list of parts.
// The blob has a content key of its own either way, so its chunks are sealed once and never again.
struct FreshBlob {
  aead::SealHeader header;
  SecretBytes dek;
  format::BlobReference reference;
};
FreshBlob MakeBlob(io::Env* env, const aead::Id& store_id, const Kek& kek);
FreshBlob MakePart(io::Env* env, const aead::Id& store_id, const PartsKey& parts);

std::array<uint8_t, format::kDekWrapSize> WrapDek(io::Env* env, const aead::Id& store_id,
                                                  const Kek& kek, const aead::Id& blob_id,
                                                  ByteSpan dek);
// kTampered: another key or context, or a wrap of another blob.
Result<SecretBytes> UnwrapDek(const aead::Id& store_id, const Kek& kek,
                              const format::BlobReference& reference);

SealedBlob SealSmallBlob(FreshBlob blob, ByteSpan bytes);

// Why one zone's copy of a frame could not be used.
using CopyTrouble = std::function<void(int zone, const Status& why)>;

struct SmallBlobRead {
  const aead::Id& store_id;
  ByteSpan dek;
  const format::BlobReference& reference;
  uint64_t offset, length;  // Within the blob.
  bool frame = false;       // The whole frame, verified, instead of the range.
};
// Appends the range to `out`, from `zone`'s copy. REQUIRES: one of the zone's threads. kCorruption:
// rot. kTampered: checksum right, tag wrong.
Status ReadSmallBlob(log::ZoneLog& log, const SmallBlobRead& read, Bytes* out);

}  // namespace strongroom::engine
