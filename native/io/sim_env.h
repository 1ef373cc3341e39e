// SimEnv: a simulated machine for as long as it is up. Its tasks run one at a time and the seed
// chooses which; its disk is a SimDisk, which outlives it.
//
//   SimDisk disk;
//   disk.MakeDirectories("/zone");
//   for (uint64_t n = 1;; ++n) {
//     SimEnv env(&disk, seed);
//     env.CrashAtIo(n);
//     EXPECT_OK(env.Run([&] { ... }));        // The body and all tasks it starts.
//     if (!env.IsCrashed()) break;
//     disk.Crash(random, CrashStyle::kRandom);
//     ... the next SimEnv on the disk recovers ...
//   }
//
// At a crash nothing is torn from its stack: from then on every call of the Env fails, without
// effect on the disk, so the code unwinds by its own error paths as it would with all disks dead.
// Locks are still granted, and a wait with a deadline ends as soon as nobody else can run.
//
// A run without a crash is a process that ends: its locks go, what it did not sync stays in the
// cache. Give each SimEnv on one disk its own seed, since Random() follows from it.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/testing.h"
#include "io/env.h"
#include "io/sim_disk.h"
#include "io/sim_fault.h"
#include "io/sim_scheduler.h"

namespace strongroom::io {

class SimEnv final : public Env {
 public:
  SimEnv(SimDisk* disk, uint64_t seed);

  // Runs `body` as a task and returns when it and all tasks it started have ended; one that hangs
  // in a dead disk when all others have ended is cut off. kTimedOut with a report: a deadlock.
  Status Run(std::function<void()> body);

  // ---- What happens to the machine. At any time, also from within a run.

  // The run stops before its n-th changing call (kIoChanging), counted from 1.
  void CrashAtIo(uint64_t n) { crash_at_ = n; }
  void Crash() { state_ = State::kCrashed; }
  bool IsCrashed() const { return state_ == State::kCrashed; }
  uint64_t IoCount() const { return io_count_; }
  // Called before each changing call: copies of the disk made here are the images that crashes at
  // those calls would leave.
  std::function<void(SimIo kind, const std::string& path)> on_io;

  // How often a file was synced again, through the same handle, after a sync of it had failed: what
  // the second one reports says nothing (File::Sync), so whoever believes it loses something.
  uint64_t syncs_retried() const { return syncs_retried_; }

  uint64_t AddFault(SimFault fault);
  uint64_t faults_struck() const { return faults_struck_; }  // How many calls met one.
  void RemoveFault(uint64_t fault);                          // What hangs in it goes on.
  void StepWallClock(int64_t millis) { wall_offset_millis_ += millis; }

  SimDisk* disk() const { return disk_; }
  SimScheduler& scheduler() { return scheduler_; }
  uint64_t TraceHash() const { return scheduler_.TraceHash(); }

  // ---- Env.

  Result<std::unique_ptr<File>> Open(const std::string& path, OpenOptions options) override;
  Status CreateDirectory(const std::string& path) override;
  Status SyncDirectory(const std::string& path) override;
  Result<std::vector<DirectoryEntry>> List(const std::string& path) override;
  Status Rename(const std::string& from, const std::string& to) override;
  Status Remove(const std::string& path) override;
  Result<FileInfo> Stat(const std::string& path) override;
  Result<uint64_t> FreeBytes(const std::string& path) override;
  Result<std::unique_ptr<FileLock>> Lock(const std::string& path, bool shared_read_only) override;
  uint64_t WallMillis() override;
  uint64_t MonotonicNanos() override;
  void Random(MutableByteSpan out) override;
  std::unique_ptr<Thread> StartThread(const std::string& name, std::function<void()> body) override;
  void SleepMicros(uint64_t micros) override;

 private:
  friend class SimFile;
  friend class SimLock;
  enum class State { kUp, kCrashed, kExited };
  struct ActiveFault {
    uint64_t id;
    SimFault fault;
  };
  struct HeldLock {
    uint64_t id;
    SimDisk::Number inode;
    bool shared;
  };

  // Every call on the disk begins here: offers the turn, counts, crashes, fails, hangs. kLose and
  // kMisdirect are the caller's to carry out.
  Result<SimEffect> Begin(SimIo kind, const std::string& path, uint64_t detail = 0);
  Result<SimEffect> BeginNamed(SimIo kind, const std::string& path);
  Result<SimEffect> Suffer(ActiveFault active, SimIo kind, const std::string& path);
  Status CheckUp() const;
  void HangIn(uint64_t fault, SimIo kind, const std::string& path);
  bool CutOffHanging();
  Result<SimDisk::Number> OpenInode(const std::string& path, OpenMode mode);
  void Unlock(uint64_t id);

  SimDisk* disk_;
  SimScheduler scheduler_;
  testing::Random random_;        // What the product draws.
  testing::Random fault_random_;  // What failures leave behind.
  State state_ = State::kUp;
  uint64_t io_count_ = 0;
  uint64_t crash_at_ = UINT64_MAX;
  uint64_t next_id_ = 1;
  std::vector<ActiveFault> faults_;
  std::vector<HeldLock> locks_;
  uint64_t syncs_retried_ = 0;
  uint64_t faults_struck_ = 0;
  size_t hanging_ = 0;
  int64_t wall_offset_millis_ = 0;
};

}  // namespace strongroom::io
