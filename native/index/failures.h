// Failures: the first read and the first write of an index that went wrong, kept until it is
// closed.
//
// LevelDB steps over a bad block, opens a table without its filter when the filter is bad, and
// reports a full disk and a wrong tag in two words. The files note here what truly happened, so
// that nothing is served after a failed read and the caller learns the code that says what to do.
#pragma once

#include "base/status.h"
#include "base/sync.h"
#include "leveldb/status.h"

namespace strongroom::index {

class Failures {
 public:
  // Notes a failed read or write and translates it for LevelDB. OK passes through.
  leveldb::Status Read(const Status& status);
  leveldb::Status Write(const Status& status);

  // What stands in the way of reading: a failed read, for then no page and no "absent" can be
  // trusted.
  Status reading() const;
  // What stands in the way of writing: any failure.
  Status writing() const;

  // What LevelDB reports, in our words: the noted failure when there is one.
  Status Explain(const leveldb::Status& status) const;

 private:
  mutable Mutex mutex_;
  Status read_;
  Status write_;
};

}  // namespace strongroom::index
