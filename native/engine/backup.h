// Backup: a store as it is at one moment, in a folder of its own that an ordinary open opens.
//
//   claim the folder (backup_target.h)
//   -> large blobs, whole, by the rows that count them: most of the bytes, while nothing is held
//   -> the log from where the backup stands, beside the backup's own (log/log_switch.h)
//   -> nothing is removed from here on: the log's rest, up to the moment that the backup will be of
//   -> replay the backup's index to there: by its rows, the large blobs that are still lacking
//   -> switch the log                                                           <- the moment
//   -> remove what only the backup before needed
//
// What is written is read again past the page cache, and proven, before anything counts on it. No
// key of a blob is needed: sealed bytes move as they are.
//
// A crash before the switch leaves the backup as it was, and files that the next one makes use of
// or removes. After it the new one stands; whoever locks the folder next finishes the switch.
// Nothing that the backup before needs is changed or removed until then: its log stays as it is,
// and a blob's file takes its name only when it is proven, and once.
//
// One thread. It waits for the disks of the store with the zones' deadline, and longer for the
// backup's own, for nobody else waits for that.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "engine/backup_target.h"
#include "engine/blob_pins.h"
#include "engine/compactor.h"
#include "engine/row_page.h"
#include "engine/zone_index.h"
#include "repair/blob_copier.h"

namespace strongroom::engine {

class Backup {
 public:
  struct Options {
    BackupTarget::Options target;
    std::string path;
    uint32_t chunk_size = aead::kChunkSize;
    std::shared_ptr<blob::BlobContext> blobs;
    blob::CellZones cell_zones;
    std::shared_ptr<const IndexSource> index_source;
    std::shared_ptr<BlobPins> pins;
    std::function<std::vector<std::shared_ptr<Zone>>()> set;
    std::function<Compactor::Held()> hold;
    std::function<Result<RowPage>(index::ScanRequest)> rows;  // Of the store; blocks.
    std::function<Result<bool>(const aead::Id&)> is_counted;  // Blocks.
    // So many bytes more were read or written. False: stop.
    std::function<bool(uint64_t bytes)> pace;
  };
  explicit Backup(Options options) : options_(std::move(options)) {}

  struct Done {
    uint64_t sequence = 0;  // Of the last transaction that it holds.
    uint64_t bytes = 0;     // That were written.
  };
  // As BackupTarget::Claim and StandsAt; kRolledBack also when the backup holds what the store does
  // not. kCorruption, kTampered, kUnavailable: what lives in the store is damaged in all zones, or
  // the backup's own disk is bad. kCancelled: by `pace`. kNoSpace: no room for it.
  Result<Done> Run();

 private:
  struct Replaying;
  Status CopyStoresBlobs();
  Status CopyCounted(const aead::Id& id, ByteSpan row);
  Status CopyLog();
  Status JudgeBase(const format::Extent& extent);
  Status CopyTo(const Compactor::Held& held);
  Status CopyFrom(const Zone& source, const Compactor::Held& held);
  Status ReplayTo(const format::Position& tail);
  Status CopyLackingBlobs();
  Status RemoveUnneeded();
  Status RemoveFrom(uint8_t folder);
  Status OnIndex(std::function<Status(index::Index&)> work);
  Status Pace(uint64_t bytes);

  const Options options_;
  std::unique_ptr<BackupTarget> target_;
  // The last record of the store that the backup holds, or will when its log is switched. At first
  // as it was found; the log's origin where nothing is known to be common.
  format::Position stands_;
  uint32_t first_segment_ = 0;
  uint64_t written_ = 0;
};

}  // namespace strongroom::engine
