// CHECK: an invariant of our own code. A violated one aborts, in release builds too, because going
// on would put wrong bytes on disk. Never CHECK what comes from disk, JavaScript or network.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <string>

namespace strongroom {

class CheckFailure {
 public:
  CheckFailure(const char* file, int line, const char* condition)
      : text_(std::string("strongroom: CHECK failed at ") + file + ":" + std::to_string(line) +
              ": " + condition) {}
  [[noreturn]] ~CheckFailure() {
    fprintf(stderr, "%s\n", text_.c_str());
    abort();
  }
  CheckFailure& operator<<(const std::string& why) {
    text_ += " ";
    text_ += why;
    return *this;
  }

 private:
  std::string text_;
};

#define CHECK(condition)      \
  if (condition) [[likely]] { \
  } else                      \
    ::strongroom::CheckFailure(__FILE__, __LINE__, #condition)

}  // namespace strongroom
