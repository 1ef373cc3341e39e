// The Env of the real machine: names, folders, locks, clocks, randomness and threads.
#include "base/glibc_floor.h"

#include "io/posix_env.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <thread>

#include "base/check.h"
#include "io/posix_file.h"

#if defined(__linux__)
#include <sys/prctl.h>
#include <sys/random.h>
#else
#include <sys/file.h>
#if defined(__APPLE__)
#include <sys/random.h>
#endif
#endif

namespace strongroom::io {

namespace {

constexpr mode_t kDirectoryMode = 0700;

uint64_t NanosOf(clockid_t clock) {
  timespec now;
  CHECK(clock_gettime(clock, &now) == 0);
  return static_cast<uint64_t>(now.tv_sec) * 1000000000 + static_cast<uint64_t>(now.tv_nsec);
}

class PosixLock final : public FileLock {
 public:
  explicit PosixLock(Descriptor descriptor) : descriptor_(std::move(descriptor)) {}

 private:
  Descriptor descriptor_;  // The lock belongs to the open file description and goes with it.
};

// 0, or the errno. Not classic fcntl locks: those belong to the process, so two copies of the addon
// in one process would both hold it, and closing any descriptor of the file would drop it.
int TryLock(int fd, bool shared) {
#if defined(__linux__) && defined(F_OFD_SETLK)
  struct flock whole = {};
  whole.l_type = static_cast<short>(shared ? F_RDLCK : F_WRLCK);
  whole.l_whence = SEEK_SET;
  int rc;
  do {
    rc = fcntl(fd, F_OFD_SETLK, &whole);
  } while (rc != 0 && errno == EINTR);
#else
  int rc;
  do {
    rc = flock(fd, (shared ? LOCK_SH : LOCK_EX) | LOCK_NB);
  } while (rc != 0 && errno == EINTR);
#endif
  return rc == 0 ? 0 : errno;
}

class PosixThread final : public Thread {
 public:
  explicit PosixThread(std::thread thread) : thread_(std::move(thread)) {}
  ~PosixThread() override { CHECK(!thread_.joinable()) << "a thread is joined or detached"; }
  void Join() override { thread_.join(); }
  void Detach() override { thread_.detach(); }

 private:
  std::thread thread_;
};

// The process's signals are the host's business and interrupt none of our calls; only those that a
// fault in our own code raises stay.
void SignalsForThreads(sigset_t* blocked) {
  sigfillset(blocked);
  for (int fatal : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS, SIGPROF}) {
    sigdelset(blocked, fatal);
  }
}

void NameThisThread(const std::string& name) {
#if defined(__linux__)
  (void)prctl(PR_SET_NAME, name.substr(0, 15).c_str());  // The kernel keeps 15 characters.
#else
  (void)name;
#endif
}

bool IsDirectory(const std::string& folder, const dirent& entry) {
  if (entry.d_type == DT_DIR) return true;
  if (entry.d_type != DT_UNKNOWN && entry.d_type != DT_LNK) return false;
  auto info = InfoOfPath(folder + "/" + entry.d_name);
  return info.ok() && info->is_directory;
}

class RealEnv final : public Env {
 public:
  Result<std::unique_ptr<File>> Open(const std::string& path, OpenOptions options) override {
    return OpenPosixFile(path, options);
  }

  Status CreateDirectory(const std::string& path) override {
    if (mkdir(path.c_str(), kDirectoryMode) != 0) return ErrnoStatus("mkdir", path, errno);
    return {};
  }

  Status SyncDirectory(const std::string& path) override {
    TRY_ASSIGN(Descriptor folder, OpenDescriptor("open folder", path, O_RDONLY | O_DIRECTORY));
    // Crash before this line: each name made, renamed or removed here may be as before. After: as
    // now.
    if (fsync(folder.get()) != 0) return ErrnoStatus("sync folder", path, errno);
    return {};
  }

  Result<std::vector<DirectoryEntry>> List(const std::string& path) override {
    DIR* folder = opendir(path.c_str());
    if (folder == nullptr) return ErrnoStatus("list", path, errno);
    std::vector<DirectoryEntry> entries;
    errno = 0;
    while (const dirent* entry = readdir(folder)) {
      std::string name = entry->d_name;
      if (name != "." && name != "..") entries.push_back({name, IsDirectory(path, *entry)});
      errno = 0;
    }
    int error = errno;
    closedir(folder);
    if (error != 0) return ErrnoStatus("list", path, error);
    std::sort(entries.begin(), entries.end(),
              [](const DirectoryEntry& a, const DirectoryEntry& b) { return a.name < b.name; });
    return entries;
  }

  Status Rename(const std::string& from, const std::string& to) override {
    if (rename(from.c_str(), to.c_str()) == 0) return {};
    int error = errno;
    return ErrnoStatus("rename", from + " to " + to, error);
  }

  Status Remove(const std::string& path) override {
    if (remove(path.c_str()) != 0) return ErrnoStatus("remove", path, errno);
    return {};
  }

  Result<FileInfo> Stat(const std::string& path) override { return InfoOfPath(path); }

  Result<uint64_t> FreeBytes(const std::string& path) override {
    struct statvfs got;
    if (statvfs(path.c_str(), &got) != 0) return ErrnoStatus("free space", path, errno);
    return static_cast<uint64_t>(got.f_bavail) * got.f_frsize;
  }

  Result<std::unique_ptr<FileLock>> Lock(const std::string& path, bool shared_read_only) override {
    for (;;) {
      int flags = shared_read_only ? O_RDONLY : O_RDWR | O_CREAT;
      TRY_ASSIGN(Descriptor descriptor, OpenDescriptor("lock", path, flags));
      int error = TryLock(descriptor.get(), shared_read_only);
      if (error == EAGAIN || error == EACCES) {
        return Status(Code::kLocked, "lock " + path + ": another process or store holds it");
      }
      if (error != 0) return ErrnoStatus("lock", path, error);
      TRY_ASSIGN(FileInfo held, InfoOf(descriptor, path));
      auto named = InfoOfPath(path);
      // A file that was removed or replaced between open and lock excludes nobody: take the new
      // one.
      if (named.ok() && named->inode == held.inode && named->device == held.device) {
        return std::unique_ptr<FileLock>(new PosixLock(std::move(descriptor)));
      }
      if (!named.ok() && !named.status().Is(Code::kNotFound)) return named.status();
    }
  }

  uint64_t WallMillis() override { return NanosOf(CLOCK_REALTIME) / 1000000; }

  uint64_t MonotonicNanos() override {
#if defined(__APPLE__)
    return NanosOf(CLOCK_UPTIME_RAW);  // Its CLOCK_MONOTONIC counts suspended time.
#else
    return NanosOf(CLOCK_MONOTONIC);
#endif
  }

  void Random(MutableByteSpan out) override {
    while (!out.empty()) {
#if defined(__linux__)
      ssize_t n = getrandom(out.data(), out.size(), 0);
      if (n < 0 && errno == EINTR) continue;
      CHECK(n > 0) << "the kernel gives no randomness";
#else
      ssize_t n = static_cast<ssize_t>(std::min<size_t>(out.size(), 256));  // getentropy's limit.
      int rc = getentropy(out.data(), static_cast<size_t>(n));
      CHECK(rc == 0) << "the kernel gives no randomness";
#endif
      out = out.subspan(static_cast<size_t>(n));
    }
  }

  std::unique_ptr<Thread> StartThread(const std::string& name,
                                      std::function<void()> body) override {
    sigset_t blocked, before;
    SignalsForThreads(&blocked);
    // A new thread inherits the mask of its maker.
    CHECK(pthread_sigmask(SIG_BLOCK, &blocked, &before) == 0);
    std::thread thread([name, body = std::move(body)] {
      NameThisThread(name);
      body();
    });
    CHECK(pthread_sigmask(SIG_SETMASK, &before, nullptr) == 0);
    return std::make_unique<PosixThread>(std::move(thread));
  }

  void SleepMicros(uint64_t micros) override {
    timespec left{static_cast<time_t>(micros / 1000000),
                  static_cast<long>(micros % 1000000 * 1000)};
    while (nanosleep(&left, &left) != 0 && errno == EINTR) {
    }
  }
};

}  // namespace

Env* PosixEnv() {
  static RealEnv* env = new RealEnv;  // Threads that a dead disk holds may use it to the very end.
  return env;
}

}  // namespace strongroom::io
