// Checkpoints: rows that each name a moment of the store by a random token. Whoever keeps the token
// elsewhere can later demand the row: a store that was set back as a whole does not hold it.
//
//   'C' sequence u64 big-endian    body = token 16 ‖ chain hash 32 of the record before this one
//
// Written by the engine alone, and only in the commit whose sequence the key names. The newest
// 1,000 stay: as many of the oldest as it takes go in the same commit. That no other checkpoint
// came in between is a check of the commit, so of several at once each counts all others.
#pragma once

#include <functional>
#include <memory>

#include "engine/row_page.h"

namespace strongroom::engine {

constexpr size_t kCheckpointsKept = 1000;

class Checkpoints : public std::enable_shared_from_this<Checkpoints> {
 public:
  struct Options {
    io::Env* env = nullptr;
    // The rows of [start, end), newest first, `limit` of them at most.
    std::function<void(Bytes start, Bytes end, uint32_t limit, FoundPage)> newest;
    std::function<void(Transaction, Engine::Committing)> commit;
  };
  using Done = std::function<void(Result<Checkpoint>)>;

  // Calls `done` once, on any thread.
  static void Take(Options options, Done done);

 private:
  Checkpoints(Options options, Done done) : options_(std::move(options)), done_(std::move(done)) {}
  void Look();
  void Commit(const std::vector<RowPage::Row>& rows);

  const Options options_;
  const Done done_;
};

}  // namespace strongroom::engine
