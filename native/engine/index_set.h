// IndexSet: the zones' indexes, one of which serves. Every durable batch goes to all of them; the
// serving one is waited for, the others lag within a bound. An index that errs, or whose zone does
// not answer, is dropped and another takes over: a damaged index costs time, never data.
//
//   replaying --caught up--> ready --error or deadline--> lost (until the store is reopened)
//
// Reads are attempts: an attempt that hangs in a dead disk is left to its thread, and the same
// operation is tried on the next zone; whichever attempt ends first settles it, once.
#pragma once

#include <atomic>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <vector>

#include "blob/deadlines.h"
#include "engine/zone.h"
#include "format/record.h"

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

class IndexSet {
 public:
  struct Options {
    io::Env* env = nullptr;
    uint64_t deadline_nanos = 0;
    blob::Deadlines* deadlines = nullptr;
    std::function<void(int zone, const Status& why)> on_lost;
  };
  IndexSet(Options options, std::vector<std::shared_ptr<Zone>> zones);
  ~IndexSet();

  // Called once per zone at open, in any order: runs `replay` on the zone's apply thread, then
  // counts the zone as ready. The first one ready serves.
  void Begin(size_t zone, std::function<Status(index::Index&)> replay);
  // Waits until one serves. The last failure when none ever will.
  Status AwaitServing();

  // What an attempt came to: how to settle the operation, or why it failed. When the index itself
  // broke, the operation is tried on another zone.
  using Settle = std::function<void()>;
  struct Outcome {
    Outcome(Settle done) : settle(std::move(done)) {}   // NOLINT: implicit by design
    Outcome(Status status) : why(std::move(status)) {}  // NOLINT: implicit by design
    static Outcome Broken(Status status) {
      Outcome out(std::move(status));
      out.index_broke = true;
      return out;
    }
    Settle settle;
    Status why;
    bool index_broke = false;
  };
  using Attempt = std::function<Outcome(const std::shared_ptr<Zone>&, index::Index&)>;
  void Read(Attempt attempt, std::function<void(Status)> give_up);
  // Commit thread only. Applies to all; returns when the serving one has it. An error means that no
  // index is left: the batch is durable all the same.
  Status Apply(std::shared_ptr<const AppliedBatch> batch);
  // Commit thread only. The index rows of `keys` (empty where absent), and whether each range is
  // empty, from one snapshot no older than the last Apply.
  struct Looked {
    std::vector<std::string> rows;
    std::vector<bool> empty;
  };
  Result<Looked> Look(const std::vector<Bytes>& keys,
                      const std::vector<index::ScanRequest>& ranges);

  // The zone was expelled from the set: its index serves no more.
  void Drop(int zone_number, const Status& why);
  // Checkpoints every ready index, waiting at most `deadline_nanos`.
  void Checkpoint(uint64_t deadline_nanos);
  void Stop();

 private:
  struct Operation;
  using OperationRef = std::shared_ptr<Operation>;
  enum class State { kAbsent, kReplaying, kReady, kLost };
  struct Slot {
    std::shared_ptr<Zone> zone;
    State state = State::kAbsent;
    uint64_t lag_bytes = 0;
  };
  void Dispatch(OperationRef operation);  // Locks.
  void Post(size_t slot, OperationRef operation);
  void Lose(size_t slot, const Status& why);  // Locks.
  void Tick();
  bool AnyLeft() const;    // REQUIRES: mutex_ held.
  size_t Serving() const;  // REQUIRES: mutex_ held. npos: none.
  void OnReady(size_t slot);
  bool AwaitLag(size_t slot);

  const Options options_;
  Mutex mutex_;  // Guards all below.
  CondVar changed_;
  std::vector<Slot> slots_;
  size_t serving_ = npos;
  Status last_failure_;
  std::list<OperationRef> outstanding_;
  std::list<OperationRef> waiting_;  // For a serving index.
  bool stopped_ = false;
  blob::Deadlines::Id tick_{};
  static constexpr size_t npos = SIZE_MAX;
};

}  // namespace strongroom::engine
