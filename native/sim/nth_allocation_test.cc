// Die at the n-th allocation: the core has no exceptions, so memory that is not there ends the
// process in operator new. Wherever that happens, it is a crash like any other: the store opens
// again and holds what was told.
//
// A slice by default; STRONGROOM_EXHAUSTIVE=0 takes every n.
#include <cstdlib>
#include <new>

#include "base/testing.h"
#include "io/sim_env.h"
#include "sim/store.h"

// A sanitizer brings an operator new of its own and must keep it.
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define STRONGROOM_OWN_NEW 0
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define STRONGROOM_OWN_NEW 0
#endif
#if !defined(STRONGROOM_OWN_NEW)

namespace {

// Counted while a run counts, on its own thread. At the last one the machine is gone: nothing that
// the process does from then on reaches a disk, and nobody hears an answer.
thread_local uint64_t allocations_left = 0;
thread_local strongroom::io::SimEnv* dies = nullptr;
thread_local uint64_t allocations = 0;

void* Allocate(size_t size) {
  ++allocations;
  if (dies != nullptr && allocations_left > 0 && --allocations_left == 0) dies->Crash();
  void* memory = malloc(size == 0 ? 1 : size);
  if (memory == nullptr) abort();
  return memory;
}

}  // namespace

void* operator new(size_t size) { return Allocate(size); }
void* operator new[](size_t size) { return Allocate(size); }
void operator delete(void* memory) noexcept { free(memory); }
void operator delete[](void* memory) noexcept { free(memory); }
void operator delete(void* memory, size_t) noexcept { free(memory); }
void operator delete[](void* memory, size_t) noexcept { free(memory); }

namespace strongroom::sim {

using io::SimDisk;
using io::SimEnv;

namespace {

struct Process {
  SimDisk disk;
  Bucket bucket;
  Model model;

  void Do(SimEnv& env, Store& store, const Changes& changes) {
    if (env.IsCrashed()) return;
    model.Begin(changes);
    Status status = store.Commit(changes);
    if (!env.IsCrashed() && status.ok()) model.Settle(changes);
  }

  // Dies at the n-th allocation. How many there were until then, or until its end.
  uint64_t Run(uint64_t n, size_t zones) {
    SimEnv env(&disk, 7);
    uint64_t took = 0;
    EXPECT_OK(env.Run([&] {
      allocations = 0;
      allocations_left = n;
      dies = &env;
      auto store = Store::Open(&env, zones, &bucket);
      if (store.ok()) {
        Do(env, **store, {{"small", Body{1, 800}}});
        Do(env, **store, {{"large", Body{2, kLargeFrom + 20'000}}, {"s2", Body{3, 3}}});
        Do(env, **store, {{"copy", Body{2, kLargeFrom + 20'000}, "large"}});
        Do(env, **store, {{"large", std::nullopt}, {"small", std::nullopt}});
        (*store)->Close();
      }
      took = allocations;
      dies = nullptr;
    }));
    return took;
  }
};

std::string Judge(Process process, size_t zones) {
  SimEnv env(&process.disk, 11);
  std::string wrong;
  Status ran = env.Run([&] {
    auto store = Store::Open(&env, zones, &process.bucket);
    if (!store.ok()) return void(wrong = store.status().ToString());
    auto account = (*store)->ReadAll();
    if (!account.ok()) return void(wrong = account.status().ToString());
    for (const auto& refusal : account->refusals) wrong += refusal.key + " is refused ";
    wrong += account->wrong + Compare(process.model, account->rows).first;
    (*store)->Close();
  });
  return ran.ok() ? wrong : ran.ToString();
}

}  // namespace

TEST(NthAllocation, LeavesAWholeStoreWhereTheProcessDies) {
  for (size_t zones : {1, 3}) {
    Process made;
    for (size_t zone = 1; zone <= zones; ++zone) made.disk.MakeDirectories(Store::ZonePath(zone));
    made.Run(UINT64_MAX, zones);
    EXPECT_EQ(made.model.pending.size(), size_t{0});
    Process whole = made;
    const uint64_t all = whole.Run(UINT64_MAX, zones);
    const uint64_t runs = std::min<uint64_t>(testing::SampleSize(40), all);
    testing::Random random(testing::Seed());
    for (uint64_t i = 1; i <= runs; ++i) {
      const uint64_t n = runs == all ? i : 1 + random.Below(all);
      Process process = made;
      process.Run(n, zones);
      std::string wrong = Judge(process, zones);
      if (wrong.empty()) continue;
      testing::Fail(__FILE__, __LINE__, "dead at allocation " + std::to_string(n) + ": " + wrong);
    }
    printf("  %zu of %zu allocations\n", static_cast<size_t>(runs), static_cast<size_t>(all));
  }
}

}  // namespace strongroom::sim

#endif
