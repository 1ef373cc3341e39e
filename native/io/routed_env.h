// RoutedEnv: an Env in which one folder may come to stand for another. Whoever knows a zone knows
// it by the path that the store was opened with; when the zone is replaced, the same path leads to
// the folder of the new one, and nobody has to be told.
//
// Files that are open stay what they are. Without a route every call goes through as it comes.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "io/env.h"

namespace strongroom::io {

class RoutedEnv final : public Env {
 public:
  explicit RoutedEnv(Env* env) : env_(env) {}

  // From here on `folder`, and what is below it, is `to`; but not what is below a folder in it that
  // has a route of its own. Any thread.
  void Route(const std::string& folder, const std::string& to);
  // Where a path leads.
  std::string Lead(const std::string& path) const;
  Env* base() const { return env_; }

  Result<std::unique_ptr<File>> Open(const std::string& path, OpenOptions options) override {
    return env_->Open(Lead(path), options);
  }
  Status CreateDirectory(const std::string& path) override {
    return env_->CreateDirectory(Lead(path));
  }
  Status SyncDirectory(const std::string& path) override { return env_->SyncDirectory(Lead(path)); }
  Result<std::vector<DirectoryEntry>> List(const std::string& path) override {
    return env_->List(Lead(path));
  }
  Status Rename(const std::string& from, const std::string& to) override {
    return env_->Rename(Lead(from), Lead(to));
  }
  Status Remove(const std::string& path) override { return env_->Remove(Lead(path)); }
  Result<FileInfo> Stat(const std::string& path) override { return env_->Stat(Lead(path)); }
  Result<uint64_t> FreeBytes(const std::string& path) override {
    return env_->FreeBytes(Lead(path));
  }
  Result<std::unique_ptr<FileLock>> Lock(const std::string& path, bool shared_read_only) override {
    return env_->Lock(Lead(path), shared_read_only);
  }

  uint64_t WallMillis() override { return env_->WallMillis(); }
  uint64_t MonotonicNanos() override { return env_->MonotonicNanos(); }
  void Random(MutableByteSpan out) override { env_->Random(out); }
  std::unique_ptr<Thread> StartThread(const std::string& name,
                                      std::function<void()> body) override {
    return env_->StartThread(name, std::move(body));
  }
  void SleepMicros(uint64_t micros) override { env_->SleepMicros(micros); }

 private:
  Env* const env_;
  mutable Mutex mutex_;
  std::map<std::string, std::string> routes_;  // Guarded by mutex_.
};

}  // namespace strongroom::io
