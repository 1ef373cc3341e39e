#include "binding/instance.h"

#include "binding/registry.h"

namespace strongroom::binding {

void EngineHandle::Close() {
  if (!closed_.exchange(true)) CloseShared(engine_);
}

}  // namespace strongroom::binding
