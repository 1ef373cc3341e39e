// The simulated scheduler: one task at a time, one seed one way, time that jumps, deadlocks that
// speak.
#include "io/sim_scheduler.h"

#include <set>

#include "base/testing.h"

namespace strongroom::io {

namespace {

constexpr uint64_t kSecond = 1000000000;

// Three tasks that each append their letter five times, giving the turn away in between.
std::string Interleave(uint64_t seed, uint64_t* trace = nullptr) {
  SimScheduler scheduler(seed);
  std::string seen;
  EXPECT_OK(scheduler.Run([&] {
    for (char letter : {'a', 'b', 'c'}) {
      scheduler.Start(std::string(1, letter), [&seen, &scheduler, letter] {
        for (int i = 0; i < 5; ++i) {
          seen += letter;
          scheduler.Pause();
        }
      });
    }
  }));
  if (trace != nullptr) *trace = scheduler.TraceHash();
  return seen;
}

}  // namespace

TEST(SimScheduler, OneSeedOneWay) {
  std::set<std::string> ways;
  std::set<uint64_t> traces;
  for (uint64_t i = 0; i < 50; ++i) {
    uint64_t seed = testing::Seed() + i, first, second;
    std::string way = Interleave(seed, &first);
    EXPECT_EQ(way.size(), 15u);
    EXPECT_EQ(way, Interleave(seed, &second));
    EXPECT_EQ(first, second);
    ways.insert(way);
    traces.insert(first);
  }
  // Unequal weights make some ways likely, so a few seeds share one.
  EXPECT(ways.size() > 25);
  EXPECT(traces.size() > 25);
}

TEST(SimScheduler, ARunEndsWhenEveryTaskHas) {
  SimScheduler scheduler(testing::Seed());
  int ended = 0;
  EXPECT_OK(scheduler.Run([&] {
    scheduler.Start("outer", [&] {
      scheduler.Start("inner", [&] {
        for (int i = 0; i < 100; ++i) scheduler.Pause();
        ++ended;
      });
      ++ended;
    });
    ++ended;
  }));
  EXPECT_EQ(ended, 3);
  EXPECT_OK(scheduler.Run([&] { ++ended; }));
  EXPECT_EQ(ended, 4);
}

TEST(SimScheduler, AMutexExcludesAndIsHandedOn) {
  for (uint64_t i = 0; i < 100; ++i) {
    SimScheduler scheduler(testing::Seed() + i);
    Mutex mutex;
    int inside = 0, entered = 0;
    EXPECT_OK(scheduler.Run([&] {
      for (int t = 0; t < 4; ++t) {
        scheduler.Start("task", [&] {
          for (int round = 0; round < 10; ++round) {
            MutexLock lock(&mutex);
            EXPECT_EQ(++inside, 1);
            scheduler.Pause();
            --inside;
            ++entered;
          }
        });
      }
    }));
    EXPECT_EQ(entered, 40);
  }
}

// Two critical sections that should have been one: some order of them loses an update.
TEST(SimScheduler, FindsARaceBetweenCriticalSections) {
  int lost = 0;
  for (uint64_t i = 0; i < 100; ++i) {
    SimScheduler scheduler(testing::Seed() + i);
    Mutex mutex;
    int count = 0;
    auto add = [&] {
      mutex.Lock();
      int seen = count;
      mutex.Unlock();
      mutex.Lock();
      count = seen + 1;
      mutex.Unlock();
    };
    EXPECT_OK(scheduler.Run([&] {
      scheduler.Start("left", add);
      scheduler.Start("right", add);
    }));
    lost += count == 1;
  }
  EXPECT(lost > 0 && lost < 100);
}

// The pattern of LevelDB's writer: it schedules background work, then waits for it on its own
// condition, and with one task at a time only the scheduler can let the other one run.
TEST(SimScheduler, AWriterWaitsForItsBackgroundThread) {
  for (uint64_t i = 0; i < 100; ++i) {
    SimScheduler scheduler(testing::Seed() + i);
    Mutex mutex;
    CondVar work(&mutex), done(&mutex);
    int full = 0, flushed = 0;
    bool closing = false;
    EXPECT_OK(scheduler.Run([&] {
      scheduler.Start("background", [&] {
        MutexLock lock(&mutex);
        for (;;) {
          while (full == 0 && !closing) work.Wait();
          if (full == 0) return;
          mutex.Unlock();
          scheduler.Pause();
          mutex.Lock();
          --full;
          ++flushed;
          done.SignalAll();
        }
      });
      MutexLock lock(&mutex);
      for (int n = 0; n < 20; ++n) {
        while (full > 0) done.Wait();
        ++full;
        work.Signal();
      }
      closing = true;
      work.Signal();
    }));
    EXPECT_EQ(flushed, 20);
  }
}

TEST(SimScheduler, TimeJumpsToTheEarliestDeadline) {
  SimScheduler scheduler(testing::Seed());
  uint64_t start = scheduler.MonotonicNanos();
  std::string order;
  Mutex mutex;
  CondVar never(&mutex);
  EXPECT_OK(scheduler.Run([&] {
    for (uint64_t seconds : {3, 1, 2}) {
      scheduler.Start("sleeper", [&, seconds] {
        MutexLock lock(&mutex);
        EXPECT(!never.WaitFor(seconds * kSecond));
        order += std::to_string(seconds);
      });
    }
  }));
  EXPECT_EQ(order, "123");
  EXPECT_EQ(scheduler.MonotonicNanos() - start, 3 * kSecond);
}

TEST(SimScheduler, ASignalBeforeTheDeadlineIsSeen) {
  SimScheduler scheduler(testing::Seed());
  Mutex mutex;
  CondVar cond(&mutex);
  bool set = false;
  EXPECT_OK(scheduler.Run([&] {
    scheduler.Start("setter", [&] {
      MutexLock lock(&mutex);
      set = true;
      cond.Signal();
    });
    MutexLock lock(&mutex);
    while (!set) EXPECT(cond.WaitFor(kSecond));
  }));
  EXPECT(scheduler.MonotonicNanos() < 2 * kSecond);
}

// One Signal wakes one waiter. Code that relies on more is found as a deadlock, not hidden.
TEST(SimScheduler, ASignalWakesExactlyOne) {
  SimScheduler scheduler(testing::Seed());
  Mutex mutex;
  CondVar cond(&mutex);
  int woken = 0, waiting = 0;
  EXPECT_OK(scheduler.Run([&] {
    for (int t = 0; t < 3; ++t) {
      scheduler.Start("waiter", [&] {
        MutexLock lock(&mutex);
        ++waiting;
        woken += cond.WaitFor(kSecond);
      });
    }
    MutexLock lock(&mutex);
    while (waiting < 3) {
      mutex.Unlock();
      scheduler.Pause();
      mutex.Lock();
    }
    cond.Signal();
    mutex.Unlock();
    auto never = [](void*) { return false; };
    scheduler.WaitUntil(never, nullptr, scheduler.MonotonicNanos() + kSecond / 2, "a while");
    mutex.Lock();
    EXPECT_EQ(woken, 1);
    cond.SignalAll();
  }));
  EXPECT_EQ(woken, 3);
}

TEST(SimScheduler, ADeadlockSaysWhoWaitsForWhat) {
  SimScheduler scheduler(testing::Seed());
  auto* a = new Mutex;  // The tasks of a deadlock stay; so must what they stand on.
  auto* b = new Mutex;
  auto* cond = new CondVar(a);
  Status outcome = scheduler.Run([=, &scheduler] {
    a->Lock();
    scheduler.Start("left", [=] {
      b->Lock();
      a->Lock();
    });
    auto never = [](void*) { return false; };
    scheduler.WaitUntil(never, nullptr, scheduler.MonotonicNanos() + 1000, "a while");
    scheduler.Start("right", [=] { b->Lock(); });
    cond->Wait();
  });
  EXPECT_CODE(outcome, Code::kTimedOut);
  EXPECT_EQ(outcome.message(), "deadlock: main waits for a signal; right waits for a mutex;");
  EXPECT_CODE(scheduler.Run([] {}), Code::kTimedOut);
}

TEST(SimScheduler, ARunWithoutEndIsEnded) {
  SimScheduler scheduler(testing::Seed());
  scheduler.set_steps_max(1000);
  Status outcome = scheduler.Run([&scheduler] {
    for (;;) scheduler.Pause();
  });
  EXPECT_CODE(outcome, Code::kTimedOut);
}

TEST(SimScheduler, StacksAreUsedAgain) {
  for (int i = 0; i < 1000; ++i) {
    SimScheduler scheduler(testing::Seed() + static_cast<uint64_t>(i));
    int ended = 0;
    EXPECT_OK(scheduler.Run([&] {
      for (int t = 0; t < 8; ++t) {
        scheduler.Start("task", [&, t] {
          char page[20000];
          memset(page, t, sizeof page);
          scheduler.Pause();
          ended += page[19999] == page[0];
        });
      }
    }));
    EXPECT_EQ(ended, 8);
  }
}

}  // namespace strongroom::io
