// Index: the derived, ordered map from row keys to rows of one zone. It can always be rebuilt from
// the log, so it is never repaired: a damaged one is dropped. LevelDB inside; no LevelDB type
// crosses this header. Every file is sealed.
//
// Thread: everything here may block on the disk; only the zone's index threads call it. Get and
// Scan are safe from several threads at once, Apply and Checkpoint from one at a time.
//
// What is on disk is always a prefix of the applied batches; `applied()` after Open says exactly
// which.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "aead/chunk.h"
#include "base/bytes.h"
#include "base/secret_bytes.h"
#include "base/status.h"
#include "hash/sha256.h"
#include "io/env.h"

namespace strongroom::index {

// The commit record that the index has applied last. All zeros: an empty index.
struct Applied {
  uint64_t epoch = 0;
  uint64_t sequence = 0;   // Of the record's last transaction.
  uint64_t location = 0;   // Of the record's batch in the log.
  uint64_t end = 0;        // Where the next batch would start, in the same segment.
  hash::Sha256Digest chain{};  // Hash of the sealed record.
};

struct Effect {
  ByteSpan key;
  std::optional<ByteSpan> row;  // Absent: delete.
};

// A cache of opened blocks that several indexes share.
class BlockCache {
 public:
  virtual ~BlockCache() = default;
};
std::shared_ptr<BlockCache> NewBlockCache(size_t bytes);

struct IndexOptions {
  io::Env* env = nullptr;
  std::string path;         // The folder of this index; created if missing.
  aead::Id store_id{};      // Both go into the AAD of every sealed piece,
  aead::Id zone_id{};       // so an index copied from another zone is refused.
  ByteSpan index_key;       // 32 bytes; per-file keys are derived with a random salt.
  // Writes not one byte: what is applied stays in memory, Checkpoint is kReadOnly. The folder may
  // be missing.
  bool read_only = false;
  size_t write_buffer_size = 4 << 20;
  std::shared_ptr<BlockCache> block_cache;  // Absent: one of its own, of
  size_t block_cache_size = 8 << 20;        // this size.
  // An open table keeps 2 % of its size in memory, outside the cache: 200 of 4 MiB cost 16 MiB. A
  // table that is not open costs a get 20 us more, so the two together should span the index.
  size_t table_size = 4 << 20;
  int open_files_max = 200;
  // What may be applied to a read-only index, in bytes of keys and rows; beyond it kReadOnly.
  size_t read_only_bytes_max = 64 << 20;
};

struct ScanRequest {
  Bytes start;             // First row key that may appear (inclusive).
  Bytes end;               // First row key that may not (exclusive). Empty: no bound.
  bool reverse = false;    // From `end` down to `start`.
  uint32_t limit = 1000;   // Entries, common prefixes included.
  size_t bytes_max = 1 << 20;    // Of keys and rows on one page.
  uint32_t rows_max = 100000;    // Rows stepped over: bounds the work of one page.
  // Grouping: row keys that hold `delimiter` at or after offset `group_from`, and before the
  // version, are collapsed into one entry per distinct key prefix up to and including its first
  // occurrence. Empty: none.
  Bytes delimiter;
  size_t group_from = 0;
  // Of several row keys of the range that are equal up to their last `version_size` bytes only the
  // first is an entry (in key order, whatever the direction): the current version. 0: every row.
  // REQUIRES: no row key lies between two such keys, and none ends inside the prefix of a group (an
  // escaped key with its terminator sees to both).
  size_t version_size = 0;
  // Not 0: every version instead, also the rows of this family, as VersionsIterator shows them to
  // the sink and in `resume`. REQUIRES: not reverse; version_size 8; start and end of one family.
  char older = 0;
  // False for a walk over everything, which would only drive out of the cache what is used.
  bool fill_cache = true;
};
// Calls back per entry in scan order; key and row are valid only during the call. With is_prefix
// `key` is a common prefix (row-key bytes up to and including the delimiter) and `row` is empty.
using ScanSink = std::function<void(ByteSpan key, ByteSpan row, bool is_prefix)>;
struct ScanEnd {
  bool truncated = false;
  // When truncated, where to go on: for a forward scan the next `start`, for a reverse one the next
  // `end`. Past the whole group of the last entry, also past what is written there in between.
  Bytes resume;
};

class Index {
 public:
  // Waits for work in the background. What was applied since the last checkpoint may be gone.
  virtual ~Index() = default;
  // kTampered or kCorruption, here and below: drop it (Destroy) and rebuild from the log. kIo and
  // others: the disk. Every failure lasts until the index is closed: after a failed read nothing is
  // served, after a failed write nothing is applied.
  static Result<std::unique_ptr<Index>> Open(const IndexOptions& options);
  // Removes every file of a closed index.
  static Status Destroy(io::Env* env, const std::string& path);
  // The next Open finds an empty index: of one that may be open still, and whose damage only those
  // meet who read what is damaged.
  static Status Condemn(io::Env* env, const std::string& path);

  virtual Applied applied() const = 0;
  // Appends the row to `row` and returns true; when absent appends nothing and returns false.
  virtual Result<bool> Get(ByteSpan key, std::string* row) = 0;
  // Whole or not at all, in order; costs no I/O of its own. kInvalidArgument for an empty key and
  // for the key 00, which holds `applied`.
  virtual Status Apply(std::span<const Effect> effects, const Applied& applied) = 0;
  // One page of one snapshot. On an error what the sink has seen is no page: it may lack rows.
  virtual Result<ScanEnd> Scan(const ScanRequest& request, const ScanSink& sink) = 0;
  // Makes everything applied so far durable: moves the start of replay forward. Frees nothing.
  virtual Status Checkpoint() = 0;
  // How many bytes of keys and rows may still be applied; bounded for a read-only index only.
  virtual size_t Room() { return SIZE_MAX; }
  // Tables waiting at level 0; at 8 LevelDB slows writers, at 12 it stops them.
  virtual int Level0Files() = 0;
};

}  // namespace strongroom::index
