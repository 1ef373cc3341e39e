// SimDisk: what lies on the disks of a simulated machine, and what a crash leaves of it.
//
// Each file has two images, `cached` (what reads see) and `durable` (what is on the platter), and
// the changes between them, in order. Each folder has two lists of names and the changes between
// them. Sync moves changes over; a crash lets any part of them survive:
//
//   file     write, write, resize | Sync |  write, write
//   folder   a=1                  |      |  b=2, a->c
//                                        ^ here all of a file's changes are durable, no name is
//
// What a crash may do (docs/format/media-assumptions.md has the numbers): each 512-byte sector of
// each write survives or not, by itself; sizes survive in order; a name change survives or not, by
// itself, except that a rename is whole and brings with it the earlier changes of what it moves.
// Bytes and names know nothing of each other.
//
// A disk outlives the SimEnvs that run on it: after a run without a crash the cached images stand,
// as the page cache does when a process dies. Copies are cheap (shared pages) and independent.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/testing.h"
#include "io/env.h"
#include "io/sim_inode.h"

namespace strongroom::io {

enum class CrashStyle {
  kLoseAll,    // Nothing that was not synced survives.
  kKeepAll,    // All of it does.
  kKeepNames,  // Names do, bytes do not: files turn up empty or old.
  kKeepBytes,  // Bytes do, names do not.
  kRandom,     // Any subset, with torn writes.
};

class SimDisk {
 public:
  using Number = SimInodeNumber;

  SimDisk();
  SimDisk(const SimDisk& other);
  SimDisk& operator=(const SimDisk& other);

  // ---- What a test does to the disk. Paths are absolute; all of this is durable at once.

  // Power loss. Below `prefix` only: the disks of one zone lose power while the rest goes on.
  void Crash(testing::Random& random, CrashStyle style, const std::string& prefix = "/");
  // Of all durable names and bytes; two disks that a restart cannot tell apart have one hash.
  uint64_t DurableHash() const;
  void MakeDirectories(const std::string& path);
  // A folder that is not mounted: nothing below it is found, its open files give kIo.
  void Hide(const std::string& path);
  void Show(const std::string& path);
  // Removed under whoever has its files open: their reads and writes go on, their links are 0.
  void RemoveTree(const std::string& path);
  // Puts a copy of a folder of another disk (or of this one) in the place of `path`.
  void ReplaceTree(const std::string& path, const SimDisk& source, const std::string& from);
  void Exchange(const std::string& a, const std::string& b);
  void MakeLink(const std::string& path, const std::string& target);
  // At most `bytes` of files, in whole blocks, below `path`.
  void SetCapacity(const std::string& path, uint64_t bytes);

  struct FileEntry {
    std::string path;
    uint64_t size;
  };
  std::vector<FileEntry> Files(const std::string& path) const;  // All below it, sorted.
  Bytes ReadDurable(const std::string& path) const;
  void Overwrite(const std::string& path, uint64_t offset, ByteSpan data);
  void FlipBit(const std::string& path, uint64_t bit);
  void Resize(const std::string& path, uint64_t size);

  static bool IsBelow(const std::string& path, const std::string& folder);

  // ---- What SimEnv does on behalf of the product. All of it is volatile until synced.

  struct Found {
    Number folder = 0;  // That holds or would hold the name. 0: the root itself.
    std::string name;
    Number inode = 0;   // 0: absent.
    std::string path;   // Without links, dots and doubled slashes.
  };
  // kNotFound when a folder on the way is missing or hidden.
  Result<Found> Find(const std::string& path, bool follow_last = true) const;
  bool IsHidden(const std::string& path) const;

  Result<Number> CreateFile(const Found& at);  // kExists
  Status CreateDirectory(const Found& at);     // kExists
  Status Rename(const Found& from, const Found& to);
  Status Remove(const Found& at);
  Result<std::vector<DirectoryEntry>> List(const Found& at) const;
  FileInfo Info(Number inode) const;
  bool IsDirectory(Number inode) const;

  size_t Read(Number file, uint64_t offset, MutableByteSpan out) const;
  size_t ReadPastCache(Number file, uint64_t offset, MutableByteSpan out) const;
  void Write(Number file, uint64_t offset, ByteSpan data);
  void SetSize(Number file, uint64_t size);
  // Whether `file` may become `size` bytes long; kNoSpace.
  Status CheckSpace(Number file, const std::string& path, uint64_t size) const;
  uint64_t FreeBytes(const std::string& path) const;

  // A moment in the order of changes. A sync vouches for what came before the moment it was asked
  // for, not for what was written while it was under way.
  uint64_t Moment() const { return next_change_; }
  void Sync(Number file, uint64_t moment);
  void SyncDirectory(Number folder, uint64_t moment);
  // A sync that fails: some changes reach the platter, the others are forgotten although reads go
  // on to show them, and the next Sync says nothing about them.
  void FailSync(Number file, testing::Random& random);

  // An open file keeps its inode.
  void Opened(Number file) { ++opens_[file]; }
  void Closed(Number file);

 private:
  static constexpr Number kRoot = 1;
  static std::deque<std::string> SplitPath(const std::string& path);
  static std::string JoinPath(const std::string& folder, const std::string& name);
  const SimInode& At(Number number) const { return *inodes_[number]; }
  SimInode& Mutable(Number number);
  Number Add(SimInode inode);
  Found Existing(const std::string& path) const;  // REQUIRES: it is there.
  void ChangeName(Number folder, SimNameChange change);
  void MakeAllNamesDurable(uint64_t moment);
  std::vector<bool> Reachable(Number from) const;
  std::vector<bool> Present() const;
  bool CrashNames(const std::vector<bool>& affected, testing::Random& random, CrashStyle style);
  void CountLinks();
  void DropUnreachable();
  void Unlink(Number number);
  Number CopyTree(const SimDisk& source, Number from);
  void PlaceDurably(const Found& at, Number inode);
  uint64_t UsedBytes(Number number) const;
  uint64_t HashOf(Number number) const;
  void CollectFiles(Number folder, const std::string& path, std::vector<FileEntry>* out) const;

  // By number; null: dropped. Shared between copies of the disk until one of them changes it.
  std::vector<std::shared_ptr<SimInode>> inodes_;
  std::map<Number, uint64_t> opens_;
  std::vector<std::string> hidden_;
  std::map<std::string, uint64_t> capacities_;
  uint64_t next_change_ = 1;
  uint64_t removals_ = 0;  // Since unreachable inodes were dropped last.
};

}  // namespace strongroom::io
