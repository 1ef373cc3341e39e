// Records: what a batch says, sealed as one ciphertext for all zones, and the chain over them.
//
//   sealed    = XAES-256-GCM(record key, 24 fresh random bytes, AAD, record)
//   AAD       = store id 16 ‖ segment id 16 ‖ offset u32 ‖ epoch u64 ‖ first sequence u64
//   record    = kind u8 ‖ epoch u64 ‖ first sequence u64 ‖ chain before 32 ‖ wall ms u64
//             ‖ compliance ms u64 ‖ payload
//   commit (1)= transaction count u32 ‖ transaction*
//   transaction = effect count u32 ‖ effect*
//   effect    = key size u16 ‖ key ‖ row size u32 ‖ row        row size FFFFFFFF: the row is
//   deleted epoch (2) = previous epoch u64 ‖ its first segment u32 ‖ base location u64 ‖ base end
//   u64
//             ‖ base sequence u64 ‖ base chain 32 ‖ zone count u8 ‖ zone id 16 *
//   chain     = SHA-256(sealed)
//
// The nonce is random for every attempt, never made from the position: a dropped batch gives its
// sequence to other content, and a copied store runs an epoch twice. Effects are whole row images
// and deletes, never deltas, so replay is idempotent. An epoch record takes no sequence: its first
// sequence is the one that the next transaction will have.
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

enum class RecordKind : uint8_t { kCommit = 1, kEpoch = 2 };

struct EffectView {
  ByteSpan key;
  std::optional<ByteSpan> row;  // Absent: deleted.
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
};
constexpr size_t kRecordHeadSize = 1 + 8 + 8 + 32 + 8 + 8;

void EncodeRecordHead(const RecordHead& head, Bytes* out);
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
