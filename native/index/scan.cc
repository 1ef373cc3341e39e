// Scan: one loop that emits an entry and leaves its group, forward and backward.
#include "index/scan.h"

#include <algorithm>

namespace strongroom::index {

namespace {
std::string_view View(const leveldb::Slice& slice) { return {slice.data(), slice.size()}; }
leveldb::Slice ToSlice(std::string_view view) { return {view.data(), view.size()}; }

// The first key after all that begin with `prefix`. Empty: there is none.
std::string Successor(std::string_view prefix) {
  std::string out(prefix);
  while (!out.empty() && static_cast<uint8_t>(out.back()) == 0xff) out.pop_back();
  if (!out.empty()) out.back() = static_cast<char>(out.back() + 1);
  return out;
}

class Page {
 public:
  Page(const ScanRequest& request, leveldb::Iterator* rows, const ScanSink& sink)
      : request_(request),
        rows_(rows),
        sink_(sink),
        start_(AsString(request.start)),
        end_(AsString(request.end)),
        delimiter_(AsString(request.delimiter)) {}

  ScanEnd Fill() {
    ScanEnd end;
    if (request_.limit == 0) return end;
    request_.reverse ? GoToEnd() : GoTo(start_);
    while (InRange()) {
      if (IsFull() || !Emit()) {
        end.truncated = true;
        if (after_row_) resume_ = AfterRow();
        end.resume.assign(resume_.begin(), resume_.end());
        break;
      }
    }
    return end;
  }

 private:
  // ---- Where the iterator stands. ----
  void GoTo(std::string_view key) {
    rows_->Seek(ToSlice(key));
    work_ += kStepsBeforeSeek;
    Look();
  }
  void GoBelow(std::string_view key) {
    GoTo(key);
    valid_ ? rows_->Prev() : rows_->SeekToLast();
    Look();
  }
  void GoToEnd() {
    if (!end_.empty()) return GoBelow(end_);
    rows_->SeekToLast();
    work_ += kStepsBeforeSeek;
    Look();
  }
  void Step() {
    request_.reverse ? rows_->Prev() : rows_->Next();
    ++work_;
    Look();
  }
  // Asked once per row: behind each of these calls stand several iterators.
  void Look() {
    valid_ = rows_->Valid();
    if (valid_) key_ = View(rows_->key());
  }
  std::string_view Key() const { return key_; }
  bool InRange() const {
    if (ended_ || !valid_) return false;
    return request_.reverse ? Key() >= start_ : end_.empty() || Key() < end_;
  }

  // ---- What a page may hold. The first entry always fits, or a scan would never get on. ----
  bool IsFull() const {
    return count_ > 0 && (count_ >= request_.limit || work_ >= request_.rows_max);
  }
  bool Admit(size_t size) {
    if (count_ > 0 && bytes_ + size > request_.bytes_max) return false;
    ++count_;
    bytes_ += size;
    return true;
  }

  // ---- Groups. ----
  // The common prefix that `key` belongs to; empty when to none. The version is not searched: it is
  // a number, and may well hold the delimiter's bytes.
  std::string_view PrefixOf(std::string_view key) const {
    if (delimiter_.empty() || key.size() < request_.version_size) return {};
    std::string_view name = key.substr(0, key.size() - request_.version_size);
    size_t at = name.find(delimiter_, request_.group_from);
    return at == name.npos ? std::string_view() : name.substr(0, at + delimiter_.size());
  }
  bool HasVersions(std::string_view key) const {
    return request_.older == 0 && request_.version_size > 0 && key.size() >= request_.version_size;
  }
  bool SameButVersion(std::string_view a, std::string_view b) const {
    size_t size = a.size() - request_.version_size;
    return a.size() == b.size() && a.substr(0, size) == b.substr(0, size);
  }
  std::string WithVersion(std::string_view key, char filler) const {
    return std::string(key.substr(0, key.size() - request_.version_size)) +
           std::string(request_.version_size, filler);
  }

  // Emits the entry that the iterator stands on and leaves its group. False: the page is full.
  bool Emit() {
    std::string_view prefix = PrefixOf(Key());
    if (!prefix.empty()) return EmitPrefix(prefix);
    return request_.reverse && HasVersions(Key()) ? EmitFirstOfVersions() : EmitRow();
  }

  bool EmitPrefix(std::string_view prefix) {
    if (!Admit(prefix.size())) return false;
    group_.assign(prefix);
    after_row_ = false;
    sink_(AsBytes(group_), {}, true);
    resume_ = request_.reverse ? group_ : Successor(group_);
    uint32_t steps = 0;
    do Step();
    while (InRange() && Key().starts_with(group_) && ++steps < kStepsBeforeSeek);
    if (InRange() && Key().starts_with(group_)) LeavePrefix();
    return true;
  }
  void LeavePrefix() {
    if (request_.reverse) return GoBelow(group_);
    if (!resume_.empty()) return GoTo(resume_);
    ended_ = true;  // Nothing sorts after a prefix of FF only.
  }

  bool EmitRow() {
    std::string_view key = Key(), row = View(rows_->value());
    if (!Admit(key.size() + row.size())) return false;
    sink_(AsBytes(key), AsBytes(row), false);
    group_.assign(key);
    after_row_ = true;
    HasVersions(group_) ? LeaveVersions() : Step();
    return true;
  }
  void LeaveVersions() {
    uint32_t steps = 0;
    do Step();
    while (InRange() && SameButVersion(Key(), group_) && ++steps < kStepsBeforeSeek);
    if (InRange() && SameButVersion(Key(), group_)) GoTo(AfterRow());
  }
  // Where to go on after the row that was emitted last. Made for the last one of a page only.
  std::string AfterRow() const {
    if (HasVersions(group_)) return WithVersion(group_, '\xff') + '\0';
    return request_.reverse ? group_ : group_ + '\0';
  }

  // Backwards the current version of a key comes last: goes down to it, keeping the row seen last.
  bool EmitFirstOfVersions() {
    if (after_row_) resume_ = AfterRow();
    after_row_ = false;
    group_.assign(Key());
    uint32_t steps = 0;
    do {
      KeepRow();
      Step();
    } while (InRange() && SameButVersion(Key(), group_) && ++steps < kStepsBeforeSeek);
    std::string lowest = WithVersion(group_, '\0');
    if (InRange() && SameButVersion(Key(), group_)) {
      GoTo(std::max<std::string_view>(start_, lowest));
      if (!valid_) return false;  // Only after a read error; the caller sees the status.
      KeepRow();
      Step();
    }
    if (!Admit(kept_key_.size() + kept_row_.size())) return false;
    sink_(AsBytes(kept_key_), AsBytes(kept_row_), false);
    // Not the emitted key: a newer version may be written below it before the next page.
    resume_ = std::move(lowest);
    return true;
  }
  void KeepRow() {
    kept_key_.assign(Key());
    kept_row_.assign(View(rows_->value()));
  }

  const ScanRequest& request_;
  leveldb::Iterator* rows_;
  const ScanSink& sink_;
  std::string_view start_, end_, delimiter_;
  uint32_t count_ = 0;
  size_t bytes_ = 0;
  bool ended_ = false;
  bool valid_ = false;    // Where the iterator stands: on a row,
  std::string_view key_;  // of this key, which lives until it moves.
  uint64_t work_ = 0;   // Rows stepped over; a seek counts as kStepsBeforeSeek of them.
  std::string group_;   // Of the entry emitted last: its prefix, or its key.
  bool after_row_ = false;  // It is a row, and AfterRow() says where to go on; else
  std::string resume_;      // just past that entry.
  std::string kept_key_, kept_row_;
};
}  // namespace

ScanEnd ScanPage(const ScanRequest& request, leveldb::Iterator* rows, const ScanSink& sink) {
  return Page(request, rows, sink).Fill();
}

}  // namespace strongroom::index
