// EngineWrap, WriterWrap, ReaderWrap: the JavaScript faces of an engine and its large blobs. Each
// method reads its arguments into plain structs, schedules, and maps the result; no decisions here.
#pragma once

#include <napi.h>

#include "binding/completions.h"
#include "engine/engine.h"

namespace strongroom::binding {

// Of one environment.
struct Instance {
  std::shared_ptr<Completions> completions;
  Napi::FunctionReference engine, writer, reader;
};

// One JavaScript handle on an engine that others may share.
class EngineHandle {
 public:
  explicit EngineHandle(std::shared_ptr<engine::Engine> engine) : engine_(std::move(engine)) {}
  engine::Engine& operator*() { return *engine_; }
  engine::Engine* operator->() { return engine_.get(); }
  void Close();  // Blocks. Idempotent.

 private:
  std::shared_ptr<engine::Engine> engine_;
  std::atomic<bool> closed_{false};
};

class EngineWrap : public Napi::ObjectWrap<EngineWrap> {
 public:
  static Napi::Function Define(Napi::Env env);
  static Napi::Value Create(Napi::Env env, std::shared_ptr<engine::Engine> engine);
  explicit EngineWrap(const Napi::CallbackInfo& info);
  // An engine that was never closed is closed when its object goes, at the latest with the
  // environment.
  ~EngineWrap() override {
    if (handle_) handle_->Close();
  }

 private:
  Napi::Value Describe(const Napi::CallbackInfo& info);
  Napi::Value CreateKey(const Napi::CallbackInfo& info);
  Napi::Value OpenKey(const Napi::CallbackInfo& info);
  Napi::Value Get(const Napi::CallbackInfo& info);
  Napi::Value OpenReader(const Napi::CallbackInfo& info);
  Napi::Value Scan(const Napi::CallbackInfo& info);
  Napi::Value CommitOne(const Napi::CallbackInfo& info);
  Napi::Value Commit(const Napi::CallbackInfo& info);
  Napi::Value WriteBlob(const Napi::CallbackInfo& info);
  Napi::Value Status(const Napi::CallbackInfo& info);
  Napi::Value Close(const Napi::CallbackInfo& info);
  Napi::Value Submit(Napi::Env env, engine::Transaction transaction);
  std::shared_ptr<EngineHandle> handle_;
};

class WriterWrap : public Napi::ObjectWrap<WriterWrap> {
 public:
  static Napi::Function Define(Napi::Env env);
  explicit WriterWrap(const Napi::CallbackInfo& info);
  static Napi::Value Create(Napi::Env env, std::shared_ptr<EngineHandle> handle,
                            engine::Engine::NewBlob blob);
  // The finished blob, for a commit. kInvalidArgument before finish() succeeded.
  Result<format::BlobReference> Finished() const;
  static WriterWrap* From(const Napi::Value& value);

 private:
  struct Shared;
  Napi::Value Offer(const Napi::CallbackInfo& info);
  Napi::Value Finish(const Napi::CallbackInfo& info);
  Napi::Value Abort(const Napi::CallbackInfo& info);
  Napi::Value PieceMax(const Napi::CallbackInfo& info);
  std::shared_ptr<Shared> shared_;
};

class ReaderWrap : public Napi::ObjectWrap<ReaderWrap> {
 public:
  static Napi::Function Define(Napi::Env env);
  explicit ReaderWrap(const Napi::CallbackInfo& info);
  static Napi::Value Create(Napi::Env env, std::shared_ptr<EngineHandle> handle,
                            std::shared_ptr<blob::BlobReader> reader, std::shared_ptr<void> pin,
                            uint64_t offset, uint64_t length);

 private:
  Napi::Value Read(const Napi::CallbackInfo& info);
  void Close(const Napi::CallbackInfo& info);
  std::shared_ptr<EngineHandle> handle_;
  std::shared_ptr<blob::BlobReader> reader_;
  std::shared_ptr<void> pin_;
  std::shared_ptr<uint64_t> offset_ = std::make_shared<uint64_t>(0);
  uint64_t end_ = 0;
};

}  // namespace strongroom::binding
