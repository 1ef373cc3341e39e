// AppliedBatch: one durable commit record as the indexes take it.
#pragma once

#include <vector>

#include "format/record.h"
#include "index/index.h"

namespace strongroom::engine {

// A durable batch as the indexes take it. Effects point into `storage`.
struct AppliedBatch {
  std::vector<index::Effect> effects;
  Bytes storage;
  index::Applied applied;
};

index::Applied ToApplied(const format::Position& position);
format::Position ToPosition(const index::Applied& applied);
// The effects of one record, as index rows.
AppliedBatch ApplyImage(const format::Record& record, const format::Position& position);

}  // namespace strongroom::engine
