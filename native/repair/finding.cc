#include "repair/finding.h"

namespace strongroom::repair {

const char* NameOf(FindingKind kind) {
  switch (kind) {
    case FindingKind::kMissing:
      return "missing";
    case FindingKind::kRotten:
      return "rotten";
    case FindingKind::kStale:
      return "stale";
    case FindingKind::kTampered:
      return "tampered";
    case FindingKind::kUnreadable:
      return "unreadable";
  }
  return "unreadable";
}

}  // namespace strongroom::repair
