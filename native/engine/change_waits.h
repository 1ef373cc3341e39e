// ChangeWaits: who waits for a change of the rows under a prefix, such as the next event of a
// bucket. A commit looks for its own keys only, so what it pays does not grow with those who wait.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "base/sync.h"
#include "engine/engine.h"

namespace strongroom::engine {

class ChangeWaits : public std::enable_shared_from_this<ChangeWaits> {
 public:
  // Calls `done` once: when a row whose key begins with `under` has been changed, or on End.
  // Letting go of what is returned ends the wait; a call that has begun is not taken back.
  std::shared_ptr<void> Await(Bytes under, std::function<void()> done);
  bool any();
  // The effects were applied to the indexes: whoever began to wait earlier and read later has seen
  // them or hears of them.
  void Tell(const std::vector<Effect>& effects);
  // Ends all waits, and from now on every new one at once.
  void End();

 private:
  using Done = std::function<void()>;
  struct Wait {
    uint64_t number;
    Done done;
  };
  void LetGo(const Bytes& under, uint64_t number);
  Mutex mutex_;  // Guards the rest.
  // By the size of the prefix, since a key of a commit then has one place to look for each size.
  std::map<size_t, std::multimap<Bytes, Wait>> waits_;
  uint64_t next_ = 1;
  bool ended_ = false;
};

}  // namespace strongroom::engine
