#include "index/versions_iterator.h"

#include <string_view>
#include <utility>

#include "base/check.h"
#include "format/row.h"

namespace strongroom::index {

namespace {
std::string_view View(const leveldb::Slice& slice) { return {slice.data(), slice.size()}; }
}  // namespace

VersionsIterator::VersionsIterator(std::unique_ptr<leveldb::Iterator> standing,
                                   std::unique_ptr<leveldb::Iterator> older,
                                   const Families& families)
    : standing_(std::move(standing)), older_(std::move(older)), families_(families) {}

void VersionsIterator::Seek(const leveldb::Slice& target) {
  standing_->Seek(target);
  // It is shown before where it lies: it may be behind the target there, and before it here.
  if (Shows(*standing_, families_.standing) && KeyOfStanding() < View(target)) standing_->Next();
  std::string older = target.ToString();
  older[0] = static_cast<char>(families_.older + (older[0] == families_.standing ? 0 : 1));
  older_->Seek(older);
  Choose();
}

void VersionsIterator::Next() {
  chosen_->Next();
  Choose();
}

leveldb::Status VersionsIterator::status() const {
  return standing_->status().ok() ? older_->status() : standing_->status();
}

void VersionsIterator::SeekToFirst() { CHECK(false) << "a scan of versions has a start"; }
void VersionsIterator::SeekToLast() { CHECK(false) << "versions are not scanned backwards"; }
void VersionsIterator::Prev() { CHECK(false) << "versions are not scanned backwards"; }

bool VersionsIterator::Shows(const leveldb::Iterator& rows, char family) const {
  return rows.Valid() && rows.key().size() > kVersionSize && rows.key()[0] == family;
}

std::string VersionsIterator::KeyOfStanding() const {
  std::string key = standing_->key().ToString();
  const leveldb::Slice row = standing_->value();
  const uint64_t version = format::IndexRowVersion(AsBytes(View(row)));
  StoreBig64(reinterpret_cast<uint8_t*>(key.data() + key.size() - kVersionSize), ~version);
  return key;
}

std::string VersionsIterator::KeyOfOlder() const {
  std::string key = older_->key().ToString();
  key[0] = families_.standing;
  return key;
}

void VersionsIterator::Choose() {
  const bool stands = Shows(*standing_, families_.standing);
  const bool keeps = Shows(*older_, families_.older);
  chosen_ = nullptr;
  if (stands) {
    key_ = KeyOfStanding();
    chosen_ = standing_.get();
  }
  if (!keeps) return;
  std::string key = KeyOfOlder();
  if (stands && key_ <= key) return;
  key_ = std::move(key);
  chosen_ = older_.get();
}

}  // namespace strongroom::index
