// The glibc floor for functions: binds those that moved into libc.so after 2.28 to their old symbol
// versions, so that an addon linked on a newer system loads wherever Node itself loads
// (GLIBC_2.28).
//
// Include it first in any C++ file that calls one of them; scripts/floor-check.mjs finds a file
// that forgot. The old versions are compatibility symbols that glibc keeps for ever.
#pragma once

#include <stdint.h>  // Defines __GLIBC__.

#if defined(__linux__) && defined(__GLIBC__) && defined(__x86_64__)
#define STRONGROOM_BIND(symbol, version) __asm__(".symver " #symbol "," #symbol "@GLIBC_" version);
#elif defined(__linux__) && defined(__GLIBC__) && defined(__aarch64__)
// The architecture's first glibc: every symbol of that time carries this one version.
#define STRONGROOM_BIND(symbol, version) __asm__(".symver " #symbol "," #symbol "@GLIBC_2.17");
#endif

#if defined(STRONGROOM_BIND)
STRONGROOM_BIND(pthread_condattr_setclock, "2.3.3")
STRONGROOM_BIND(pthread_sigmask, "2.2.5")
#endif
