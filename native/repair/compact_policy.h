// When the log is compacted, and when it is small enough. Pure.
//
// It begins when the log takes more than twice what lives in it, or has more segments than its
// bytes need: every open begins one, and each costs every later open a sync. It ends a good way
// below, so that it does not begin again with the next commit.
#pragma once

#include <cstddef>
#include <cstdint>

namespace strongroom::repair {

struct LogFigures {
  uint64_t bytes = 0;  // Of the segments' files, from the log's beginning on.
  uint64_t live_bytes = 0;
  size_t segments = 0;
};

constexpr uint64_t kFullSegment = 64u << 20;

constexpr bool IsTooLarge(const LogFigures& log) {
  uint64_t full = log.bytes / kFullSegment;
  return log.bytes > 2 * log.live_bytes + (8u << 20) || log.segments > 16 + 2 * full;
}
constexpr bool IsSmallEnough(const LogFigures& log) {
  uint64_t full = log.bytes / kFullSegment;
  return log.bytes <= log.live_bytes + log.live_bytes / 4 + (4u << 20) &&
         log.segments <= 8 + full + full / 4;
}
// How long it sleeps for each moment that it works: a quarter of the commits' bandwidth, and all of
// it once the log runs away.
constexpr uint64_t RestsPerWork(const LogFigures& log) {
  return log.bytes > 3 * log.live_bytes + (64u << 20) ? 0 : 3;
}

}  // namespace strongroom::repair
