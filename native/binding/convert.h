// Convert: JavaScript values <-> plain structs, and results -> packed buffers. One buffer per
// result: a JavaScript object with ten properties costs more than the read that it reports.
//
// Packed row (a get):    f64 revision ‖ f64 modified ‖ f64 size ‖ u64 crc64 ‖ u32 blob kind
//                      ‖ u32 body offset ‖ u32 body size ‖ u32 bytes offset ‖ f64 range offset
//                      ‖ f64 range length ‖ 32 upper-case hex digits of the blob id ‖ f64 version
//                      ‖ body ‖ bytes
// Packed commit:         f64 revision ‖ u32 count ‖ 00000000 ‖ blob*
//   blob               = f64 size ‖ u64 crc64 ‖ 32 hex digits
// Packed page (a scan):  u32 count ‖ u32 flags (1 truncated, 2 text is ASCII) ‖ u32 text offset
//                      ‖ u32 text size ‖ u32 bodies offset ‖ u32 resume offset ‖ u32 resume size
//                      ‖ 00000000 ‖ entry* ‖ 32 hex digits* ‖ text ‖ bodies ‖ resume
//   entry (64)         = f64 revision ‖ f64 modified ‖ f64 size ‖ u64 crc64 ‖ u32 text start
//                      ‖ u32 text size ‖ u32 body start ‖ u32 body size ‖ u32 kind (1 prefix, 2
//                      blob) ‖ 00000000 ‖ f64 version
#pragma once

#include <napi.h>

#include "engine/engine.h"
#include "format/segment.h"

namespace strongroom::binding {

// A view of a Uint8Array, valid during the call only. Throws a TypeError for anything else.
ByteSpan ViewOf(const Napi::Value& value);
Bytes CopyOf(const Napi::Value& value);
// Of the elements of an array. To get an element may run code of the caller's, so the views are
// made when all are there, and hold until the next element of anything is got.
std::vector<ByteSpan> ViewsOf(const Napi::Value& array);
std::vector<Bytes> CopiesOf(const Napi::Value& array);
// A non-negative integer below 2^53. Throws a RangeError otherwise.
uint64_t IntegerOf(const Napi::Value& value);
Napi::Value ToBuffer(Napi::Env env, ByteSpan bytes);
// Without a copy where the runtime allows it: for what is large.
Napi::Value HandOver(Napi::Env env, Bytes bytes);

Napi::Value PackFound(Napi::Env env, const engine::Found& found);
Bytes PackCommit(uint64_t revision, const std::vector<format::BlobReference>& blobs);

// Gathers a page entry by entry on a zone's thread.
class PagePacker {
 public:
  PagePacker(size_t text_from, uint32_t limit);
  void Add(ByteSpan key, ByteSpan row, bool is_prefix);
  Bytes Finish(const index::ScanEnd& end) const;
  const Status& status() const { return status_; }

 private:
  const size_t text_from_;
  uint32_t count_ = 0;
  bool ascii_ = true;
  Bytes entries_, ids_, text_, bodies_;
  format::IndexRow row_;  // Decoded last.
  Status status_;  // Why a row could not be decoded.
};

}  // namespace strongroom::binding
