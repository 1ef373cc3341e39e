// Registry: the one global state of the process. A second open of the same zones, from here or from
// a worker thread, attaches to the engine that is there.
#pragma once

#include <memory>
#include <string>

#include "engine/engine.h"

namespace strongroom::binding {

// Blocks: opening is serialised. kInvalidArgument when the store is open with other options.
Result<std::shared_ptr<engine::Engine>> OpenShared(
    engine::OpenOptions options, std::function<void(const engine::Event&)> on_event);
// Lets go of one handle; the last one closes the engine. Blocks.
void CloseShared(std::shared_ptr<engine::Engine> engine);

}  // namespace strongroom::binding
