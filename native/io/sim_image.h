// SimImage: the bytes of a simulated file, as shared pages; to copy one costs a pointer per page.
#pragma once

#include <memory>
#include <vector>

#include "base/bytes.h"

namespace strongroom::io {

class SimImage {
 public:
  uint64_t size() const { return size_; }
  // How many bytes were there to read.
  size_t Read(uint64_t offset, MutableByteSpan out) const;
  void Write(uint64_t offset, ByteSpan data);  // Grows the image where needed.
  void Resize(uint64_t size);                  // New bytes are zeros.
  // Takes over the pages that hold [offset, offset + size) of another image, as far as both reach.
  void SharePages(const SimImage& from, uint64_t offset, uint64_t size);
  // Equal for equal bytes, however they came to be.
  uint64_t Hash() const;

 private:
  static constexpr size_t kPageSize = 4096;
  struct Page {
    uint64_t hash = 0;  // Of the bytes; 0: not computed.
    uint8_t bytes[kPageSize] = {};
  };
  Page* Mutable(size_t number);

  // Null: all zeros. Invariant: bytes past size_ are zeros.
  std::vector<std::shared_ptr<Page>> pages_;
  uint64_t size_ = 0;
};

// Mixes a value into a running hash. For telling states apart, not against an attacker.
inline uint64_t MixHash(uint64_t hash, uint64_t value) {
  hash = (hash ^ value) * 0x9e3779b97f4a7c15ull;
  return hash ^ hash >> 29;
}
uint64_t MixHash(uint64_t hash, ByteSpan bytes);

}  // namespace strongroom::io
