// TaskQueue and Completion over real threads; the simulated ones run them in sim_env_test.cc.
#include "io/task_queue.h"

#include <atomic>

#include "base/testing.h"
#include "io/posix_env.h"

namespace strongroom::io {

namespace {
constexpr uint64_t kMillisecond = 1000000;
constexpr uint64_t kSecond = 1000 * kMillisecond;
}  // namespace

TEST(TaskQueue, RunsEachTaskOnceInOrder) {
  TaskQueue queue(PosixEnv(), "test", 1);
  Mutex mutex;
  std::vector<int> seen;
  for (int i = 0; i < 1000; ++i) {
    EXPECT(queue.Post([&, i] {
      MutexLock lock(&mutex);
      seen.push_back(i);
    }));
  }
  EXPECT_OK(queue.Run([] { return Status(); }, 5 * kSecond));
  ASSERT(seen.size() == 1000);
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(seen[i], i);
}

TEST(TaskQueue, SeveralThreadsShareTheTasks) {
  std::atomic<int> sum{0}, inside{0}, most{0};
  {
    TaskQueue queue(PosixEnv(), "test", 4);
    for (int i = 0; i < 400; ++i) {
      queue.Post([&] {
        int now = ++inside;
        for (int old = most; old < now && !most.compare_exchange_weak(old, now);) {
        }
        PosixEnv()->SleepMicros(50);
        --inside;
        ++sum;
      });
    }
    while (sum < 400) PosixEnv()->SleepMicros(100);
    EXPECT(queue.Stop(5 * kSecond));
  }
  EXPECT_EQ(sum.load(), 400);
  EXPECT(most > 1 && most <= 4);
}

TEST(TaskQueue, RunGivesTheStatusOfTheTask) {
  TaskQueue queue(PosixEnv(), "test", 1);
  EXPECT_CODE(queue.Run([] { return Status(Code::kNoSpace, "full"); }, kSecond), Code::kNoSpace);
  EXPECT(queue.Stop(kSecond));
  EXPECT_CODE(queue.Run([] { return Status(); }, kSecond), Code::kClosed);
  EXPECT(!queue.Post([] {}));
}

// Story: a disk dies under a zone's thread. Whoever waits is free at the deadline, tasks behind it
// are dropped, the thread is left alone with what it owns, and that is freed when the disk lets it
// go.
TEST(TaskQueue, AStuckTaskHoldsNobodyUp) {
  auto disk = std::make_shared<Completion>();
  auto owned = std::make_shared<int>(7);
  std::weak_ptr<int> watch = owned;
  auto freed = std::make_shared<Completion>();
  struct Owner {
    std::shared_ptr<int> owned;
    std::shared_ptr<Completion> freed;
    ~Owner() {
      owned = nullptr;
      freed->Set({});
    }
  };
  Status behind;
  {
    TaskQueue queue(PosixEnv(), "test", 1);
    std::shared_ptr<Owner> owner(new Owner{std::move(owned), freed});
    Status stuck = queue.Run([disk, owner = std::move(owner)] {
      (void)disk->Wait(60 * kSecond);
      return Status();
    }, 20 * kMillisecond);
    EXPECT_CODE(stuck, Code::kTimedOut);
    EXPECT_EQ(queue.Stuck(kMillisecond), 1u);
    EXPECT_EQ(queue.Stuck(60 * kSecond), 0u);
    auto waiter = PosixEnv()->StartThread("waiter", [&] {
      behind = queue.Run([] { return Status(); }, 10 * kSecond);
    });
    PosixEnv()->SleepMicros(20000);
    uint64_t before = PosixEnv()->MonotonicNanos();
    EXPECT(!queue.Stop(30 * kMillisecond));
    EXPECT(PosixEnv()->MonotonicNanos() - before >= 30 * kMillisecond);
    waiter->Join();
    EXPECT_CODE(behind, Code::kClosed);
  }
  EXPECT(!watch.expired());
  disk->Set({});
  EXPECT_OK(freed->Wait(5 * kSecond));
  EXPECT(watch.expired());
}

TEST(TaskQueue, WhatATaskOwnsGoesOutsideTheLock) {
  TaskQueue queue(PosixEnv(), "test", 1);
  Completion done;
  struct Poster {
    TaskQueue* queue;
    Completion* done;
    ~Poster() {
      queue->Post([done = done] { done->Set({}); });
    }
  };
  queue.Post([poster = std::shared_ptr<Poster>(new Poster{&queue, &done})] {});
  EXPECT_OK(done.Wait(5 * kSecond));
}

TEST(TaskQueue, IsDestroyedWithWorkLeft) {
  for (int round = 0; round < 50; ++round) {
    auto count = std::make_shared<std::atomic<int>>(0);
    {
      TaskQueue queue(PosixEnv(), "test", 2);
      for (int i = 0; i < round % 7; ++i) queue.Post([count] { ++*count; });
    }
    EXPECT_EQ(count.use_count(), 1);
    EXPECT(*count <= round % 7);
  }
}

TEST(Completion, IsSetOnceAndWaitedForWithADeadline) {
  Completion completion;
  EXPECT(!completion.IsSet());
  uint64_t before = PosixEnv()->MonotonicNanos();
  EXPECT_CODE(completion.Wait(5 * kMillisecond), Code::kTimedOut);
  EXPECT(PosixEnv()->MonotonicNanos() - before >= 5 * kMillisecond);
  completion.Set(Status(Code::kIo, "first"));
  completion.Set(Status());
  EXPECT_CODE(completion.Wait(0), Code::kIo);
  EXPECT_CODE(completion.Wait(UINT64_MAX), Code::kIo);
}

TEST(Completion, MayGoAsSoonAsTheWaitReturned) {
  TaskQueue queue(PosixEnv(), "test", 1);
  for (int i = 0; i < 2000; ++i) {
    Completion completion;
    queue.Post([&] { completion.Set({}); });
    EXPECT_OK(completion.Wait(UINT64_MAX));
  }
}

// The story: the owner of a queue gives up on a stuck thread. What that thread may still touch
// stays until it has ended, the queue itself included.
TEST(TaskQueue, TheThreadThatEndsLastLetsGoOfWhatWasKept) {
  struct Owner {
    std::shared_ptr<TaskQueue> queue;
    std::atomic<bool>* gone;
    ~Owner() { *gone = true; }
  };
  std::atomic<bool> held{true}, gone{false};
  auto owner = std::make_shared<Owner>();
  owner->queue = std::make_shared<TaskQueue>(PosixEnv(), "test", 2);
  owner->gone = &gone;
  owner->queue->Post([&] {
    while (held) PosixEnv()->SleepMicros(100);
  });
  while (owner->queue->Stuck(0) == 0) PosixEnv()->SleepMicros(100);
  EXPECT(!owner->queue->Stop(kMillisecond));
  owner->queue->KeepUntilEnded(owner);
  owner = nullptr;
  EXPECT(!gone);
  held = false;
  while (!gone) PosixEnv()->SleepMicros(100);
}

}  // namespace strongroom::io
