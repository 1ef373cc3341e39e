#include "binding/reader_wrap.h"

#include <utility>

#include "binding/status_to_js.h"

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
  hidden_ = InstanceOf(info.Env()).hidden;
  TagAs(info.This(), kReaderTag);
}

HiddenBuffers::Made ReaderWrap::BufferFor(Napi::Env env, uint64_t offset, uint64_t end) {
  if (next_ && next_->offset == offset) {
    HiddenBuffers::Made made = std::move(next_->made);
    next_.reset();
    return made;
  }
  DropNext();
  return InstanceOf(env).hidden->Make(env, static_cast<size_t>(end - offset));
}

void ReaderWrap::DropNext() {
  auto hidden = hidden_.lock();
  if (hidden && next_) hidden->Drop(next_->made.id);
  next_.reset();
}

void ReaderWrap::MakeNext(Napi::Env env, uint64_t offset) {
  if (offset >= end_) return;
  try {
    next_ = Next{offset, BufferFor(env, offset, reader_->PieceEnd(offset, end_))};
  } catch (const Napi::Error&) {
    // No memory for what nobody has asked for: then nothing is read ahead.
  }
}

Napi::Value ReaderWrap::Read(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  const uint64_t offset = *offset_;
  if (!reader_ || offset >= end_) {
    auto deferred = Napi::Promise::Deferred::New(env);
    deferred.Resolve(env.Null());
    return deferred.Promise();
  }
  const uint64_t end = reader_->PieceEnd(offset, end_);
  // Before the promise: there may be no memory for it.
  const HiddenBuffers::Made here = BufferFor(env, offset, end);
  MakeNext(env, end);
  auto task = std::make_shared<PromiseTask>(env, InstanceOf(env).completions);
  Napi::Promise promise = task->promise();
  auto done = [task, id = here.id, next = offset_, end](Result<blob::BlobPiece> result) {
    auto piece = std::make_shared<Result<blob::BlobPiece>>(std::move(result));
    PromiseTask::Resolve(task, [piece, id, next, end](Napi::Env env) -> Napi::Value {
      HiddenBuffers& hidden = *InstanceOf(env).hidden;
      if (!piece->ok()) {
        hidden.Drop(id);
        throw StatusToJs(env, piece->status());
      }
      (*piece)->Release();
      *next = end;
      return hidden.Show(id);
    });
  };
  reader_->ReadInto(offset, end_, {here.landing, next_ ? next_->made.landing : nullptr}, done);
  return promise;
}

void ReaderWrap::Close(const Napi::CallbackInfo&) {
  if (reader_) reader_->Close();
  DropNext();
  reader_ = nullptr;
  pin_ = nullptr;
}

}  // namespace strongroom::binding
