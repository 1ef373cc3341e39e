#include "engine/change_waits.h"

namespace strongroom::engine {

std::shared_ptr<void> ChangeWaits::Await(Bytes under, Done done) {
  uint64_t number = 0;
  {
    MutexLock lock(&mutex_);
    if (!ended_) {
      number = next_++;
      waits_[under.size()].emplace(under, Wait{number, std::move(done)});
    }
  }
  if (number == 0) {
    done();
    return nullptr;
  }
  auto let_go = [self = shared_from_this(), under, number](void*) { self->LetGo(under, number); };
  return std::shared_ptr<void>(this, let_go);
}

void ChangeWaits::LetGo(const Bytes& under, uint64_t number) {
  Done dropped;  // What it holds goes outside the lock.
  MutexLock lock(&mutex_);
  auto size = waits_.find(under.size());
  if (size == waits_.end()) return;
  auto [first, last] = size->second.equal_range(under);
  for (auto at = first; at != last; ++at) {
    if (at->second.number != number) continue;
    dropped = std::move(at->second.done);
    size->second.erase(at);
    break;
  }
  if (size->second.empty()) waits_.erase(size);
}

// Under the mutex: an index that was read before a wait began was read before this is asked.
bool ChangeWaits::any() {
  MutexLock lock(&mutex_);
  return !waits_.empty();
}

void ChangeWaits::Tell(const std::vector<Effect>& effects) {
  std::vector<Done> over;
  {
    MutexLock lock(&mutex_);
    for (auto size = waits_.begin(); size != waits_.end();) {
      auto& waits = size->second;
      for (const Effect& effect : effects) {
        if (effect.key.size() < size->first) continue;
        Bytes under(effect.key.begin(), effect.key.begin() + static_cast<long>(size->first));
        auto [first, last] = waits.equal_range(under);
        for (auto at = first; at != last; ++at) over.push_back(std::move(at->second.done));
        waits.erase(first, last);
      }
      size = waits.empty() ? waits_.erase(size) : std::next(size);
    }
  }
  for (const Done& done : over) done();
}

void ChangeWaits::End() {
  decltype(waits_) over;
  {
    MutexLock lock(&mutex_);
    ended_ = true;
    over.swap(waits_);
  }
  for (auto& [size, waits] : over) {
    for (auto& [under, wait] : waits) wait.done();
  }
}

}  // namespace strongroom::engine
