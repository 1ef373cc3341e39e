// Deadlines: calls back when time has run out, for whoever waits without a thread.
//
// One thread for all of them. A callback must not block; it runs on that thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "io/env.h"

namespace strongroom::blob {

class Deadlines {
 public:
  using Id = uint64_t;

  explicit Deadlines(io::Env* env);
  // Drops what has not been called. Waits for a callback that runs, unless it is the one to end us.
  ~Deadlines();

  // Calls `expired` once, `nanos` from now. Never returns 0.
  Id After(uint64_t nanos, std::function<void()> expired);
  // After this `expired` will not begin; it may be running. `id` 0 or one that is gone: nothing.
  void Cancel(Id id);

 private:
  struct Shared;
  const std::shared_ptr<Shared> shared_;
  std::unique_ptr<io::Thread> thread_;
};

}  // namespace strongroom::blob
