// Landing: memory of somebody else where the plaintext of a read comes to lie, which its owner may
// have to take back while the read is under way.
//
//   a thread that writes:  Stay -> writes, blocking nowhere -> ~Stay
//   the owner:             Revoke -> nobody is inside, and nobody comes in any more
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/sync.h"

namespace strongroom::blob {

class Landing {
 public:
  // REQUIRES: the memory stays until Revoke has returned.
  Landing(uint8_t* data, size_t size) : left_(&mutex_), data_(data), size_(size) {}
  Landing(const Landing&) = delete;
  Landing& operator=(const Landing&) = delete;

  size_t size() const { return size_; }
  // Where it lies, or lay: to be written during a Stay only.
  uint8_t* data() const { return data_; }
  // Waits for those who are inside: no longer than they compute.
  void Revoke();

  class Stay {
   public:
    // `landing` null: always welcome.
    explicit Stay(Landing* landing);
    ~Stay();
    Stay(const Stay&) = delete;
    Stay& operator=(const Stay&) = delete;
    bool welcome() const { return welcome_; }

   private:
    Landing* const landing_;
    bool welcome_ = true;
  };

 private:
  Mutex mutex_;  // Guards all below.
  CondVar left_;
  uint8_t* const data_;
  const size_t size_;
  size_t inside_ = 0;
  bool revoked_ = false;
};

}  // namespace strongroom::blob
