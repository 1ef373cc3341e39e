// The calls of a simulated run by name, for messages.
#include "io/sim_fault.h"

namespace strongroom::io {

const char* NameOf(SimIo kind) {
  switch (kind) {
    case kIoOpen: return "open";
    case kIoRead: return "read";
    case kIoWrite: return "write";
    case kIoSync: return "sync";
    case kIoSyncDirectory: return "sync folder";
    case kIoCreate: return "create";
    case kIoRename: return "rename";
    case kIoRemove: return "remove";
    case kIoAllocate: return "allocate";
    case kIoTruncate: return "truncate";
    case kIoList: return "list";
    case kIoStat: return "stat";
    case kIoLock: return "lock";
  }
  return "?";
}

}  // namespace strongroom::io
