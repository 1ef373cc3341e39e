// Our own small C++ test header: cases, expectations, tables, seeds.
//
//   TEST(Crc64, MatchesTheCheckValue) { EXPECT_EQ(hash::Crc64(AsBytes("123456789")), 0x995d...); }
//
// `strongroom_test [--seed N] [--list] [FILTER...]` runs the cases whose "Suite.Name" contains a
// filter. A case that draws random numbers takes them from testing::Seed() so that a failure can be
// replayed; the seed is printed with every failure. EXPECT_* goes on, ASSERT_* leaves the case.
#pragma once

#include <cstdint>
#include <sstream>
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

template <typename T>
std::string Show(const T& value) {
  if constexpr (requires(std::ostringstream & s) { s << value; }) {
    std::ostringstream out;
    out << value;
    return out.str();
  } else if constexpr (requires { ToHex(ByteSpan(value)); }) {
    ByteSpan bytes(value);
    return ToHex(bytes.first(bytes.size() < 64 ? bytes.size() : 64)) + " (" +
           std::to_string(bytes.size()) + " bytes)";
  } else if constexpr (std::is_enum_v<T>) {
    return std::to_string(static_cast<long long>(value));
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
#define EXPECT_EQ(a, b)                                                                  \
  do {                                                                                   \
    auto expect_a = (a);                                                                 \
    auto expect_b = (b);                                                                 \
    if (!::strongroom::testing::Equal(expect_a, expect_b))                               \
      ::strongroom::testing::Fail(__FILE__, __LINE__,                                    \
                                  std::string(#a " == " #b "\n    ") +                   \
                                      ::strongroom::testing::Show(expect_a) + "\n    " + \
                                      ::strongroom::testing::Show(expect_b));            \
  } while (0)
// A Status or Result that must be OK.
#define EXPECT_OK(expression)                                                                  \
  do {                                                                                         \
    const auto& expect_r = (expression);                                                       \
    const ::strongroom::Status& expect_s = ::strongroom::testing::StatusOf(expect_r);          \
    if (!expect_s.ok())                                                                        \
      ::strongroom::testing::Fail(__FILE__, __LINE__, #expression ": " + expect_s.ToString()); \
  } while (0)
#define ASSERT_OK(expression)                                                                  \
  do {                                                                                         \
    const auto& expect_r = (expression);                                                       \
    const ::strongroom::Status& expect_s = ::strongroom::testing::StatusOf(expect_r);          \
    if (!expect_s.ok()) {                                                                      \
      ::strongroom::testing::Fail(__FILE__, __LINE__, #expression ": " + expect_s.ToString()); \
      return;                                                                                  \
    }                                                                                          \
  } while (0)
#define EXPECT_CODE(expression, expected)                                             \
  do {                                                                                \
    const auto& expect_r = (expression);                                              \
    const ::strongroom::Status& expect_s = ::strongroom::testing::StatusOf(expect_r); \
    if (!expect_s.Is(expected))                                                       \
      ::strongroom::testing::Fail(__FILE__, __LINE__,                                 \
                                  std::string(#expression " gives ") +                \
                                      ::strongroom::CodeName(expected) + ", got " +   \
                                      expect_s.ToString());                           \
  } while (0)
