// SealedEnv: LevelDB's view of the operating system, over ours. Every file that reaches the disk is
// sealed; LevelDB's own log and its info log never do.
//
//   what LevelDB asks for         what it gets
//   CURRENT, N.ldb                SealedWriter and SealedReader (sealed_file.h); a table is refused
//                                 unless its salt is the one the manifest names
//   MANIFEST-N                    ManifestWriter and ManifestReader (manifest.h)
//   N.dbtmp, renamed to CURRENT   sealed under the name CURRENT; the rename syncs the folder
//   N.log                         nothing: the zone's log is the log. Never listed or replayed
//   LOG (the info log)            refused: it would print key ranges in clear
//   LOCK                          granted: the zone is locked as a whole
//   the background thread         one of this index, joined when it is closed
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "index/background.h"
#include "index/failures.h"
#include "index/manifest.h"
#include "index/sealed_file.h"
#include "io/env.h"
#include "leveldb/env.h"

namespace strongroom::index {

class SealedEnv final : public leveldb::Env {
 public:
  SealedEnv(io::Env* env, const std::string& folder, Sealing sealing)
      : env_(env), folder_(folder), sealing_(std::move(sealing)), background_(env) {}

  // What went wrong in the files so far.
  Failures* failures() { return &failures_; }
  // Ends the background thread. REQUIRES: the database is deleted.
  void JoinBackground() { background_.Join(); }

  leveldb::Status NewSequentialFile(const std::string& path,
                                    leveldb::SequentialFile** result) override;
  leveldb::Status NewRandomAccessFile(const std::string& path,
                                      leveldb::RandomAccessFile** result) override;
  leveldb::Status NewWritableFile(const std::string& path, leveldb::WritableFile** result) override;
  // A file is written once, or as long as it is open: nothing is ever reopened to grow.
  leveldb::Status NewAppendableFile(const std::string& path,
                                    leveldb::WritableFile** result) override;
  bool FileExists(const std::string& path) override;
  leveldb::Status GetChildren(const std::string& folder, std::vector<std::string>* result) override;
  leveldb::Status DeleteFile(const std::string& path) override;
  leveldb::Status CreateDir(const std::string& path) override;
  leveldb::Status DeleteDir(const std::string& path) override;
  leveldb::Status GetFileSize(const std::string& path, uint64_t* size) override;
  leveldb::Status RenameFile(const std::string& from, const std::string& to) override;
  leveldb::Status LockFile(const std::string& path, leveldb::FileLock** lock) override;
  leveldb::Status UnlockFile(leveldb::FileLock* lock) override;
  void Schedule(void (*function)(void*), void* argument) override;
  void StartThread(void (*function)(void*), void* argument) override;
  leveldb::Status GetTestDirectory(std::string* path) override;
  leveldb::Status NewLogger(const std::string& path, leveldb::Logger** result) override;
  uint64_t NowMicros() override { return env_->MonotonicNanos() / 1000; }
  void SleepForMicroseconds(int micros) override;

 private:
  Result<std::unique_ptr<io::File>> OpenToRead(const std::string& path);
  Result<std::unique_ptr<SealedReader>> OpenTable(const std::string& path, uint64_t number);
  Result<std::unique_ptr<leveldb::SequentialFile>> OpenSequential(const std::string& path);
  Result<std::unique_ptr<leveldb::WritableFile>> Create(const std::string& path);
  Status BeginManifest();

  io::Env* env_;
  std::string folder_;
  Sealing sealing_;
  Failures failures_;
  SaltList salts_;
  Background background_;
};

}  // namespace strongroom::index
