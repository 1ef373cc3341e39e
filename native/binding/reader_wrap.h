// ReaderWrap: the JavaScript face of a large blob on its way out.
#pragma once

#include <napi.h>

#include <memory>
#include <optional>

#include "binding/instance.h"

namespace strongroom::binding {

class ReaderWrap : public Napi::ObjectWrap<ReaderWrap> {
 public:
  static Napi::Function Define(Napi::Env env);
  explicit ReaderWrap(const Napi::CallbackInfo& info);
  ~ReaderWrap() override { DropNext(); }
  static Napi::Value Create(Napi::Env env, std::shared_ptr<EngineHandle> handle,
                            std::shared_ptr<blob::BlobReader> reader, std::shared_ptr<void> pin,
                            uint64_t offset, uint64_t length);

 private:
  // The buffer of the piece behind the one that was asked for, which may be read ahead.
  struct Next {
    uint64_t offset = 0;
    HiddenBuffers::Made made;
  };
  HiddenBuffers::Made BufferFor(Napi::Env env, uint64_t offset, uint64_t end);
  void MakeNext(Napi::Env env, uint64_t offset);
  void DropNext();
  Napi::Value Read(const Napi::CallbackInfo& info);
  void Close(const Napi::CallbackInfo& info);
  std::shared_ptr<EngineHandle> handle_;
  std::shared_ptr<blob::BlobReader> reader_;
  std::shared_ptr<void> pin_;
  std::shared_ptr<uint64_t> offset_ = std::make_shared<uint64_t>(0);
  uint64_t end_ = 0;
  std::weak_ptr<HiddenBuffers> hidden_;  // Gone with the environment, perhaps before us.
  std::optional<Next> next_;
};

}  // namespace strongroom::binding
