#include "binding/completions.h"

#include "binding/status_to_js.h"

namespace strongroom::binding {

std::shared_ptr<Completions> Completions::Create(Napi::Env env) {
  auto self = std::make_shared<Completions>();
  self->env_ = env;
  napi_value name = Napi::String::New(env, "strongroom");
  // The function holds a reference of its own, so that a late call never meets a freed object.
  auto* held = new std::shared_ptr<Completions>(self);
  napi_threadsafe_function_call_js call = [](napi_env env, napi_value, void* context, void*) {
    if (env == nullptr) return;
    (*static_cast<std::shared_ptr<Completions>*>(context))->Drain(Napi::Env(env));
  };
  napi_finalize finalize = [](napi_env, void* data, void*) {
    auto* held = static_cast<std::shared_ptr<Completions>*>(data);
    (*held)->Close();
    delete held;
  };
  napi_status status = napi_create_threadsafe_function(env, nullptr, nullptr, name, 0, 1, held,
                                                       finalize, held, call, &self->function_);
  if (status != napi_ok) {
    delete held;
    throw Napi::Error::New(env, "cannot create a thread-safe function");
  }
  napi_unref_threadsafe_function(env, self->function_);
  return self;
}

void Completions::Begin() {
  if (pending_++ == 0) napi_ref_threadsafe_function(env_, function_);
}

void Completions::Post(Task task) { Push({std::move(task), true}); }
void Completions::PostEvent(Task task) { Push({std::move(task), false}); }

void Completions::Push(Item item) {
  std::lock_guard<std::mutex> lock(mutex_);
  if (closed_) return;
  items_.push_back(std::move(item));
  if (items_.size() == 1) {
    napi_call_threadsafe_function(function_, nullptr, napi_tsfn_nonblocking);
  }
}

void Completions::Drain(Napi::Env env) {
  std::vector<Item> items;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    items.swap(items_);
  }
  Napi::HandleScope all(env);
  for (Item& item : items) {
    Napi::HandleScope scope(env);
    try {
      item.task(env);
    } catch (const Napi::Error&) {
      // A promise that cannot be settled because the environment is going.
    }
    if (item.pending && --pending_ == 0) napi_unref_threadsafe_function(env, function_);
  }
}

void Completions::Close() {
  std::vector<Item> dropped;
  std::lock_guard<std::mutex> lock(mutex_);
  closed_ = true;
  items_.swap(dropped);
}

void PromiseTask::Resolve(std::shared_ptr<PromiseTask> self,
                          std::function<Napi::Value(Napi::Env)> make) {
  auto& completions = *self->completions_;
  completions.Post([self = std::move(self), make = std::move(make)](Napi::Env env) {
    try {
      Napi::Value value = make(env);
      if (!value.IsEmpty()) self->deferred_.Resolve(value);
    } catch (const Napi::Error& error) {
      self->deferred_.Reject(error.Value());
    }
  });
}

void PromiseTask::Reject(std::shared_ptr<PromiseTask> self, const Status& status) {
  auto& completions = *self->completions_;
  completions.Post([self = std::move(self), status](Napi::Env env) {
    self->deferred_.Reject(StatusToJs(env, status).Value());
  });
}

}  // namespace strongroom::binding
