#include "format/superblock.h"

#include "base/aligned.h"
#include "base/bugs.h"
#include "hash/xxh64.h"

namespace strongroom::format {

namespace {

constexpr std::string_view kMagic = "SRSUPER1";
constexpr size_t kHeaderSize = 24;
constexpr size_t kMacSize = 32;

Bytes WrapAad(std::string_view label, const aead::Id& store_id, uint32_t generation) {
  Bytes aad;
  ByteWriter writer(&aad);
  writer.Field(AsBytes(label));
  writer.Raw(store_id);
  writer.U32(generation);
  return aad;
}

Bytes EncodeContent(const Superblock& s) {
  Bytes out;
  ByteWriter w(&out);
  w.U64(s.counter);
  w.Raw(s.store_id);
  w.Raw(s.zone_id);
  w.U8(static_cast<uint8_t>(s.state));
  w.U8(s.zone_count);
  for (uint8_t v : {s.small.k, s.small.m, s.large.k, s.large.m}) w.U8(v);
  w.U8(s.position);
  w.Zeros(1);
  w.U32(s.large_from);
  w.U64(s.epochs_reserved);
  w.Field(s.root_hint);
  w.U32(s.ring_generation);
  w.Field(s.ring_wrap);
  w.Field(s.store_key_wrap);
  w.U32(s.record_generation);
  w.Field(s.record_key_wrap);
  w.Field(s.index_key_wrap);
  w.U64(s.roster.since);
  CHECK(s.roster.zones.size() == s.zone_count);
  for (const aead::Id& zone : s.roster.zones) w.Raw(zone);
  return out;
}

Bytes TakeField(ByteReader& reader) {
  ByteSpan field = reader.Field();
  return {field.begin(), field.end()};
}

Result<Superblock> DecodeContent(ByteSpan content) {
  ByteReader r(content);
  Superblock s;
  s.counter = r.U64();
  r.Into(s.store_id);
  r.Into(s.zone_id);
  uint8_t state = r.U8();
  s.state = static_cast<ZoneState>(state);
  s.zone_count = r.U8();
  for (uint8_t* v : {&s.small.k, &s.small.m, &s.large.k, &s.large.m}) *v = r.U8();
  s.position = r.U8();
  r.Skip(1);
  s.large_from = r.U32();
  s.epochs_reserved = r.U64();
  s.root_hint = TakeField(r);
  s.ring_generation = r.U32();
  s.ring_wrap = TakeField(r);
  s.store_key_wrap = TakeField(r);
  s.record_generation = r.U32();
  s.record_key_wrap = TakeField(r);
  s.index_key_wrap = TakeField(r);
  s.roster.since = r.U64();
  s.roster.zones.resize(s.zone_count);
  for (aead::Id& zone : s.roster.zones) r.Into(zone);
  bool in_order = s.position < s.zone_count;
  if (!r.Done() || state < 1 || state > 3 || !in_order || s.root_hint.size() > kRootHintMax) {
    return Status(Code::kCorruption, "superblock: content does not parse");
  }
  return s;
}

std::array<uint8_t, kMacSize> Mac(const StoreKeys& keys, ByteSpan content) {
  Bytes message;
  ByteWriter w(&message);
  w.U32(kFormatVersion);
  w.Raw(content);
  return aead::HmacSha256(keys.store.span(), message);
}

// The seed ties version and size to the body: XXH64 alone covers only what lies in one piece.
uint64_t SlotChecksum(ByteSpan slot, ByteSpan body) {
  return hash::Xxh64(body, LoadLittle<uint64_t>(&slot[8]));
}

// The body of a sound slot; kNotFound when the slot was never written.
Result<ByteSpan> SlotBody(ByteSpan slot) {
  if (slot.size() < kHeaderSize || AsString(slot.first(8)) != kMagic) {
    return Status(Code::kNotFound, "superblock: no slot here");
  }
  uint32_t size = LoadLittle<uint32_t>(&slot[12]);
  if (size < kMacSize + 8 || size > slot.size() - kHeaderSize) {
    return Status(Code::kCorruption, "superblock: slot size out of bounds");
  }
  ByteSpan body = slot.subspan(kHeaderSize, size);
  // Before the version is believed: rot in it must cost this slot, not forbid the whole store.
  if (SlotChecksum(slot, body) != LoadLittle<uint64_t>(&slot[16])) {
    return Status(Code::kCorruption, "superblock: checksum wrong");
  }
  uint32_t version = LoadLittle<uint32_t>(&slot[8]);
  if (version > kFormatVersion) {
    return Status(Code::kUnsupportedFormat, "zone has format version " + std::to_string(version) +
                                                ", this release knows " +
                                                std::to_string(kFormatVersion));
  }
  return body;
}

// Past the page cache: after a failed sync it shows slots that are not on the disk.
Result<Bytes> ReadSlots(io::Env* env, const std::string& zone_path) {
  TRY_ASSIGN(auto file, env->Open(zone_path + "/superblock", {io::OpenMode::kRead, true}));
  AlignedBytes slots(2 * kSlotSize);
  TRY_ASSIGN(size_t size, file->ReadAt(0, slots.span()));
  return Bytes(slots.data(), slots.data() + size);
}

// Looks at both slots and keeps the sound one with the highest counter.
Result<ByteSpan> RulingBody(const Bytes& slots) {
  Status worst(Code::kNotFound, "superblock is empty");
  ByteSpan best;
  uint64_t best_counter = 0;
  for (size_t i = 0; i < 2 && i * kSlotSize < slots.size(); ++i) {
    ByteSpan slot = ByteSpan(slots).subspan(i * kSlotSize);
    auto body = SlotBody(slot.first(std::min(slot.size(), kSlotSize)));
    if (!body.ok()) {
      if (body.status().Is(Code::kUnsupportedFormat)) return body.status();
      if (!body.status().Is(Code::kNotFound)) worst = body.status();
      continue;
    }
    uint64_t counter = LoadLittle<uint64_t>(body->data());
    if (best.empty() || counter > best_counter) {
      best = *body;
      best_counter = counter;
    }
  }
  if (best.empty()) return worst;
  return best;
}

// The counter of the slot that rules.
Result<uint64_t> RulingCounter(io::Env* env, const std::string& zone_path) {
  TRY_ASSIGN(Bytes slots, ReadSlots(env, zone_path));
  TRY_ASSIGN(ByteSpan body, RulingBody(slots));
  return LoadLittle<uint64_t>(body.data());
}

}  // namespace

Bytes WrapKey(io::Env* env, ByteSpan kek, ByteSpan aad, ByteSpan secret) {
  std::array<uint8_t, aead::kXaesNonceSize> nonce;
  env->Random(nonce);
  return aead::XaesSeal(kek, nonce, aad, secret);
}

StoreKeys CreateStoreKeys(io::Env* env, ByteSpan root_key, Superblock* s) {
  StoreKeys keys;
  for (SecretBytes* each : {&keys.ring, &keys.store, &keys.record, &keys.index}) {
    *each = SecretBytes(aead::kKeySize);
    env->Random(each->span());
  }
  keys.ring_generation = s->ring_generation = 1;
  keys.record_generation = s->record_generation = 1;
  const aead::Id& id = s->store_id;
  ByteSpan ring = keys.ring.span();
  s->ring_wrap = WrapKey(env, root_key, WrapAad("ring", id, 1), ring);
  s->store_key_wrap = WrapKey(env, ring, WrapAad("store", id, 1), keys.store.span());
  s->record_key_wrap = WrapKey(env, ring, WrapAad("record", id, 1), keys.record.span());
  s->index_key_wrap = WrapKey(env, ring, WrapAad("index", id, 1), keys.index.span());
  return keys;
}

Result<StoreKeys> OpenStoreKeys(ByteSpan root_key, const Superblock& s) {
  StoreKeys keys;
  keys.ring_generation = s.ring_generation;
  keys.record_generation = s.record_generation;
  auto ring = aead::XaesOpen(root_key, WrapAad("ring", s.store_id, s.ring_generation), s.ring_wrap);
  // Tried before anything else, so that a wrong root is never taken for tampering or rot.
  if (!ring.ok() || ring->size() != aead::kKeySize) {
    return Status(Code::kWrongKey, "the root key does not open this store");
  }
  keys.ring = std::move(*ring);
  struct Below {
    std::string_view label;
    uint32_t generation;
    const Bytes& wrap;
    SecretBytes& opened;
  } below[] = {{"store", s.ring_generation, s.store_key_wrap, keys.store},
               {"record", s.record_generation, s.record_key_wrap, keys.record},
               {"index", s.ring_generation, s.index_key_wrap, keys.index}};
  for (auto& each : below) {
    Bytes aad = WrapAad(each.label, s.store_id, each.generation);
    auto opened = aead::XaesOpen(keys.ring.span(), aad, each.wrap);
    if (!opened.ok() || opened->size() != aead::kKeySize) {
      return Status(Code::kTampered, "superblock: a wrapped key does not open");
    }
    each.opened = std::move(*opened);
  }
  return keys;
}

Status WriteSuperblock(io::File* file, const Superblock& superblock, const StoreKeys& keys) {
  Bytes content = EncodeContent(superblock);
  auto mac = Mac(keys, content);
  content.insert(content.end(), mac.begin(), mac.end());
  Bytes slot;
  ByteWriter w(&slot);
  w.Raw(AsBytes(kMagic));
  w.U32(kFormatVersion);
  w.U32(static_cast<uint32_t>(content.size()));
  w.U64(0);
  StoreLittle(&slot[16], SlotChecksum(slot, content));
  w.Raw(content);
  CHECK(slot.size() <= kSlotSize);
  slot.resize(kSlotSize);
  const uint64_t at = STRONGROOM_BUG("one-superblock-slot") ? 0 : superblock.counter & 1;
  TRY(file->WriteAt(at * kSlotSize, slot));
  // Crash before this returns: the slot is old, torn or new; the other slot is whole.
  return file->Sync();
}

Status ReplaceSuperblock(io::Env* env, const std::string& zone_path, const Superblock& next,
                         const StoreKeys& keys) {
  TRY_ASSIGN(auto file, env->Open(zone_path + "/superblock", {io::OpenMode::kReadWrite, false}));
  // The slot that stays must be durable before the other is touched; a dead process may have left
  // it in the page cache only. And it must be there after that: what an earlier sync lost, this one
  // does not bring back.
  TRY(file->Sync());
  TRY_ASSIGN(uint64_t before, RulingCounter(env, zone_path));
  if (before + 1 != next.counter) {
    return Status(Code::kIo, "superblock: the disk lacks the slot that is to stay");
  }
  TRY(WriteSuperblock(file.get(), next, keys));
  // A seal that fits what was meant to be written is proof that nothing else was.
  Status held = VerifySuperblock(env, zone_path, next, keys);
  return held.ok() ? held : Status(Code::kIo, "superblock: the disk lacks what was written");
}

Result<Superblock> ReadSuperblock(io::Env* env, const std::string& zone_path) {
  TRY_ASSIGN(Bytes slots, ReadSlots(env, zone_path));
  TRY_ASSIGN(ByteSpan body, RulingBody(slots));
  return DecodeContent(body.first(body.size() - kMacSize));
}

Status VerifySuperblock(io::Env* env, const std::string& zone_path, const Superblock& superblock,
                        const StoreKeys& keys) {
  TRY_ASSIGN(Bytes slots, ReadSlots(env, zone_path));
  TRY_ASSIGN(ByteSpan body, RulingBody(slots));
  // What is proved is what the caller holds: a disk may answer differently when it is asked again.
  if (!aead::ConstantTimeEqual(Mac(keys, EncodeContent(superblock)), body.last(kMacSize))) {
    return Status(Code::kTampered, "superblock is forged: its seal does not fit its checksum");
  }
  return {};
}

}  // namespace strongroom::format
