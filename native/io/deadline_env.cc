#include "io/deadline_env.h"

#include <cstring>
#include <optional>
#include <utility>

#include "base/aligned.h"

namespace strongroom::io {

// The line to the disk: silent once, silent for good.
class DeadlineEnv::Line {
 public:
  Line(std::shared_ptr<TaskQueue> queue, uint64_t deadline_nanos)
      : queue_(std::move(queue)), deadline_nanos_(deadline_nanos) {}

  // `task` owns what it touches.
  Status Ask(std::function<Status()> task) {
    uint64_t deadline_nanos;
    {
      MutexLock lock(&mutex_);
      if (failure_.Is(Code::kTimedOut)) return failure_;
      deadline_nanos = hurry_nanos_ != 0 ? std::exchange(hurry_nanos_, 0) : deadline_nanos_;
    }
    Status status = queue_->Run(std::move(task), deadline_nanos);
    MutexLock lock(&mutex_);
    if (status.Is(Code::kTimedOut)) {
      return failure_ = Status(Code::kTimedOut, "the disk does not answer");
    }
    bool refused = status.Is(Code::kIo) || status.Is(Code::kUnavailable);
    if (refused && failure_.ok()) failure_ = status;
    return status;
  }

  template <typename T>
  Result<T> AskFor(std::function<Result<T>()> task) {
    auto answer = std::make_shared<std::optional<T>>();
    TRY(Ask([answer, task = std::move(task)]() -> Status {
      auto result = task();
      if (!result.ok()) return result.status();
      *answer = std::move(*result);
      return {};
    }));
    return std::move(**answer);
  }

  void Hurry(uint64_t nanos) {
    MutexLock lock(&mutex_);
    hurry_nanos_ = nanos;
  }
  Status failure() const {
    MutexLock lock(&mutex_);
    return failure_;
  }
  void ForgetRefusals() {
    MutexLock lock(&mutex_);
    if (!failure_.Is(Code::kTimedOut)) failure_ = Status();
  }
  // To close a file is to touch the disk, too, and may hang as any call. Nobody waits for it; of a
  // silent disk the files stay open until its zone goes.
  void Close(std::shared_ptr<File> file) {
    {
      MutexLock lock(&mutex_);
      if (failure_.Is(Code::kTimedOut)) return kept_.push_back(std::move(file));
    }
    queue_->Post([file = std::move(file)] {});
  }

 private:
  const std::shared_ptr<TaskQueue> queue_;
  const uint64_t deadline_nanos_;
  mutable Mutex mutex_;       // Guards all below.
  uint64_t hurry_nanos_ = 0;  // 0: no hurry.
  Status failure_;
  std::vector<std::shared_ptr<File>> kept_;
};

namespace {

// Bytes on their way to or from the disk; the caller's own may be gone when a stuck task ends.
std::shared_ptr<AlignedBytes> Staged(size_t size) { return std::make_shared<AlignedBytes>(size); }

}  // namespace

class DeadlineFile final : public File {
 public:
  using Line = DeadlineEnv::Line;
  DeadlineFile(std::shared_ptr<Line> line, std::shared_ptr<File> file)
      : line_(std::move(line)), file_(std::move(file)) {}
  ~DeadlineFile() override { line_->Close(std::move(file_)); }

  Result<size_t> ReadAt(uint64_t offset, MutableByteSpan out) override {
    return Read(out,
                [file = file_, offset](MutableByteSpan to) { return file->ReadAt(offset, to); });
  }
  Result<size_t> ReadCachedAt(uint64_t offset, MutableByteSpan out) override {
    return Read(
        out, [file = file_, offset](MutableByteSpan to) { return file->ReadCachedAt(offset, to); });
  }
  Status WriteAt(uint64_t offset, ByteSpan data) override {
    auto staged = Staged(data.size());
    if (!data.empty()) memcpy(staged->data(), data.data(), data.size());
    return line_->Ask([file = file_, offset, staged] {
      return file->WriteAt(offset, ByteSpan(staged->data(), staged->size()));
    });
  }
  Status Sync() override {
    return line_->Ask([file = file_] { return file->Sync(); });
  }
  Status Allocate(uint64_t size) override {
    return line_->Ask([file = file_, size] { return file->Allocate(size); });
  }
  Status Truncate(uint64_t size) override {
    return line_->Ask([file = file_, size] { return file->Truncate(size); });
  }
  Result<FileInfo> Info() override {
    return line_->AskFor<FileInfo>([file = file_] { return file->Info(); });
  }

 private:
  Result<size_t> Read(MutableByteSpan out, std::function<Result<size_t>(MutableByteSpan)> read) {
    auto staged = Staged(out.size());
    TRY_ASSIGN(size_t got, line_->AskFor<size_t>(
                               [staged, read = std::move(read)] { return read(staged->span()); }));
    if (got > 0) memcpy(out.data(), staged->data(), got);
    return got;
  }

  const std::shared_ptr<Line> line_;
  std::shared_ptr<File> file_;
};

DeadlineEnv::DeadlineEnv(Env* env, std::shared_ptr<TaskQueue> queue, uint64_t deadline_nanos)
    : env_(env), line_(std::make_shared<Line>(std::move(queue), deadline_nanos)) {}

DeadlineEnv::~DeadlineEnv() = default;

void DeadlineEnv::Hurry(uint64_t nanos) { line_->Hurry(nanos); }

void DeadlineEnv::ForgetRefusals() { line_->ForgetRefusals(); }

Status DeadlineEnv::failure() const { return line_->failure(); }

Result<std::unique_ptr<File>> DeadlineEnv::Open(const std::string& path, OpenOptions options) {
  using Opened = std::unique_ptr<File>;
  TRY_ASSIGN(Opened file, line_->AskFor<Opened>(
                              [env = env_, path, options] { return env->Open(path, options); }));
  return Opened(new DeadlineFile(line_, std::move(file)));
}

Status DeadlineEnv::CreateDirectory(const std::string& path) {
  return line_->Ask([env = env_, path] { return env->CreateDirectory(path); });
}

Status DeadlineEnv::SyncDirectory(const std::string& path) {
  return line_->Ask([env = env_, path] { return env->SyncDirectory(path); });
}

Result<std::vector<DirectoryEntry>> DeadlineEnv::List(const std::string& path) {
  return line_->AskFor<std::vector<DirectoryEntry>>([env = env_, path] { return env->List(path); });
}

Status DeadlineEnv::Rename(const std::string& from, const std::string& to) {
  return line_->Ask([env = env_, from, to] { return env->Rename(from, to); });
}

Status DeadlineEnv::Remove(const std::string& path) {
  return line_->Ask([env = env_, path] { return env->Remove(path); });
}

Result<FileInfo> DeadlineEnv::Stat(const std::string& path) {
  return line_->AskFor<FileInfo>([env = env_, path] { return env->Stat(path); });
}

Result<uint64_t> DeadlineEnv::FreeBytes(const std::string& path) {
  return line_->AskFor<uint64_t>([env = env_, path] { return env->FreeBytes(path); });
}

Result<std::unique_ptr<FileLock>> DeadlineEnv::Lock(const std::string& path,
                                                    bool shared_read_only) {
  return line_->AskFor<std::unique_ptr<FileLock>>(
      [env = env_, path, shared_read_only] { return env->Lock(path, shared_read_only); });
}

}  // namespace strongroom::io
