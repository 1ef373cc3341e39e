// What the tests of the formats share: fixed values for the worked examples of docs/format, and the
// walk over every way in which bytes from a disk can be short or wrong.
#pragma once

#include <algorithm>

#include "aead/chunk.h"
#include "base/testing.h"
#include "format/record.h"
#include "format/row.h"

namespace strongroom::format {

// from, from + 1, ...
template <size_t kSize>
std::array<uint8_t, kSize> Counting(uint8_t from) {
  std::array<uint8_t, kSize> out;
  for (size_t i = 0; i < kSize; ++i) out[i] = static_cast<uint8_t>(from + i);
  return out;
}

inline aead::Id TakeId(testing::Random& random) {
  aead::Id id;
  Bytes bytes = random.Take(id.size());
  std::copy(bytes.begin(), bytes.end(), id.begin());
  return id;
}

// Calls `each` with every strict prefix, in memory of exactly its size: a read past the end is then
// a finding of the address sanitizer.
template <typename Each>
void EveryTruncation(ByteSpan bytes, const Each& each) {
  for (size_t size = 0; size < bytes.size(); ++size) {
    each(Bytes(bytes.begin(), bytes.begin() + static_cast<ptrdiff_t>(size)));
  }
}

// Calls `each` with the bytes changed in one place, and that place.
template <typename Each>
void EveryFlip(ByteSpan bytes, const Each& each) {
  for (size_t at = 0; at < bytes.size(); ++at) {
    for (uint8_t mask : {0x01, 0x80, 0xff}) {
      Bytes changed(bytes.begin(), bytes.end());
      changed[at] ^= mask;
      each(changed, at);
    }
  }
}

// The values of the worked examples.
inline const aead::Id kExampleStore = Counting<16>(0x20);
inline const aead::Id kExampleBlob = Counting<16>(0x40);
inline const aead::Id kExampleSegment = Counting<16>(0xa0);
inline const auto kExampleDek = Counting<aead::kKeySize>(0x00);
inline const auto kExampleBucketKey = Counting<aead::kKeySize>(0x80);
inline const auto kExampleRecordKey = Counting<aead::kKeySize>(0xc0);
constexpr uint32_t kExampleSegmentNumber = 10;
constexpr uint64_t kExampleEpoch = 3;
constexpr uint64_t kExampleSequence = 7;
constexpr uint64_t kExampleMillis = 1'700'000'000'000;

inline Bytes Unhex(std::string_view hex) {
  auto digit = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
  Bytes out;
  for (size_t i = 0; i + 1 < hex.size(); i += 2) {
    out.push_back(static_cast<uint8_t>(digit(hex[i]) << 4 | digit(hex[i + 1])));
  }
  return out;
}

// What the bucket 0102030405060708 made its key for (docs/format/rows.md).
inline Bytes ExampleContext() {
  // "strongroom bucket key" 00
  Bytes context = Unhex("7374726f6e67726f6f6d206275636b6574206b657900");
  Bytes id = Unhex("0102030405060708");
  context.insert(context.end(), id.begin(), id.end());
  return context;
}

// Of the object "aé" in the bucket 0102030405060708 (docs/format/rows.md).
inline Bytes ExampleKey() { return Unhex("6f010203040506070861c3a900ffffffffffffffff"); }

// The blob "strongroom", small, in the first batch after the header of the example's segment.
inline Row ExampleRow() {
  static const Bytes body = Unhex("010000");
  Row row;
  row.modified = kExampleMillis;
  row.blob.kind = BlobKind::kSmall;
  row.blob.id = kExampleBlob;
  row.blob.size = 10;
  row.blob.crc64 = 0x8c1bcd66aba535b5;
  Bytes wrap = aead::XaesSeal(kExampleBucketKey, Counting<24>(0x10),
                              DekAad(kExampleStore, kExampleBlob, ExampleContext()), kExampleDek);
  std::copy(wrap.begin(), wrap.end(), row.blob.wrap.begin());
  row.blob.location = Location(kExampleSegmentNumber, kBlock + kBatchHeaderSize);
  row.body = body;
  return row;
}

struct EffectBytes {
  Bytes key;
  std::optional<Bytes> row;
  uint64_t carried = 0;
};
using TransactionBytes = std::vector<EffectBytes>;

// A commit record, written by the grammar in record.h.
inline Bytes EncodeCommit(const RecordHead& head, const std::vector<TransactionBytes>& said) {
  Bytes out;
  EncodeRecordHead(head, &out);
  ByteWriter w(&out);
  w.U32(static_cast<uint32_t>(said.size()));
  for (const TransactionBytes& effects : said) {
    w.U32(static_cast<uint32_t>(effects.size()));
    for (const EffectBytes& effect : effects) {
      w.U8(!effect.row ? 0 : effect.carried == 0 ? 1 : 2);
      w.U16(static_cast<uint16_t>(effect.key.size()));
      w.Raw(effect.key);
      if (effect.carried != 0) w.U64(effect.carried);
      if (effect.row) w.Field(*effect.row);
    }
  }
  return out;
}

// Segments 1 to 3 are retired.
inline Extent ExampleExtent() { return {4, 2, hash::Sha256(AsBytes("retired")), 284}; }

// The row of the list 707172...7f, which two rows name (docs/format/row.md).
inline EffectBytes ExampleCarried() {
  Row row;
  row.blob.kind = BlobKind::kCounted;
  row.counted.references = 2;
  EffectBytes effect{CountedKey(BlobKind::kParts, Counting<16>(0x70)), Bytes(), 5};
  EncodeRow(row, &*effect.row);
  return effect;
}

// One transaction: the example's row is written, the bucket row "b" "old" is deleted. And one in
// which a row is carried.
inline Bytes ExampleCommit() {
  RecordHead head{RecordKind::kCommit, kExampleEpoch,
                  kExampleSequence,    hash::Sha256(AsBytes("")),
                  kExampleMillis,      0,
                  ExampleExtent()};
  Bytes row;
  EncodeRow(ExampleRow(), &row);
  return EncodeCommit(
      head, {{{ExampleKey(), row}, {Unhex("626f6c64"), std::nullopt}}, {ExampleCarried()}});
}

inline Bytes SealExample(ByteSpan record) {
  Bytes aad = RecordAad(kExampleStore, kExampleSegment, kBlock, kExampleEpoch, kExampleSequence);
  return aead::XaesSeal(kExampleRecordKey, Counting<24>(0xe0), aad, record);
}

}  // namespace strongroom::format
