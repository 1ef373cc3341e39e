// AlignedBytes: a growable buffer on 4 KiB boundaries, as direct I/O demands. Its bytes are not
// cleared; Reset keeps the memory.
#pragma once

#include <cstdlib>
#include <utility>

#include "base/bytes.h"
#include "base/check.h"

namespace strongroom {

class AlignedBytes {
 public:
  AlignedBytes() = default;
  explicit AlignedBytes(size_t size) { Resize(size); }
  ~AlignedBytes() { free(data_); }
  AlignedBytes(AlignedBytes&& other) noexcept { Swap(other); }
  AlignedBytes& operator=(AlignedBytes&& other) noexcept {
    Swap(other);
    return *this;
  }
  AlignedBytes(const AlignedBytes&) = delete;
  AlignedBytes& operator=(const AlignedBytes&) = delete;

  // Keeps what is there; new bytes are undefined.
  void Resize(size_t size) {
    if (size > capacity_) Grow(size);
    size_ = size;
  }
  uint8_t* data() { return data_; }
  const uint8_t* data() const { return data_; }
  size_t size() const { return size_; }
  size_t capacity() const { return capacity_; }
  ByteSpan span() const { return {data_, size_}; }
  MutableByteSpan span() { return {data_, size_}; }

 private:
  static constexpr size_t kAlignment = 4096;
  void Grow(size_t size) {
    size_t wanted = size > capacity_ * 2 ? size : capacity_ * 2;
    wanted = (wanted + kAlignment - 1) / kAlignment * kAlignment;
    auto* grown = static_cast<uint8_t*>(aligned_alloc(kAlignment, wanted));
    CHECK(grown != nullptr) << "out of memory";
    if (size_ > 0) memcpy(grown, data_, size_);
    free(data_);
    data_ = grown;
    capacity_ = wanted;
  }
  void Swap(AlignedBytes& other) {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    std::swap(capacity_, other.capacity_);
  }
  uint8_t* data_ = nullptr;
  size_t size_ = 0, capacity_ = 0;
};

}  // namespace strongroom
