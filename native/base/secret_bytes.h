// SecretBytes: key material. Fixed size, not copyable, wiped when it goes, on pages that are locked
// and left out of core dumps where the system allows it.
//
// `Wipe` is also for secrets on the stack. All secrets of the process live in a handful of locked
// pages (secret_bytes.cc), so RLIMIT_MEMLOCK (8 MiB by default) is never in danger.
#pragma once

#include <cstddef>
#include <utility>

#include "base/bytes.h"

namespace strongroom {

void Wipe(void* bytes, size_t size);

class SecretBytes {
 public:
  SecretBytes() = default;
  explicit SecretBytes(size_t size);     // Zeros.
  explicit SecretBytes(ByteSpan bytes);  // A copy; the caller wipes its own.
  ~SecretBytes();
  SecretBytes(SecretBytes&& other) noexcept { Swap(other); }
  SecretBytes& operator=(SecretBytes&& other) noexcept {
    Swap(other);
    return *this;
  }
  SecretBytes(const SecretBytes&) = delete;
  SecretBytes& operator=(const SecretBytes&) = delete;
  SecretBytes Clone() const { return SecretBytes(span()); }

  ByteSpan span() const { return {data_, size_}; }
  MutableByteSpan span() { return {data_, size_}; }
  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }

 private:
  void Swap(SecretBytes& other) {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
  }
  uint8_t* data_ = nullptr;
  size_t size_ = 0;
};

}  // namespace strongroom
