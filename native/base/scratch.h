// Scratch: memory that a thread keeps from one task for the next. A task that waits in the middle
// keeps what it took: tasks of a simulated machine share one thread, and what is simply
// thread_local would change under whoever waits for a disk.
#pragma once

#include <utility>
#include <vector>

namespace strongroom {

// T: Bytes, std::string. As it was left: its user clears or resizes it.
template <typename T>
class Scratch {
 public:
  Scratch() {
    std::vector<T>& shelf = Shelf();
    if (shelf.empty()) return;
    value_ = std::move(shelf.back());
    shelf.pop_back();
  }
  ~Scratch() { Shelf().push_back(std::move(value_)); }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  T& operator*() { return value_; }
  T* operator->() { return &value_; }

 private:
  // As many as tasks of this thread were at it at once: one, on a real machine.
  static std::vector<T>& Shelf() {
    thread_local std::vector<T> shelf;
    return shelf;
  }
  T value_;
};

}  // namespace strongroom
