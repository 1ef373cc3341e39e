// EngineWrap: the JavaScript face of an engine. Each method reads its arguments into plain structs,
// schedules, and maps the result; no decisions here.
#pragma once

#include <napi.h>

#include "binding/instance.h"
#include "binding/writer_wrap.h"

namespace strongroom::binding {

class EngineWrap : public Napi::ObjectWrap<EngineWrap> {
 public:
  static Napi::Function Define(Napi::Env env);
  static Napi::Value Create(Napi::Env env, Attached attached);
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
  Napi::Value PartsOfFound(const Napi::CallbackInfo& info);
  void Release(const Napi::CallbackInfo& info);
  Napi::Value CreateParts(const Napi::CallbackInfo& info);
  Napi::Value Scan(const Napi::CallbackInfo& info);
  Napi::Value CommitOne(const Napi::CallbackInfo& info);
  Napi::Value Commit(const Napi::CallbackInfo& info);
  Napi::Value Checkpoint(const Napi::CallbackInfo& info);
  Napi::Value AwaitChange(const Napi::CallbackInfo& info);
  Napi::Value WriteBlob(const Napi::CallbackInfo& info);
  Napi::Value Verify(const Napi::CallbackInfo& info);
  Napi::Value VerifyRow(const Napi::CallbackInfo& info);
  Napi::Value Quarantine(const Napi::CallbackInfo& info);
  Napi::Value ReplaceZone(const Napi::CallbackInfo& info);
  Napi::Value BackUp(const Napi::CallbackInfo& info);
  Napi::Value Digest(const Napi::CallbackInfo& info);
  Napi::Value Status(const Napi::CallbackInfo& info);
  Napi::Value TakeZoneAway(const Napi::CallbackInfo& info);
  void BringZoneBack(const Napi::CallbackInfo& info);
  Napi::Value Compact(const Napi::CallbackInfo& info);
  Napi::Value Close(const Napi::CallbackInfo& info);
  Napi::Value Submit(Napi::Env env, engine::Transaction transaction,
                     std::shared_ptr<TakenWriters> taken);
  std::shared_ptr<EngineHandle> handle_;
};

}  // namespace strongroom::binding
