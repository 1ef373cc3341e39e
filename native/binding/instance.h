// What one environment owns of the addon, and its handle on an engine that others may share.
#pragma once

#include <napi.h>

#include <atomic>
#include <memory>

#include "binding/completions.h"
#include "binding/hidden_buffers.h"
#include "binding/registry.h"
#include "engine/engine.h"

namespace strongroom::binding {

// Of one environment.
struct Instance {
  std::shared_ptr<Completions> completions;
  std::shared_ptr<HiddenBuffers> hidden = std::make_shared<HiddenBuffers>();
  Napi::FunctionReference engine, writer, reader;
};
inline Instance& InstanceOf(Napi::Env env) { return *env.GetInstanceData<Instance>(); }

// What `instanceof` cannot prove, since a prototype may be exchanged: which class of ours made the
// native value that an object holds.
constexpr napi_type_tag kEngineTag = {0x737472'6f6e6772ull, 0x6f6f6d'656e6731ull};
constexpr napi_type_tag kWriterTag = {0x737472'6f6e6772ull, 0x6f6f6d'77727431ull};
constexpr napi_type_tag kReaderTag = {0x737472'6f6e6772ull, 0x6f6f6d'72647231ull};
void TagAs(const Napi::Value& object, const napi_type_tag& tag);
bool IsTagged(const Napi::Value& value, const napi_type_tag& tag);

using Maker = std::weak_ptr<engine::Engine>;

// One JavaScript handle on an engine that others may share.
class EngineHandle {
 public:
  explicit EngineHandle(Attached attached) : attached_(std::move(attached)) {}
  engine::Engine& operator*() { return *attached_.engine; }
  engine::Engine* operator->() { return attached_.engine.get(); }
  // What one engine made serves no other: a row would name a blob, or need a key, that the other
  // store does not have. Weak, since what JavaScript holds must not keep an engine.
  Maker maker() const { return attached_.engine; }
  bool Made(const Maker& maker) const {
    return !maker.owner_before(attached_.engine) && !attached_.engine.owner_before(maker);
  }
  void Close();  // Blocks. Idempotent.

 private:
  Attached attached_;
  std::atomic<bool> closed_{false};
};

}  // namespace strongroom::binding
