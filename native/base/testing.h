// Our own small C++ test header: cases, expectations, tables, seeds.
//
//   TEST(Crc64, MatchesTheCheckValue) { EXPECT_EQ(hash::Crc64(AsBytes("123456789")), 0x995d...); }
//
// `strongroom_test [--seed N] [--list] [FILTER...]` runs the cases whose "Suite.Name" contains a
// filter. A case that draws random numbers takes them from testing::Seed() so that a failure can be
// replayed; the seed is printed with every failure. EXPECT_* goes on, ASSERT_* leaves the case.
#pragma once

#include <cstdint>
#include <concepts>
#include <cstddef>
#include <string>

#include "base/bytes.h"
#include "base/status.h"

namespace strongroom::testing {

using CaseFunction = void (*)();
struct Registration {
  Registration(const char* suite, const char* name, CaseFunction function);
};
void Fail(const char* file, int line, const std::string& message);
// Marks the running case as skipped; the reason is printed and counted.
void Skip(const std::string& reason);
// The run's seed (--seed, else from the clock).
uint64_t Seed();
// How many states of a model check are gone on from: STRONGROOM_EXHAUSTIVE, else `usual`. SIZE_MAX
// for 0, which is all.
size_t SampleSize(size_t usual);
// A fresh directory under the temporary folder, removed when the run ends.
std::string TemporaryDirectory();

// xorshift64*, for test data only.
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed * 2685821657736338717ull + 1) {}
  uint64_t Next() {
    state_ ^= state_ >> 12;
    state_ ^= state_ << 25;
    state_ ^= state_ >> 27;
    return state_ * 2685821657736338717ull;
  }
  uint64_t Below(uint64_t bound) { return bound ? Next() % bound : 0; }
  Bytes Take(size_t size) {
    Bytes out(size);
    for (auto& b : out) b = static_cast<uint8_t>(Next() >> 32);
    return out;
  }

 private:
  uint64_t state_;
};

// At most 64 of the bytes, and their number.
std::string ShowBytes(ByteSpan bytes);
// A type of a test's own is shown by what its ShowValue(const T&) returns.
template <typename T>
std::string Show(const T& value) {
  if constexpr (requires { ShowValue(value); }) {
    return ShowValue(value);
  } else if constexpr (std::convertible_to<T, std::string_view>) {
    return std::string(std::string_view(value));
  } else if constexpr (std::is_arithmetic_v<T>) {
    return std::to_string(value);
  } else if constexpr (std::is_enum_v<T>) {
    return std::to_string(static_cast<long long>(value));
  } else if constexpr (requires { ByteSpan(value); }) {
    return ShowBytes(ByteSpan(value));
  } else {
    return "?";
  }
}
inline const Status& StatusOf(const Status& status) { return status; }
template <typename T>
const Status& StatusOf(const Result<T>& result) {
  return result.status();
}
template <typename A, typename B>
bool Equal(const A& a, const B& b) {
  if constexpr (
      requires {
        ByteSpan(a);
        ByteSpan(b);
      } &&
      !requires { a == b; }) {
    ByteSpan x(a), y(b);
    return x.size() == y.size() && (x.empty() || memcmp(x.data(), y.data(), x.size()) == 0);
  } else {
    return a == b;
  }
}

// What the macros below call. Each expectation must stay one call: this header is compiled into
// every test file, and code at the call is compiled once for every expectation.
void FailUnequal(const char* file, int line, const char* text, const std::string& a,
                 const std::string& b);
bool ExpectOk(const char* file, int line, const char* text, const Status& status);
bool ExpectCode(const char* file, int line, const char* text, const Status& status, Code code);
template <typename A, typename B>
void ExpectEqual(const char* file, int line, const char* text, const A& a, const B& b) {
  if (!Equal(a, b)) FailUnequal(file, line, text, Show(a), Show(b));
}

}  // namespace strongroom::testing

#define TEST(suite, name)                                                                   \
  static void suite##_##name();                                                             \
  static ::strongroom::testing::Registration suite##_##name##_registration(#suite, #name,   \
                                                                           suite##_##name); \
  static void suite##_##name()

#define EXPECT(condition)                                                          \
  do {                                                                             \
    if (!(condition)) ::strongroom::testing::Fail(__FILE__, __LINE__, #condition); \
  } while (0)
#define ASSERT(condition)                                          \
  do {                                                             \
    if (!(condition)) {                                            \
      ::strongroom::testing::Fail(__FILE__, __LINE__, #condition); \
      return;                                                      \
    }                                                              \
  } while (0)
#define EXPECT_EQ(a, b) \
  ::strongroom::testing::ExpectEqual(__FILE__, __LINE__, #a " == " #b, (a), (b))
// A Status or Result that must be OK.
#define EXPECT_OK(expression)                                      \
  ::strongroom::testing::ExpectOk(__FILE__, __LINE__, #expression, \
                                  ::strongroom::testing::StatusOf((expression)))
#define ASSERT_OK(expression)            \
  do {                                   \
    if (!EXPECT_OK(expression)) return; \
  } while (0)
#define EXPECT_CODE(expression, expected)                            \
  ::strongroom::testing::ExpectCode(__FILE__, __LINE__, #expression, \
                                    ::strongroom::testing::StatusOf((expression)), expected)
