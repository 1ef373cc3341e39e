// SimFile: an open file of a simulated machine. After a crash, or when its disk is gone, every call
// fails.
#pragma once

#include <memory>
#include <string>

#include "io/sim_env.h"

namespace strongroom::io {

class SimFile final : public File {
 public:
  SimFile(SimEnv* env, SimDisk::Number inode, const std::string& path, OpenOptions options);
  ~SimFile() override;

  Result<size_t> ReadAt(uint64_t offset, MutableByteSpan out) override;
  Result<size_t> ReadCachedAt(uint64_t offset, MutableByteSpan out) override;
  Status WriteAt(uint64_t offset, ByteSpan data) override;
  Status Sync() override;
  Status Allocate(uint64_t size) override;
  Status Truncate(uint64_t size) override;
  Result<FileInfo> Info() override;

 private:
  Result<SimEffect> Begin(SimIo kind, uint64_t detail = 0);
  bool IsGone() const { return disk_->IsHidden(path_); }
  bool IsUp() const { return env_->state_ == SimEnv::State::kUp; }
  Status CheckWritable(SimIo kind) const;
  Status CheckAlignment(uint64_t offset, ByteSpan bytes) const;
  Status ChangeSize(SimIo kind, uint64_t size, bool grow_only);
  void WriteSome(uint64_t offset, ByteSpan data);
  uint64_t Remaining(uint64_t offset) const;
  uint64_t Misdirected(uint64_t offset) const;

  SimEnv* env_;
  SimDisk* disk_;
  SimDisk::Number inode_;
  std::string path_;
  bool writable_;
  bool direct_;
  bool sync_failed_ = false;
};

}  // namespace strongroom::io
