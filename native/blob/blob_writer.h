// BlobWriter: streams a body of any length into one file per zone.
//
//   Offer (snapshot into a slab) -> codec: digest, when asked for
//     -> codec: CRC64, seal, encode, CRC64 -> each zone: append
//   ... -> Finish: each zone: truncate, sync, sync folder -> BlobDone
//
// Never blocks the caller. A writer holds a slab from the moment it is offered a piece until the
// piece is on disk in every zone or the zone is given up; at most four at a time, so that pieces
// are copied and sealed while others are written; between pieces it holds one block per zone. So
// one slab is enough for any number of writers.
//
// A zone that fails is left out from then on and reported; a full disk fails the whole blob, since
// nothing is wrong with the zone. A writer that fails, is aborted or is dropped removes what it
// wrote. A crash leaves files that no row names, of an earlier epoch: the sweep takes them.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "aead/chunk.h"
#include "blob/cell_zone.h"
#include "placement/placement.h"

namespace strongroom::blob {

struct BlobWriteSpec {
  aead::SealHeader header;                   // With its commitment; a fresh blob id.
  std::optional<aead::ChunkCipher> cipher;   // ChunkCipher::ForSealing(dek, &header).
  placement::Geometry geometry;
  uint16_t placement = 0;                    // The n of <blob id>.<n>.
  uint64_t epoch = 0;                        // Of the open that writes.
  CellZones zones;                           // Those not there or not healthy are left out.
  uint64_t expected_size = 0;                // 0: unknown. Decides how space is reserved.
  // Sees the plaintext in order, one call at a time, on codec threads: digests on demand. It is a
  // step of its own, since it may be slower than all others together: while it reads one piece,
  // the one before is sealed, and the pieces of other writers pass.
  std::function<void(ByteSpan)> on_plaintext;
};

struct BlobDone {
  uint64_t size = 0;
  uint64_t crc64 = 0;                        // Of the plaintext, OSS's x-oss-hash-crc64ecma.
  placement::ZoneMask zones_written = 0;     // Where the file is durable.
  std::vector<Status> zone_status;           // By position; OK where written.
};

class BlobWriter {
 public:
  // kInvalidArgument when the geometry does not fit the zones; kUnavailable when too few are there.
  static Result<std::shared_ptr<BlobWriter>> Start(std::shared_ptr<BlobContext> context,
                                                   BlobWriteSpec spec);
  ~BlobWriter();  // As Abort, unless Finish succeeded.

  // k chunks of plaintext.
  size_t stripe_size() const;
  // The largest piece: whole stripes, up to 1 MiB (one stripe where that is more).
  size_t piece_max() const;

  // Offers the next piece: the concatenation of `parts`, copied before this returns. A piece that
  // is not the last is a multiple of stripe_size(), at most piece_max(), not empty, and at least
  // one more byte follows it (so whoever streams holds a byte back until the end is known: `while
  // (held > piece_max()) offer a whole piece`). The last one is of any size up to piece_max(); it
  // is empty only when the body is. kInvalidArgument otherwise.
  //
  // True: taken. False: nothing was taken and `again` will be called once, on any thread, perhaps
  // before this returns, when the same piece should be offered again. An error: the writer has
  // failed; Abort it. One Offer at a time, none while `again` is due.
  Result<bool> Offer(std::span<const ByteSpan> parts, bool last, std::function<void()> again);

  // After the last piece was taken: `done` hears, once and on any thread, that the blob is durable
  // in enough zones to be read back, or why not (then nothing is left of it).
  void Finish(std::function<void(Result<BlobDone>)> done);

  // Gives up: removes the blob's files in every zone that answers, then calls `done` (may be
  // empty). A Finish that is due hears kCancelled. Any number of times; after a successful Finish
  // it does nothing: the commit decides what becomes of the blob.
  void Abort(std::function<void()> done);

 private:
  class Work;
  explicit BlobWriter(std::shared_ptr<Work> work) : work_(std::move(work)) {}
  const std::shared_ptr<Work> work_;
};

}  // namespace strongroom::blob
