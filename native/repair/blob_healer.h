// Blob healer: makes the file of one large blob in one zone whole again, from the cells of the
// other zones.
//
//   look      is the file what the zone must hold? then nothing is touched
//   build     <name>.healing: k sound cells of each stripe, and what follows from them
//   prove     read it back past the page cache, every cell, before anything is said
//   install   what lay there goes to the quarantine, the new file takes its name
//
// The zone's own sound cells are used like those of others, so a file with one rotten cell can be
// healed from zones that could not make all of it. Cells that must fit together and do not are
// never healed without the blob's key: with it, each is judged by its tag (stripe_truth.h).
//
// A crash leaves, by step: a .healing file that the next healing makes anew; or, between the two
// renames, no file and a proven .healing file, which the next one installs. What lay there is in
// one of both places at every moment. No file of another zone is ever written.
//
// One thread, which waits for the disks. Memory: a MiB or one stripe, of each zone and once more.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/secret_bytes.h"
#include "blob/cell_zone.h"
#include "repair/cell_file.h"
#include "repair/finding.h"

namespace strongroom::repair {

extern const char kHealingSuffix[];  // Behind the blob's name, while the new file is built.

// REQUIRES: a row that is durable names the blob, and a pin keeps it until the end, so that no
// writer of it is left and nobody removes it meanwhile. No thread of the target zone is stuck with
// an earlier write of this blob: one that is given up on removes the file when it comes back.
struct HealOrder {
  BlobAtRest blob;
  blob::CellZones zones;  // By position; those that are not healthy are asked only when they must.
  int target = 0;         // Position.
  SecretBytes dek;        // Empty: not at hand.
};

struct HealOutcome {
  bool was_whole = false;   // Nothing was written.
  Status found;             // What was wrong, unless it was whole.
  std::string quarantined;  // Where what lay there is now; empty: nothing did.
  uint64_t bytes_read = 0, bytes_written = 0;
};

// Whatever is wrong with other zones' cells is told to context->on_trouble.
//
// kUnavailable: too few sound cells are left, or another healing of it is under way. kTampered:
// they do not fit together (come back with the key), or with the key no choice of them gives what
// was sealed. kCorruption: what was written reads back otherwise. kNoSpace, kIo, kTimedOut: the
// target's disk. kCancelled: by `pace`. After any of them the zone holds what it held before, or
// the proven file.
Result<HealOutcome> HealBlob(const std::shared_ptr<blob::BlobContext>& context,
                             const HealOrder& order, const Pace& pace);

}  // namespace strongroom::repair
