#include "engine/parts_clearer.h"

#include <algorithm>

namespace strongroom::engine {

namespace {
constexpr uint32_t kPiece = 128;
constexpr uint32_t kDoomedMax = 1000;  // Found at a time; clearing one that is left finds the rest.

Bytes Behind(Bytes prefix) {
  prefix.back() += 1;  // A family letter, so it never overflows.
  return prefix;
}
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
  Bytes first(1, format::DoomedKey(aead::Id{})[0]);
  auto found = [self = shared_from_this()](Result<std::vector<Bytes>> keys) {
    if (!keys.ok()) return;
    for (const Bytes& key : *keys) {
      aead::Id id;
      if (key.size() != 1 + id.size()) continue;
      std::copy(key.begin() + 1, key.end(), id.begin());
      self->Clear(id);
    }
  };
  options_.keys(first, Behind(first), kDoomedMax, found);
}

void PartsClearer::Stop() {
  MutexLock lock(&mutex_);
  stopped_ = true;
  waiting_.clear();
}

void PartsClearer::Piece(const aead::Id& list_id) {
  {
    MutexLock lock(&mutex_);
    if (stopped_) return;
  }
  auto found = [self = shared_from_this(), list_id](Result<std::vector<Bytes>> keys) {
    keys.ok() ? self->Commit(list_id, std::move(*keys)) : self->Stop();
  };
  // The bound lies behind every position: of the last one nothing is ever stored.
  options_.keys(format::PartKey(list_id, 0), format::PartKey(list_id, UINT64_MAX), kPiece, found);
}

void PartsClearer::Commit(const aead::Id& list_id, std::vector<Bytes> keys) {
  bool last = keys.size() < kPiece;
  if (last) keys.push_back(format::DoomedKey(list_id));
  Transaction transaction;
  for (Bytes& key : keys) {
    Effect effect;
    effect.key = std::move(key);
    effect.remove = true;
    transaction.effects.push_back(std::move(effect));
  }
  auto done = [self = shared_from_this(), list_id, last](Result<Committed> result) {
    if (!result.ok()) return self->Stop();
    last ? self->Next() : self->Piece(list_id);
  };
  options_.commit(std::move(transaction), done);
}

void PartsClearer::Next() {
  aead::Id next;
  {
    MutexLock lock(&mutex_);
    busy_ = !waiting_.empty();
    if (!busy_) return;
    next = waiting_.front();
    waiting_.pop_front();
  }
  Piece(next);
}

}  // namespace strongroom::engine
