// The glibc and libstdc++ floor: the symbols of newer ones that C++20 containers and shared_ptr
// pull in are defined here, hidden, so that the addon loads where Node itself loads (GLIBC_2.28,
// GLIBCXX_3.4.21).
#include <stdlib.h>

#if defined(__linux__) && defined(__GLIBC__)
// Zero: "there may be other threads", so that reference counts are always atomic.
extern "C" {
__attribute__((visibility("hidden"))) extern char __libc_single_threaded;
char __libc_single_threaded = 0;
}
#endif

namespace std {
__attribute__((noreturn)) void __throw_bad_array_new_length() { abort(); }
}  // namespace std

// A header that was read before this file may declare it visible, and the first declaration counts.
#if defined(__ELF__)
__asm__(".hidden _ZSt28__throw_bad_array_new_lengthv");
#endif
