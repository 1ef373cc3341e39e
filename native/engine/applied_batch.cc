// The image that a record leaves in the indexes.
#include "engine/applied_batch.h"

#include "base/bugs.h"
#include "format/row.h"

namespace strongroom::engine {

index::Applied ToApplied(const format::Position& p) {
  return {p.epoch, p.sequence, p.location, p.end, p.chain};
}
format::Position ToPosition(const index::Applied& a) {
  return {a.epoch, a.sequence, a.location, a.end, a.chain};
}

AppliedBatch ApplyImage(const format::Record& record, const format::Position& position) {
  AppliedBatch out;
  out.applied = ToApplied(position);
  size_t size = 0;
  for (const auto& effects : record.transactions) {
    for (const auto& effect : effects) {
      size += effect.key.size();
      if (effect.row) size += format::kIndexRowHead + effect.row->size();
    }
  }
  out.storage.reserve(size);  // The effects point into it: it must not move.
  uint32_t home = format::SegmentOf(position.location);
  uint64_t revision = record.head.first_sequence;
  for (const auto& effects : record.transactions) {
    for (const auto& effect : effects) {
      size_t at = out.storage.size();
      out.storage.insert(out.storage.end(), effect.key.begin(), effect.key.end());
      index::Effect image{{out.storage.data() + at, effect.key.size()}, std::nullopt};
      if (effect.row) {
        at = out.storage.size();
        bool keeps = effect.carried != 0 && !STRONGROOM_BUG("revision-changed-by-carry");
        uint64_t kept = keeps ? effect.carried : revision;
        format::EncodeIndexRow(kept, home, *effect.row, &out.storage);
        image.row = ByteSpan(out.storage.data() + at, out.storage.size() - at);
      }
      out.effects.push_back(image);
    }
    ++revision;
  }
  CHECK(out.storage.size() == size);
  return out;
}

}  // namespace strongroom::engine
