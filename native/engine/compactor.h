// Compactor: gives the log's space back. What lives in the oldest segments is carried to the end,
// then the log begins behind them (docs/decisions/0028).
//
//   walk the oldest segments -> carry what lives, by ordinary commits, until a walk finds nothing
//   -> a new epoch, if the ruling one begins there -> flush the indexes -> commit the new beginning
//   -> wait for the readers -> unlink, in every zone of the set
//
// A crash anywhere leaves duplicates or files that are left over, never a gap. What cannot be
// carried (a live frame that no zone has, or that the zones hold differently) stays where it is,
// and so does all behind it: nothing goes because it looks wrong.
//
// One thread of its own. It asks the disks on their zones' threads and waits for each with the
// deadline.
#pragma once

#include <functional>
#include <memory>
#include <map>
#include <string>
#include <vector>

#include "engine/committer.h"
#include "engine/engine.h"
#include "engine/index_set.h"
#include "engine/zone.h"
#include "repair/compact_policy.h"
#include "repair/log_walk.h"

namespace strongroom::engine {

class Compactor {
 public:
  struct Options {
    io::Env* env = nullptr;
    std::shared_ptr<const log::RecordSeal> seal;
    std::function<std::vector<std::shared_ptr<Zone>>()> set;  // As it is now.
    std::shared_ptr<IndexSet> indexes;
    Committer* committer = nullptr;
    uint64_t deadline_nanos = 0;
    // Makes it durable in the set that epochs below the number are spoken for.
    std::function<Status(uint64_t)> reserve;
    bool by_itself = true;  // Else only when asked.
    // What is wrong with a zone's copy of a frame (kCorruption, kTampered).
    std::function<void(int zone, const Status& why)> on_trouble;
  };
  explicit Compactor(Options options);
  ~Compactor();  // Stops.

  // So many bytes more are in the log. From the commit thread; never waits.
  void Wrote(size_t bytes);
  // Carries and retires all that was written before the call.
  void CompactNow(std::function<void(Status)> done);
  CompactionStatus status();
  // The log as it is, none of which is unlinked while the hold lives. For walks over all of it.
  struct Held {
    Committer::LogState log;
    std::shared_ptr<void> hold;
  };
  Held Hold();
  // Nothing is begun from here on; the thread ends once its last call has come back.
  void BeginStop();
  void Stop();  // Waits for that.

 private:
  using LogState = Committer::LogState;
  // The oldest segments, as one walk saw them.
  struct Walked {
    format::Extent behind;  // Where the log begins without them.
    uint32_t last = 0;      // Of them.
    size_t live = 0;        // Rows that lived in them.
  };
  // What the next transaction will carry.
  struct Gathered {
    Transaction transaction;
    std::map<Bytes, bool> keys;
    size_t bytes = 0;
  };
  void Run();
  Status LookAt(bool asked);
  Status Measure();
  Status RetireOldest(uint32_t behind);
  Result<Walked> Walk(uint32_t limit, bool together);
  Result<size_t> CarryLive(repair::LogWalk& walk, const log::LogEntry& entry, Gathered* gathered);
  Result<bool> CarryOf(const format::IndexRow& row, const log::LogEntry& entry,
                       const std::vector<repair::WalkedFrames>& frames, Effect* effect);
  Status CheckRoom();
  Status Carry(Gathered* gathered);
  Status Commit(Transaction transaction);
  Result<uint32_t> Renew();
  Status Unlink(uint32_t first);
  bool IsHeld();
  bool stopping();

  const Options options_;
  // The thread's own:
  repair::LogFigures figures_;  // As last measured,
  uint32_t oldest_ = 0;         // like the oldest segment.
  uint32_t unlinked_ = 0;       // All below it are gone from every zone of the set.
  bool hurried_ = false;        // Somebody waits.

  Mutex mutex_;  // Guards the rest.
  CondVar wake_;
  bool stop_ = false;
  std::shared_ptr<void> hold_ = std::make_shared<int>(0);
  std::vector<std::weak_ptr<void>> held_;  // Of earlier beginnings of the log.
  size_t wrote_ = 0;                       // Since the log was last looked at.
  bool look_ = true;
  std::vector<std::function<void(Status)>> asked_;
  CompactionStatus status_;
  std::unique_ptr<io::Thread> thread_;
};

}  // namespace strongroom::engine
