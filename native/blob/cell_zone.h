// What writers and readers of large blobs share: the zones as they see them, the pools, the clock,
// and how trouble is reported.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "aead/chunk.h"
#include "blob/deadlines.h"
#include "blob/slab_pool.h"
#include "format/blob_file.h"
#include "io/env.h"
#include "io/task_queue.h"

namespace strongroom::blob {

// One zone as blobs use it. Only the threads of `cells` touch files below `path`.
struct CellZone {
  int number = 0;                  // As people know it, for messages.
  std::string path;                // The zone's folder.
  io::Env* env = nullptr;
  std::shared_ptr<io::TaskQueue> cells;
  // False: writers leave the zone out, readers ask it last. Set by the engine; a writer or reader
  // that sees the zone fail only reports it.
  std::atomic<bool> healthy{true};
  // A write failed or the zone did not answer within its deadline: once per writer or reader, from
  // any thread, also after the store was closed. Must not block. Never called for a full disk or
  // for rot. May be empty.
  std::function<void(const Status&)> on_failure;
  // Blobs whose file in this zone is being healed: one healing at a time would install what another
  // one is still building.
  Mutex healing_mutex;
  std::set<aead::Id> healing;  // Guarded by healing_mutex.
};
// By position in the placement; null where a zone is not there at all.
using CellZones = std::vector<std::shared_ptr<CellZone>>;

// Something that a reader found and worked around, or could not.
struct CellTrouble {
  enum class Kind {
    kMissing,   // No file, or it ends too early.
    kFailed,    // The zone answered with an error.
    kSlow,      // The zone did not answer in time.
    kRot,       // Checksum wrong, or the file's preamble does not check.
    kTampered,  // Checksum right, tag wrong: raise an alarm.
  };
  Kind kind;
  int zone = 0;  // CellZone::number.
  aead::Id blob_id{};
  uint16_t placement = 0;
  int64_t cell = -1;  // stripe * (k + m) + cell of the stripe; -1: the whole file.
  std::string what;
  format::BlobShape shape;  // Of the blob.
};

struct BlobContext {
  io::Env* env = nullptr;
  std::shared_ptr<io::TaskQueue> codec;
  std::shared_ptr<SlabPool> read_slabs;
  std::shared_ptr<SlabPool> write_slabs;
  std::shared_ptr<Deadlines> deadlines;
  // How long a zone may leave an answer out while others could do without it.
  uint64_t zone_deadline_nanos = 2'000'000'000;
  // After this a read goes on with parity.
  uint64_t hedge_nanos = 200'000'000;
  // How long the last zones that could answer are waited for: slowness alone loses nothing.
  uint64_t patience_nanos = 30'000'000'000;
  std::function<void(const CellTrouble&)> on_trouble;  // From any thread, late too; must not block.
  // Pieces that were rebuilt, or read from another zone than planned.
  std::atomic<uint64_t> degraded_reads{0};
};

// `<zone>/blob` and its 256 folders, durable. Finishes what a crash left half made.
Status CreateBlobFolders(io::Env* env, const std::string& zone_path);
// `<zone>/blob/<xx>` and `<zone>/blob/<xx>/<blob id hex>.<placement>`.
std::string BlobFolder(const std::string& zone_path, const aead::Id& blob_id);
std::string BlobPath(const std::string& zone_path, const aead::Id& blob_id, uint16_t placement);

}  // namespace strongroom::blob
