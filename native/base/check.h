// CHECK: an invariant of our own code. A violated one aborts, in release builds too, because going
// on would put wrong bytes on disk. Never CHECK what comes from disk, JavaScript or network.
#pragma once

#include <string>

namespace strongroom {

// Not inline: every CHECK would carry a copy of it.
class CheckFailure {
 public:
  CheckFailure(const char* file, int line, const char* condition);
  CheckFailure(const CheckFailure&) = delete;
  CheckFailure& operator=(const CheckFailure&) = delete;
  [[noreturn]] ~CheckFailure();
  CheckFailure& operator<<(const char* why);
  CheckFailure& operator<<(const std::string& why);

 private:
  std::string text_;
};

#define CHECK(condition)      \
  if (condition) [[likely]] { \
  } else                      \
    ::strongroom::CheckFailure(__FILE__, __LINE__, #condition)

}  // namespace strongroom
