#include "format/row.h"

namespace strongroom::format {

namespace {
constexpr uint8_t kRowVersion = 1;

void EncodeBlob(const BlobReference& blob, ByteWriter& w) {
  if (blob.kind == BlobKind::kNone) return;
  w.Raw(blob.id);
  w.U64(blob.size);
  w.U64(blob.crc64);
  w.Raw(blob.wrap);
  if (blob.kind == BlobKind::kSmall) {
    w.U64(blob.location);
    return;
  }
  w.U16(blob.placement);
  w.U8(blob.k);
  w.U8(blob.m);
}

void DecodeBlob(ByteReader& r, BlobReference* blob) {
  *blob = {.kind = blob->kind};
  if (blob->kind == BlobKind::kNone) return;
  r.Into(blob->id);
  blob->size = r.U64();
  blob->crc64 = r.U64();
  r.Into(blob->wrap);
  if (blob->kind == BlobKind::kSmall) {
    blob->location = r.U64();
    return;
  }
  blob->placement = r.U16();
  blob->k = r.U8();
  blob->m = r.U8();
}

Status DecodeRowInto(ByteSpan bytes, Row* row) {
  ByteReader r(bytes);
  uint8_t version = r.U8();
  uint8_t kind = r.U8();
  row->modified = r.U64();
  if (!r.failed() && version > kRowVersion) {
    return Status(Code::kUnsupportedFormat, "row has version " + std::to_string(version));
  }
  if (kind > 2) return Status(Code::kCorruption, "row: unknown blob kind");
  row->blob.kind = static_cast<BlobKind>(kind);
  DecodeBlob(r, &row->blob);
  if (r.failed() || version == 0) return Status(Code::kCorruption, "row: cut short");
  row->body = bytes.subspan(r.position());
  return {};
}
}  // namespace

void EncodeRow(const Row& row, Bytes* out) {
  ByteWriter w(out);
  w.U8(kRowVersion);
  w.U8(static_cast<uint8_t>(row.blob.kind));
  w.U64(row.modified);
  EncodeBlob(row.blob, w);
  w.Raw(row.body);
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

Bytes DekAad(const aead::Id& store_id, const aead::Id& blob_id) {
  Bytes aad;
  ByteWriter w(&aad);
  w.Field(AsBytes("dek"));
  w.Raw(store_id);
  w.Raw(blob_id);
  return aad;
}

}  // namespace strongroom::format
