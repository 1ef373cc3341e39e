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

// One JavaScript handle on an engine that others may share.
class EngineHandle {
 public:
  explicit EngineHandle(Attached attached) : attached_(std::move(attached)) {}
  engine::Engine& operator*() { return *attached_.engine; }
  engine::Engine* operator->() { return attached_.engine.get(); }
  void Close();  // Blocks. Idempotent.

 private:
  Attached attached_;
  std::atomic<bool> closed_{false};
};

}  // namespace strongroom::binding
