// OverlayEnv: files in memory over a folder that is only read.
#include "index/overlay_env.h"

#include <algorithm>
#include <cstring>

#include "db/filename.h"

namespace strongroom::index {

namespace {
leveldb::FileType TypeOf(const std::string& path) {
  uint64_t number;
  leveldb::FileType type;
  bool known = leveldb::ParseFileName(path.substr(path.rfind('/') + 1), &number, &type);
  return known ? type : leveldb::kInfoLogFile;
}

class MemoryWriter final : public leveldb::WritableFile {
 public:
  explicit MemoryWriter(std::shared_ptr<std::string> bytes) : bytes_(std::move(bytes)) {}
  leveldb::Status Append(const leveldb::Slice& data) override {
    bytes_->append(data.data(), data.size());
    return leveldb::Status::OK();
  }
  leveldb::Status Close() override { return leveldb::Status::OK(); }
  leveldb::Status Flush() override { return leveldb::Status::OK(); }
  leveldb::Status Sync() override { return leveldb::Status::OK(); }

 private:
  std::shared_ptr<std::string> bytes_;
};

class MemoryReader final : public leveldb::SequentialFile {
 public:
  explicit MemoryReader(std::shared_ptr<std::string> bytes) : bytes_(std::move(bytes)) {}
  leveldb::Status Read(size_t n, leveldb::Slice* result, char* scratch) override {
    n = std::min(n, bytes_->size() - offset_);
    memcpy(scratch, bytes_->data() + offset_, n);
    offset_ += n;
    *result = leveldb::Slice(scratch, n);
    return leveldb::Status::OK();
  }
  leveldb::Status Skip(uint64_t n) override {
    offset_ += std::min<uint64_t>(n, bytes_->size() - offset_);
    return leveldb::Status::OK();
  }

 private:
  std::shared_ptr<std::string> bytes_;
  size_t offset_ = 0;
};
}  // namespace

void OverlayEnv::BeginClose() {
  std::vector<Background::Work> put_off;
  {
    MutexLock lock(&mutex_);
    closing_ = true;
    put_off.swap(put_off_);
  }
  for (auto [function, argument] : put_off) target()->Schedule(function, argument);
}

leveldb::Status OverlayEnv::NewSequentialFile(const std::string& path,
                                              leveldb::SequentialFile** result) {
  MutexLock lock(&mutex_);
  auto file = files_.find(path);
  if (file == files_.end()) return target()->NewSequentialFile(path, result);
  *result = new MemoryReader(file->second);
  return leveldb::Status::OK();
}

leveldb::Status OverlayEnv::NewWritableFile(const std::string& path,
                                            leveldb::WritableFile** result) {
  *result = nullptr;
  leveldb::FileType type = TypeOf(path);
  if (type == leveldb::kLogFile) return target()->NewWritableFile(path, result);
  MutexLock lock(&mutex_);
  bool wanted = type == leveldb::kDescriptorFile || type == leveldb::kTempFile;
  if (closing_ || !wanted) return leveldb::Status::NotSupported("opened read-only", path);
  auto bytes = std::make_shared<std::string>();
  files_[path] = bytes;
  *result = new MemoryWriter(bytes);
  return leveldb::Status::OK();
}

bool OverlayEnv::FileExists(const std::string& path) {
  MutexLock lock(&mutex_);
  if (files_.contains(path)) return true;
  return !hidden_.contains(path) && target()->FileExists(path);
}

leveldb::Status OverlayEnv::GetChildren(const std::string& folder,
                                        std::vector<std::string>* result) {
  result->clear();
  // A zone may have no index yet; it is then replayed into memory.
  if (target()->FileExists(folder)) {
    leveldb::Status status = target()->GetChildren(folder, result);
    if (!status.ok()) return status;
  }
  MutexLock lock(&mutex_);
  std::erase_if(*result, [&](const std::string& name) {
    return hidden_.contains(folder + "/" + name) || files_.contains(folder + "/" + name);
  });
  for (const auto& [path, bytes] : files_) result->push_back(path.substr(path.rfind('/') + 1));
  return leveldb::Status::OK();
}

leveldb::Status OverlayEnv::DeleteFile(const std::string& path) {
  MutexLock lock(&mutex_);
  files_.erase(path);
  hidden_.insert(path);
  return leveldb::Status::OK();
}

leveldb::Status OverlayEnv::RenameFile(const std::string& from, const std::string& to) {
  MutexLock lock(&mutex_);
  auto file = files_.find(from);
  if (file == files_.end()) return leveldb::Status::NotSupported("opened read-only", to);
  files_[to] = file->second;
  files_.erase(from);
  return leveldb::Status::OK();
}

void OverlayEnv::Schedule(void (*function)(void*), void* argument) {
  MutexLock lock(&mutex_);
  if (closing_) {
    target()->Schedule(function, argument);
  } else {
    put_off_.push_back({function, argument});
  }
}

}  // namespace strongroom::index
