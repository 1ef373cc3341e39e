// Background: a queue, a lock and one thread.
#include "index/background.h"

namespace strongroom::index {

void Background::Schedule(Work work) {
  MutexLock lock(&mutex_);
  CHECK(!stopping_) << "work for an index that is closed";
  queue_.push_back(work);
  if (thread_ == nullptr) thread_ = env_->StartThread("index", [this] { Run(); });
  changed_.Signal();
}

void Background::Join() {
  {
    MutexLock lock(&mutex_);
    stopping_ = true;
    changed_.Signal();
  }
  if (thread_ != nullptr) thread_->Join();
  thread_.reset();
}

void Background::Run() {
  mutex_.Lock();
  while (!queue_.empty() || !stopping_) {
    if (queue_.empty()) {
      changed_.Wait();
      continue;
    }
    auto [function, argument] = queue_.front();
    queue_.pop_front();
    mutex_.Unlock();
    function(argument);
    mutex_.Lock();
  }
  mutex_.Unlock();
}

}  // namespace strongroom::index
