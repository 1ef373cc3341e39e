// What the calls on an open file do to the SimDisk, and what they leave behind when they fail.
#include "io/sim_file.h"

#include <algorithm>

namespace strongroom::io {

namespace {
constexpr uint64_t kNeighbour = 4096;  // How far astray a misdirected call goes.
constexpr size_t kSectorSize = 512;
}  // namespace

SimFile::SimFile(SimEnv* env, SimDisk::Number inode, const std::string& path, OpenOptions options)
    : env_(env),
      disk_(env->disk_),
      inode_(inode),
      path_(path),
      writable_(options.mode != OpenMode::kRead),
      direct_(options.direct) {
  disk_->Opened(inode_);
}

SimFile::~SimFile() {
  // After a crash the disk has forgotten who had what open.
  if (IsUp()) disk_->Closed(inode_);
}

Result<size_t> SimFile::ReadAt(uint64_t offset, MutableByteSpan out) {
  TRY(CheckAlignment(offset, out));
  TRY_ASSIGN(SimEffect effect, Begin(kIoRead, offset));
  if (effect == SimEffect::kMisdirect) offset = Misdirected(offset);
  size_t size =
      direct_ ? disk_->ReadPastCache(inode_, offset, out) : disk_->Read(inode_, offset, out);
  if (effect == SimEffect::kLose && size > 0) memset(out.data(), 0, size);
  return size;
}

Result<size_t> SimFile::ReadCachedAt(uint64_t offset, MutableByteSpan out) {
  // The cache holds what the seed says it does. No turn is offered, since this never waits.
  TRY(env_->CheckUp());
  if (direct_ || IsGone() || env_->fault_random_.Below(2) == 0) return size_t{0};
  return disk_->Read(inode_, offset, out.first(env_->fault_random_.Below(out.size() + 1)));
}

Status SimFile::WriteAt(uint64_t offset, ByteSpan data) {
  TRY(CheckWritable(kIoWrite));
  TRY(CheckAlignment(offset, data));
  auto effect = Begin(kIoWrite, offset);
  if (!effect.ok()) {
    WriteSome(offset, data);
    return effect.status();
  }
  if (*effect == SimEffect::kLose) return {};
  if (*effect == SimEffect::kMisdirect) offset = Misdirected(offset);
  TRY(disk_->CheckSpace(inode_, path_, offset + data.size()));
  disk_->Write(inode_, offset, data);
  return {};
}

Status SimFile::Sync() {
  uint64_t moment = disk_->Moment();
  auto effect = Begin(kIoSync);
  if (!effect.ok()) {
    if (IsUp()) disk_->FailSync(inode_, env_->fault_random_);
    sync_failed_ |= IsUp();
    return effect.status();
  }
  env_->syncs_retried_ += sync_failed_;
  if (*effect != SimEffect::kLose) disk_->Sync(inode_, moment);
  return {};
}

Status SimFile::Allocate(uint64_t size) { return ChangeSize(kIoAllocate, size, true); }

Status SimFile::Truncate(uint64_t size) { return ChangeSize(kIoTruncate, size, false); }

Status SimFile::ChangeSize(SimIo kind, uint64_t size, bool grow_only) {
  TRY(CheckWritable(kind));
  TRY_ASSIGN(SimEffect effect, Begin(kind, size));
  if (effect == SimEffect::kLose) return {};
  if (grow_only && size <= disk_->Info(inode_).size) return {};
  TRY(disk_->CheckSpace(inode_, path_, size));
  disk_->SetSize(inode_, size);
  return {};
}

Result<FileInfo> SimFile::Info() {
  TRY(Begin(kIoStat).status());
  return disk_->Info(inode_);
}

Result<SimEffect> SimFile::Begin(SimIo kind, uint64_t detail) {
  TRY_ASSIGN(SimEffect effect, env_->Begin(kind, path_, detail));
  if (IsGone()) return Status(Code::kIo, std::string(NameOf(kind)) + " " + path_ + ": disk gone");
  return effect;
}

Status SimFile::CheckWritable(SimIo kind) const {
  if (writable_) return {};
  return Status(Code::kIo, std::string(NameOf(kind)) + " " + path_ + ": opened for reading");
}

Status SimFile::CheckAlignment(uint64_t offset, ByteSpan bytes) const {
  uint64_t bits = offset | bytes.size() | reinterpret_cast<uintptr_t>(bytes.data());
  if (!direct_ || bits % kDirectAlignment == 0) return {};
  return Status(Code::kInvalidArgument, path_ + ": a direct file takes multiples of 4096 bytes");
}

// A failed write leaves unknown bytes: none, the first sectors or all. A dead machine writes
// nothing.
void SimFile::WriteSome(uint64_t offset, ByteSpan data) {
  if (!IsUp() || IsGone()) return;
  size_t some = env_->fault_random_.Below(data.size() / kSectorSize + 2) * kSectorSize;
  data = data.first(std::min(some, data.size()));
  if (disk_->CheckSpace(inode_, path_, offset + data.size()).ok()) {
    disk_->Write(inode_, offset, data);
  }
}

uint64_t SimFile::Remaining(uint64_t offset) const {
  uint64_t size = disk_->Info(inode_).size;
  return offset < size ? size - offset : 0;
}

uint64_t SimFile::Misdirected(uint64_t offset) const {
  bool forward = offset < kNeighbour || Remaining(offset + kNeighbour) > 0;
  return forward ? offset + kNeighbour : offset - kNeighbour;
}

}  // namespace strongroom::io
