// WriterWrap: the JavaScript face of a large blob on its way in.
#pragma once

#include <napi.h>

#include "binding/instance.h"
#include "hash/digests.h"

namespace strongroom::binding {

class WriterWrap : public Napi::ObjectWrap<WriterWrap> {
 public:
  static Napi::Function Define(Napi::Env env);
  explicit WriterWrap(const Napi::CallbackInfo& info);
  // `digests`, if any, see the plaintext.
  static Napi::Value Create(Napi::Env env, std::shared_ptr<EngineHandle> handle,
                            engine::Engine::NewBlob blob, std::shared_ptr<hash::Digests> digests);
  // The finished blob, for a commit. kInvalidArgument before finish() succeeded.
  Result<engine::NamedBlob> Finished() const;
  static WriterWrap* From(const Napi::Value& value);

 private:
  struct Shared;
  Napi::Value Offer(const Napi::CallbackInfo& info);
  Napi::Value Finish(const Napi::CallbackInfo& info);
  Napi::Value Abort(const Napi::CallbackInfo& info);
  Napi::Value PieceMax(const Napi::CallbackInfo& info);
  std::shared_ptr<Shared> shared_;
};

}  // namespace strongroom::binding
