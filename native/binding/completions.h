// Completions: how the engine's threads hand results to the JavaScript thread of one environment,
// many at a time through one thread-safe function.
//
// Begin and Done run on the JavaScript thread, Post on any. While something is pending the event
// loop is kept alive; a store that is merely open does not keep a process from ending.
#pragma once

#include <napi.h>

#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "base/status.h"

namespace strongroom::binding {

class Completions : public std::enable_shared_from_this<Completions> {
 public:
  using Task = std::function<void(Napi::Env)>;
  static std::shared_ptr<Completions> Create(Napi::Env env);

  void Begin();  // One more result is pending.
  // Runs `task` on the JavaScript thread and counts one pending result as come. Dropped when the
  // environment is gone.
  void Post(Task task);
  // The same without a pending result: events.
  void PostEvent(Task task);
  void Close();  // The environment goes: nothing is delivered from here on.

 private:
  struct Item {
    Task task;
    bool pending;
  };
  void Push(Item item);
  void Drain(Napi::Env env);
  napi_threadsafe_function function_ = nullptr;
  napi_env env_ = nullptr;
  size_t pending_ = 0;  // JavaScript thread only.
  std::mutex mutex_;    // Guards the rest.
  std::vector<Item> items_;
  bool closed_ = false;
};

// A promise and the way to settle it. Held by whoever works for it; settled on the JavaScript
// thread.
class PromiseTask {
 public:
  PromiseTask(Napi::Env env, std::shared_ptr<Completions> completions)
      : completions_(std::move(completions)), deferred_(Napi::Promise::Deferred::New(env)) {
    completions_->Begin();
  }
  Napi::Promise promise() const { return deferred_.Promise(); }
  // Any thread. `make` runs on the JavaScript thread and returns the value.
  static void Resolve(std::shared_ptr<PromiseTask> self,
                      std::function<Napi::Value(Napi::Env)> make);
  static void Reject(std::shared_ptr<PromiseTask> self, const Status& status);

 private:
  std::shared_ptr<Completions> completions_;
  Napi::Promise::Deferred deferred_;
};

}  // namespace strongroom::binding
