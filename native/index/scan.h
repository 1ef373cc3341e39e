// Scan: one page over a LevelDB iterator, in either direction, with grouping by a delimiter and
// with only the current version of each key.
//
// Leaving a group (the rows under a common prefix, or the older versions of a key) steps first and
// seeks only after kStepsBeforeSeek rows, because one seek costs as much as 40 to 80 steps: seeking
// at once makes a thousand small folders slow, stepping only makes one huge folder slow.
#pragma once

#include "index/index.h"
#include "leveldb/iterator.h"

namespace strongroom::index {

constexpr uint32_t kStepsBeforeSeek = 64;

// `rows` is at no particular place; it belongs to the page alone. The caller looks at
// rows->status() afterwards: LevelDB steps over a bad block, so without that the page may lack
// rows.
ScanEnd ScanPage(const ScanRequest& request, leveldb::Iterator* rows, const ScanSink& sink);

}  // namespace strongroom::index
