// SealedEnv: which file is sealed how, and which never comes to be.
#include "index/sealed_env.h"

#include <set>

#include "base/bugs.h"
#include "db/filename.h"

namespace leveldb {
// The constructor of Options asks for it. Null: nothing reaches the disk around our Env.
Env* Env::Default() { return nullptr; }
}  // namespace leveldb

namespace strongroom::index {

namespace {
std::string NameOf(const std::string& path) { return path.substr(path.rfind('/') + 1); }

struct Parsed {
  bool known = false;
  leveldb::FileType type{};
  uint64_t number = 0;
};
Parsed Parse(const std::string& name) {
  Parsed parsed;
  parsed.known = leveldb::ParseFileName(name, &parsed.number, &parsed.type);
  return parsed;
}
bool IsType(const std::string& name, leveldb::FileType type) {
  Parsed parsed = Parse(name);
  return parsed.known && parsed.type == type;
}
// LevelDB names its tables so. The older ending .sst, which it still tries, is never ours.
bool IsTable(const std::string& name) {
  return IsType(name, leveldb::kTableFile) && name.ends_with(".ldb");
}

class DiscardedLog final : public leveldb::WritableFile {
 public:
  leveldb::Status Append(const leveldb::Slice&) override { return leveldb::Status::OK(); }
  leveldb::Status Close() override { return leveldb::Status::OK(); }
  leveldb::Status Flush() override { return leveldb::Status::OK(); }
  leveldb::Status Sync() override { return leveldb::Status::OK(); }
};

class GrantedLock final : public leveldb::FileLock {};

template <typename T>
leveldb::Status HandOver(Result<std::unique_ptr<T>> from, T** to) {
  *to = from->release();
  return leveldb::Status::OK();
}
}  // namespace

// LevelDB opens only what must be there, so an absent file is damage.
Result<std::unique_ptr<io::File>> SealedEnv::OpenToRead(const std::string& path) {
  Result<std::unique_ptr<io::File>> file = env_->Open(path, {.mode = io::OpenMode::kRead});
  if (file.ok()) return file;
  if (file.status().Is(Code::kNotFound)) {
    return Status(Code::kCorruption, NameOf(path) + ": is missing");
  }
  return file.status().With(NameOf(path));
}

Result<std::unique_ptr<leveldb::SequentialFile>> SealedEnv::OpenSequential(
    const std::string& path) {
  Result<std::unique_ptr<io::File>> file = OpenToRead(path);
  if (!file.ok()) return file.status();
  std::string name = NameOf(path);
  if (IsType(name, leveldb::kDescriptorFile)) {
    Result<std::unique_ptr<ManifestReader>> reader =
        ManifestReader::Open(sealing_, name, std::move(*file), &salts_, &failures_);
    if (!reader.ok()) return reader.status();
    return std::unique_ptr<leveldb::SequentialFile>(std::move(*reader));
  }
  Result<std::unique_ptr<SealedReader>> reader =
      SealedReader::Open(sealing_, name, std::move(*file), &failures_);
  if (!reader.ok()) return reader.status();
  return std::unique_ptr<leveldb::SequentialFile>(
      std::make_unique<SequentialReader>(std::move(*reader)));
}

leveldb::Status SealedEnv::NewSequentialFile(const std::string& path,
                                             leveldb::SequentialFile** result) {
  *result = nullptr;
  Result<std::unique_ptr<leveldb::SequentialFile>> file = OpenSequential(path);
  if (!file.ok()) return failures_.Read(file.status());
  return HandOver(std::move(file), result);
}

Result<std::unique_ptr<SealedReader>> SealedEnv::OpenTable(const std::string& path,
                                                           uint64_t number) {
  Result<std::unique_ptr<io::File>> file = OpenToRead(path);
  if (!file.ok()) return file.status();
  Result<std::unique_ptr<SealedReader>> reader =
      SealedReader::Open(sealing_, NameOf(path), std::move(*file), &failures_);
  if (!reader.ok()) return reader.status();
  // Somebody who can write to the disk could put an older table back under its number, whole and
  // rightly sealed.
  if (!STRONGROOM_BUG("old-table-accepted") && salts_.Find(number) != (*reader)->salt()) {
    return Status(Code::kTampered, NameOf(path) + ": not the table that the manifest names");
  }
  return reader;
}

leveldb::Status SealedEnv::NewRandomAccessFile(const std::string& path,
                                               leveldb::RandomAccessFile** result) {
  *result = nullptr;
  std::string name = NameOf(path);
  if (!IsTable(name)) return leveldb::Status::NotFound(name);
  Result<std::unique_ptr<SealedReader>> table = OpenTable(path, Parse(name).number);
  if (!table.ok()) return failures_.Read(table.status());
  *result = table->release();
  return leveldb::Status::OK();
}

Result<std::unique_ptr<leveldb::WritableFile>> SealedEnv::Create(const std::string& path) {
  std::string name = NameOf(path);
  Parsed parsed = Parse(name);
  bool is_current = parsed.known && parsed.type == leveldb::kTempFile;
  bool is_manifest = parsed.known && parsed.type == leveldb::kDescriptorFile;
  if (!is_current && !is_manifest && !IsTable(name)) {
    return Status(Code::kInvalidArgument, name + ": no file of an index");
  }
  // After a failed read (of CURRENT, say) a new file could only replace what is still good.
  if (Status status = failures_.reading(); !status.ok()) return status;
  if (is_manifest) {
    if (Status status = BeginManifest(); !status.ok()) return status;
  }
  Result<std::unique_ptr<io::File>> file = env_->Open(path, {.mode = io::OpenMode::kReplace});
  if (!file.ok()) return file.status().With(name);
  Salt salt;
  env_->Random(salt);
  if (STRONGROOM_BUG("table-key-from-its-number")) salt.fill(static_cast<uint8_t>(parsed.number));
  if (is_manifest) {
    return std::unique_ptr<leveldb::WritableFile>(std::make_unique<ManifestWriter>(
        sealing_, salt, name, folder_, std::move(*file), env_, &salts_, &failures_));
  }
  if (is_current) name = NameOf(leveldb::CurrentFileName(folder_));
  if (!is_current) salts_.Add({parsed.number, salt});
  return std::unique_ptr<leveldb::WritableFile>(
      std::make_unique<SealedWriter>(sealing_, salt, name, std::move(*file), &failures_));
}

Status SealedEnv::BeginManifest() {
  Result<std::vector<io::DirectoryEntry>> entries = env_->List(folder_);
  if (!entries.ok()) return entries.status().With(folder_);
  std::set<uint64_t> standing;
  for (const io::DirectoryEntry& entry : *entries) {
    if (IsTable(entry.name)) standing.insert(Parse(entry.name).number);
  }
  salts_.BeginManifest(standing);
  return Status();
}

leveldb::Status SealedEnv::NewWritableFile(const std::string& path,
                                           leveldb::WritableFile** result) {
  *result = nullptr;
  if (IsType(NameOf(path), leveldb::kLogFile)) {
    *result = new DiscardedLog();
    return leveldb::Status::OK();
  }
  Result<std::unique_ptr<leveldb::WritableFile>> file = Create(path);
  if (!file.ok()) return failures_.Write(file.status());
  return HandOver(std::move(file), result);
}

leveldb::Status SealedEnv::NewAppendableFile(const std::string& path,
                                             leveldb::WritableFile** result) {
  *result = nullptr;
  return leveldb::Status::NotSupported("no file is reopened to grow", NameOf(path));
}

bool SealedEnv::FileExists(const std::string& path) {
  Result<io::FileInfo> info = env_->Stat(path);
  // A disk that does not answer must not look like an empty folder: LevelDB would begin anew.
  if (!info.ok() && !info.status().Is(Code::kNotFound)) failures_.Read(info.status());
  return info.ok();
}

leveldb::Status SealedEnv::GetChildren(const std::string& folder,
                                       std::vector<std::string>* result) {
  result->clear();
  Result<std::vector<io::DirectoryEntry>> entries = env_->List(folder);
  if (!entries.ok()) return failures_.Read(entries.status().With(folder));
  for (const io::DirectoryEntry& entry : *entries) {
    if (!IsType(entry.name, leveldb::kLogFile)) result->push_back(entry.name);
  }
  return leveldb::Status::OK();
}

leveldb::Status SealedEnv::DeleteFile(const std::string& path) {
  Parsed parsed = Parse(NameOf(path));
  if (parsed.known && parsed.type == leveldb::kLogFile) return leveldb::Status::OK();
  // When the sync after CURRENT's rename fails, LevelDB takes the new manifest back. But CURRENT
  // may name it by now; and nobody needs the space of a manifest.
  if (parsed.known && parsed.type == leveldb::kDescriptorFile && !failures_.writing().ok()) {
    return leveldb::Status::IOError("after a failed write no manifest is removed");
  }
  if (IsTable(NameOf(path))) salts_.Remove(parsed.number);
  // A file that stays, now or because a crash brings it back, is named by nothing; the next open
  // tries again. So this failure is none of the index's.
  Status status = env_->Remove(path);
  return status.ok() ? leveldb::Status::OK() : leveldb::Status::IOError(status.message());
}

leveldb::Status SealedEnv::CreateDir(const std::string&) { return leveldb::Status::OK(); }

leveldb::Status SealedEnv::DeleteDir(const std::string&) {
  return leveldb::Status::NotSupported("a folder goes with Index::Destroy");
}

leveldb::Status SealedEnv::GetFileSize(const std::string&, uint64_t* size) {
  *size = 0;
  return leveldb::Status::NotSupported("no file is reopened to grow");
}

leveldb::Status SealedEnv::RenameFile(const std::string& from, const std::string& to) {
  bool makes_current =
      IsType(NameOf(from), leveldb::kTempFile) && IsType(NameOf(to), leveldb::kCurrentFile);
  if (!makes_current) return leveldb::Status::NotSupported("only CURRENT is replaced", NameOf(to));
  Status status = env_->Rename(from, to);
  // Crash before the folder is synced: CURRENT names the old manifest, which LevelDB removes only
  // after this returns; or the new one, which was synced before it was named.
  if (status.ok()) status = env_->SyncDirectory(folder_);
  return failures_.Write(status.With(NameOf(to)));
}

leveldb::Status SealedEnv::LockFile(const std::string&, leveldb::FileLock** lock) {
  *lock = new GrantedLock();
  return leveldb::Status::OK();
}

leveldb::Status SealedEnv::UnlockFile(leveldb::FileLock* lock) {
  delete lock;
  return leveldb::Status::OK();
}

void SealedEnv::Schedule(void (*function)(void*), void* argument) {
  background_.Schedule({function, argument});
}

void SealedEnv::StartThread(void (*)(void*), void*) {
  CHECK(false) << "LevelDB schedules its work, it starts no threads";
}

leveldb::Status SealedEnv::GetTestDirectory(std::string*) {
  return leveldb::Status::NotSupported("no test directory");
}

leveldb::Status SealedEnv::NewLogger(const std::string&, leveldb::Logger** result) {
  *result = nullptr;
  return leveldb::Status::NotSupported("an info log would print key ranges in clear");
}

void SealedEnv::SleepForMicroseconds(int micros) {
  env_->SleepMicros(static_cast<uint64_t>(micros));
}

}  // namespace strongroom::index
