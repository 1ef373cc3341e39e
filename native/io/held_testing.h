// HeldEnv: files in memory for tests that only want bytes to be read and written, millions of times
// a minute. It never fails, forgets or waits: whatever does is the business of SimEnv.
#pragma once

#include <algorithm>
#include <atomic>
#include <map>
#include <memory>
#include <string>
#include <thread>

#include "base/testing.h"
#include "io/env.h"

namespace strongroom::io {

using HeldBytes = std::shared_ptr<Bytes>;

class HeldFile final : public File {
 public:
  explicit HeldFile(HeldBytes bytes) : bytes_(std::move(bytes)) {}
  Result<size_t> ReadAt(uint64_t offset, MutableByteSpan out) override {
    if (offset >= bytes_->size()) return size_t{0};
    const size_t size =
        static_cast<size_t>(std::min<uint64_t>(out.size(), bytes_->size() - offset));
    if (size > 0) memcpy(out.data(), bytes_->data() + offset, size);
    return size;
  }
  Result<size_t> ReadCachedAt(uint64_t offset, MutableByteSpan out) override {
    return ReadAt(offset, out);
  }
  Status WriteAt(uint64_t offset, ByteSpan data) override {
    if (offset + data.size() > bytes_->size()) bytes_->resize(offset + data.size());
    if (!data.empty()) memcpy(bytes_->data() + offset, data.data(), data.size());
    return {};
  }
  Status Sync() override { return {}; }
  Status Allocate(uint64_t size) override {
    if (size > bytes_->size()) bytes_->resize(size);
    return {};
  }
  Status Truncate(uint64_t size) override {
    bytes_->resize(size);
    return {};
  }
  Result<FileInfo> Info() override {
    FileInfo info;
    info.size = bytes_->size();
    info.links = 1;
    return info;
  }

 private:
  const HeldBytes bytes_;
};

class HeldEnv final : public Env {
 public:
  std::map<std::string, HeldBytes> files;  // By path. Folders are whatever a path names.

  Bytes& At(const std::string& path) {
    HeldBytes& held = files[path];
    if (!held) held = std::make_shared<Bytes>();
    return *held;
  }

  Result<std::unique_ptr<File>> Open(const std::string& path, OpenOptions options) override {
    auto found = files.find(path);
    const bool exists = found != files.end();
    const bool makes = options.mode == OpenMode::kCreate || options.mode == OpenMode::kReplace;
    if (!exists && !makes) return Status(Code::kNotFound, path);
    if (exists && options.mode == OpenMode::kCreate) return Status(Code::kExists, path);
    if (options.mode == OpenMode::kReplace) files[path] = std::make_shared<Bytes>();
    At(path);
    return std::unique_ptr<File>(new HeldFile(files[path]));
  }
  Status CreateDirectory(const std::string&) override { return {}; }
  Status SyncDirectory(const std::string&) override { return {}; }
  Result<std::vector<DirectoryEntry>> List(const std::string& path) override {
    std::vector<DirectoryEntry> out;
    for (const auto& [name, held] : files) {
      if (!name.starts_with(path + "/")) continue;
      const std::string rest = name.substr(path.size() + 1);
      if (rest.find('/') == std::string::npos) out.push_back({rest, false});
    }
    return out;
  }
  Status Rename(const std::string& from, const std::string& to) override {
    auto found = files.find(from);
    if (found == files.end()) return Status(Code::kNotFound, from);
    files[to] = found->second;
    files.erase(found);
    return {};
  }
  Status Remove(const std::string& path) override {
    return files.erase(path) > 0 ? Status() : Status(Code::kNotFound, path);
  }
  Result<FileInfo> Stat(const std::string& path) override {
    auto found = files.find(path);
    if (found == files.end()) return Status(Code::kNotFound, path);
    return HeldFile(found->second).Info();
  }
  Result<uint64_t> FreeBytes(const std::string&) override { return uint64_t{1} << 40; }
  Result<std::unique_ptr<FileLock>> Lock(const std::string&, bool) override {
    return std::make_unique<FileLock>();
  }
  uint64_t WallMillis() override { return 1'700'000'000'000; }
  uint64_t MonotonicNanos() override { return now_ += 1000; }
  void Random(MutableByteSpan out) override {
    for (uint8_t& byte : out) byte = static_cast<uint8_t>(random_.Next() >> 32);
  }
  std::unique_ptr<Thread> StartThread(const std::string&, std::function<void()> body) override {
    return std::make_unique<HeldThread>(std::move(body));
  }
  void SleepMicros(uint64_t) override {}

 private:
  class HeldThread final : public Thread {
   public:
    explicit HeldThread(std::function<void()> body) : thread_(std::move(body)) {}
    void Join() override { thread_.join(); }
    void Detach() override { thread_.detach(); }

   private:
    std::thread thread_;
  };

  testing::Random random_{1};
  std::atomic<uint64_t> now_{0};
};

}  // namespace strongroom::io
