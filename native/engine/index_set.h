// IndexSet: the zones' indexes, one of which serves. Every durable batch goes to all of them; the
// serving one is waited for, the others lag within a bound. An index that errs, or whose zone does
// not answer, is dropped and another takes over: a damaged index costs time, never data.
//
//   replaying --reached the tail--> ready --error or deadline--> lost (until its zone comes back)
//   or late     ^--lags too far, or-----'
//                  cannot write
//
// Late is a replaying one whose index was not open in time: nobody counts on it, but it is welcome.
//
// Only an index that has applied every acknowledged batch may serve. Until one has, reads wait: an
// older one would answer "absent" for what its caller was told is durable.
//
// An index whose disk takes no more writes is opened again over what it has written and keeps the
// rest in memory (zone_index.h), so that a full disk ends neither reads nor removals. Once the disk
// has room, it goes back.
//
// Reads are attempts: an attempt that hangs in a dead disk is left to its thread, and the same
// operation is tried on the next zone; whichever attempt ends first settles it, once.
//
// Thread: any, but where it says otherwise. Whatever a zone's thread may still run after Stop holds
// a share of the set.
#pragma once

#include <atomic>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <vector>

#include "blob/deadlines.h"
#include "engine/applied_batch.h"
#include "engine/engine.h"
#include "engine/zone.h"
#include "engine/zone_index.h"

namespace strongroom::engine {

class IndexSet : public std::enable_shared_from_this<IndexSet> {
 public:
  struct Options {
    io::Env* env = nullptr;
    uint64_t deadline_nanos = 0;
    std::shared_ptr<blob::Deadlines> deadlines;
    index::Applied tail;  // Of the log that the replays start to walk.
    // On a thread of the zone that may wait for its disk, also after Stop, and before anybody hears
    // of it: the index itself is wrong.
    std::function<void(int zone)> on_damaged;
    // From any thread, also after Stop.
    std::function<void(int zone, const Status& why)> on_lost;
  };
  static std::shared_ptr<IndexSet> Start(Options options, std::vector<std::shared_ptr<Zone>> zones);
  ~IndexSet();

  // Brings the zone's index to the aim, on its apply thread. Asked again as long as the tail has
  // moved meanwhile, and after a lag: the log tells it what the set does not keep for it.
  using Replay = std::function<Status(const ReplayAim& aim)>;
  // Called once per zone at open, in any order. The first one that reaches the tail serves.
  // `late`: its index is still being opened.
  void Begin(size_t zone, Replay replay, bool late = false);
  // Instead, for a zone whose index did not open.
  void Forgo(size_t zone, const Status& why);
  // Again for a zone that came back into the set. Its index may be gone, old or broken.
  void BeginAgain(size_t zone, Replay replay);
  // Waits until one serves. The last failure when none ever will; kTimedOut when no replay has come
  // any further for so long.
  Status AwaitServing(uint64_t patience_nanos);

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
  // index is left: the batch is durable all the same, and no index without it serves any more.
  Status Apply(std::shared_ptr<const AppliedBatch> batch);
  // May wait. The index rows of `keys` (empty where absent), and whether each range holds
  // no row above its newest revision, no older than the last Apply.
  struct Looked {
    std::vector<std::string> rows;
    std::vector<bool> unchanged;
  };
  Result<Looked> Look(const std::vector<Bytes>& keys,
                      const std::vector<Transaction::Range>& ranges);

  // What is durable in the set and applied, or about to be.
  index::Applied tail();

  // What the serving index can still take.
  enum class Space { kAny, kRemovals, kNone };
  Space space();

  // Before segments of the log are retired. Waits, each at most `nanos`, until no index is on its
  // way through the log; makes durable what the indexes have applied, so that a replay need not
  // begin before that; and until every attempt has ended that began before the call. An index that
  // is kept in memory, or is lost, holds nobody up: at worst it is rebuilt.
  Status AwaitReplays(uint64_t nanos);
  Status Flush(uint64_t nanos);
  Status AwaitAttempts(uint64_t nanos);
  // The zone was expelled from the set: its index serves no more.
  void Drop(int zone_number, const Status& why);
  // Ends the replays and checkpoints every ready index, waiting at most `deadline_nanos`. For the
  // close: nothing after Stop.
  void Checkpoint(uint64_t deadline_nanos);
  void Stop();

 private:
  struct Operation;
  struct Lease {
    std::shared_ptr<index::Index> index;
  };
  using OperationRef = std::shared_ptr<Operation>;
  using Operations = std::list<OperationRef>;
  enum class State { kAbsent, kLate, kReplaying, kReady, kLost };
  struct Slot {
    std::shared_ptr<Zone> zone;
    Replay replay;
    State state = State::kAbsent;
    // What attempts read, while it is ready. Each holds a share, so that an index is never opened
    // again under one.
    std::shared_ptr<Lease> lease;
    std::weak_ptr<Lease> retired;  // Of the index before: awaited.
    bool in_memory = false;
    uint64_t in_memory_since = 0;  // 0: for good, since the disk fails.
    size_t room = SIZE_MAX;
    uint64_t applied = 0;  // The number of the batch that it has applied last. Counts when ready.
    uint64_t lag_bytes = 0;
    bool live() const { return state == State::kReady || state == State::kReplaying; }
    bool replaying() const { return state == State::kReplaying || state == State::kLate; }
  };
  IndexSet(Options options, std::vector<std::shared_ptr<Zone>> zones);
  void Watch();
  void Tick();
  void Dispatch(OperationRef operation);  // Locks.
  void DispatchAll(const Operations& operations);
  struct Entry {
    std::shared_ptr<Lease> lease;
    std::shared_ptr<void> passage;
  };
  void Post(size_t slot, Entry entry, OperationRef operation, uint64_t turn);
  // REQUIRES: mutex_ held. Until `done`, the end or the set's: kTimedOut, kClosed.
  Status WaitUntil(uint64_t deadline, const std::function<bool()>& done);
  void Attend(size_t slot, index::Index& index, const OperationRef& operation, uint64_t turn);
  void Lose(size_t slot, const Status& why);  // Locks.
  void LoseOnItsThread(size_t slot, const Status& why);
  void WriteFailed(size_t slot, const Status& why);
  void PostReplay(size_t slot);
  void RunReplay(size_t slot);
  bool AwaitRetired(size_t slot);
  void LookForRoom();
  void ReturnToDisk(size_t slot);
  void ApplyOn(size_t slot, const AppliedBatch& batch, uint64_t number);
  void AwaitLag(size_t slot);
  Status AwaitApplied(uint64_t number);
  // REQUIRES: mutex_ held, for all below.
  bool AnyLeft() const;
  bool AnyLate() const;
  bool AnotherIsReady(size_t slot) const;
  // Takes the slot out of service until a replay has ended.
  void BeginReplay(Slot* slot);
  // Lets an index serve if none does and one may. What is to be dispatched then, unlocked.
  Operations Elect();

  const Options options_;
  Mutex mutex_;  // Guards all below.
  CondVar changed_;
  std::vector<Slot> slots_;
  size_t serving_ = npos;
  uint64_t batches_ = 0;       // Handed to Apply so far.
  uint64_t acknowledged_ = 0;  // Of these, those whose callers may have heard of it.
  index::Applied tail_;        // Of the last one.
  Status last_failure_;
  // Each attempt holds a share of the one that stood when it began.
  std::shared_ptr<void> passage_ = std::make_shared<int>(0);
  Operations outstanding_;
  Operations waiting_;  // For a serving index.
  bool stopped_ = false;
  std::atomic<bool> stop_replays_{false};
  std::atomic<uint64_t> replayed_{0};  // Records, by all.
  blob::Deadlines::Id tick_{};
  static constexpr size_t npos = SIZE_MAX;
};

}  // namespace strongroom::engine
