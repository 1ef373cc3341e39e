// BlobReader: reads any range of a blob out of the zones' files, healing on the way.
//
//   Read -> slab -> plan -> each zone: pread, CRC64, open in place of the plaintext -> BlobPiece
//   rot, tampering, a missing or slow zone -> other cells -> rebuild -> open -> BlobPiece
//
// Never blocks the caller, never returns a byte whose tag was not verified. What it worked around
// it reports (BlobContext::on_trouble) and counts; it repairs nothing on disk.
#pragma once

#include <functional>
#include <memory>

#include "aead/chunk.h"
#include "base/secret_bytes.h"
#include "blob/cell_zone.h"
#include "blob/landing.h"
#include "placement/placement.h"

namespace strongroom::blob {

struct BlobReadSpec {
  aead::Id store_id{};
  aead::Id blob_id{};
  SecretBytes dek;
  uint64_t size = 0;  // Of the plaintext, from the version row: the file is not believed.
  uint32_t chunk_size = aead::kChunkSize;
  placement::Geometry geometry;
  uint16_t placement = 0;
  CellZones zones;
};

// Verified plaintext, in a slab or in the landing that was given for it. Let go of it soon: it
// counts against the pool either way, so that pieces nobody has fetched stay bounded.
class BlobPiece {
 public:
  BlobPiece() = default;
  BlobPiece(SlabRef slab, ByteSpan bytes) : slab_(std::move(slab)), bytes_(bytes) {}
  ByteSpan bytes() const { return bytes_; }
  void Release() {
    bytes_ = {};
    slab_.reset();
  }

 private:
  SlabRef slab_;
  ByteSpan bytes_;
};

class BlobReader {
 public:
  using Done = std::function<void(Result<BlobPiece>)>;

  // Touches no file. kInvalidArgument when the geometry does not fit the zones.
  static Result<std::shared_ptr<BlobReader>> Open(std::shared_ptr<BlobContext> context,
                                                  BlobReadSpec spec);
  ~BlobReader();  // As Close.

  uint64_t size() const;
  // The most that one Read returns: whole stripes, up to 1 MiB (one stripe where that is more).
  size_t piece_max() const;

  // Reads up to `size` bytes at `offset`. `done` is called once, on any thread, perhaps before this
  // returns; it must not block. A piece may be shorter than asked (it ends with a stripe when more
  // follows): go on behind it. Empty at the end of the blob or for size 0.
  // `ahead`: how many bytes behind `size` will be wanted too; the next piece is then read before it
  // is asked for, while more than half of the pool is free.
  // kUnavailable: too few zones; kTimedOut: too few answered; kCorruption: rot beyond parity;
  // kTampered: what could be read is not what was sealed; kClosed.
  void Read(uint64_t offset, uint64_t size, uint64_t ahead, Done done);

  // The same into memory of the caller's: `here` is as long as PieceEnd says of this piece, `next`
  // (null: nothing is read ahead) as it says of the one behind it, which is to be read with the
  // same landing then. A revoked landing makes the read of it fail with kClosed.
  struct Landings {
    std::shared_ptr<Landing> here, next;
  };
  void ReadInto(uint64_t offset, uint64_t until, Landings landings, Done done);
  // Where a piece that begins at `offset` ends, in a read up to `until`.
  uint64_t PieceEnd(uint64_t offset, uint64_t until) const;

  // Lets go of what was read ahead and of the files; reads under way end, their callers hear them.
  void Close();

 private:
  class Work;
  explicit BlobReader(std::shared_ptr<Work> work) : work_(std::move(work)) {}
  const std::shared_ptr<Work> work_;
};

}  // namespace strongroom::blob
