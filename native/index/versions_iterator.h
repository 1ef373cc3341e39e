// VersionsIterator: the rows that stand and those that are kept beside them, as one order of keys.
//
//   the row that stands   family ‖ text ‖ FF * 8               is shown with its own version there
//   one that is kept      older ‖ text ‖ version (inverted)   is shown under the other family
//
// So all rows of one text lie together, the one that stands first, then the newest: and a scan that
// goes on behind a version meets whatever is older, also what has come to stand since. Forward
// only: nobody lists versions backwards.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "leveldb/iterator.h"

namespace strongroom::index {

class VersionsIterator final : public leveldb::Iterator {
 public:
  struct Families {
    char standing = 0, older = 0;
  };
  static constexpr size_t kVersionSize = 8;
  // Both iterate one snapshot.
  VersionsIterator(std::unique_ptr<leveldb::Iterator> standing,
                   std::unique_ptr<leveldb::Iterator> older, const Families& families);

  bool Valid() const override { return chosen_ != nullptr; }
  // REQUIRES: the target is not below the standing family.
  void Seek(const leveldb::Slice& target) override;
  void Next() override;
  leveldb::Slice key() const override { return {key_}; }
  leveldb::Slice value() const override { return chosen_->value(); }
  leveldb::Status status() const override;
  // REQUIRES: never called.
  void SeekToFirst() override;
  void SeekToLast() override;
  void Prev() override;

 private:
  bool Shows(const leveldb::Iterator& rows, char family) const;
  std::string KeyOfStanding() const;
  std::string KeyOfOlder() const;
  void Choose();

  const std::unique_ptr<leveldb::Iterator> standing_, older_;
  const Families families_;
  leveldb::Iterator* chosen_ = nullptr;
  std::string key_;
};

}  // namespace strongroom::index
