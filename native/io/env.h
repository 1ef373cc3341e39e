// Env: the only door to the operating system. Files, locks, clocks, randomness and threads; mutexes
// and condition variables are base/sync.h, which follows the Env's scheduler.
//
// Two implementations: the posix Env (posix_env.h) and the simulated one (sim_env.h), where one
// task runs at a time, the seed chooses which, and unsynced bytes may vanish at a crash. No other
// code of the core calls the operating system.
//
// Durability, as the posix standard has it and as the simulated Env enforces it: bytes written are
// durable after File::Sync; a name created, renamed or removed is durable after SyncDirectory of
// its folder. Until then a crash may keep, lose or (bytes) tear each of them on its own.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/status.h"
#include "base/sync.h"

namespace strongroom::io {

struct FileInfo {
  uint64_t size = 0;
  uint64_t links = 0;   // 0: the file was removed while open.
  uint64_t device = 0;  // device and inode name a file or folder whatever path leads to it.
  uint64_t inode = 0;
  bool is_directory = false;
};

// A file, read and written at offsets. Safe from several threads at once.
class File {
 public:
  virtual ~File() = default;
  // Reads until `out` is full or the file ends; returns how much. EINTR and short reads are
  // retried.
  virtual Result<size_t> ReadAt(uint64_t offset, MutableByteSpan out) = 0;
  // Reads what the page cache holds, never waiting for the disk: 0 where it cannot tell. JS thread
  // safe.
  virtual Result<size_t> ReadCachedAt(uint64_t offset, MutableByteSpan out) = 0;
  // Writes all of `data`. kNoSpace when the disk is full; a failed write leaves unknown bytes
  // there. A direct file demands offset, size and address in multiples of kDirectAlignment.
  virtual Status WriteAt(uint64_t offset, ByteSpan data) = 0;
  // Makes the file's bytes and size durable. After a failure the bytes' fate is unknown and a
  // second Sync proves nothing: never retry it.
  virtual Status Sync() = 0;
  // Grows the file to `size` bytes with space reserved, so that later writes below it cannot run
  // out of space. Never shrinks. kNoSpace.
  virtual Status Allocate(uint64_t size) = 0;
  virtual Status Truncate(uint64_t size) = 0;
  virtual Result<FileInfo> Info() = 0;
};

// Held until destroyed, or until the process dies. Excludes other processes and other opens in this
// one (an open-file-description lock), through whatever path they come.
class FileLock {
 public:
  virtual ~FileLock() = default;
};

class Thread {
 public:
  virtual ~Thread() = default;  // REQUIRES: joined or detached.
  virtual void Join() = 0;
  // Lets it run on by itself: for a thread stuck in a dead disk.
  virtual void Detach() = 0;
};

enum class OpenMode {
  kRead,       // Must exist.
  kReadWrite,  // Must exist.
  kCreate,     // Must not exist: kExists.
  kReplace,    // Created, or truncated to nothing.
};
struct OpenOptions {
  OpenMode mode = OpenMode::kRead;
  // Past the page cache (O_DIRECT) where the file system allows it, else silently through it.
  bool direct = false;
};
constexpr size_t kDirectAlignment = 4096;

struct DirectoryEntry {
  std::string name;
  bool is_directory = false;
};

class Env {
 public:
  virtual ~Env() = default;

  // kNotFound, kExists, kNoSpace, kIo; kReadOnly on a read-only file system; kUnavailable when
  // permission is refused.
  virtual Result<std::unique_ptr<File>> Open(const std::string& path, OpenOptions options) = 0;
  virtual Status CreateDirectory(const std::string& path) = 0;  // kExists
  virtual Status SyncDirectory(const std::string& path) = 0;
  virtual Result<std::vector<DirectoryEntry>> List(const std::string& path) = 0;  // Sorted by name.
  virtual Status Rename(const std::string& from, const std::string& to) = 0;      // Replaces `to`.
  virtual Status Remove(const std::string& path) = 0;           // A file or an empty folder.
  virtual Result<FileInfo> Stat(const std::string& path) = 0;   // Follows links.
  virtual Result<uint64_t> FreeBytes(const std::string& path) = 0;
  // Locks `path` (a file, created if missing unless `shared_read_only`). kLocked when another holds
  // it. `shared_read_only` opens for reading only and lets other readers in, but no writer.
  virtual Result<std::unique_ptr<FileLock>> Lock(const std::string& path,
                                                 bool shared_read_only) = 0;

  virtual uint64_t WallMillis() = 0;      // Since 1970; may jump.
  virtual uint64_t MonotonicNanos() = 0;  // Never goes back; does not count suspended time.
  virtual void Random(MutableByteSpan out) = 0;  // From the kernel's generator; aborts if it fails.
  virtual std::unique_ptr<Thread> StartThread(const std::string& name,
                                              std::function<void()> body) = 0;
  virtual void SleepMicros(uint64_t micros) = 0;
};

}  // namespace strongroom::io
