#include "format/row.h"

#include "base/bugs.h"
#include "format/superblock.h"

namespace strongroom::format {

namespace {
constexpr uint8_t kPlain = 1, kVersioned = 2;

constexpr uint8_t kFamilyBlob = 'B', kFamilyList = 'L', kFamilyDoomed = 'D', kFamilyPart = 'P';
constexpr uint8_t kFamilyCheckpoint = 'C';
constexpr uint8_t kFamilyCurrent = 'o', kFamilyVersion = kOlderFamily;
constexpr size_t kVersionSize = 8;
constexpr uint64_t kNoVersion = UINT64_MAX;

void EncodeBlob(const Row& row, ByteWriter& w) {
  const BlobReference& blob = row.blob;
  if (blob.kind == BlobKind::kNone) return;
  if (blob.kind == BlobKind::kCounted) {
    w.U32(row.counted.references);
    w.U16(row.counted.placement.number);
    w.U8(row.counted.placement.k);
    w.U8(row.counted.placement.m);
    w.U64(row.counted.size);
    return;
  }
  w.Raw(blob.id);
  w.U64(blob.size);
  w.U64(blob.crc64);
  if (HasWrap(blob.kind)) w.Raw(blob.wrap);
  if (IsSmall(blob.kind)) w.U64(blob.location);
}

void DecodeBlob(ByteReader& r, Row* row) {
  BlobReference& blob = row->blob;
  blob = {.kind = blob.kind};
  row->counted = {};
  if (blob.kind == BlobKind::kNone) return;
  if (blob.kind == BlobKind::kCounted) {
    row->counted.references = r.U32();
    row->counted.placement.number = r.U16();
    row->counted.placement.k = r.U8();
    row->counted.placement.m = r.U8();
    row->counted.size = r.U64();
    return;
  }
  r.Into(blob.id);
  blob.size = r.U64();
  blob.crc64 = r.U64();
  if (HasWrap(blob.kind)) r.Into(blob.wrap);
  if (IsSmall(blob.kind)) blob.location = r.U64();
}

Bytes KeyOf(uint8_t family, const aead::Id& id) {
  Bytes key;
  ByteWriter w(&key);
  w.U8(family);
  w.Raw(id);
  return key;
}

Status DecodeRowInto(ByteSpan bytes, Row* row) {
  ByteReader r(bytes);
  uint8_t version = r.U8();
  uint8_t kind = r.U8();
  row->modified = r.U64();
  if (!r.failed() && version > kVersioned) {
    return Status(Code::kUnsupportedFormat, "row has version " + std::to_string(version));
  }
  row->version = version == kVersioned ? r.U64() : 0;
  if (kind > 6) return Status(Code::kCorruption, "row: unknown blob kind");
  row->blob.kind = static_cast<BlobKind>(kind);
  DecodeBlob(r, row);
  if (r.failed() || version == 0) return Status(Code::kCorruption, "row: cut short");
  if (version == kVersioned && row->version == 0) return Status(Code::kCorruption, "row: version");
  row->body = bytes.subspan(r.position());
  return {};
}
}  // namespace

Placement PlacedIn(const Superblock& shape, const Placement& row) {
  const bool keeps_whole = shape.zone_count == 1 && shape.large.k == 1 && shape.large.m == 0;
  const bool is_whole = row.k == 1 && row.m == 0;
  if (!keeps_whole || is_whole) return row;
  return {static_cast<uint16_t>(row.number + 1), 1, 0};
}

void EncodeRow(const Row& row, Bytes* out) {
  ByteWriter w(out);
  w.U8(row.version == 0 ? kPlain : kVersioned);
  w.U8(static_cast<uint8_t>(row.blob.kind));
  w.U64(row.modified);
  if (row.version != 0) w.U64(row.version);
  EncodeBlob(row, w);
  w.Raw(row.body);
}

size_t RowSize(const Row& row) {
  BlobKind kind = row.blob.kind;
  size_t head = kind == BlobKind::kNone ? 0 : kind == BlobKind::kCounted ? 16 : 16 + 8 + 8;
  if (HasWrap(kind)) head += kDekWrapSize;
  if (IsSmall(kind)) head += 8;
  return 1 + 1 + 8 + (row.version == 0 ? 0 : 8) + head + row.body.size();
}

Result<Row> DecodeRow(ByteSpan bytes) {
  Row row;
  TRY(DecodeRowInto(bytes, &row));
  return row;
}

void EncodeIndexRow(uint64_t revision, uint32_t home, ByteSpan row, Bytes* out) {
  ByteWriter w(out);
  w.U64(revision);
  w.U32(home);
  w.Raw(row);
}

Result<IndexRow> DecodeIndexRow(ByteSpan bytes) {
  IndexRow out;
  TRY(DecodeIndexRow(bytes, &out));
  return out;
}

Status DecodeIndexRow(ByteSpan bytes, IndexRow* row) {
  if (bytes.size() < kIndexRowHead) return Status(Code::kCorruption, "index row: cut short");
  row->revision = LoadLittle<uint64_t>(bytes.data());
  row->home = LoadLittle<uint32_t>(bytes.data() + 8);
  row->image = bytes.subspan(kIndexRowHead);
  return DecodeRowInto(row->image, &row->row);
}

uint64_t IndexRowRevision(ByteSpan bytes) {
  return bytes.size() < kIndexRowHead ? 0 : LoadLittle<uint64_t>(bytes.data());
}

uint64_t IndexRowVersion(ByteSpan bytes) {
  constexpr size_t kVersionAt = kIndexRowHead + 1 + 1 + 8;
  if (bytes.size() <= kIndexRowHead) return 0;
  if (bytes[kIndexRowHead] != kVersioned) return IndexRowRevision(bytes);
  return bytes.size() < kVersionAt + 8 ? 0 : LoadLittle<uint64_t>(bytes.data() + kVersionAt);
}

Bytes CountedKey(BlobKind kind, const aead::Id& id) {
  return KeyOf(IsLarge(kind) ? kFamilyBlob : kFamilyList, id);
}
Result<aead::Id> LargeBlobOf(ByteSpan key) {
  aead::Id id;
  if (key.size() != 1 + id.size() || key[0] != kFamilyBlob) {
    return Status(Code::kCorruption, "the key of a row that counts no large blob");
  }
  std::copy(key.begin() + 1, key.end(), id.begin());
  return id;
}
Bytes DoomedKey(const aead::Id& list_id) { return KeyOf(kFamilyDoomed, list_id); }

Bytes PartKey(const aead::Id& list_id, uint64_t position) {
  Bytes key = KeyOf(kFamilyPart, list_id);
  key.resize(key.size() + 8);
  StoreBig64(key.data() + key.size() - 8, position);
  return key;
}

Bytes EventKey(ByteSpan under, uint64_t sequence, uint32_t place) {
  Bytes key(under.begin(), under.end());
  key.resize(under.size() + 12);
  StoreBig64(key.data() + under.size(), sequence);
  StoreBig32(key.data() + under.size() + 8, place);
  return key;
}

bool IsCurrentKey(ByteSpan key) {
  return key.size() > 1 + kVersionSize && key[0] == kFamilyCurrent &&
         LoadBig64(key.data() + key.size() - kVersionSize) == kNoVersion;
}

bool IsVersionKey(ByteSpan key) {
  return key.size() > 1 + kVersionSize && key[0] == kFamilyVersion;
}

uint64_t VersionOf(const Row& row, uint64_t revision) {
  return row.version == 0 ? revision : row.version;
}

Bytes VersionKey(ByteSpan key, uint64_t version) {
  Bytes out(key.begin(), key.end());
  out[0] = kFamilyVersion;
  StoreBig64(out.data() + out.size() - kVersionSize, ~version);
  return out;
}

Bytes CurrentKey(ByteSpan key) {
  Bytes out(key.begin(), key.end());
  out[0] = kFamilyCurrent;
  StoreBig64(out.data() + out.size() - kVersionSize, kNoVersion);
  return out;
}

bool ListOfPart(ByteSpan key, aead::Id* list_id) {
  if (key.size() != 1 + list_id->size() + 8 || key[0] != kFamilyPart) return false;
  memcpy(list_id->data(), key.data() + 1, list_id->size());
  return true;
}

Bytes CheckpointKey(uint64_t sequence) {
  Bytes key(9, kFamilyCheckpoint);
  StoreBig64(key.data() + 1, sequence);
  return key;
}

Bytes EncodeCheckpoint(ByteSpan token, const hash::Sha256Digest& chain) {
  CHECK(token.size() == kTokenSize);
  Bytes body(token.begin(), token.end());
  body.insert(body.end(), chain.begin(), chain.end());
  return body;
}

bool IsEngineKey(ByteSpan key) {
  if (key.empty()) return false;
  const uint8_t family = key[0];
  return family == kFamilyBlob || family == kFamilyList || family == kFamilyDoomed ||
         family == kFamilyCheckpoint;
}

Bytes DekAad(const aead::Id& store_id, const aead::Id& blob_id, ByteSpan context) {
  Bytes aad;
  ByteWriter w(&aad);
  w.Field(AsBytes("dek"));
  w.Raw(store_id);
  if (!STRONGROOM_BUG("dropped-aad-field")) w.Raw(blob_id);
  w.Field(context);
  return aad;
}

}  // namespace strongroom::format
