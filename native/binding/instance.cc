#include "binding/instance.h"

namespace strongroom::binding {

void EngineHandle::Close() {
  if (!closed_.exchange(true)) CloseShared(attached_);
}

}  // namespace strongroom::binding
