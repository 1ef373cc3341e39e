// A mistake that the fuzzer must find before any other target is believed: a decoder that trusts a
// length behind a word.
#include "base/testing_fuzz.h"

namespace strongroom::testing {
namespace {

std::vector<Bytes> Words() { return {Bytes(8)}; }

}  // namespace

FUZZ(Planted, Words) {
  const Bytes bytes(input.begin(), input.end());  // Memory of exactly its size.
  if (bytes.size() < 5 || AsString(input.first(4)) != "word") return;
  const volatile uint8_t* data = bytes.data();
  EXPECT(data[4 + data[4]] != 1 || true);
}

}  // namespace strongroom::testing
