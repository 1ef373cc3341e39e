#include "binding/reader_wrap.h"

#include <algorithm>

#include "binding/convert.h"

namespace strongroom::binding {

Napi::Function ReaderWrap::Define(Napi::Env env) {
  return DefineClass(
      env, "BlobReader",
      {InstanceMethod("read", &ReaderWrap::Read), InstanceMethod("close", &ReaderWrap::Close)});
}

namespace {
struct NewReader {
  std::shared_ptr<EngineHandle> handle;
  std::shared_ptr<blob::BlobReader> reader;
  std::shared_ptr<void> pin;
  uint64_t offset, end;
};
}  // namespace

Napi::Value ReaderWrap::Create(Napi::Env env, std::shared_ptr<EngineHandle> handle,
                               std::shared_ptr<blob::BlobReader> reader, std::shared_ptr<void> pin,
                               uint64_t offset, uint64_t length) {
  NewReader made{std::move(handle), std::move(reader), std::move(pin), offset, offset + length};
  return InstanceOf(env).reader.New({Napi::External<NewReader>::New(env, &made)});
}

ReaderWrap::ReaderWrap(const Napi::CallbackInfo& info) : Napi::ObjectWrap<ReaderWrap>(info) {
  if (!info[0].IsExternal()) throw Napi::TypeError::New(info.Env(), "Illegal constructor");
  NewReader& made = *info[0].As<Napi::External<NewReader>>().Data();
  handle_ = std::move(made.handle);
  reader_ = std::move(made.reader);
  pin_ = std::move(made.pin);
  *offset_ = made.offset;
  end_ = made.end;
}

Napi::Value ReaderWrap::Read(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  auto task = std::make_shared<PromiseTask>(env, InstanceOf(env).completions);
  Napi::Promise promise = task->promise();
  uint64_t left = end_ > *offset_ ? end_ - *offset_ : 0;
  if (!reader_ || left == 0) {
    PromiseTask::Resolve(task, [](Napi::Env env) { return env.Null(); });
    return promise;
  }
  uint64_t size = std::min<uint64_t>(left, reader_->piece_max());
  auto done = [task, offset = offset_](Result<blob::BlobPiece> result) {
    if (!result.ok()) return PromiseTask::Reject(task, result.status());
    auto piece = std::make_shared<blob::BlobPiece>(std::move(*result));
    PromiseTask::Resolve(task, [piece, offset](Napi::Env env) -> Napi::Value {
      *offset += piece->bytes().size();
      Napi::Value out = ToBuffer(env, piece->bytes());
      piece->Release();
      return out;
    });
  };
  reader_->Read(*offset_, size, left - size, done);
  return promise;
}

void ReaderWrap::Close(const Napi::CallbackInfo&) {
  if (reader_) reader_->Close();
  reader_ = nullptr;
  pin_ = nullptr;
}

}  // namespace strongroom::binding
