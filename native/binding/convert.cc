#include "binding/convert.h"

#include <algorithm>
#include <memory>

namespace strongroom::binding {

namespace {

constexpr size_t kFoundHead = 104;
constexpr size_t kPageHead = 32;
constexpr size_t kPageEntry = 64;
constexpr size_t kHexDigits = 32;

void StoreDouble(uint8_t* out, double value) { memcpy(out, &value, sizeof value); }
void StoreHex(uint8_t* out, const aead::Id& id) {
  static const char digits[] = "0123456789ABCDEF";
  for (uint8_t b : id) {
    *out++ = static_cast<uint8_t>(digits[b >> 4]);
    *out++ = static_cast<uint8_t>(digits[b & 15]);
  }
}
// Room for `size` more bytes at the end.
uint8_t* Grow(Bytes* out, size_t size) {
  size_t at = out->size();
  out->resize(at + size);
  return out->data() + at;
}
void PutDouble(Bytes* out, double value) { StoreDouble(Grow(out, 8), value); }
bool IsAscii(ByteSpan text) {
  uint8_t all = 0;
  for (uint8_t byte : text) all |= byte;
  return all < 0x80;
}

}  // namespace

ByteSpan ViewOf(const Napi::Value& value) {
  if (!value.IsTypedArray()) throw Napi::TypeError::New(value.Env(), "expected a Uint8Array");
  Napi::Uint8Array array = value.As<Napi::Uint8Array>();
  if (array.TypedArrayType() != napi_uint8_array) {
    throw Napi::TypeError::New(value.Env(), "expected a Uint8Array");
  }
  return {array.Data(), array.ByteLength()};
}

Bytes CopyOf(const Napi::Value& value) {
  ByteSpan view = ViewOf(value);
  return {view.begin(), view.end()};
}

std::vector<Bytes> CopiesOf(const Napi::Value& value) {
  Napi::Array array = value.As<Napi::Array>();
  std::vector<Bytes> out;
  const uint32_t length = array.Length();  // Whatever it says, no memory is taken for it.
  for (uint32_t i = 0; i < length; ++i) out.push_back(CopyOf(array.Get(i)));
  return out;
}

std::vector<ByteSpan> ViewsOf(const Napi::Value& value) {
  Napi::Array array = value.As<Napi::Array>();
  std::vector<Napi::Value> elements;
  const uint32_t length = array.Length();
  for (uint32_t i = 0; i < length; ++i) {
    elements.push_back(array.Get(i));
    if (!elements.back().IsTypedArray()) break;  // ViewOf refuses it.
  }
  // Not one by one: to get an element may run code, which may give the memory of another away.
  std::vector<ByteSpan> out;
  for (const Napi::Value& element : elements) out.push_back(ViewOf(element));
  return out;
}

uint64_t IntegerOf(const Napi::Value& value) {
  double number = value.IsNumber() ? value.As<Napi::Number>().DoubleValue() : -1;
  if (!(number >= 0 && number < 9007199254740992.0) || number != static_cast<uint64_t>(number)) {
    throw Napi::RangeError::New(value.Env(), "expected an integer from 0 to 2^53 - 1");
  }
  return static_cast<uint64_t>(number);
}

Napi::Value ToBuffer(Napi::Env env, ByteSpan bytes) {
  return Napi::Buffer<uint8_t>::Copy(env, bytes.data(), bytes.size());
}

Napi::Value HandOver(Napi::Env env, Bytes bytes) {
  auto held = std::make_unique<Bytes>(std::move(bytes));
  auto free = [](Napi::Env, uint8_t*, Bytes* hint) { delete hint; };
  auto buffer = Napi::Buffer<uint8_t>::NewOrCopy(env, held->data(), held->size(), free, held.get());
  held.release();  // Freed by now, or with the buffer.
  return buffer;
}

Napi::Value PackFound(Napi::Env env, const engine::Found& found) {
  format::IndexRow row = found.row();
  const format::BlobReference& blob = row.row.blob;
  ByteSpan plaintext = ByteSpan(found.bytes).subspan(found.row_size);
  size_t bytes_at = format::RoundUp(kFoundHead + row.row.body.size(), 8);
  auto buffer = Napi::Buffer<uint8_t>::New(env, bytes_at + plaintext.size());
  if (buffer.IsEmpty()) return buffer;
  uint8_t* out = buffer.Data();
  StoreDouble(out, static_cast<double>(row.revision));
  StoreDouble(out + 8, static_cast<double>(row.row.modified));
  StoreDouble(out + 16, static_cast<double>(blob.size));
  StoreLittle(out + 24, blob.crc64);
  StoreLittle(out + 32, static_cast<uint32_t>(blob.kind));
  StoreLittle(out + 36, static_cast<uint32_t>(kFoundHead));
  StoreLittle(out + 40, static_cast<uint32_t>(row.row.body.size()));
  StoreLittle(out + 44, static_cast<uint32_t>(bytes_at));
  StoreDouble(out + 48, static_cast<double>(found.offset));
  StoreDouble(out + 56, static_cast<double>(found.length));
  StoreHex(out + 64, blob.id);
  StoreDouble(out + 96, static_cast<double>(format::VersionOf(row.row, row.revision)));
  if (!row.row.body.empty()) memcpy(out + kFoundHead, row.row.body.data(), row.row.body.size());
  if (!plaintext.empty()) memcpy(out + bytes_at, plaintext.data(), plaintext.size());
  return buffer;
}

Bytes PackCommit(uint64_t revision, const std::vector<format::BlobReference>& blobs) {
  Bytes out;
  PutDouble(&out, static_cast<double>(revision));
  ByteWriter w(&out);
  w.U32(static_cast<uint32_t>(blobs.size()));
  w.U32(0);
  for (const auto& blob : blobs) {
    PutDouble(&out, static_cast<double>(blob.size));
    w.U64(blob.crc64);
    size_t at = out.size();
    out.resize(at + kHexDigits);
    StoreHex(out.data() + at, blob.id);
  }
  return out;
}

PagePacker::PagePacker(size_t text_from, uint32_t limit) : text_from_(text_from) {
  // As many as most pages hold: grown step by step they would be copied as often as filled.
  size_t count = std::min<size_t>(limit, 1000);
  entries_.reserve(count * kPageEntry);
  ids_.reserve(count * kHexDigits);
  text_.reserve(count * kHexDigits);
}

void PagePacker::Add(ByteSpan key, ByteSpan row, bool is_prefix) {
  if (is_prefix) {
    row_ = {};
  } else if (Status status = format::DecodeIndexRow(row, &row_); !status.ok()) {
    status_ = status;
    return;
  }
  ByteSpan text = key.subspan(std::min(text_from_, key.size()));
  if (!is_prefix) {
    const void* zero = memchr(text.data(), 0, text.size());
    if (zero) text = text.first(static_cast<const uint8_t*>(zero) - text.data());
  }
  ascii_ = ascii_ && IsAscii(text);
  const format::BlobReference& blob = row_.row.blob;
  bool has_blob = !is_prefix && blob.kind != format::BlobKind::kNone;
  uint8_t* out = Grow(&entries_, kPageEntry);
  StoreDouble(out, static_cast<double>(row_.revision));
  StoreDouble(out + 8, static_cast<double>(row_.row.modified));
  StoreDouble(out + 16, static_cast<double>(blob.size));
  StoreLittle(out + 24, blob.crc64);
  StoreLittle(out + 32, static_cast<uint32_t>(text_.size()));
  StoreLittle(out + 36, static_cast<uint32_t>(text.size()));
  StoreLittle(out + 40, static_cast<uint32_t>(bodies_.size()));
  StoreLittle(out + 44, static_cast<uint32_t>(row_.row.body.size()));
  StoreLittle(out + 48, (is_prefix ? 1u : 0u) | (has_blob ? 2u : 0u));
  StoreLittle(out + 52, uint32_t{0});
  StoreDouble(out + 56, static_cast<double>(format::VersionOf(row_.row, row_.revision)));
  StoreHex(Grow(&ids_, kHexDigits), blob.id);
  ByteWriter(&text_).Raw(text);
  ByteWriter(&bodies_).Raw(row_.row.body);
  ++count_;
}

Bytes PagePacker::Finish(const index::ScanEnd& end) const {
  size_t text_at = kPageHead + entries_.size() + ids_.size();
  size_t bodies_at = text_at + text_.size();
  size_t resume_at = bodies_at + bodies_.size();
  Bytes out;
  out.reserve(resume_at + end.resume.size());
  ByteWriter w(&out);
  w.U32(count_);
  w.U32((end.truncated ? 1u : 0u) | (ascii_ ? 2u : 0u));
  w.U32(static_cast<uint32_t>(text_at));
  w.U32(static_cast<uint32_t>(text_.size()));
  w.U32(static_cast<uint32_t>(bodies_at));
  w.U32(static_cast<uint32_t>(resume_at));
  w.U32(static_cast<uint32_t>(end.resume.size()));
  w.U32(0);
  for (const Bytes* each : {&entries_, &ids_, &text_, &bodies_, &end.resume}) w.Raw(*each);
  return out;
}

}  // namespace strongroom::binding
