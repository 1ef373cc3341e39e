// SimFault: what goes wrong in a simulated run, where, and from which call on.
#pragma once

#include <cstdint>
#include <string>

#include "base/status.h"

namespace strongroom::io {

// One bit per kind of call, so that a fault can name several.
enum SimIo : uint32_t {
  kIoOpen = 1 << 0,
  kIoRead = 1 << 1,
  kIoWrite = 1 << 2,
  kIoSync = 1 << 3,
  kIoSyncDirectory = 1 << 4,
  kIoCreate = 1 << 5,  // Of files and folders.
  kIoRename = 1 << 6,
  kIoRemove = 1 << 7,
  kIoAllocate = 1 << 8,
  kIoTruncate = 1 << 9,
  kIoList = 1 << 10,
  kIoStat = 1 << 11,
  kIoLock = 1 << 12,
};
// Those that change the disk: the ones that are counted, and at which a run can crash.
constexpr uint32_t kIoChanging = kIoWrite | kIoSync | kIoSyncDirectory | kIoCreate | kIoRename |
                                 kIoRemove | kIoAllocate | kIoTruncate;
constexpr uint32_t kIoAny = (1 << 13) - 1;
const char* NameOf(SimIo kind);

enum class SimEffect {
  kNone,
  kFail,       // The call gives `code`. A write leaves unknown bytes, a sync loses unknown ones.
  kHang,       // The call does not return until the fault is removed; then it is carried out.
  kSlow,       // The call takes `delay_nanos`.
  kLose,       // The call succeeds and does nothing.
  kMisdirect,  // A read or write goes to the neighbouring 4096 bytes.
};

struct SimFault {
  SimEffect effect = SimEffect::kFail;
  std::string prefix = "/";  // Calls on this path and below.
  uint32_t kinds = kIoAny;
  uint64_t skip = 0;         // This many matching calls go well first;
  uint64_t count = 1;        // then this many do not. UINT64_MAX: none ever again.
  Code code = Code::kIo;
  uint64_t delay_nanos = 0;
};

}  // namespace strongroom::io
