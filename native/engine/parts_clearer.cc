#include "engine/parts_clearer.h"

#include <algorithm>

namespace strongroom::engine {

namespace {
constexpr uint32_t kPiece = 128;
constexpr uint32_t kDoomedPage = 1000;

Bytes Behind(Bytes prefix) {
  prefix.back() += 1;  // A family letter, so it never overflows.
  return prefix;
}
Bytes FirstDoomed() { return Bytes(1, format::DoomedKey(aead::Id{})[0]); }
}  // namespace

void PartsClearer::Clear(const aead::Id& list_id) {
  {
    MutexLock lock(&mutex_);
    if (stopped_) return;
    if (busy_) {
      waiting_.push_back(list_id);
      return;
    }
    busy_ = true;
  }
  Piece(list_id);
}

void PartsClearer::Resume() {
  {
    MutexLock lock(&mutex_);
    if (stopped_ || resume_) return;
    resume_ = FirstDoomed();
    if (busy_) return;
    busy_ = true;
  }
  Next();
}

void PartsClearer::Find(Bytes start) {
  auto found = [self = shared_from_this()](Result<RowPage> page) {
    page.ok() ? self->Take(*page) : self->Stop();
  };
  options_.rows(std::move(start), Behind(FirstDoomed()), kDoomedPage, found);
}

void PartsClearer::Take(const RowPage& page) {
  {
    MutexLock lock(&mutex_);
    if (stopped_) return;
    resume_ = page.resume;
    for (const RowPage::Row& row : page.rows) {
      aead::Id id;
      if (row.revision > options_.opened_at || row.key.size() != 1 + id.size()) continue;
      std::copy(row.key.begin() + 1, row.key.end(), id.begin());
      waiting_.push_back(id);
    }
  }
  Next();
}

void PartsClearer::Stop() {
  MutexLock lock(&mutex_);
  stopped_ = true;
  waiting_.clear();
  resume_.reset();
}

void PartsClearer::Piece(const aead::Id& list_id) {
  {
    MutexLock lock(&mutex_);
    if (stopped_) return;
  }
  auto found = [self = shared_from_this(), list_id](Result<RowPage> page) {
    page.ok() ? self->Commit(list_id, std::move(*page)) : self->Stop();
  };
  // The bound lies behind every position: of the last one nothing is ever stored.
  options_.rows(format::PartKey(list_id, 0), format::PartKey(list_id, UINT64_MAX), kPiece, found);
}

void PartsClearer::Commit(const aead::Id& list_id, RowPage page) {
  const bool last = !page.resume;
  if (last) page.rows.push_back({format::DoomedKey(list_id), 0, {}});
  Transaction transaction;
  for (RowPage::Row& row : page.rows) {
    Effect effect;
    effect.key = std::move(row.key);
    effect.remove = true;
    transaction.effects.push_back(std::move(effect));
  }
  auto done = [self = shared_from_this(), list_id, last](Result<Committed> result) {
    if (!result.ok()) return self->Stop();
    last ? self->Next() : self->Piece(list_id);
  };
  options_.commit(std::move(transaction), done);
}

// The next list that waits, else the next page of those that an earlier open left.
void PartsClearer::Next() {
  std::optional<aead::Id> list;
  std::optional<Bytes> start;
  {
    MutexLock lock(&mutex_);
    if (!waiting_.empty()) {
      list = waiting_.front();
      waiting_.pop_front();
    } else {
      start = resume_;
    }
    busy_ = list || start;
  }
  if (list) return Piece(*list);
  if (start) Find(std::move(*start));
}

}  // namespace strongroom::engine
