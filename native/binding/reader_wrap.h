// ReaderWrap: the JavaScript face of a large blob on its way out.
#pragma once

#include <napi.h>

#include "binding/instance.h"

namespace strongroom::binding {

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
