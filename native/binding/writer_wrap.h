// WriterWrap: the JavaScript face of a large blob on its way in.
#pragma once

#include <napi.h>

#include <vector>

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

 private:
  friend class TakenWriters;
  struct Shared;
  static WriterWrap* From(const Napi::Value& value);
  Napi::Value Offer(const Napi::CallbackInfo& info);
  Napi::Value Finish(const Napi::CallbackInfo& info);
  Napi::Value Abort(const Napi::CallbackInfo& info);
  Napi::Value PieceMax(const Napi::CallbackInfo& info);
  std::shared_ptr<Shared> shared_;
};

// The writers that one commit names: no other may, and their abort() leaves the blob to it. They
// are given back when it certainly failed, or was never submitted.
class TakenWriters {
 public:
  TakenWriters() = default;
  TakenWriters(const TakenWriters&) = delete;
  TakenWriters& operator=(const TakenWriters&) = delete;
  ~TakenWriters() {
    if (!submitted_) GiveBack();
  }
  // The blob of a finished writer. Throws for anything else, for one that is taken, and for one of
  // another store.
  engine::NamedBlob Take(const EngineHandle& handle, const Napi::Value& value);
  void Submitted() { submitted_ = true; }
  void GiveBack();  // From any thread.

 private:
  std::vector<std::shared_ptr<WriterWrap::Shared>> writers_;
  bool submitted_ = false;
};

}  // namespace strongroom::binding
