// The glibc and libstdc++ floor: the one symbol of a newer libstdc++ that C++20 containers pull in
// is defined here, hidden, so that the addon loads where Node itself loads (GLIBCXX_3.4.21).
#include <stdlib.h>

namespace std {
__attribute__((visibility("hidden"), noreturn)) void __throw_bad_array_new_length() { abort(); }
}  // namespace std
