// ReplicatedLog: the one log over the zones of the set, while the store is open. A batch goes to
// all of them in parallel, one sync each; a zone that fails is expelled by a new epoch, without
// failing the caller, as long as enough zones are left.
//
//   serving --a zone fails, two hold the batch--> serving without it (next epoch)
//   serving --fewer than the quorum hold it-----> read-only until reopened
//   serving --a zone is equal again, Admit-------> serving with it (next epoch)
//
// A zone that is silent past the deadline is expelled once a quorum has answered well without it.
// Until then it is given another deadline: slowness alone takes no zone from the last ones needed.
//
// Thread: everything here is called by the commit thread alone; set(), stopped() and EndWithin() by
// anyone.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <vector>

#include "io/task_queue.h"
#include "log/recovery.h"

namespace strongroom::log {

struct LogMember {
  int number = 0;
  aead::Id zone_id{};
  std::shared_ptr<ZoneLog> log;
  // The zone's log thread. REQUIRES: the caller holds it too, else an expulsion waits for its end.
  std::shared_ptr<io::TaskQueue> queue;
};

// Where the next batch goes and what it follows.
struct Place {
  uint32_t segment = 0;
  aead::Id segment_id{};
  uint32_t offset = 0;
  format::Position before;
  uint64_t epoch = 0;
  format::Extent extent;  // As the record before says.
  bool operator==(const Place&) const = default;
};

struct SealedBatch {
  Place place;
  AlignedBytes bytes;
  format::Position position;
  format::Extent extent;  // As its record says.
};

// Numbers of each reservation that no renewal takes.
constexpr uint64_t kEpochsHeldBack = 100;

class ReplicatedLog {
 public:
  struct Options {
    io::Env* env = nullptr;
    const RecordSeal* seal = nullptr;
    size_t quorum = 1;
    uint64_t deadline_nanos = 2'000'000'000;
    // Called on the commit thread once a new epoch without the zone stands.
    std::function<void(int zone, const std::string& why)> on_expelled;
  };
  ReplicatedLog(Options options, std::vector<LogMember> set, const Recovered& recovered);
  ~ReplicatedLog();

  // Where a batch of `size` bytes goes if every batch begun so far becomes durable. Rotates to a
  // new segment when it does not fit (waits for the disks then). kNoSpace expels nobody, nor does
  // kUnavailable: no quorum made the segment within the deadline, the next call waits on for it.
  Result<Place> PlaceFor(size_t size);
  // Begins the barrier: `batch` is written and synced in every zone of the set. One at a time.
  void Begin(std::shared_ptr<const SealedBatch> batch);
  // Waits for it. OK: durable in every zone of the (then) set. kUnknown: it may or may not stand,
  // and the log is stopped.
  Status Finish();
  // From `nanos` on nobody is given another deadline. For a close, which must end.
  void EndWithin(uint64_t nanos);
  bool busy() const { return barrier_ != nullptr; }

  const format::Position& tail() const { return tail_; }
  const format::Extent& extent() const { return extent_; }
  // The segment that begins with the ruling epoch's record. It must not be retired, nor what comes
  // after it: recovery finds the truth by that record.
  uint32_t epoch_segment() const { return epoch_segment_; }
  uint64_t epochs_reserved() const { return epochs_reserved_; }
  uint64_t epoch() const { return epoch_.load(); }
  std::vector<int> set() const;           // Zone numbers.
  std::optional<Status> stopped() const;  // Why it refuses batches.
  // Expels a zone that failed elsewhere (its cells). OK when a new epoch stands without it.
  Status Expel(int zone, const std::string& why);
  // Takes a zone into the set, by a new epoch. REQUIRES: nothing is in flight; the zone's log is
  // equal to the others up to the tail; `epochs_reserved` is durable in the superblocks of a quorum
  // of the set and of the zone. OK when the epoch stands on all of them, the zone included.
  Status Admit(const LogMember& zone, uint64_t epochs_reserved);
  // Begins a new epoch of the same set, so that what comes before it may be retired. Where a disk
  // is full (kNoSpace) or slow (kUnavailable) the old one goes on. REQUIRES: as for Admit.
  Status Renew(uint64_t epochs_reserved);
  // Cuts the unwritten end off the last segment. For a clean close.
  void Trim();

 private:
  struct Barrier;
  struct Making;
  // How long the silent zones are waited for: one deadline, or one more until a quorum is decided.
  enum class Patience { kDeadline, kQuorum };
  using Work = std::function<Status(ZoneLog&)>;
  // Runs `work` on every zone's log thread and waits for the answers. kTimedOut: there is none.
  std::vector<Status> OnAll(const std::vector<LogMember>& zones, Work work, Patience patience);
  std::shared_ptr<Barrier> Start(const std::vector<LogMember>& zones, Work work);
  std::vector<Status> Await(Barrier& barrier, Patience patience);
  bool IsDecided(const Barrier& barrier) const;
  Status RefuseIfSlow(const std::vector<Status>& answers) const;
  // A new epoch of the zones whose `answers` are OK, based on `base`.
  Status Shrink(const std::vector<Status>& answers, const format::Position& base);
  Status Reign(const std::vector<LogMember>& set, const format::Position& base);
  std::shared_ptr<const EpochImage> NextEpoch(const std::vector<LogMember>& set,
                                              const format::Position& base) const;
  // The epoch was written, as `written` says: it is the one that rules now.
  Status Adopt(const std::vector<LogMember>& set, const EpochImage& image,
               const std::vector<Status>& written);
  Status Stop(Code code, const std::string& why);
  Status Rotate(size_t size);
  Making Make(uint64_t size);

  const Options options_;
  mutable Mutex mutex_;  // Guards set_ and stopped_ against readers on other threads.
  std::vector<LogMember> set_;
  std::optional<Status> stopped_;
  std::atomic<uint64_t> epoch_;
  uint64_t epochs_reserved_;
  uint32_t epoch_segment_;
  format::Position tail_;
  format::Extent extent_;
  uint32_t segment_;
  aead::Id segment_id_{};
  uint64_t segment_size_;
  std::unique_ptr<Making> making_;  // The next segment, while it takes longer than the deadline.
  std::atomic<uint64_t> ends_at_{UINT64_MAX};
  std::shared_ptr<Barrier> barrier_;
  std::shared_ptr<const SealedBatch> in_flight_;
};

}  // namespace strongroom::log
