// Rows: the unit of metadata, as an effect carries it and as the index keeps it.
//
//   row       = 01 ‖ kind u8 ‖ modified ms u64 ‖ blob ‖ body
//             | 02 ‖ kind u8 ‖ modified ms u64 ‖ version u64 ‖ blob ‖ body
//   blob      = nothing                                (0, none)
//             | head ‖ DEK wrap 72 ‖ frame location u64 (1, small: in the log)
//             | head ‖ DEK wrap 72                      (2, large: files of its own, counted)
//             | head ‖ DEK wrap 72                      (3, parts: a list of part rows, counted)
//             | head ‖ frame location u64               (4, small part, under the list's DEK)
//             | head                                    (5, large part, under the list's DEK)
//             | references u32 ‖ placement u16 ‖ k u8 ‖ m u8 ‖ size u64   (6, counted)
//   head      = blob id 16 ‖ size u64 ‖ CRC64 of the plaintext u64
//   DEK wrap  = XAES-256-GCM(bucket key, DEK),
//               AAD = "dek" (field) ‖ store id 16 ‖ blob id 16 ‖ context of the bucket key (field)
//   index row = revision u64 ‖ home segment u32 ‖ row
//
// The body belongs to the layers above and is opaque here. The row is sealed as part of its record,
// which ties the blob's id, size and wrap to the row's key.
//
// A large blob and a list of parts may be named by several rows. How many do is counted in a row of
// their own, which the engine alone writes, in the commits that change the number:
//
//   'B' blob id              counted: a large blob; also says where its cells are placed, and how
//                            long it is: whoever makes its files whole needs no other row
//   'L' list id              counted: a list of parts that some row names (placement and size 0)
//   'D' list id              counted, references 0: a list that no row names any more; its parts go
//   'P' list id position u64 a part (the position is big-endian, so parts lie in order)
//
// An object's row may stay when another one takes its key: under a key of its own, in which its
// version stands, the newest first. The version is the revision that it began with: it stays when
// the row is written anew with the blob that it has, and only then stands in the row. Whoever looks
// for what a record wrote looks under both keys.
//
//   'o' text ‖ FF * 8        the row that stands
//   'v' text ‖ version u64   (inverted, big-endian) one that is kept, or never stood
//
// A checkpoint is a row without a blob that the engine alone writes as well, in the commit that its
// key names:
//
//   'C' sequence u64         (big-endian) body = token 16 ‖ chain hash 32 of the record before
#pragma once

#include "aead/chunk.h"
#include "base/bytes.h"
#include "base/status.h"
#include "hash/sha256.h"

namespace strongroom::format {

struct Superblock;

constexpr size_t kDekWrapSize = aead::kKeySize + aead::kXaesOverhead;
constexpr size_t kRowKeyMax = 1100;
constexpr size_t kRowMax = 64 * 1024;
constexpr size_t kIndexRowHead = 12;

enum class BlobKind : uint8_t {
  kNone = 0,
  kSmall = 1,
  kLarge = 2,
  kParts = 3,
  kSmallPart = 4,
  kLargePart = 5,
  kCounted = 6,
};
// Lies in the log, in the frame that its row locates.
constexpr bool IsSmall(BlobKind kind) {
  return kind == BlobKind::kSmall || kind == BlobKind::kSmallPart;
}
// Lies in files of its own.
constexpr bool IsLarge(BlobKind kind) {
  return kind == BlobKind::kLarge || kind == BlobKind::kLargePart;
}
// Counted by a row of its own.
constexpr bool IsCounted(BlobKind kind) { return IsLarge(kind) || kind == BlobKind::kParts; }
// Brings its DEK along; a part's is that of its list.
constexpr bool HasWrap(BlobKind kind) {
  return kind == BlobKind::kSmall || kind == BlobKind::kLarge || kind == BlobKind::kParts;
}

// Where the cells of a large blob are.
struct Placement {
  uint16_t number = 0;  // In the files' names.
  uint8_t k = 0, m = 0;
  bool operator==(const Placement&) const = default;
};

// Where the cells are in a store of this shape. A row of a backup is that of the store that it is
// of, and says that store's geometry: one zone that keeps large blobs whole (1+0) has them whole
// all the same, under the next number, where no cell of the other store passes for one of its.
Placement PlacedIn(const Superblock& shape, const Placement& row);

struct BlobReference {
  BlobKind kind = BlobKind::kNone;
  aead::Id id{};
  uint64_t size = 0;
  uint64_t crc64 = 0;
  std::array<uint8_t, kDekWrapSize> wrap{};  // Where HasWrap.
  uint64_t location = 0;                     // Where IsSmall.
};

// How many rows name a blob or list, and a blob's place and size.
struct Counted {
  uint32_t references = 0;
  Placement placement;
  uint64_t size = 0;  // Of the plaintext.
  bool operator==(const Counted&) const = default;
};

struct Row {
  uint64_t modified = 0;
  uint64_t version = 0;  // 0: its revision.
  BlobReference blob;
  Counted counted;  // Where blob.kind is kCounted.
  ByteSpan body;    // Into the bytes it was decoded from, or given by the encoder's caller.
};

void EncodeRow(const Row& row, Bytes* out);
size_t RowSize(const Row& row);  // Of its encoding.
Result<Row> DecodeRow(ByteSpan bytes);

struct IndexRow {
  uint64_t revision = 0;
  uint32_t home = 0;
  Row row;
  ByteSpan image;  // The row without the index's head.
};
void EncodeIndexRow(uint64_t revision, uint32_t home, ByteSpan row, Bytes* out);
Result<IndexRow> DecodeIndexRow(ByteSpan bytes);
// The same into a row that is used again: a page of a listing decodes a thousand.
Status DecodeIndexRow(ByteSpan bytes, IndexRow* row);
// Only the revision: the head of an index row. 0 when too short.
uint64_t IndexRowRevision(ByteSpan bytes);
// Only the version, of an object's row. 0 when too short.
uint64_t IndexRowVersion(ByteSpan bytes);

// The key of the row that counts a blob or list. REQUIRES: IsCounted(kind).
Bytes CountedKey(BlobKind kind, const aead::Id& id);
// The large blob that a row of this key counts. kCorruption: it is not such a key.
Result<aead::Id> LargeBlobOf(ByteSpan key);
// All of their keys: [start, end).
struct LargeBlobRange {
  Bytes start{'B'}, end{'B' + 1};
};
// 'D' list id: of a list that no row names any more.
Bytes DoomedKey(const aead::Id& list_id);
// 'P' list id, then the position.
Bytes PartKey(const aead::Id& list_id, uint64_t position);
// `under`, sequence u64, place u32: big-endian, so that the rows that tell of commits lie in order.
Bytes EventKey(ByteSpan under, uint64_t sequence, uint32_t place);
constexpr char kOlderFamily = 'v';
bool IsCurrentKey(ByteSpan key);  // 'o' text FF*8
bool IsVersionKey(ByteSpan key);  // 'v' text ‖ 8 bytes
inline bool HasVersions(ByteSpan key) { return IsCurrentKey(key) || IsVersionKey(key); }
uint64_t VersionOf(const Row& row, uint64_t revision);
// The key under which a row of this version is kept. REQUIRES: one of the two.
Bytes VersionKey(ByteSpan key, uint64_t version);
Bytes CurrentKey(ByteSpan key);  // REQUIRES: IsVersionKey(key).
// The list that a row key of family 'P' belongs to. False for another row key.
bool ListOfPart(ByteSpan key, aead::Id* list_id);
// The key of the checkpoint that the commit of this sequence wrote.
Bytes CheckpointKey(uint64_t sequence);
// All of them: [start, end).
struct CheckpointRange {
  Bytes start{'C'}, end{'C' + 1};
};
constexpr size_t kTokenSize = 16;
Bytes EncodeCheckpoint(ByteSpan token, const hash::Sha256Digest& chain);
// True for the families that the engine alone writes.
bool IsEngineKey(ByteSpan key);

// The AAD of a DEK's wrap. `context` is what the wrapping key was made for: whoever owns the key
// says there all that must not be exchanged (bucket, mode, version), opaque here.
Bytes DekAad(const aead::Id& store_id, const aead::Id& blob_id, ByteSpan context);

}  // namespace strongroom::format
