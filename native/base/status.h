// Status and Result: how the core reports what happened in the world. No exceptions cross a file.
//
// A code says what the caller can do about it (docs/errors.md maps each to its JavaScript code).
// Programmer errors are CHECKs; bytes from disk, JavaScript or network are never CHECKed.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "base/check.h"

namespace strongroom {

enum class Code : uint8_t {
  kOk = 0,
  kInvalidArgument,     // Fix the call.
  kNotFound,            // It is absent.
  kExists,              // It is already there.
  kPreconditionFailed,  // The expected state changed; re-read, retry.
  kImmutable,           // A guard protects it.
  kUnavailable,         // A zone is missing, empty or unreadable.
  kQuorumLost,          // Too few zones: read-only.
  kForeignZone,         // A zone of another store: fix the path.
  kRolledBack,          // The store is older than it must be, or its zones hold a fork.
  kNoSpace,             // Free space.
  kIo,                  // The operating system refused.
  kCorruption,          // Checksum wrong beyond what parity can rebuild.
  kTampered,            // Checksum right, tag wrong: alarm, never heal silently.
  kWrongKey,            // The root key does not open the ring key.
  kUnsupportedFormat,   // A newer format: upgrade.
  kReadOnly,            // Opened read-only, or a sync failed on one zone: reopen.
  kUnknown,             // The write may or may not stand: read before repeating.
  kLocked,              // Another process holds the store.
  kCancelled,           // Aborted by the caller.
  kClosed,              // Used after close.
  kTimedOut,            // A zone did not answer within its deadline.
};

const char* CodeName(Code code);

class [[nodiscard]] Status {
 public:
  Status() = default;  // OK, and allocates nothing.
  Status(Code code, std::string message)
      : detail_(code == Code::kOk
                    ? nullptr
                    : std::make_shared<const Detail>(Detail{code, std::move(message)})) {}
  static Status Ok() { return {}; }

  bool ok() const { return detail_ == nullptr; }
  Code code() const { return detail_ ? detail_->code : Code::kOk; }
  bool Is(Code code) const { return this->code() == code; }
  const std::string& message() const;
  std::string ToString() const;
  // The same code with `context` put in front of the message.
  Status With(const std::string& context) const {
    return ok() ? Status() : Status(code(), context + ": " + message());
  }

 private:
  struct Detail {
    Code code;
    std::string message;
  };
  std::shared_ptr<const Detail> detail_;
};

template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : value_(std::move(value)) {}         // NOLINT: implicit by design
  Result(Status status) : status_(std::move(status)) {  // NOLINT: implicit by design
    CHECK(!status_.ok()) << "a Result without a value needs an error";
  }
  bool ok() const { return value_.has_value(); }
  const Status& status() const { return status_; }
  T& value() {
    CHECK(ok()) << status_.ToString();
    return *value_;
  }
  const T& value() const {
    CHECK(ok()) << status_.ToString();
    return *value_;
  }
  T& operator*() { return value(); }
  const T& operator*() const { return value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

 private:
  std::optional<T> value_;
  Status status_;
};

// Returns from the calling function when `expression` is not OK.
#define TRY(expression)                             \
  do {                                              \
    ::strongroom::Status try_status = (expression); \
    if (!try_status.ok()) return try_status;        \
  } while (0)

// `TRY_ASSIGN(auto x, F())` declares x from a Result, or returns its status.
#define TRY_ASSIGN(lhs, expression) TRY_ASSIGN_(TRY_JOIN_(try_result_, __LINE__), lhs, expression)
#define TRY_ASSIGN_(name, lhs, expression) \
  auto name = (expression);                \
  if (!name.ok()) return name.status();    \
  lhs = std::move(name.value())
#define TRY_JOIN_(a, b) TRY_JOIN2_(a, b)
#define TRY_JOIN2_(a, b) a##b

}  // namespace strongroom
