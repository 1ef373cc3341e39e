#include "binding/completions.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "binding/status_to_js.h"
#include "io/posix_env.h"

namespace strongroom::binding {

namespace {

// What settles a promise is quick, but the caller's code that waits for it runs when the turn ends:
// so turns are short, and a round, the turns that follow each other without the event loop coming
// round, has an end.
constexpr size_t kItemsOfTurn = 16;
constexpr size_t kItemsOfRound = 256;
constexpr uint64_t kNanosOfRound = 500'000;

}  // namespace

std::shared_ptr<Completions> Completions::Create(Napi::Env env) {
  auto self = std::make_shared<Completions>();
  self->env_ = env;
  for (size_t i = 0; i < 2; ++i) self->functions_[i] = self->NewFunction(env, i);
  return self;
}

napi_threadsafe_function Completions::NewFunction(Napi::Env env, size_t number) {
  auto* turn = new Turn{shared_from_this(), number};
  napi_threadsafe_function_call_js call = [](napi_env env, napi_value, void* context, void*) {
    if (env == nullptr) return;
    auto* turn = static_cast<Turn*>(context);
    turn->completions->TakeTurn(Napi::Env(env), turn->number);
  };
  napi_finalize finalize = [](napi_env, void* data, void*) {
    auto* turn = static_cast<Turn*>(data);
    turn->completions->Close();
    delete turn;
  };
  napi_threadsafe_function function = nullptr;
  napi_value name = Napi::String::New(env, "strongroom");
  if (napi_create_threadsafe_function(env, nullptr, nullptr, name, 0, 1, turn, finalize, turn, call,
                                      &function) != napi_ok) {
    delete turn;
    throw Napi::Error::New(env, "cannot create a thread-safe function");
  }
  napi_unref_threadsafe_function(env, function);
  return function;
}

void Completions::Begin() {
  if (pending_++ == 0) napi_ref_threadsafe_function(env_, functions_[0]);
}

void Completions::Post(Task task) { Push({std::move(task), true}); }
void Completions::PostEvent(Task task) { Push({std::move(task), false}); }

void Completions::Push(Item item) {
  std::lock_guard<std::mutex> lock(mutex_);
  if (closed_) return;
  items_.push_back(std::move(item));
  if (!called_) CallNext();
}

void Completions::CallNext() {
  called_ = true;
  napi_call_threadsafe_function(functions_[next_], nullptr, napi_tsfn_nonblocking);
}

void Completions::TakeTurn(Napi::Env env, size_t number) {
  Napi::HandleScope all(env);
  if (number != round_.number) round_ = {number, io::PosixEnv()->MonotonicNanos(), 0};
  std::vector<Item> items = TakeItems();
  size_t ran = 0;
  while (ran < items.size()) {
    Run(env, items[ran++]);
    if (RoundNanos() >= kNanosOfRound) break;
  }
  round_.items += ran;
  EndTurn(std::span(items).subspan(ran));
}

uint64_t Completions::RoundNanos() const { return io::PosixEnv()->MonotonicNanos() - round_.began; }

// All of one turn at once: whoever posts should not meet this thread at the lock for every item.
std::vector<Completions::Item> Completions::TakeItems() {
  std::vector<Item> items;
  std::lock_guard<std::mutex> lock(mutex_);
  const auto end = items_.begin() + static_cast<long>(std::min(items_.size(), kItemsOfTurn));
  items.assign(std::make_move_iterator(items_.begin()), std::make_move_iterator(end));
  items_.erase(items_.begin(), end);
  return items;
}

void Completions::EndTurn(std::span<Item> left) {
  const bool round_ends = round_.items >= kItemsOfRound || RoundNanos() >= kNanosOfRound;
  std::lock_guard<std::mutex> lock(mutex_);
  if (closed_) return;
  items_.insert(items_.begin(), std::make_move_iterator(left.begin()),
                std::make_move_iterator(left.end()));
  next_ = round_ends ? 1 - round_.number : round_.number;
  called_ = false;
  if (!items_.empty()) CallNext();
}

void Completions::Run(Napi::Env env, Item& item) {
  Napi::HandleScope scope(env);
  try {
    item.task(env);
  } catch (const Napi::Error&) {
    // A promise that cannot be settled because the environment is going.
  }
  item.task = nullptr;  // What it owns goes now, not with the next one.
  if (item.pending && --pending_ == 0) napi_unref_threadsafe_function(env, functions_[0]);
}

void Completions::Close() {
  std::deque<Item> dropped;
  std::lock_guard<std::mutex> lock(mutex_);
  closed_ = true;
  items_.swap(dropped);
}

void PromiseTask::Reject(std::shared_ptr<PromiseTask> self, const Status& status) {
  auto* task = self.get();
  task->Post([self = std::move(self), status](Napi::Env env) {
    self->deferred_.Reject(StatusToJs(env, status).Value());
  });
}

}  // namespace strongroom::binding
