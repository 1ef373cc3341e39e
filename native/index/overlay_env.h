// OverlayEnv: a read-only index. What LevelDB writes at every open (a fresh manifest, CURRENT)
// stays in memory over a folder of which not one byte changes; what it removes is only hidden.
//
// Tables are refused: the caller keeps what it applies below the memtable's size, so none is ever
// flushed. Compactions are put off until the close, when every new file is refused: LevelDB waits
// there for the work that it has scheduled, so it must run, and fails at once.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/sync.h"
#include "index/background.h"
#include "leveldb/env.h"

namespace strongroom::index {

class OverlayEnv final : public leveldb::EnvWrapper {
 public:
  // `below` reads the folder.
  explicit OverlayEnv(leveldb::Env* below) : leveldb::EnvWrapper(below) {}

  // Lets the work that was put off run into refusals. Call it right before the database is deleted.
  void BeginClose();

  leveldb::Status NewSequentialFile(const std::string& path,
                                    leveldb::SequentialFile** result) override;
  leveldb::Status NewWritableFile(const std::string& path, leveldb::WritableFile** result) override;
  bool FileExists(const std::string& path) override;
  leveldb::Status GetChildren(const std::string& folder, std::vector<std::string>* result) override;
  leveldb::Status DeleteFile(const std::string& path) override;
  leveldb::Status RenameFile(const std::string& from, const std::string& to) override;
  void Schedule(void (*function)(void*), void* argument) override;
  // LevelDB sleeps to let a compaction catch up; there is none.
  void SleepForMicroseconds(int) override {}

 private:
  Mutex mutex_;
  std::map<std::string, std::shared_ptr<std::string>> files_;  // By path.
  std::set<std::string> hidden_;                               // Paths.
  std::vector<Background::Work> put_off_;
  bool closing_ = false;
};

}  // namespace strongroom::index
