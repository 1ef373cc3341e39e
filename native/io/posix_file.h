// Errors of the operating system as our Status, and an open descriptor as our File.
#pragma once

#include <memory>
#include <string>

#include "io/env.h"

namespace strongroom::io {

// "sync /a/b: Input/output error", with the code that says what the caller can do about it.
Status ErrnoStatus(const char* operation, const std::string& path, int error);

// Closes its descriptor when it goes.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(other.fd_) { other.fd_ = -1; }
  Descriptor& operator=(Descriptor&&) = delete;
  ~Descriptor();
  int get() const { return fd_; }

 private:
  int fd_ = -1;
};

// open(2) with O_CLOEXEC, so that no child process keeps our files and locks.
Result<Descriptor> OpenDescriptor(const char* operation, const std::string& path, int flags);
Result<FileInfo> InfoOf(const Descriptor& descriptor, const std::string& path);
Result<FileInfo> InfoOfPath(const std::string& path);

Result<std::unique_ptr<File>> OpenPosixFile(const std::string& path, OpenOptions options);

// File::Allocate where the file system has no such call: writes zeros from the file's end on. On a
// copy-on-write file system neither way reserves anything (docs/format/media-assumptions.md, 12).
Status AllocateByWriting(File* file, uint64_t size);

}  // namespace strongroom::io
