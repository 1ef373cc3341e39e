#include "binding/listeners.h"

namespace strongroom::binding {

void Listeners::Tell(const engine::Event& event) {
  using Kind = engine::Event::Kind;
  std::lock_guard<std::mutex> lock(mutex_);
  if (event.kind != Kind::kRot && event.kind != Kind::kTampering) {
    std::erase_if(standing_, [&event](const engine::Event& each) {
      return each.kind == event.kind && each.zone == event.zone;
    });
    standing_.push_back(event);
  }
  for (const auto& [id, listener] : listeners_) listener(event);
}

uint64_t Listeners::Add(Listener listener) {
  std::lock_guard<std::mutex> lock(mutex_);
  listeners_.emplace_back(next_, std::move(listener));
  return next_++;
}

void Listeners::Remove(uint64_t id) {
  std::lock_guard<std::mutex> lock(mutex_);
  std::erase_if(listeners_, [id](const auto& each) { return each.first == id; });
}

std::vector<engine::Event> Listeners::Standing() {
  std::lock_guard<std::mutex> lock(mutex_);
  return standing_;
}

}  // namespace strongroom::binding
