// A file of the real machine: loops over short and interrupted calls, direct where it can be.
#include "io/posix_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <system_error>

namespace strongroom::io {

namespace {

static_assert(sizeof(off_t) == 8, "files grow past 2 GiB");

// Only the user who runs the store may read it: sizes, counts and times are not sealed.
constexpr mode_t kFileMode = 0600;
constexpr size_t kZerosSize = 256 * 1024;

Code CodeOf(int error) {
  switch (error) {
    case ENOENT: return Code::kNotFound;
    case EEXIST: return Code::kExists;
    case ENOSPC:
    case EDQUOT: return Code::kNoSpace;
    case EROFS: return Code::kReadOnly;
    case EACCES:
    case EPERM: return Code::kUnavailable;
    default: return Code::kIo;
  }
}

int FlagsOf(OpenMode mode) {
  switch (mode) {
    case OpenMode::kRead: return O_RDONLY;
    case OpenMode::kReadWrite: return O_RDWR;
    case OpenMode::kCreate: return O_RDWR | O_CREAT | O_EXCL;
    case OpenMode::kReplace: return O_RDWR | O_CREAT | O_TRUNC;
  }
  return O_RDONLY;
}

// Asks for direct I/O after the open: O_DIRECT at open(2) can fail after the file was created, and
// O_EXCL could not be tried again. False where the file system has none.
bool GoPastCache(int fd) {
#if defined(O_DIRECT)
  int flags = fcntl(fd, F_GETFL);
  return flags >= 0 && fcntl(fd, F_SETFL, flags | O_DIRECT) == 0;
#elif defined(F_NOCACHE)
  return fcntl(fd, F_NOCACHE, 1) == 0;
#else
  (void)fd;
  return false;
#endif
}

bool IsAligned(uint64_t offset, const uint8_t* data, size_t size) {
  uint64_t bits = offset | size | reinterpret_cast<uintptr_t>(data);
  return bits % kDirectAlignment == 0;
}

class PosixFile final : public File {
 public:
  PosixFile(Descriptor descriptor, const std::string& path, bool direct)
      : descriptor_(std::move(descriptor)),
        path_(path),
        direct_(direct),
        past_cache_(direct && GoPastCache(descriptor_.get())) {}

  Result<size_t> ReadAt(uint64_t offset, MutableByteSpan out) override {
    TRY(CheckAlignment("read", offset, out));
    size_t done = 0;
    while (done < out.size()) {
      auto at = static_cast<off_t>(offset + done);
      ssize_t n = pread(fd(), out.data() + done, out.size() - done, at);
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return Failed("read", errno);
      done += static_cast<size_t>(n);
      // Past the cache a count that is no multiple of the alignment ends at the end of the file,
      // and going on from there would be refused as misaligned.
      if (n == 0 || (past_cache_ && n % kDirectAlignment != 0)) break;
    }
    return done;
  }

  Result<size_t> ReadCachedAt(uint64_t offset, MutableByteSpan out) override {
#if defined(__linux__) && defined(RWF_NOWAIT)
    if (past_cache_ || out.empty()) return size_t{0};
    iovec piece{out.data(), out.size()};
    ssize_t n = preadv2(fd(), &piece, 1, static_cast<off_t>(offset), RWF_NOWAIT);
    if (n >= 0) return static_cast<size_t>(n);
    // EAGAIN: not cached. EOPNOTSUPP, ENOSYS, EINVAL: this file system or kernel cannot tell.
    if (errno != EIO) return size_t{0};
    return Failed("read", errno);
#else
    (void)offset;
    (void)out;
    return size_t{0};
#endif
  }

  Status WriteAt(uint64_t offset, ByteSpan data) override {
    TRY(CheckAlignment("write", offset, data));
    size_t done = 0;
    while (done < data.size()) {
      auto at = static_cast<off_t>(offset + done);
      ssize_t n = pwrite(fd(), data.data() + done, data.size() - done, at);
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return Failed("write", errno);
      if (n == 0) return Status(Code::kIo, "write " + path_ + ": nothing was written");
      done += static_cast<size_t>(n);
    }
    return {};
  }

  Status Sync() override {
    // Not even EINTR is tried again: the kernel reports a lost page once, and a second call that
    // succeeds would vouch for bytes that are gone. Crash before this line: any subset of the
    // written bytes is on disk. After: all of them.
#if defined(__APPLE__)
    // fsync leaves the bytes in the drive's own cache there; file systems without the full flush
    // (network ones) answer ENOTSUP.
    if (fcntl(fd(), F_FULLFSYNC) == 0) return {};
    if (errno != ENOTSUP && errno != EINVAL) return Failed("sync", errno);
    if (fsync(fd()) != 0) return Failed("sync", errno);
#else
    if (fdatasync(fd()) != 0) return Failed("sync", errno);
#endif
    return {};
  }

  Status Allocate(uint64_t size) override {
    if (size == 0) return {};
#if defined(__linux__)
    int error;
    do {
      error = fallocate(fd(), 0, 0, static_cast<off_t>(size)) == 0 ? 0 : errno;
    } while (error == EINTR);
    if (error == 0) return {};
    if (error != EOPNOTSUPP && error != ENOSYS) return Failed("allocate", error);
#endif
    return AllocateByWriting(this, size);
  }

  Status Truncate(uint64_t size) override {
    while (ftruncate(fd(), static_cast<off_t>(size)) != 0) {
      if (errno != EINTR) return Failed("truncate", errno);
    }
    return {};
  }

  Result<FileInfo> Info() override { return InfoOf(descriptor_, path_); }

 private:
  int fd() const { return descriptor_.get(); }

  // Asked of every direct file, also of one that goes through the cache after all: a caller that is
  // wrong must hear it on every file system.
  Status CheckAlignment(const char* operation, uint64_t offset, ByteSpan bytes) const {
    if (!direct_ || IsAligned(offset, bytes.data(), bytes.size())) return {};
    return Status(Code::kInvalidArgument, std::string(operation) + " " + path_ +
                                              ": a direct file takes multiples of 4096 bytes only");
  }

  Status Failed(const char* operation, int error) const {
    if (error == EINVAL && past_cache_) {
      return Status(Code::kIo, std::string(operation) + " " + path_ +
                                   ": the disk refuses direct access in units of 4096 bytes");
    }
    return ErrnoStatus(operation, path_, error);
  }

  Descriptor descriptor_;
  std::string path_;
  bool direct_;      // The caller keeps to the alignment.
  bool past_cache_;  // The file system goes along.
};

#if defined(__linux__) && defined(STATX_BASIC_STATS)
// statx, because stat and fstat became symbols of their own in glibc 2.33 only.
Result<FileInfo> AskStatx(int fd, const char* path, int flags, const std::string& name) {
  struct statx got;
  constexpr unsigned wanted = STATX_TYPE | STATX_SIZE | STATX_NLINK | STATX_INO;
  if (statx(fd, path, flags, wanted, &got) != 0) return ErrnoStatus("stat", name, errno);
  FileInfo info;
  info.size = got.stx_size;
  info.links = got.stx_nlink;
  info.device = uint64_t{got.stx_dev_major} << 32 | got.stx_dev_minor;
  info.inode = got.stx_ino;
  info.is_directory = S_ISDIR(got.stx_mode);
  return info;
}
#else
FileInfo InfoFrom(const struct stat& got) {
  FileInfo info;
  info.size = static_cast<uint64_t>(got.st_size);
  info.links = static_cast<uint64_t>(got.st_nlink);
  info.device = static_cast<uint64_t>(got.st_dev);
  info.inode = static_cast<uint64_t>(got.st_ino);
  info.is_directory = S_ISDIR(got.st_mode);
  return info;
}
#endif

}  // namespace

Status ErrnoStatus(const char* operation, const std::string& path, int error) {
  std::string reason = std::generic_category().message(error);
  return Status(CodeOf(error), std::string(operation) + " " + path + ": " + reason);
}

Descriptor::~Descriptor() {
  // An error of close says nothing that a Sync before it did not say.
  if (fd_ >= 0) (void)close(fd_);
}

Result<Descriptor> OpenDescriptor(const char* operation, const std::string& path, int flags) {
  int fd;
  do {
    fd = open(path.c_str(), flags | O_CLOEXEC, kFileMode);
  } while (fd < 0 && errno == EINTR);
  if (fd < 0) return ErrnoStatus(operation, path, errno);
  return Descriptor(fd);
}

Result<FileInfo> InfoOf(const Descriptor& descriptor, const std::string& path) {
#if defined(__linux__) && defined(STATX_BASIC_STATS)
  return AskStatx(descriptor.get(), "", AT_EMPTY_PATH, path);
#else
  struct stat got;
  if (fstat(descriptor.get(), &got) != 0) return ErrnoStatus("stat", path, errno);
  return InfoFrom(got);
#endif
}

Result<FileInfo> InfoOfPath(const std::string& path) {
#if defined(__linux__) && defined(STATX_BASIC_STATS)
  return AskStatx(AT_FDCWD, path.c_str(), 0, path);
#else
  struct stat got;
  if (stat(path.c_str(), &got) != 0) return ErrnoStatus("stat", path, errno);
  return InfoFrom(got);
#endif
}

Result<std::unique_ptr<File>> OpenPosixFile(const std::string& path, OpenOptions options) {
  TRY_ASSIGN(Descriptor descriptor, OpenDescriptor("open", path, FlagsOf(options.mode)));
  return std::unique_ptr<File>(new PosixFile(std::move(descriptor), path, options.direct));
}

Status AllocateByWriting(File* file, uint64_t size) {
  TRY_ASSIGN(FileInfo info, file->Info());
  if (info.size >= size) return {};
  // A direct file takes aligned pieces only: the edges are stretched by truncation, at most one
  // block each, and only whole blocks are written. Never below the old end, where data lies.
  uint64_t at = (info.size + kDirectAlignment - 1) / kDirectAlignment * kDirectAlignment;
  const uint64_t end = size / kDirectAlignment * kDirectAlignment;
  alignas(kDirectAlignment) static const uint8_t zeros[kZerosSize] = {};
  while (at < end) {
    size_t piece = static_cast<size_t>(std::min<uint64_t>(end - at, kZerosSize));
    TRY(file->WriteAt(at, ByteSpan(zeros, piece)));
    at += piece;
  }
  return file->Truncate(size);
}

}  // namespace strongroom::io
