// Returning: brings the zones that are not in the set back into it while the store serves. One that
// was expelled, one that was missing at the open, one whose disk answers again.
//
//   out --its threads came back--> claim -> sync -> common base -> copy, in rounds --close
//   behind--> between two batches: copy the rest, prove it -> new epoch with the zone --> in the
//   set
//
// What cannot be done now is tried again later, less and less often. A zone whose thread is stuck
// in a dead disk is not touched: its late write would land on what was copied. A zone that lived on
// by itself stays out and says so.
//
// Replacing a zone is an explicit act: a new one takes the place of one that is out for good, and
// comes in by the same way, once every other zone knows of it (replacing.h).
//
// Nobody waits for any of this but for the last copy (half a deadline, a quarter where a disk falls
// silent) and the new epoch, as for any barrier.
#pragma once

#include <functional>
#include <memory>
#include <set>
#include <vector>

#include "engine/compactor.h"
#include "engine/replacing.h"
#include "engine/resting.h"
#include "engine/zone.h"
#include "log/catch_up.h"
#include "log/replicated_log.h"

namespace strongroom::engine {

class ZoneReturns {
 public:
  struct Options {
    io::Env* env = nullptr;
    const log::RecordSeal* seal = nullptr;
    const format::StoreKeys* keys = nullptr;
    const Demand* demand = nullptr;
    uint64_t deadline_nanos = 0;
    std::function<std::vector<int>()> set;
    std::function<uint64_t()> epoch;
    std::function<format::Position()> tail;  // The last commit that is durable in the set.
    std::function<Compactor::Held()> hold;   // As Compactor::Hold.
    // As Committer::BetweenBatches.
    std::function<void(std::function<void(log::ReplicatedLog*)>)> between_batches;
    // Takes a zone out of the set; waits for the commit thread.
    std::function<Status(int zone)> expel;
    // Where a path means what it says; and makes a zone's path lead to another folder from now on.
    io::Env* paths = nullptr;
    std::function<void(const Zone& zone, const std::string& to)> route;
    // The zone is about to come back: whatever was going on for it before has no word any more.
    std::function<void(const Zone&)> on_claimed;
    // On the commit thread, once the zone is in the set. What blobs it holds: CellReturns::Walk.
    std::function<void(const std::shared_ptr<Zone>&, uint64_t whole_until)> on_admitted;
  };
  ZoneReturns(Options options, std::vector<std::shared_ptr<Zone>> zones);
  ~ZoneReturns();  // Stops and awaits.

  // From here on. REQUIRES: what the options call is there.
  void Begin();
  void Look();  // A zone may be out. Any thread.
  // A zone that is held stays out, whatever its disk says. Any thread.
  void Hold(int zone);
  void Release(int zone);  // Tried at once.
  // Puts a new zone, made in the folder `path`, into the place of this one, and its log into it;
  // `done` once it is in the set, or could not be: kUnavailable unless every other zone is in the
  // set, and those of MakeReplacement, of the disks and of a return. Any thread.
  void Replace(int zone, std::string path, std::function<void(const Status&)> done);
  // Nothing is begun from here on.
  void Stop();
  // After it: waits for what goes on; a call to a disk ends within its deadline. REQUIRES: no
  // commit thread any more.
  void Await();

 private:
  // A zone that is out, between two tries.
  struct Candidate {
    std::shared_ptr<Zone> zone;
    uint64_t next_try = 0;
    uint64_t pause = 0;
    // Set once the threads have come back from whatever they were at when it was asked.
    std::shared_ptr<io::Completion> log_came_back, index_came_back;
  };
  struct Replacement {
    int zone = 0;
    std::string path;
    std::function<void(const Status&)> done;
  };
  struct Copying;
  void Run();
  bool AllIn() const;
  bool InSet(int number) const;
  bool CameBack(Candidate& candidate) const;
  bool IsHeld(Candidate& candidate);
  void Try(Candidate& candidate);
  void ReplaceAsked();
  Status ReplaceNow(const Replacement& replacement);
  Result<MadeZone> Make(Zone& zone, const std::string& path) const;
  Status AwaitThreads(Candidate& candidate);
  bool OthersIn(int number) const;
  format::Roster RosterOfSet() const;
  Status Enrol(const Copying& copying);
  Status Bring(const std::shared_ptr<Zone>& zone, bool replaces);
  Status Claim(Zone& zone, io::Env* disk, bool replaces) const;
  Status CheckClaim(const Zone& zone, const format::Superblock& found, bool replaces) const;
  std::shared_ptr<Zone> Source() const;
  Status CopyRounds(Copying& copying);
  Status CopyTo(Copying& copying, const format::Position& tail, const log::ZoneLog::Pace& pace);
  Status Reserve(Zone& zone, uint64_t epochs_reserved, const format::Roster* returns_with) const;
  Status Admit(const std::shared_ptr<Copying>& copying);
  Status AdmitNow(Copying& copying, log::ReplicatedLog& log);

  const Options options_;
  std::vector<Candidate> candidates_;  // Every zone. The thread's.
  StopSign stop_;
  Mutex mutex_;  // Guards the rest.
  CondVar changed_;
  bool asked_ = true;
  std::set<int> held_, released_;
  std::vector<Replacement> replacements_;
  std::unique_ptr<io::Thread> thread_;
};

}  // namespace strongroom::engine
