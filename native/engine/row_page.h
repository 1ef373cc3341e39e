// Pages of rows, for the engine's own walks: each row with its key, and where the next page begins.
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "engine/engine.h"

namespace strongroom::engine {

struct RowPage {
  struct Row {
    Bytes key;
    uint64_t revision = 0;
    Bytes bytes;  // As in the index.
  };
  std::vector<Row> rows;
  std::optional<Bytes> resume;  // Where the next page begins; absent: this was the last.
};
using FoundPage = std::function<void(Result<RowPage>)>;

// Calls `found` once, on an index's thread. A walk drives nothing out of the caches.
void FindPage(Engine& engine, index::ScanRequest page, FoundPage found);
// The same, waited for: every lookup is settled, by the close at the latest.
Result<RowPage> AwaitPage(Engine& engine, index::ScanRequest page);

}  // namespace strongroom::engine
