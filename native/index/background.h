// Background: the one thread on which an index flushes and compacts.
#pragma once

#include <deque>
#include <memory>
#include <utility>

#include "base/sync.h"
#include "io/env.h"

namespace strongroom::index {

class Background {
 public:
  using Work = std::pair<void (*)(void*), void*>;

  explicit Background(io::Env* env) : env_(env), changed_(&mutex_) {}
  ~Background() { Join(); }

  // Runs `work` on the thread, which starts with the first. First come, first served.
  void Schedule(Work work);
  // Runs what was scheduled, then ends the thread. Nothing may be scheduled any more.
  void Join();

 private:
  void Run();

  io::Env* env_;
  Mutex mutex_;
  CondVar changed_;
  std::deque<Work> queue_;
  bool stopping_ = false;
  std::unique_ptr<io::Thread> thread_;
};

}  // namespace strongroom::index
