// Records: what a batch says, sealed as one ciphertext for all zones, and the chain over them.
//
//   sealed    = XAES-256-GCM(record key, 24 fresh random bytes, AAD, record)
//   AAD       = store id 16 ‖ segment id 16 ‖ offset u32 ‖ epoch u64 ‖ first sequence u64
//   record    = kind u8 ‖ epoch u64 ‖ first sequence u64 ‖ chain before 32 ‖ wall ms u64
//             ‖ compliance ms u64 ‖ extent ‖ payload
//   extent    = first segment u32 ‖ sequence before it u64 ‖ chain before it 32 ‖ live bytes u64
//   commit (1)= transaction count u32 ‖ transaction*
//   transaction = effect count u32 ‖ effect*
//   effect    = kind u8 ‖ key size u16 ‖ key                                    (0, deleted)
//             | kind u8 ‖ key size u16 ‖ key ‖ row size u32 ‖ row               (1, written)
//             | kind u8 ‖ key size u16 ‖ key ‖ revision u64 ‖ row size u32 ‖ row (2, carried)
//   epoch (2) = previous epoch u64 ‖ its first segment u32 ‖ base location u64 ‖ base end u64
//             ‖ base sequence u64 ‖ base chain 32 ‖ zone count u8 ‖ zone id 16 *
//   chain     = SHA-256(sealed)
//
// The nonce is random for every attempt, never made from the position: a dropped batch gives its
// sequence to other content, and a copied store runs an epoch twice. Effects are whole row images
// and deletes, never deltas, so replay is idempotent. An epoch record takes no sequence: its first
// sequence is the one that the next transaction will have.
//
// The extent says where the log begins: segments below its first one are retired, whatever of them
// still lies in a zone. So whoever holds the last record knows where a replay from empty starts,
// and notices when something is missing there.
#pragma once

#include <optional>
#include <vector>

#include "aead/chunk.h"
#include "base/bytes.h"
#include "base/status.h"
#include "format/segment.h"
#include "hash/sha256.h"

namespace strongroom::format {

// One record's place in the log and in the chain. The default is the place before the first record.
struct Position {
  uint64_t epoch = 0;
  uint64_t sequence = 0;  // Of the last transaction so far.
  uint64_t location = 0;  // Of the batch.
  uint64_t end = 0;       // Where the next batch of the same segment starts.
  hash::Sha256Digest chain{};
  bool operator==(const Position&) const = default;
};

// Where the log begins, and how much of it lives. The default: nothing was ever retired.
struct Extent {
  uint32_t first_segment = 0;         // Those below it are retired.
  uint64_t sequence_before = 0;       // Of the last transaction in them,
  hash::Sha256Digest chain_before{};  // and the hash of their last record.
  uint64_t live_bytes = 0;  // Of rows that stand, their keys, and the frames that they name.
  // The place before the first record: a walk from there reads all of the log.
  Position origin() const { return {0, sequence_before, 0, 0, chain_before}; }
  bool operator==(const Extent&) const = default;
};
constexpr size_t kExtentSize = 4 + 8 + 32 + 8;

enum class RecordKind : uint8_t { kCommit = 1, kEpoch = 2 };
enum class EffectKind : uint8_t { kDeleted = 0, kWritten = 1, kCarried = 2 };

struct EffectView {
  ByteSpan key;
  std::optional<ByteSpan> row;  // Absent: deleted.
  uint64_t carried = 0;         // The revision that a carried row keeps; else 0.
};

struct EpochPayload {
  uint64_t previous_epoch = 0;
  uint32_t previous_epoch_segment = 0;
  Position base;  // Without its epoch: the last record before this reign.
  std::vector<aead::Id> set;
};

struct RecordHead {
  RecordKind kind = RecordKind::kCommit;
  uint64_t epoch = 0;
  uint64_t first_sequence = 0;
  hash::Sha256Digest chain_before{};
  uint64_t wall_millis = 0;
  uint64_t compliance_millis = 0;
  Extent extent;
};
constexpr size_t kRecordHeadSize = 1 + 8 + 8 + 32 + 8 + 8 + kExtentSize;

void EncodeRecordHead(const RecordHead& head, Bytes* out);
// All of an effect but its row's bytes, which come last.
size_t EffectHeadSize(size_t key_size, EffectKind kind);
void EncodeDeleted(ByteSpan key, Bytes* out);
void EncodeWritten(ByteSpan key, ByteSpan row, Bytes* out);
void EncodeCarried(ByteSpan key, uint64_t revision, ByteSpan row, Bytes* out);
Bytes EncodeEpochRecord(const RecordHead& head, const EpochPayload& payload);

// A decoded record; the views point into `bytes`.
struct Record {
  Bytes bytes;
  RecordHead head;
  std::vector<std::vector<EffectView>> transactions;
  EpochPayload epoch;
  uint64_t last_sequence() const { return head.first_sequence + transactions.size() - 1; }
};
// kCorruption when it does not parse; never reads past `bytes`.
Result<Record> DecodeRecord(Bytes bytes);

Bytes RecordAad(const aead::Id& store_id, const aead::Id& segment_id, uint32_t offset,
                uint64_t epoch, uint64_t first_sequence);

}  // namespace strongroom::format
