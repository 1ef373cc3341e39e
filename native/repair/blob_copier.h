// Blob copier: one large blob out of a store's zones, whole into a zone that keeps it alone (1+0).
//
//   k sound cells of each stripe -> its sealed chunks, one after the other -> <name>.copy
//   -> read it back past the page cache, every cell -> rename
//
// No chunk is opened and no key is needed: sealed chunks move as they are.
//
// A crash leaves a .copy file that the next copy of the blob makes anew, or the proven file. One
// thread, which waits for the disks. Memory: a MiB or one stripe, of each zone and once more.
#pragma once

#include <memory>

#include "blob/cell_zone.h"
#include "repair/cell_file.h"
#include "repair/finding.h"

namespace strongroom::repair {

extern const char kCopySuffix[];  // Behind the blob's name, while its file is built.

// REQUIRES: a pin keeps the blob in its zones until the end.
struct CopyOrder {
  BlobAtRest blob;
  blob::CellZones zones;  // By position; those that are not healthy are asked only when they must.
  std::shared_ptr<blob::CellZone> target;
  uint16_t placement = 0;  // In the target.
};

// Whether the target holds a file of the blob as long as it must be, under a sound preamble: what
// stands under that name was proven before it got it. An error: of the target's disk.
Result<bool> IsCopied(const std::shared_ptr<blob::BlobContext>& context, const CopyOrder& order);

// Returns how many bytes were written. kUnavailable: too few sound cells are left. kTampered: they
// do not fit together. kCorruption: what was written reads back otherwise. kNoSpace, kIo,
// kTimedOut: the target's disk. kCancelled: by `pace`. After any of them the target holds what it
// held.
Result<uint64_t> CopyBlob(const std::shared_ptr<blob::BlobContext>& context, const CopyOrder& order,
                          const Pace& pace);

}  // namespace strongroom::repair
