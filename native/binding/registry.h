// Registry: the one global state of the process. A second open of the same zones, from here or from
// a worker thread, attaches to the engine that is there.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "engine/engine.h"

namespace strongroom::binding {

using EventListener = std::function<void(const engine::Event&)>;

// One handle's share of an engine.
struct Attached {
  std::shared_ptr<engine::Engine> engine;
  uint64_t listener = 0;
};

// Blocks: opening is serialised. kInvalidArgument when the store is open with other options, or
// shares some of its zones only. `on_event` is called until the handle is let go of; who attaches
// hears at once what was told before and still holds.
Result<Attached> OpenShared(engine::OpenOptions options, EventListener on_event);
// Lets go of one handle; the last one closes the engine. Blocks.
void CloseShared(const Attached& attached);

}  // namespace strongroom::binding
