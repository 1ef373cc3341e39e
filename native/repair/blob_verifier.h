// Blob verifier: looks at every cell of one large blob in all zones, past the page cache, and heals
// the zones that lack some.
//
// Without the blob's key each cell is judged by its checksum, and the cells of each stripe by
// whether they fit together; with it, every chunk is opened and every parity follows from them.
#pragma once

#include <memory>

#include "repair/blob_healer.h"
#include "repair/finding.h"

namespace strongroom::repair {

// REQUIRES: as HealOrder says.
struct BlobOrder {
  BlobAtRest blob;
  blob::CellZones zones;  // By position; null or not healthy: nobody expects anything there.
  SecretBytes dek;        // Empty: not at hand.
  bool heal = false;
};

// kCancelled: by `pace`. What is wrong with the blob is no failure.
Status VerifyBlob(const std::shared_ptr<blob::BlobContext>& context, const BlobOrder& order,
                  const Pace& pace, const OnFinding& on_finding, Tally* tally);

}  // namespace strongroom::repair
