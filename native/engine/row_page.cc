#include "engine/row_page.h"

#include "io/task_queue.h"

namespace strongroom::engine {

void FindPage(Engine& engine, index::ScanRequest page, FoundPage found) {
  ScanRequest scan;
  scan.page = std::move(page);
  scan.page.fill_cache = false;
  Engine::Scanning scanning;
  // A page for each attempt: one that hangs in a dead disk may still fill its own.
  scanning.begin = [found] {
    auto filling = std::make_shared<RowPage>();
    auto sink = [filling](ByteSpan key, ByteSpan row, bool) {
      filling->rows.push_back({Bytes(key.begin(), key.end()), format::IndexRowRevision(row),
                               Bytes(row.begin(), row.end())});
    };
    return Engine::Attempt{sink, [found, filling](const index::ScanEnd& end) {
                             if (end.truncated) filling->resume = end.resume;
                             found(std::move(*filling));
                           }};
  };
  scanning.fail = [found](const Status& why) { found(why); };
  engine.Scan(std::move(scan), std::move(scanning));
}

Result<RowPage> AwaitPage(Engine& engine, index::ScanRequest page) {
  struct Answer {
    io::Completion done;
    RowPage page;
  };
  auto answer = std::make_shared<Answer>();
  FindPage(engine, std::move(page), [answer](Result<RowPage> found) {
    if (found.ok()) answer->page = std::move(*found);
    answer->done.Set(found.status());
  });
  TRY(answer->done.Wait(UINT64_MAX));
  return std::move(answer->page);
}

}  // namespace strongroom::engine
