#include "blob/landing.h"

namespace strongroom::blob {

void Landing::Revoke() {
  MutexLock lock(&mutex_);
  revoked_ = true;
  while (inside_ > 0) left_.Wait();
}

Landing::Stay::Stay(Landing* landing) : landing_(landing) {
  if (landing_ == nullptr) return;
  MutexLock lock(&landing_->mutex_);
  welcome_ = !landing_->revoked_;
  if (welcome_) ++landing_->inside_;
}

Landing::Stay::~Stay() {
  if (landing_ == nullptr || !welcome_) return;
  MutexLock lock(&landing_->mutex_);
  if (--landing_->inside_ == 0) landing_->left_.SignalAll();
}

}  // namespace strongroom::blob
