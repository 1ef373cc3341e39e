// Any bytes as a record, as if they had come out of the right seal.
#include "base/testing_fuzz.h"
#include "format/format_testing.h"

namespace strongroom::format {
namespace {

std::vector<Bytes> Records() {
  RecordHead head{RecordKind::kEpoch, kExampleEpoch, kExampleSequence, {}, kExampleMillis, 0, {}};
  EpochPayload payload;
  payload.base.sequence = kExampleSequence - 1;
  payload.set = {kExampleStore, kExampleBlob};
  Bytes none = EncodeCommit(head, {});
  none[0] = 1;
  return {ExampleCommit(), EncodeEpochRecord(head, payload), none, Bytes(kRecordHeadSize), {}};
}

std::vector<TransactionBytes> SaidBy(const Record& record) {
  std::vector<TransactionBytes> said;
  for (const auto& effects : record.transactions) {
    TransactionBytes& transaction = said.emplace_back();
    for (const EffectView& effect : effects) {
      EffectBytes& out = transaction.emplace_back();
      out.key.assign(effect.key.begin(), effect.key.end());
      if (effect.row) out.row.emplace(effect.row->begin(), effect.row->end());
      out.carried = effect.carried;
    }
  }
  return said;
}

}  // namespace

// A record has one encoding: two readings of the same bytes, or two bytes of the same meaning,
// would be two histories.
FUZZ(Record, Records) {
  auto record = DecodeRecord(Bytes(input.begin(), input.end()));
  if (!record.ok()) {
    EXPECT(record.status().Is(Code::kCorruption));
    return;
  }
  const Bytes again = record->head.kind == RecordKind::kEpoch
                          ? EncodeEpochRecord(record->head, record->epoch)
                          : EncodeCommit(record->head, SaidBy(*record));
  EXPECT(std::equal(again.begin(), again.end(), input.begin(), input.end()));
}

}  // namespace strongroom::format
