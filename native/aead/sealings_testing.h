// Watches every encryption of a test program: which key and nonce, without a change to what is
// tested. The program defines the two functions of OpenSSL that take keys and nonces itself
// (sealings_test.cc) and hands on what it was asked.
#pragma once

#include <cstdint>

namespace strongroom::aead {

// From Begin to End: how often a message was encrypted, and how often under a key and nonce that
// had been used before. One at a time.
struct Sealings {
  uint64_t all = 0;
  uint64_t repeated = 0;
};
void BeginWatchingSealings();
Sealings SealingsSoFar();  // So far; goes on watching.
Sealings EndWatchingSealings();

}  // namespace strongroom::aead
