#include "binding/writer_wrap.h"

#include <mutex>

#include "binding/convert.h"
#include "binding/status_to_js.h"

namespace strongroom::binding {

struct WriterWrap::Shared {
  std::shared_ptr<EngineHandle> handle;
  std::shared_ptr<blob::BlobWriter> writer;
  std::shared_ptr<hash::Digests> digests;
  std::mutex mutex;  // Guards the rest.
  engine::NamedBlob blob;
  bool finished = false, taken = false;
};

Napi::Function WriterWrap::Define(Napi::Env env) {
  return DefineClass(
      env, "BlobWriter",
      {InstanceMethod("offer", &WriterWrap::Offer), InstanceMethod("finish", &WriterWrap::Finish),
       InstanceMethod("abort", &WriterWrap::Abort),
       InstanceMethod("pieceMax", &WriterWrap::PieceMax)});
}

Napi::Value WriterWrap::Create(Napi::Env env, std::shared_ptr<EngineHandle> handle,
                               engine::Engine::NewBlob blob,
                               std::shared_ptr<hash::Digests> digests) {
  auto shared = std::make_shared<Shared>();
  shared->handle = std::move(handle);
  shared->writer = std::move(blob.writer);
  shared->blob = {blob.reference, true, blob.placement, 0, blob.replaced};
  shared->digests = std::move(digests);
  return InstanceOf(env).writer.New({Napi::External<std::shared_ptr<Shared>>::New(env, &shared)});
}

WriterWrap::WriterWrap(const Napi::CallbackInfo& info) : Napi::ObjectWrap<WriterWrap>(info) {
  if (!info[0].IsExternal()) throw Napi::TypeError::New(info.Env(), "Illegal constructor");
  shared_ = *info[0].As<Napi::External<std::shared_ptr<Shared>>>().Data();
  TagAs(info.This(), kWriterTag);
}

WriterWrap* WriterWrap::From(const Napi::Value& value) {
  if (!IsTagged(value, kWriterTag)) throw Napi::TypeError::New(value.Env(), "not a writer");
  return Unwrap(value.As<Napi::Object>());
}

engine::NamedBlob TakenWriters::Take(const EngineHandle& handle, const Napi::Value& value) {
  auto writer = WriterWrap::From(value)->shared_;
  if (!handle.Made(writer->handle->maker())) {
    throw Napi::TypeError::New(value.Env(), "a writer of another store");
  }
  std::lock_guard<std::mutex> lock(writer->mutex);
  const char* why = !writer->finished ? "the blob is not finished" : "a commit has the blob";
  if (!writer->finished || writer->taken) {
    throw StatusToJs(value.Env(), Status(Code::kInvalidArgument, why));
  }
  writer->taken = true;
  writers_.push_back(writer);
  return writer->blob;
}

void TakenWriters::GiveBack() {
  for (const auto& writer : writers_) {
    std::lock_guard<std::mutex> lock(writer->mutex);
    writer->taken = false;
  }
}

Napi::Value WriterWrap::PieceMax(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), static_cast<double>(shared_->writer->piece_max()));
}

// offer(parts, last): true when taken, else a promise of the moment to offer the same again.
Napi::Value WriterWrap::Offer(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  std::vector<ByteSpan> parts = ViewsOf(info[0]);
  // Made only when it is needed: a piece that is taken at once costs no promise.
  struct Again {
    std::mutex mutex;
    bool called = false;
    std::shared_ptr<PromiseTask> task;
  };
  auto again = std::make_shared<Again>();
  auto wake = [](const std::shared_ptr<PromiseTask>& task) {
    PromiseTask::Resolve(task, [](Napi::Env env) { return Napi::Boolean::New(env, false); });
  };
  auto taken = shared_->writer->Offer(parts, info[1].ToBoolean(), [again, wake] {
    std::lock_guard<std::mutex> lock(again->mutex);
    again->called = true;
    if (again->task) wake(again->task);
  });
  if (!taken.ok()) throw StatusToJs(env, taken.status());
  if (*taken) return Napi::Boolean::New(env, true);
  auto task = std::make_shared<PromiseTask>(env, InstanceOf(env).completions);
  Napi::Promise promise = task->promise();
  std::lock_guard<std::mutex> lock(again->mutex);
  if (again->called) {
    wake(task);
  } else {
    again->task = task;
  }
  return promise;
}

// finish(): a packed commit of one blob, and the digests behind it.
Napi::Value WriterWrap::Finish(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  auto task = std::make_shared<PromiseTask>(env, InstanceOf(env).completions);
  Napi::Promise promise = task->promise();
  shared_->writer->Finish([task, shared = shared_](Result<blob::BlobDone> done) {
    if (!done.ok()) return PromiseTask::Reject(task, done.status());
    (*shared->handle)->BlobWritten(*done);
    std::shared_ptr<Bytes> packed;
    {
      std::lock_guard<std::mutex> lock(shared->mutex);
      shared->blob.reference.size = done->size;
      shared->blob.reference.crc64 = done->crc64;
      shared->blob.zones = done->zones_written;
      shared->finished = true;
      packed = std::make_shared<Bytes>(PackCommit(0, {shared->blob.reference}));
    }
    if (shared->digests) {
      const Bytes values = shared->digests->Finish();
      packed->insert(packed->end(), values.begin(), values.end());
    }
    PromiseTask::Resolve(task, [packed](Napi::Env env) { return ToBuffer(env, *packed); });
  });
  return promise;
}

Napi::Value WriterWrap::Abort(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  auto task = std::make_shared<PromiseTask>(env, InstanceOf(env).completions);
  Napi::Promise promise = task->promise();
  auto done = [task] { PromiseTask::Resolve(task, [](Napi::Env env) { return env.Undefined(); }); };
  bool finished, taken;
  engine::GoneBlob blob;
  {
    std::lock_guard<std::mutex> lock(shared_->mutex);
    finished = shared_->finished;
    taken = shared_->taken;
    blob = {shared_->blob.reference.kind, shared_->blob.reference.id, shared_->blob.placement};
  }
  if (taken) {
    done();  // A row names the blob, or may do so yet.
  } else if (finished) {
    // Durable, but no commit took it: its files go like those of a row that went.
    (*shared_->handle)->DropBlob(blob);
    done();
  } else {
    shared_->writer->Abort(done);
  }
  return promise;
}

}  // namespace strongroom::binding
