// What the tests of the index share: an Env that watches and fails on demand, and a plain map
// beside it.
#pragma once

#include <algorithm>
#include <atomic>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/testing.h"
#include "index/index.h"
#include "io/posix_env.h"

namespace strongroom::index {

// The posix Env, but its syncs wait for no disk (no machine crashes in these tests). Counts what
// changes the disk, remembers which bytes of which file were written (each file ever created is
// one), and fails the n-th change with a code.
class WatchedEnv final : public io::Env {
 public:

  struct Written {
    std::string path;
    Bytes header;  // The first bytes.
    uint64_t end = 0;
    bool twice = false;  // Some byte was written a second time.
  };

  // Changes from now on that succeed before one fails; then every further one fails too, or `once`.
  void FailAfter(uint64_t changes, Code code, bool once = false) {
    MutexLock lock(&mutex_);
    left_ = changes;
    code_ = code;
    once_ = once;
  }
  void FailStat(bool fails) { stat_fails_ = fails; }
  void Heal() { FailAfter(UINT64_MAX, Code::kOk); }
  uint64_t changes() {
    MutexLock lock(&mutex_);
    return changes_;
  }
  std::vector<std::shared_ptr<Written>> written() {
    MutexLock lock(&mutex_);
    return written_;
  }

  Result<std::unique_ptr<io::File>> Open(const std::string& path,
                                         io::OpenOptions options) override {
    if (options.mode == io::OpenMode::kRead) return below_->Open(path, options);
    if (Status status = Change(); !status.ok()) return status;
    Result<std::unique_ptr<io::File>> file = below_->Open(path, options);
    if (!file.ok()) return file;
    auto written = std::make_shared<Written>();
    written->path = path;
    MutexLock lock(&mutex_);
    written_.push_back(written);
    return std::unique_ptr<io::File>(new WatchedFile(this, std::move(*file), written));
  }
  Status CreateDirectory(const std::string& path) override {
    Status status = Change();
    return status.ok() ? below_->CreateDirectory(path) : status;
  }
  Status SyncDirectory(const std::string& path) override {
    Status status = Change();
    return status.ok() ? below_->Stat(path).status() : status;
  }
  Result<std::vector<io::DirectoryEntry>> List(const std::string& path) override {
    return below_->List(path);
  }
  Status Rename(const std::string& from, const std::string& to) override {
    Status status = Change();
    return status.ok() ? below_->Rename(from, to) : status;
  }
  Status Remove(const std::string& path) override {
    Status status = Change();
    return status.ok() ? below_->Remove(path) : status;
  }
  Result<io::FileInfo> Stat(const std::string& path) override {
    if (stat_fails_) return Status(Code::kIo, "the test says so");
    return below_->Stat(path);
  }
  Result<uint64_t> FreeBytes(const std::string& path) override { return below_->FreeBytes(path); }
  Result<std::unique_ptr<io::FileLock>> Lock(const std::string& path, bool shared) override {
    return below_->Lock(path, shared);
  }
  uint64_t WallMillis() override { return below_->WallMillis(); }
  uint64_t MonotonicNanos() override { return below_->MonotonicNanos(); }
  void Random(MutableByteSpan out) override { below_->Random(out); }
  std::unique_ptr<io::Thread> StartThread(const std::string& name,
                                          std::function<void()> body) override {
    return below_->StartThread(name, std::move(body));
  }
  void SleepMicros(uint64_t micros) override { below_->SleepMicros(micros); }

 private:
  class WatchedFile final : public io::File {
   public:
    WatchedFile(WatchedEnv* env, std::unique_ptr<io::File> file, std::shared_ptr<Written> written)
        : env_(env), file_(std::move(file)), written_(std::move(written)) {}
    Result<size_t> ReadAt(uint64_t offset, MutableByteSpan out) override {
      return file_->ReadAt(offset, out);
    }
    Result<size_t> ReadCachedAt(uint64_t offset, MutableByteSpan out) override {
      return file_->ReadCachedAt(offset, out);
    }
    Status WriteAt(uint64_t offset, ByteSpan data) override {
      if (Status status = env_->Change(); !status.ok()) return status;
      env_->Note(written_.get(), offset, data);
      return file_->WriteAt(offset, data);
    }
    Status Sync() override { return env_->Change(); }
    Status Allocate(uint64_t size) override { return file_->Allocate(size); }
    Status Truncate(uint64_t size) override { return file_->Truncate(size); }
    Result<io::FileInfo> Info() override { return file_->Info(); }

   private:
    WatchedEnv* env_;
    std::unique_ptr<io::File> file_;
    std::shared_ptr<Written> written_;
  };

  Status Change() {
    MutexLock lock(&mutex_);
    ++changes_;
    if (left_ == 0) {
      if (once_) left_ = UINT64_MAX;
      return Status(code_, "the test says so");
    }
    if (left_ != UINT64_MAX) --left_;
    return Status();
  }
  void Note(Written* written, uint64_t offset, ByteSpan data) {
    MutexLock lock(&mutex_);
    // All files of an index are written front to back.
    if (offset < written->end) written->twice = true;
    ByteSpan header = data.first(std::min<size_t>(48, data.size()));
    if (offset == 0) written->header.assign(header.begin(), header.end());
    written->end = offset + data.size();
  }

  io::Env* const below_ = io::PosixEnv();
  Mutex mutex_;
  uint64_t left_ = UINT64_MAX;
  Code code_ = Code::kOk;
  bool once_ = false;
  std::atomic<bool> stat_fails_ = false;
  uint64_t changes_ = 0;
  std::vector<std::shared_ptr<Written>> written_;
};

// For tests that only want not to wait.
inline io::Env* QuickEnv() {
  static WatchedEnv env;
  return &env;
}

using Model = std::map<std::string, std::string>;

// Every row of an index; the page size varies the path.
inline Result<Model> ReadAll(Index* index, uint32_t limit = 1000) {
  Model rows;
  ScanRequest request;
  request.limit = limit;
  while (true) {
    Result<ScanEnd> end = index->Scan(request, [&](ByteSpan key, ByteSpan row, bool) {
      rows[std::string(AsString(key))] = AsString(row);
    });
    if (!end.ok()) return end.status();
    if (!end->truncated) return rows;
    request.start = end->resume;
  }
}

inline std::map<std::string, Bytes> ReadFolder(io::Env* env, const std::string& path) {
  std::map<std::string, Bytes> out;
  auto entries = env->List(path);
  if (!entries.ok()) return out;
  for (const auto& entry : *entries) {
    std::string name = path + "/" + entry.name;
    auto file = env->Open(name, {});
    Bytes bytes((*env->Stat(name)).size);
    CHECK(file.ok() && (*file)->ReadAt(0, bytes).ok());
    out[entry.name] = std::move(bytes);
  }
  return out;
}

inline void WriteFolder(io::Env* env, const std::string& path,
                        const std::map<std::string, Bytes>& files) {
  CHECK(env->CreateDirectory(path).ok());
  for (const auto& [name, bytes] : files) {
    auto file = env->Open(path + "/" + name, {.mode = io::OpenMode::kCreate});
    CHECK(file.ok() && (*file)->WriteAt(0, bytes).ok());
  }
}

}  // namespace strongroom::index
