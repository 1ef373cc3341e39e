// PartsClearer: removes the parts of lists that no row names any more, a piece per commit, so that
// a list of any length costs nobody's commit more than a moment.
//
//   doomed row 'D' stands -> delete up to kPiece part rows -> ... -> delete the doomed row
//
// A crash anywhere leaves the doomed row; Resume, at the next open, goes on with it. What fails
// (the store closes, or became read-only) is left to that too.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "base/sync.h"
#include "engine/row_page.h"

namespace strongroom::engine {

class PartsClearer : public std::enable_shared_from_this<PartsClearer> {
 public:
  // Both call back once. REQUIRES: after success never from inside the call: each piece begins the
  // next in its callback, and a list of any length would grow the stack with it.
  struct Options {
    // The rows of [start, end), about `limit` at a time.
    std::function<void(Bytes start, Bytes end, uint32_t limit, FoundPage)> rows;
    std::function<void(Transaction, Engine::Committing)> commit;
    // The store's sequence when it was opened. A list that was doomed later may still be read, and
    // is cleared only when asked for.
    uint64_t opened_at = 0;
  };
  explicit PartsClearer(Options options) : options_(std::move(options)) {}

  // REQUIRES: the list's doomed row is durable, and nobody reads its parts.
  void Clear(const aead::Id& list_id);
  // Clears every list whose doomed row an earlier open left behind, a page of them at a time.
  void Resume();
  void Stop();  // Nothing is begun from here on.

 private:
  void Find(Bytes start);
  void Take(const RowPage& page);
  void Piece(const aead::Id& list_id);
  void Commit(const aead::Id& list_id, RowPage page);
  void Next();

  const Options options_;
  Mutex mutex_;  // Guards the rest.
  std::deque<aead::Id> waiting_;
  std::optional<Bytes> resume_;  // Where doomed rows were not looked for yet.
  bool busy_ = false, stopped_ = false;
};

}  // namespace strongroom::engine
