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

std::optional<FindingKind> KindNamed(std::string_view name) {
  using enum FindingKind;
  for (FindingKind kind : {kMissing, kRotten, kStale, kTampered, kUnreadable}) {
    if (name == NameOf(kind)) return kind;
  }
  return std::nullopt;
}

}  // namespace strongroom::repair
