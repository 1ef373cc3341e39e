#include "format/record.h"

namespace strongroom::format {

namespace {
Status Bad(const char* what) { return Status(Code::kCorruption, std::string("record: ") + what); }

// A hostile count cannot make us allocate: every element takes at least `least` bytes.
bool Plausible(const ByteReader& r, uint64_t count, size_t least) {
  return count * least <= r.remaining();
}

Status DecodeEffect(ByteReader& r, EffectView* effect) {
  auto kind = static_cast<EffectKind>(r.U8());
  if (kind > EffectKind::kCarried) return Bad("unknown effect");
  effect->key = r.Raw(r.U16());
  if (kind == EffectKind::kDeleted) return {};
  if (kind == EffectKind::kCarried) {
    effect->carried = r.U64();
    // No row has revision 0: it would be taken for one that was written.
    if (!r.failed() && effect->carried == 0) return Bad("a carried row without a revision");
  }
  effect->row = r.Raw(r.U32());
  return {};
}

Status DecodeCommit(ByteReader& r, Record* record) {
  uint32_t transactions = r.U32();
  if (!Plausible(r, transactions, 4)) return Bad("transaction count");
  record->transactions.resize(transactions);
  for (auto& effects : record->transactions) {
    uint32_t count = r.U32();
    if (!Plausible(r, count, 3)) return Bad("effect count");
    effects.resize(count);
    for (EffectView& effect : effects) TRY(DecodeEffect(r, &effect));
  }
  return r.Done() ? Status() : Bad("commit payload");
}

Status DecodeEpoch(ByteReader& r, EpochPayload* payload) {
  payload->previous_epoch = r.U64();
  payload->previous_epoch_segment = r.U32();
  payload->base.location = r.U64();
  payload->base.end = r.U64();
  payload->base.sequence = r.U64();
  r.Into(payload->base.chain);
  payload->set.resize(r.U8());
  for (aead::Id& id : payload->set) r.Into(id);
  return r.Done() && !payload->set.empty() ? Status() : Bad("epoch payload");
}
}  // namespace

void EncodeRecordHead(const RecordHead& head, Bytes* out) {
  ByteWriter w(out);
  w.U8(static_cast<uint8_t>(head.kind));
  w.U64(head.epoch);
  w.U64(head.first_sequence);
  w.Raw(head.chain_before);
  w.U64(head.wall_millis);
  w.U64(head.compliance_millis);
  w.U32(head.extent.first_segment);
  w.U64(head.extent.sequence_before);
  w.Raw(head.extent.chain_before);
  w.U64(head.extent.live_bytes);
}

size_t EffectHeadSize(size_t key_size, EffectKind kind) {
  size_t row = kind == EffectKind::kDeleted ? 0 : kind == EffectKind::kWritten ? 4 : 8 + 4;
  return 1 + 2 + key_size + row;
}

namespace {
void EncodeKey(EffectKind kind, ByteSpan key, ByteWriter& w) {
  w.U8(static_cast<uint8_t>(kind));
  w.U16(static_cast<uint16_t>(key.size()));
  w.Raw(key);
}
}  // namespace

void EncodeDeleted(ByteSpan key, Bytes* out) {
  ByteWriter w(out);
  EncodeKey(EffectKind::kDeleted, key, w);
}

void EncodeWritten(ByteSpan key, ByteSpan row, Bytes* out) {
  ByteWriter w(out);
  EncodeKey(EffectKind::kWritten, key, w);
  w.Field(row);
}

void EncodeCarried(ByteSpan key, uint64_t revision, ByteSpan row, Bytes* out) {
  ByteWriter w(out);
  EncodeKey(EffectKind::kCarried, key, w);
  w.U64(revision);
  w.Field(row);
}

Bytes EncodeEpochRecord(const RecordHead& head, const EpochPayload& payload) {
  Bytes out;
  EncodeRecordHead(head, &out);
  ByteWriter w(&out);
  w.U64(payload.previous_epoch);
  w.U32(payload.previous_epoch_segment);
  w.U64(payload.base.location);
  w.U64(payload.base.end);
  w.U64(payload.base.sequence);
  w.Raw(payload.base.chain);
  w.U8(static_cast<uint8_t>(payload.set.size()));
  for (const aead::Id& id : payload.set) w.Raw(id);
  return out;
}

Result<Record> DecodeRecord(Bytes bytes) {
  Record record;
  record.bytes = std::move(bytes);
  ByteReader r(record.bytes);
  uint8_t kind = r.U8();
  record.head.kind = static_cast<RecordKind>(kind);
  record.head.epoch = r.U64();
  record.head.first_sequence = r.U64();
  r.Into(record.head.chain_before);
  record.head.wall_millis = r.U64();
  record.head.compliance_millis = r.U64();
  record.head.extent.first_segment = r.U32();
  record.head.extent.sequence_before = r.U64();
  r.Into(record.head.extent.chain_before);
  record.head.extent.live_bytes = r.U64();
  if (r.failed()) return Bad("too short");
  if (kind == 1) {
    TRY(DecodeCommit(r, &record));
  } else if (kind == 2) {
    TRY(DecodeEpoch(r, &record.epoch));
  } else {
    return Bad("unknown kind");
  }
  return record;
}

Bytes RecordAad(const aead::Id& store_id, const aead::Id& segment_id, uint32_t offset,
                uint64_t epoch, uint64_t first_sequence) {
  Bytes aad;
  aad.reserve(52);
  ByteWriter w(&aad);
  w.Raw(store_id);
  w.Raw(segment_id);
  w.U32(offset);
  w.U64(epoch);
  w.U64(first_sequence);
  return aad;
}

}  // namespace strongroom::format
