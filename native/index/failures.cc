// Failures: the notes, and the words in which LevelDB and the core speak of errors.
#include "index/failures.h"

namespace strongroom::index {

namespace {
leveldb::Status ToLevel(const Status& status) {
  if (status.ok()) return leveldb::Status::OK();
  switch (status.code()) {
    case Code::kCorruption:
    case Code::kTampered:
    case Code::kUnsupportedFormat:
      return leveldb::Status::Corruption(status.message());
    default:
      return leveldb::Status::IOError(status.message());
  }
}

void Keep(const Status& status, Mutex* mutex, Status* first) {
  if (status.ok()) return;
  MutexLock lock(mutex);
  if (first->ok()) *first = status;
}
}  // namespace

leveldb::Status Failures::Read(const Status& status) {
  Keep(status, &mutex_, &read_);
  return ToLevel(status);
}

leveldb::Status Failures::Write(const Status& status) {
  Keep(status, &mutex_, &write_);
  return ToLevel(status);
}

Status Failures::reading() const {
  MutexLock lock(&mutex_);
  return read_;
}

Status Failures::writing() const {
  MutexLock lock(&mutex_);
  return read_.ok() ? write_ : read_;
}

Status Failures::Explain(const leveldb::Status& status) const {
  if (status.ok()) return Status();
  if (Status noted = writing(); !noted.ok()) return noted;
  // Everything but an IOError says that bytes whose tags are right do not fit together.
  return Status(status.IsIOError() ? Code::kIo : Code::kCorruption, status.ToString());
}

}  // namespace strongroom::index
