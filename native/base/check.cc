// What a violated CHECK prints before it aborts.
#include "base/check.h"

#include <cstdio>
#include <cstdlib>

namespace strongroom {

CheckFailure::CheckFailure(const char* file, int line, const char* condition)
    : text_(std::string("strongroom: CHECK failed at ") + file + ":" + std::to_string(line) + ": " +
            condition) {}

CheckFailure::~CheckFailure() {
  fprintf(stderr, "%s\n", text_.c_str());
  abort();
}

CheckFailure& CheckFailure::operator<<(const char* why) {
  text_ += " ";
  text_ += why;
  return *this;
}

CheckFailure& CheckFailure::operator<<(const std::string& why) { return *this << why.c_str(); }

}  // namespace strongroom
