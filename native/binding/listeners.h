// Listeners: who hears the events of one shared engine. Each handle does, until it is let go of:
// the thread that opened the engine may be gone while others still use it.
#pragma once

#include <functional>
#include <mutex>
#include <utility>
#include <vector>

#include "engine/engine.h"

namespace strongroom::binding {

class Listeners {
 public:
  using Listener = std::function<void(const engine::Event&)>;

  // Safe on any thread. A listener only queues, so the lock is not held for long.
  void Tell(const engine::Event& event);
  uint64_t Add(Listener listener);
  // Nothing is told to it from here on.
  void Remove(uint64_t id);
  // What was told so far and is a state, not an incident.
  std::vector<engine::Event> Standing();

 private:
  std::mutex mutex_;
  uint64_t next_ = 1;
  std::vector<std::pair<uint64_t, Listener>> listeners_;
  std::vector<engine::Event> standing_;  // The last one of each kind and zone.
};

}  // namespace strongroom::binding
