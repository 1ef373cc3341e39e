// DeadlineEnv: one disk for whoever is not on its threads, each call answered within a deadline.
//
// Every call that touches the disk is a task of the queue given, and is waited for. Once one has
// not come back in time, every later one is kTimedOut at once: a dead disk costs one deadline, not
// one per call. What the stuck task may still touch goes with it: it owns its buffers, and a call
// that it has begun may be carried out after all, later.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "io/env.h"
#include "io/task_queue.h"

namespace strongroom::io {

class DeadlineEnv final : public Env {
 public:
  DeadlineEnv(Env* env, std::shared_ptr<TaskQueue> queue, uint64_t deadline_nanos);
  ~DeadlineEnv() override;

  // The next call alone has this deadline: whoever has kept the caller waiting shows that it lives.
  void Hurry(uint64_t nanos);
  // The disk's silence (kTimedOut), or else the first refusal (kIo, kUnavailable) that is not
  // forgotten, in whatever call; OK while there was none. Tells whose fault it was where a step
  // asked several disks.
  Status failure() const;
  void ForgetRefusals();

  Result<std::unique_ptr<File>> Open(const std::string& path, OpenOptions options) override;
  Status CreateDirectory(const std::string& path) override;
  Status SyncDirectory(const std::string& path) override;
  Result<std::vector<DirectoryEntry>> List(const std::string& path) override;
  Status Rename(const std::string& from, const std::string& to) override;
  Status Remove(const std::string& path) override;
  Result<FileInfo> Stat(const std::string& path) override;
  Result<uint64_t> FreeBytes(const std::string& path) override;
  // One that comes too late is let go of by the stuck thread.
  Result<std::unique_ptr<FileLock>> Lock(const std::string& path, bool shared_read_only) override;

  uint64_t WallMillis() override { return env_->WallMillis(); }
  uint64_t MonotonicNanos() override { return env_->MonotonicNanos(); }
  void Random(MutableByteSpan out) override { env_->Random(out); }
  std::unique_ptr<Thread> StartThread(const std::string& name,
                                      std::function<void()> body) override {
    return env_->StartThread(name, std::move(body));
  }
  void SleepMicros(uint64_t micros) override { env_->SleepMicros(micros); }

 private:
  class Line;
  friend class DeadlineFile;
  Env* const env_;
  // Shared with the files that were opened here.
  const std::shared_ptr<Line> line_;
};

}  // namespace strongroom::io
