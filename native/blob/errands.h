// Errands: one piece of work for each of several zones, run on their own threads, and the patience
// to wait for it without a thread.
//
//   queued -> running <-> claimed -> answered
//      \________\__________________ given up
//
// An errand that was given up on touches nothing shared any more: one that never began is dropped
// with all it owns; one that runs is slow or stuck in a dead disk, and must Claim before it looks
// at anything but its own. What a stuck one owns stays with it: its slab counts as abandoned.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "base/sync.h"
#include "blob/cell_zone.h"
#include "placement/placement.h"

namespace strongroom::blob {

class Errands : public std::enable_shared_from_this<Errands> {
 public:
  // What a running errand asks before it touches shared memory.
  class Leave {
   public:
    // False: nobody wants the answer any more; return at once. Between Claim and Yield the errand
    // is waited for whatever it takes, so it does nothing there that can block.
    bool Claim() { return errands_->Claim(index_); }
    bool Yield() { return errands_->Yield(index_); }

   private:
    friend class Errands;
    Leave(Errands* errands, size_t index) : errands_(errands), index_(index) {}
    Errands* errands_;
    size_t index_;
  };
  struct Errand {
    int position = 0;  // Of the zone in the placement.
    std::shared_ptr<CellZone> zone;
    std::function<Status(Leave)> work;
    SlabRef slab;  // What the work touches without a claim, if anything.
  };
  struct Patience {
    // When to ask for the first time whether the silent ones can be done without; from then on it
    // is asked at each answer.
    uint64_t first_nanos = 0;
    std::function<bool(const Errands&)> can_do_without_the_silent;
  };
  using Done = std::function<void(const Errands&)>;

  // Calls `done` once, on any thread, perhaps before this returns, when every errand has answered
  // or was given up on.
  static void Run(std::shared_ptr<BlobContext> context, std::vector<Errand> errands,
                  Patience patience, Done done);

  // An errand that was given up on, or is silent still, says kTimedOut.
  size_t size() const { return places_.size(); }
  int position(size_t index) const { return places_[index].position; }
  Status status(size_t index) const;
  placement::ZoneMask succeeded() const;
  placement::ZoneMask silent() const;

 private:
  enum class State { kQueued, kRunning, kClaimed, kAnswered, kGivenUp };
  struct Place {
    int position = 0;
    std::shared_ptr<CellZone> zone;
    std::function<Status(Leave)> work;
    SlabRef slab;
    State state = State::kQueued;
    bool unwanted = false;  // Claimed when it was given up on: it hears so when it yields.
    Status status;
  };
  class Ticket;

  Errands(std::shared_ptr<BlobContext> context, Patience patience, Done done);
  void Begin(size_t index);
  void Answer(size_t index, Status status);
  bool Claim(size_t index);
  bool Yield(size_t index);
  void Ask();
  void GiveUp();
  void ReportSilent();
  void EndIfAnswered();

  const std::shared_ptr<BlobContext> context_;
  uint64_t begun_ = 0;
  mutable Mutex mutex_;  // Guards all below.
  Patience patience_;
  Done done_;
  std::vector<Place> places_;
  size_t awaited_ = 0;
  bool asking_ = false;  // first_nanos have passed.
  bool over_ = false;
  Deadlines::Id alarm_;
};

}  // namespace strongroom::blob
