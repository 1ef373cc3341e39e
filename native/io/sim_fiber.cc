// Fibers over ucontext, announced to the sanitizers; or over threads that wait for their turn.
#include "io/sim_fiber.h"

#include <stddef.h>

#include <memory>
#include <vector>

#include "base/check.h"

#if !defined(__GLIBC__) && !defined(STRONGROOM_FIBER_THREADS)
#define STRONGROOM_FIBER_THREADS
#endif
#if defined(STRONGROOM_FIBER_THREADS)
#include <thread>

#include "base/sync.h"
#else
#include <sys/mman.h>
#include <ucontext.h>
#endif
#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/common_interface_defs.h>
#include <sanitizer/lsan_interface.h>
#endif
#if defined(__SANITIZE_THREAD__)
#include <sanitizer/tsan_interface.h>
#endif

namespace strongroom::io {

namespace {

#if defined(STRONGROOM_FIBER_THREADS)

class ThreadFiber final : public Fiber {
 public:
  explicit ThreadFiber(bool of_thread) : cond_(&mutex_) {
    if (!of_thread) thread_ = std::thread([this] { Main(); });
  }
  ~ThreadFiber() {
    if (!thread_.joinable()) return;
    entry_ = nullptr;
    Wake();
    thread_.join();
  }
  void Prepare(Entry entry, void* argument) {
    entry_ = entry;
    argument_ = argument;
  }
  void Abandon() {}  // The leak checker looks into the stacks of all threads.
  void SwitchTo(ThreadFiber* to) {
    to->Wake();
    Sleep();
  }

 private:
  void Main();
  void Wake() {
    Scheduler* scheduler = Scheduler::Current();
    Scheduler::SetCurrent(nullptr);  // These locks are between real threads.
    {
      MutexLock lock(&mutex_);
      turn_ = true;
    }
    cond_.Signal();
    Scheduler::SetCurrent(scheduler);
  }
  void Sleep() {
    Scheduler* scheduler = Scheduler::Current();
    Scheduler::SetCurrent(nullptr);
    {
      MutexLock lock(&mutex_);
      while (!turn_) cond_.Wait();
      turn_ = false;
    }
    Scheduler::SetCurrent(scheduler);
  }

  Mutex mutex_;
  CondVar cond_;
  bool turn_ = false;
  Entry entry_ = nullptr;
  void* argument_ = nullptr;
  std::thread thread_;
};
using Native = ThreadFiber;

#else

// Room for LevelDB and OpenSSL under a sanitizer; only touched pages cost memory.
constexpr size_t kStackSize = 1 << 20;
constexpr size_t kGuardSize = 4096;

class ContextFiber final : public Fiber {
 public:
  explicit ContextFiber(bool of_thread) {
    if (!of_thread) MakeStack();
#if defined(__SANITIZE_THREAD__)
    tsan_ = of_thread ? __tsan_get_current_fiber() : __tsan_create_fiber(0);
#endif
  }
  ~ContextFiber() {
    if (mapped_ == nullptr) return;
#if defined(__SANITIZE_THREAD__)
    __tsan_destroy_fiber(tsan_);
#endif
    munmap(mapped_, kGuardSize + kStackSize);
  }
  void Prepare(Entry entry, void* argument) {
    entry_ = entry;
    argument_ = argument;
  }
  void Abandon() {
#if defined(__SANITIZE_ADDRESS__)
    __lsan_register_root_region(bottom_, size_);
#endif
  }
  void SwitchTo(ContextFiber* to);

 private:
  void MakeStack() {
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
    mapped_ = mmap(nullptr, kGuardSize + kStackSize, PROT_READ | PROT_WRITE, flags, -1, 0);
    CHECK(mapped_ != MAP_FAILED);
    CHECK(mprotect(mapped_, kGuardSize, PROT_NONE) == 0);
    bottom_ = static_cast<char*>(mapped_) + kGuardSize;
    size_ = kStackSize;
    CHECK(getcontext(&context_) == 0);
    context_.uc_stack.ss_sp = const_cast<void*>(bottom_);
    context_.uc_stack.ss_size = size_;
    context_.uc_link = nullptr;
    makecontext(&context_, &ContextFiber::Main, 0);
  }
  static void Main();
  void Arrived();

  ucontext_t context_;
  Entry entry_ = nullptr;
  void* argument_ = nullptr;
  void* mapped_ = nullptr;
  const void* bottom_ = nullptr;
  size_t size_ = 0;
  void* shadow_ = nullptr;  // AddressSanitizer's stack beside the stack.
  void* tsan_ = nullptr;
};
using Native = ContextFiber;

#endif

struct ThreadFibers {
  Native of_thread{true};
  Native* running = &of_thread;
  Native* left = nullptr;  // Who gave the turn away last.
  std::vector<Native*> resting;
  ~ThreadFibers() {
    for (Native* fiber : resting) delete fiber;
  }
};

#if defined(STRONGROOM_FIBER_THREADS)

// One baton for all: whichever thread asks, the group's state is that of the thread that began it.
ThreadFibers& Group() {
  static ThreadFibers* group = new ThreadFibers;
  return *group;
}
void ThreadFiber::Main() {
  for (Sleep(); entry_ != nullptr;) {
    entry_(argument_);
  }
}

#else

ThreadFibers& Group() {
  static thread_local ThreadFibers group;
  return group;
}

void ContextFiber::SwitchTo(ContextFiber* to) {
  Group().left = this;
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_start_switch_fiber(&shadow_, to->bottom_, to->size_);
#endif
#if defined(__SANITIZE_THREAD__)
  __tsan_switch_to_fiber(to->tsan_, 0);
#endif
  CHECK(swapcontext(&context_, &to->context_) == 0);
  Arrived();
}

void ContextFiber::Arrived() {
#if defined(__SANITIZE_ADDRESS__)
  ContextFiber* left = Group().left;
  __sanitizer_finish_switch_fiber(shadow_, &left->bottom_, &left->size_);
#endif
}

void ContextFiber::Main() {
  ContextFiber* self = Group().running;
  self->Arrived();
  for (;;) self->entry_(self->argument_);
}

#endif

}  // namespace

Fiber* Fiber::OfThread() { return &Group().of_thread; }

Fiber* Fiber::Take(Entry entry, void* argument) {
  auto& resting = Group().resting;
  Native* fiber;
  if (resting.empty()) {
    fiber = new Native(false);
  } else {
    fiber = resting.back();
    resting.pop_back();
  }
  fiber->Prepare(entry, argument);
  return fiber;
}

void Fiber::Give(Fiber* fiber) { Group().resting.push_back(static_cast<Native*>(fiber)); }

void Fiber::Abandon(Fiber* fiber) {
  static auto* abandoned = new std::vector<Fiber*>;
  abandoned->push_back(fiber);
  static_cast<Native*>(fiber)->Abandon();
}

void Fiber::Switch(Fiber* to) {
  ThreadFibers& group = Group();
  Native* from = group.running;
  if (from == to) return;
  group.running = static_cast<Native*>(to);
  from->SwitchTo(group.running);
}

}  // namespace strongroom::io
