// Completions: how the engine's threads hand results to the JavaScript thread of one environment,
// a few at a time, so that timers and sockets have their turn however many results there are.
//
//   Post -> queue -> turn (function 0), turn (function 0), ...: a round
//                 -> turn (function 1), ...: the next round, after the event loop came round
//
// One thread-safe function would not do: what is called while it runs, it takes in the same turn
// of the event loop, up to a thousand times. That is quick, and welcome for a while; a round that
// has lasted long enough leaves the rest to the other function.
//
// Begin runs on the JavaScript thread, Post on any. While something is pending the event loop is
// kept alive; a store that is merely open does not keep a process from ending.
#pragma once

#include <napi.h>

#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
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
  // One of the two functions, with the reference that a late call of it needs.
  struct Turn {
    std::shared_ptr<Completions> completions;
    size_t number;
  };
  napi_threadsafe_function NewFunction(Napi::Env env, size_t number);
  void Push(Item item);
  void TakeTurn(Napi::Env env, size_t number);
  std::vector<Item> TakeItems();
  uint64_t RoundNanos() const;
  void EndTurn(std::span<Item> left);
  void CallNext();  // REQUIRES: mutex_ held.
  void Run(Napi::Env env, Item& item);

  napi_threadsafe_function functions_[2] = {};
  napi_env env_ = nullptr;
  size_t pending_ = 0;  // JavaScript thread only, as is:
  struct {
    size_t number = 2;  // Of the function that has it; none yet.
    uint64_t began = 0;
    size_t items = 0;
  } round_;
  std::mutex mutex_;  // Guards the rest.
  std::deque<Item> items_;
  size_t next_ = 0;      // Whose turn is the next.
  bool called_ = false;  // It was called and has not ended its turn.
  bool closed_ = false;
};

// A promise and the way to settle it. Held by whoever works for it; settled on the JavaScript
// thread.
class PromiseTask {
 public:
  // Whether it keeps the process alive until it is settled.
  enum class Awaited { kNo, kYes };
  PromiseTask(Napi::Env env, std::shared_ptr<Completions> completions,
              Awaited awaited = Awaited::kYes)
      : completions_(std::move(completions)),
        deferred_(Napi::Promise::Deferred::New(env)),
        awaited_(awaited) {
    if (awaited_ == Awaited::kYes) completions_->Begin();
  }
  Napi::Promise promise() const { return deferred_.Promise(); }
  // Any thread. `make` runs on the JavaScript thread and returns the value.
  template <typename Make>
  static void Resolve(std::shared_ptr<PromiseTask> self, Make make) {
    auto* task = self.get();
    task->Post([self = std::move(self), make = std::move(make)](Napi::Env env) {
      try {
        Napi::Value value = make(env);
        if (!value.IsEmpty()) self->deferred_.Resolve(value);
      } catch (const Napi::Error& error) {
        self->deferred_.Reject(error.Value());
      }
    });
  }
  static void Reject(std::shared_ptr<PromiseTask> self, const Status& status);

 private:
  void Post(Completions::Task task) {
    if (awaited_ == Awaited::kYes) {
      completions_->Post(std::move(task));
    } else {
      completions_->PostEvent(std::move(task));
    }
  }

  const std::shared_ptr<Completions> completions_;
  Napi::Promise::Deferred deferred_;
  const Awaited awaited_;
};

}  // namespace strongroom::binding
