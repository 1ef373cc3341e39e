// Deadlines: calls back when time has run out, for whoever waits without a thread.
//
// One thread for all of them. A callback must not block; it runs on that thread.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <memory>

#include "io/env.h"

namespace strongroom::blob {

class Deadlines {
 public:
  // Names one deadline; the default one names none.
  struct Id {
    uint64_t at = 0, number = 0;
    auto operator<=>(const Id&) const = default;
  };

  explicit Deadlines(io::Env* env);
  // Drops what has not been called. Waits for a callback that runs, unless it is the one to end us.
  ~Deadlines();

  // Calls `expired` once, `nanos` from now.
  Id After(uint64_t nanos, std::function<void()> expired);
  // After this `expired` will not begin; it may be running. Nothing when it is gone already.
  void Cancel(const Id& id);

 private:
  struct Shared;
  const std::shared_ptr<Shared> shared_;
  std::unique_ptr<io::Thread> thread_;
};

}  // namespace strongroom::blob
