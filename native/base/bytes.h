// Byte spans and little-endian coding: the alphabet that every format is written in.
//
// All integers on disk are little-endian. A ByteReader never reads past its span: after the first
// short read it is failed(), returns zeros and empty spans, and the caller checks once at the end.
#pragma once

#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace strongroom {

using ByteSpan = std::span<const uint8_t>;
using MutableByteSpan = std::span<uint8_t>;
using Bytes = std::vector<uint8_t>;

inline ByteSpan AsBytes(std::string_view s) {
  return {reinterpret_cast<const uint8_t*>(s.data()), s.size()};
}
inline std::string_view AsString(ByteSpan b) {
  return {reinterpret_cast<const char*>(b.data()), b.size()};
}

template <typename T>
inline void StoreLittle(uint8_t* to, T value) {
  for (size_t i = 0; i < sizeof(T); ++i) to[i] = static_cast<uint8_t>(value >> (8 * i));
}
template <typename T>
inline T LoadLittle(const uint8_t* from) {
  T value = 0;
  for (size_t i = 0; i < sizeof(T); ++i) value |= static_cast<T>(from[i]) << (8 * i);
  return value;
}
inline void StoreBig32(uint8_t* to, uint32_t value) {
  for (int i = 0; i < 4; ++i) to[i] = static_cast<uint8_t>(value >> (24 - 8 * i));
}
inline void StoreBig64(uint8_t* to, uint64_t value) {
  for (int i = 0; i < 8; ++i) to[i] = static_cast<uint8_t>(value >> (56 - 8 * i));
}
inline uint64_t LoadBig64(const uint8_t* from) {
  uint64_t value = 0;
  for (int i = 0; i < 8; ++i) value = value << 8 | from[i];
  return value;
}

// ByteWriter appends to a Bytes.
class ByteWriter {
 public:
  explicit ByteWriter(Bytes* out) : out_(out) {}
  void U8(uint8_t v) { out_->push_back(v); }
  void U16(uint16_t v) { Little(v); }
  void U32(uint32_t v) { Little(v); }
  void U64(uint64_t v) { Little(v); }
  void Raw(ByteSpan bytes) {
    if (bytes.empty()) return;
    size_t at = out_->size();
    out_->resize(at + bytes.size());
    memcpy(out_->data() + at, bytes.data(), bytes.size());
  }
  // A u32 length, then the bytes.
  void Field(ByteSpan bytes) {
    U32(static_cast<uint32_t>(bytes.size()));
    Raw(bytes);
  }
  void Zeros(size_t count) { out_->insert(out_->end(), count, 0); }
  size_t size() const { return out_->size(); }

 private:
  template <typename T>
  void Little(T v) {
    uint8_t buffer[sizeof(T)];
    StoreLittle(buffer, v);
    Raw(buffer);
  }
  Bytes* out_;
};

class ByteReader {
 public:
  explicit ByteReader(ByteSpan in) : in_(in) {}
  uint8_t U8() { return Little<uint8_t>(); }
  uint16_t U16() { return Little<uint16_t>(); }
  uint32_t U32() { return Little<uint32_t>(); }
  uint64_t U64() { return Little<uint64_t>(); }
  ByteSpan Raw(size_t count) {
    if (failed_ || count > in_.size() - at_) {
      failed_ = true;
      return {};
    }
    ByteSpan out = in_.subspan(at_, count);
    at_ += count;
    return out;
  }
  ByteSpan Field() { return Raw(U32()); }
  // Fills `out` whole, or with zeros on failure.
  void Into(MutableByteSpan out) {
    ByteSpan raw = Raw(out.size());
    if (raw.empty()) {
      if (!out.empty()) memset(out.data(), 0, out.size());
    } else {
      memcpy(out.data(), raw.data(), raw.size());
    }
  }
  void Skip(size_t count) { Raw(count); }
  size_t position() const { return at_; }
  size_t remaining() const { return in_.size() - at_; }
  bool failed() const { return failed_; }
  // True when every byte was read and none was missing.
  bool Done() const { return !failed_ && at_ == in_.size(); }

 private:
  template <typename T>
  T Little() {
    ByteSpan raw = Raw(sizeof(T));
    return raw.empty() ? T{0} : LoadLittle<T>(raw.data());
  }
  ByteSpan in_;
  size_t at_ = 0;
  bool failed_ = false;
};

inline std::string ToHex(ByteSpan bytes) {
  static const char digits[] = "0123456789abcdef";
  std::string out;
  out.reserve(bytes.size() * 2);
  for (uint8_t b : bytes) {
    out.push_back(digits[b >> 4]);
    out.push_back(digits[b & 15]);
  }
  return out;
}

}  // namespace strongroom
