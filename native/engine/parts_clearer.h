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

#include "base/sync.h"
#include "engine/engine.h"

namespace strongroom::engine {

class PartsClearer : public std::enable_shared_from_this<PartsClearer> {
 public:
  struct Options {
    // Keys of the rows of [start, end), at most `limit`; called back once.
    using Keys = std::function<void(Result<std::vector<Bytes>>)>;
    std::function<void(Bytes start, Bytes end, uint32_t limit, Keys)> keys;
    std::function<void(Transaction, Engine::Committing)> commit;
  };
  explicit PartsClearer(Options options) : options_(std::move(options)) {}

  // REQUIRES: the list's doomed row is durable, and nobody reads its parts.
  void Clear(const aead::Id& list_id);
  // Clears every list whose doomed row an earlier open left behind.
  void Resume();
  void Stop();  // Nothing is begun from here on.

 private:
  void Piece(const aead::Id& list_id);
  void Commit(const aead::Id& list_id, std::vector<Bytes> keys);
  void Next();

  const Options options_;
  Mutex mutex_;  // Guards the rest.
  std::deque<aead::Id> waiting_;
  bool busy_ = false, stopped_ = false;
};

}  // namespace strongroom::engine
