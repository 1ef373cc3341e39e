#include "engine/blob_counts.h"

#include "base/bugs.h"

namespace strongroom::engine {

BlobCounts::Change& BlobCounts::Of(const format::BlobReference& blob) {
  Change& change = changes_[{blob.kind == format::BlobKind::kParts, blob.id}];
  change.blob.kind = blob.kind;
  change.blob.id = blob.id;
  return change;
}

void BlobCounts::Take(const format::BlobReference& old) {
  if (!format::IsCounted(old.kind) || STRONGROOM_BUG("overwritten-blob-kept")) return;
  --Of(old).delta;
}

void BlobCounts::Give(const NamedBlob& named) {
  Change& change = Of(named.reference);
  change.fresh |= named.fresh;
  if (named.fresh && format::IsLarge(named.reference.kind)) {
    change.blob.placement = named.placement;
    change.size = named.reference.size;
  }
  if (named.fresh || !STRONGROOM_BUG("reference-not-counted")) ++change.delta;
}

void BlobCounts::Settle(const Standing& standing, std::vector<Effect>* effects,
                        std::vector<GoneBlob>* gone) const {
  for (const auto& [name, change] : changes_) {
    if (change.delta == 0 && !change.fresh) continue;
    Bytes key = format::CountedKey(change.blob.kind, change.blob.id);
    format::Counted now{0, change.blob.placement, change.size};
    if (!change.fresh) {
      // A number that is missing is never taken for zero: nothing is removed, and verify says so.
      const format::Counted* stands = standing(key);
      if (stands == nullptr) continue;
      now = *stands;
    }
    int64_t next = static_cast<int64_t>(now.references) + change.delta;
    Effect effect;
    effect.key = key;
    if (next > 0) {
      now.references = static_cast<uint32_t>(next);
      effect.counted = now;
    } else {
      effect.remove = true;
      GoneBlob blob = change.blob;
      blob.placement = now.placement;
      if (blob.kind == format::BlobKind::kParts) {
        Effect doomed;
        doomed.key = format::DoomedKey(blob.id);
        doomed.counted = format::Counted{};
        effects->push_back(std::move(doomed));
      }
      gone->push_back(blob);
    }
    effects->push_back(std::move(effect));
  }
}

}  // namespace strongroom::engine
