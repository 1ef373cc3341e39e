// What the expectations of testing.h come down to: Fail, which each program has for itself.
#include "base/testing.h"

namespace strongroom::testing {

void FailUnequal(const char* file, int line, const char* text, const std::string& a,
                 const std::string& b) {
  Fail(file, line, std::string(text) + "\n    " + a + "\n    " + b);
}
bool ExpectOk(const char* file, int line, const char* text, const Status& status) {
  if (!status.ok()) Fail(file, line, std::string(text) + ": " + status.ToString());
  return status.ok();
}
bool ExpectCode(const char* file, int line, const char* text, const Status& status, Code code) {
  if (status.Is(code)) return true;
  Fail(file, line, std::string(text) + " gives " + CodeName(code) + ", got " + status.ToString());
  return false;
}
std::string ShowBytes(ByteSpan bytes) {
  return ToHex(bytes.first(bytes.size() < 64 ? bytes.size() : 64)) + " (" +
         std::to_string(bytes.size()) + " bytes)";
}

}  // namespace strongroom::testing
