// The simulated machine: crashes at each call, faults, dead disks, and the threads of the product
// on it.
#include "io/sim_env.h"

#include <chrono>
#include <set>

#include "base/scratch.h"
#include "base/testing.h"
#include "io/task_queue.h"

namespace strongroom::io {

namespace {

constexpr uint64_t kMillisecond = 1000000;
constexpr uint64_t kSecond = 1000 * kMillisecond;
constexpr OpenOptions kRead{OpenMode::kRead};
constexpr OpenOptions kReadWrite{OpenMode::kReadWrite};
constexpr OpenOptions kCreate{OpenMode::kCreate};
constexpr OpenOptions kReplace{OpenMode::kReplace};

SimDisk DiskWithZones() {
  SimDisk disk;
  for (const char* zone : {"/a", "/b", "/c"}) disk.MakeDirectories(zone);
  return disk;
}
Status WriteFile(Env* env, const std::string& path, std::string_view text) {
  TRY_ASSIGN(auto file, env->Open(path, kReplace));
  TRY(file->WriteAt(0, AsBytes(text)));
  return file->Sync();
}
std::string ReadFile(Env* env, const std::string& path) {
  auto file = env->Open(path, kRead);
  if (!file.ok()) return CodeName(file.status().code());
  Bytes out(100000);
  auto n = (*file)->ReadAt(0, out);
  if (!n.ok()) return CodeName(n.status().code());
  return std::string(AsString(ByteSpan(out).first(*n)));
}
// Replaces a file as a careful program does; `skip` leaves out one of its two barriers.
Status ReplaceFile(Env* env, std::string_view text, const std::string& skip = "") {
  TRY_ASSIGN(auto file, env->Open("/a/t", kReplace));
  TRY(file->WriteAt(0, AsBytes(text)));
  if (skip != "file sync") TRY(file->Sync());
  TRY(env->Rename("/a/t", "/a/f"));
  return skip == "folder sync" ? Status() : env->SyncDirectory("/a");
}

// Crashes at every call of a run that replaces a file thrice, in many ways each time, and looks
// whether what was acknowledged is there, whole. Returns the bad outcomes.
int CrashEverywhere(const std::string& skip) {
  testing::Random random(testing::Seed());
  const std::string texts[] = {std::string(3000, '0'), std::string(3000, '1'),
                               std::string(3000, '2')};
  int bad = 0;
  for (uint64_t n = 1;; ++n) {
    SimDisk disk = DiskWithZones();
    SimEnv env(&disk, testing::Seed());
    env.CrashAtIo(n);
    size_t acknowledged = 0;
    EXPECT_OK(env.Run([&] {
      for (const std::string& text : texts) {
        if (!ReplaceFile(&env, text, skip).ok()) return;
        ++acknowledged;
      }
    }));
    for (int way = 0; way < 30; ++way) {
      SimDisk crashed = disk;
      crashed.Crash(random, CrashStyle::kRandom);
      SimEnv next(&crashed, testing::Seed() + n);
      EXPECT_OK(next.Run([&] {
        std::string seen = ReadFile(&next, "/a/f");
        bool old = acknowledged == 0 ? seen == CodeName(Code::kNotFound)
                                     : seen == texts[acknowledged - 1];
        bool newer = acknowledged < 3 && seen == texts[acknowledged];
        bad += !old && !newer;
      }));
    }
    if (!env.IsCrashed()) return bad;
  }
}

}  // namespace

// Story: the machine loses power before each call in turn. The careful program loses nothing;
// without either of its barriers the simulator catches it.
TEST(SimEnv, CrashesAtEachCallFindAMissingBarrier) {
  EXPECT_EQ(CrashEverywhere(""), 0);
  EXPECT(CrashEverywhere("file sync") > 0);
  EXPECT(CrashEverywhere("folder sync") > 0);
}

TEST(SimEnv, AfterACrashNothingReachesTheDisk) {
  SimDisk disk = DiskWithZones();
  SimEnv env(&disk, testing::Seed());
  bool unwound = false;
  EXPECT_OK(env.Run([&] {
    EXPECT_OK(WriteFile(&env, "/a/f", "before"));
    EXPECT_OK(env.SyncDirectory("/a"));
    auto file = env.Open("/a/f", kReadWrite);
    auto lock = env.Lock("/a/lock", false);
    ASSERT_OK(file);
    ASSERT_OK(lock);
    Mutex mutex;
    CondVar cond(&mutex);
    bool stop = false;
    auto loop = env.StartThread("loop", [&] {
      MutexLock hold(&mutex);
      while (!stop) cond.WaitFor(kSecond);
    });
    env.Crash();
    EXPECT_CODE((*file)->WriteAt(0, AsBytes("after!")), Code::kIo);
    EXPECT_CODE((*file)->Sync(), Code::kIo);
    EXPECT_CODE((*file)->Truncate(0), Code::kIo);
    EXPECT_CODE((*file)->Info(), Code::kIo);
    EXPECT_CODE(env.Open("/a/f", kRead), Code::kIo);
    EXPECT_CODE(env.Open("/a/g", kCreate), Code::kIo);
    EXPECT_CODE(env.Remove("/a/f"), Code::kIo);
    EXPECT_CODE(env.Rename("/a/f", "/a/g"), Code::kIo);
    EXPECT_CODE(env.List("/a"), Code::kIo);
    EXPECT_CODE(env.Stat("/a/none"), Code::kIo);
    EXPECT_CODE(env.Lock("/a/lock2", false), Code::kIo);
    env.SleepMicros(10000000);
    {
      MutexLock hold(&mutex);
      stop = true;
      cond.Signal();
    }
    loop->Join();
    unwound = true;
  }));
  EXPECT(unwound && env.IsCrashed());
  testing::Random random(testing::Seed());
  disk.Crash(random, CrashStyle::kKeepAll);
  SimEnv next(&disk, testing::Seed() + 1);
  EXPECT_OK(next.Run([&] {
    EXPECT_EQ(ReadFile(&next, "/a/f"), "before");
    EXPECT_OK(next.Lock("/a/lock", false));  // The dead run's lock is gone.
  }));
}

// A process that dies leaves the page cache: its unsynced bytes are read, and then may still be
// lost.
TEST(SimEnv, AProcessDiesBeforeItsMachine) {
  SimDisk disk = DiskWithZones();
  SimEnv first(&disk, testing::Seed());
  EXPECT_OK(first.Run([&] {
    EXPECT_OK(WriteFile(&first, "/a/f", "old"));
    EXPECT_OK(first.SyncDirectory("/a"));
    auto file = first.Open("/a/f", kReadWrite);
    EXPECT_OK((*file)->WriteAt(0, AsBytes("new")));
  }));
  SimEnv second(&disk, testing::Seed() + 1);
  EXPECT_OK(second.Run([&] { EXPECT_EQ(ReadFile(&second, "/a/f"), "new"); }));
  testing::Random random(testing::Seed());
  disk.Crash(random, CrashStyle::kLoseAll);
  SimEnv third(&disk, testing::Seed() + 2);
  EXPECT_OK(third.Run([&] { EXPECT_EQ(ReadFile(&third, "/a/f"), "old"); }));
}

TEST(SimEnv, OnIoShowsEachCrashImageOfOneRun) {
  SimDisk disk = DiskWithZones();
  std::vector<SimDisk> images;
  SimEnv whole(&disk, 7);
  whole.on_io = [&](SimIo, const std::string&) { images.push_back(disk); };
  EXPECT_OK(whole.Run([&] { EXPECT_OK(ReplaceFile(&whole, "text")); }));
  EXPECT_EQ(images.size(), whole.IoCount());
  EXPECT_EQ(images.size(), 5u);  // create, write, sync, rename, sync folder
  for (uint64_t n = 1; n <= images.size(); ++n) {
    SimDisk again = DiskWithZones();
    SimEnv cut(&again, 7);
    cut.CrashAtIo(n);
    EXPECT_OK(cut.Run([&] { EXPECT_CODE(ReplaceFile(&cut, "text"), Code::kIo); }));
    for (CrashStyle style : {CrashStyle::kLoseAll, CrashStyle::kKeepAll}) {
      testing::Random random(1);
      SimDisk left = again, right = images[n - 1];
      left.Crash(random, style);
      right.Crash(random, style);
      EXPECT_EQ(left.DurableHash(), right.DurableHash());
    }
  }
}

TEST(SimEnv, OneSeedOneRun) {
  auto run = [](uint64_t seed) {
    SimDisk disk = DiskWithZones();
    SimEnv env(&disk, seed);
    std::string order;
    EXPECT_OK(env.Run([&] {
      std::vector<std::unique_ptr<Thread>> threads;
      for (const char* zone : {"/a", "/b", "/c"}) {
        threads.push_back(env.StartThread(zone, [&env, &order, zone] {
          for (int i = 0; i < 3; ++i) {
            EXPECT_OK(WriteFile(&env, std::string(zone) + "/f", "x"));
            order += zone[1];
          }
        }));
      }
      for (auto& thread : threads) thread->Join();
      Bytes random(4);
      env.Random(random);
      order += ToHex(random);
    }));
    return order + ":" + std::to_string(env.TraceHash());
  };
  std::set<std::string> runs;
  for (uint64_t i = 0; i < 20; ++i) {
    runs.insert(run(testing::Seed() + i));
    EXPECT_EQ(run(testing::Seed() + i), run(testing::Seed() + i));
  }
  EXPECT_EQ(runs.size(), 20u);
}

TEST(SimEnv, FaultsStrikeWhereAndWhenTheyAreTold) {
  SimDisk disk = DiskWithZones();
  SimEnv env(&disk, testing::Seed());
  EXPECT_OK(env.Run([&] {
    env.AddFault({.prefix = "/b", .kinds = kIoSync, .skip = 1, .count = 1});
    EXPECT_OK(WriteFile(&env, "/b/f", "1"));
    EXPECT_OK(WriteFile(&env, "/a/f", "1"));
    EXPECT_CODE(WriteFile(&env, "/b/f", "2"), Code::kIo);
    EXPECT_OK(WriteFile(&env, "/b/f", "3"));
    uint64_t full = env.AddFault({.prefix = "/c", .kinds = kIoWrite, .count = UINT64_MAX,
                                  .code = Code::kNoSpace});
    EXPECT_CODE(WriteFile(&env, "/c/f", "1"), Code::kNoSpace);
    EXPECT_CODE(WriteFile(&env, "/c/f", "1"), Code::kNoSpace);
    env.RemoveFault(full);
    EXPECT_OK(WriteFile(&env, "/c/f", "1"));
    env.AddFault({.kinds = kIoAny, .code = Code::kReadOnly});
    EXPECT_CODE(env.List("/a"), Code::kReadOnly);
    EXPECT_OK(env.List("/a"));
  }));
}

// Every call of a run fails once, and each failure reaches the caller.
TEST(SimEnv, EveryCallCanFail) {
  for (uint64_t n = 0;; ++n) {
    SimDisk disk = DiskWithZones();
    SimEnv env(&disk, testing::Seed());
    env.AddFault({.kinds = kIoChanging, .skip = n});
    Status status;
    EXPECT_OK(env.Run([&] { status = ReplaceFile(&env, "text"); }));
    if (n == env.IoCount()) {
      EXPECT_OK(status);
      EXPECT_EQ(n, 5u);
      return;
    }
    EXPECT_CODE(status, Code::kIo);
  }
}

TEST(SimEnv, LostAndMisdirectedWrites) {
  SimDisk disk = DiskWithZones();
  SimEnv env(&disk, testing::Seed());
  EXPECT_OK(env.Run([&] {
    EXPECT_OK(WriteFile(&env, "/a/f", std::string(8192, '.')));
    auto file = env.Open("/a/f", kReadWrite);
    env.AddFault({.effect = SimEffect::kLose, .kinds = kIoWrite});
    EXPECT_OK((*file)->WriteAt(0, AsBytes("lost")));
    EXPECT_EQ(ReadFile(&env, "/a/f"), std::string(8192, '.'));
    env.AddFault({.effect = SimEffect::kMisdirect, .kinds = kIoWrite});
    EXPECT_OK((*file)->WriteAt(0, AsBytes("astray")));
    EXPECT_EQ(ReadFile(&env, "/a/f").substr(4096, 6), "astray");
    env.AddFault({.effect = SimEffect::kMisdirect, .kinds = kIoRead});
    EXPECT_EQ(ReadFile(&env, "/a/f").substr(0, 6), "astray");
  }));
}

// Story: zone b stops answering. Its thread hangs, the waiter is free at its deadline, the queue
// lets the thread go, and when the disk comes back its late write lands.
TEST(SimEnv, AHangingDiskHoldsNobodyUp) {
  for (uint64_t i = 0; i < 50; ++i) {
    SimDisk disk = DiskWithZones();
    SimEnv env(&disk, testing::Seed() + i);
    EXPECT_OK(env.Run([&] {
      uint64_t hang = env.AddFault(
          {.effect = SimEffect::kHang, .prefix = "/b", .kinds = kIoWrite, .count = UINT64_MAX});
      {
        TaskQueue queue(&env, "b", 1);
        uint64_t before = env.MonotonicNanos();
        EXPECT_CODE(queue.Run([&env] { return WriteFile(&env, "/b/f", "late"); }, 2 * kSecond),
                    Code::kTimedOut);
        EXPECT(env.MonotonicNanos() - before >= 2 * kSecond);
        EXPECT_EQ(queue.Stuck(kSecond), 1u);
        EXPECT(!queue.Stop(kSecond));
      }
      EXPECT_EQ(ReadFile(&env, "/b/f"), "");
      env.RemoveFault(hang);
      env.SleepMicros(1000);
      EXPECT_EQ(ReadFile(&env, "/b/f"), "late");
    }));
  }
}

TEST(SimEnv, AThreadThatHangsForEverEndsWithTheProcess) {
  SimDisk disk = DiskWithZones();
  SimEnv env(&disk, testing::Seed());
  Status late;
  EXPECT_OK(env.Run([&] {
    env.AddFault({.effect = SimEffect::kHang, .prefix = "/b"});
    env.StartThread("b", [&] { late = WriteFile(&env, "/b/f", "x"); })->Detach();
  }));
  EXPECT(!env.IsCrashed());
  EXPECT_CODE(late, Code::kIo);
}

// Waiting without a deadline for a disk that hangs is the mistake that the report must name.
TEST(SimEnv, AWaitWithoutDeadlineOnADeadDiskIsADeadlock) {
  auto* disk = new SimDisk(DiskWithZones());  // A deadlock leaves its tasks where they stand.
  auto* env = new SimEnv(disk, testing::Seed());
  Status outcome = env->Run([env] {
    env->AddFault({.effect = SimEffect::kHang, .prefix = "/b", .kinds = kIoSync});
    auto thread = env->StartThread("zone-b", [env] { (void)WriteFile(env, "/b/f", "x"); });
    thread->Join();
  });
  EXPECT_CODE(outcome, Code::kTimedOut);
  EXPECT_EQ(outcome.message(),
            "deadlock: main waits for the end of a thread; "
            "zone-b waits for a hanging sync of /b/f;");
}

TEST(SimEnv, ASlowDiskTakesSimulatedTime) {
  SimDisk disk = DiskWithZones();
  SimEnv env(&disk, testing::Seed());
  EXPECT_OK(env.Run([&] {
    env.AddFault({.effect = SimEffect::kSlow, .prefix = "/b", .kinds = kIoSync,
                  .delay_nanos = 3600 * kSecond});
    uint64_t before = env.MonotonicNanos();
    EXPECT_OK(WriteFile(&env, "/b/f", "x"));
    EXPECT(env.MonotonicNanos() - before >= 3600 * kSecond);
  }));
}

// Story: a write that lands while a sync is under way. The sync's success does not cover it.
TEST(SimEnv, ASyncDoesNotCoverWhatIsWrittenMeanwhile) {
  SimDisk disk = DiskWithZones();
  SimEnv env(&disk, testing::Seed());
  EXPECT_OK(env.Run([&] {
    EXPECT_OK(WriteFile(&env, "/a/f", "..."));
    EXPECT_OK(env.SyncDirectory("/a"));
    auto file = env.Open("/a/f", kReadWrite);
    EXPECT_OK((*file)->WriteAt(0, AsBytes("1")));
    env.AddFault({.effect = SimEffect::kSlow, .kinds = kIoSync, .delay_nanos = kSecond});
    auto syncer = env.StartThread("syncer", [&] { EXPECT_OK((*file)->Sync()); });
    env.SleepMicros(1000);
    EXPECT_OK((*file)->WriteAt(1, AsBytes("2")));
    syncer->Join();
  }));
  EXPECT_EQ(std::string(AsString(disk.ReadDurable("/a/f"))), "1..");
}

TEST(SimEnv, ACrashFreesWhatHangs) {
  SimDisk disk = DiskWithZones();
  SimEnv env(&disk, testing::Seed());
  EXPECT_OK(env.Run([&] {
    env.AddFault({.effect = SimEffect::kHang, .prefix = "/b"});
    auto thread = env.StartThread("b", [&] {
      EXPECT_CODE(WriteFile(&env, "/b/f", "x"), Code::kIo);
    });
    env.SleepMicros(10);
    env.Crash();
    thread->Join();
  }));
  EXPECT_EQ(disk.Files("/").size(), 0u);
}

TEST(SimEnv, ADiskThatIsGone) {
  SimDisk disk = DiskWithZones();
  SimEnv env(&disk, testing::Seed());
  EXPECT_OK(env.Run([&] {
    EXPECT_OK(WriteFile(&env, "/b/f", "x"));
    auto file = env.Open("/b/f", kReadWrite);
    disk.Hide("/b");
    EXPECT_CODE(env.Open("/b/f", kRead), Code::kNotFound);
    EXPECT_CODE(env.Open("/b/g", kCreate), Code::kNotFound);
    EXPECT_CODE(env.Stat("/b"), Code::kNotFound);
    EXPECT_CODE((*file)->WriteAt(0, AsBytes("y")), Code::kIo);
    EXPECT_CODE((*file)->Sync(), Code::kIo);
    disk.Show("/b");
    EXPECT_EQ(ReadFile(&env, "/b/f"), "x");
    // Deleted under us instead: writing goes on, only the links tell.
    disk.RemoveTree("/b");
    EXPECT_OK((*file)->WriteAt(0, AsBytes("y")));
    EXPECT_OK((*file)->Sync());
    EXPECT_EQ((*file)->Info()->links, 0u);
    EXPECT_CODE(env.Stat("/b"), Code::kNotFound);
  }));
}

TEST(SimEnv, AFullDisk) {
  SimDisk disk = DiskWithZones();
  disk.SetCapacity("/a", 2 * 4096);
  SimEnv env(&disk, testing::Seed());
  EXPECT_OK(env.Run([&] {
    EXPECT_EQ(env.FreeBytes("/a").value(), 8192u);
    auto file = env.Open("/a/f", kCreate);
    EXPECT_OK((*file)->Allocate(8192));
    EXPECT_CODE((*file)->Allocate(8193), Code::kNoSpace);
    EXPECT_OK((*file)->WriteAt(4096, AsBytes("reserved")));
    EXPECT_CODE((*file)->WriteAt(8192, AsBytes("x")), Code::kNoSpace);
    EXPECT_EQ((*file)->Info()->size, 8192u);
    EXPECT_CODE(WriteFile(&env, "/a/g", "x"), Code::kNoSpace);
    EXPECT_OK(WriteFile(&env, "/b/g", "x"));
    EXPECT_OK(env.Remove("/a/f"));
    EXPECT_OK(WriteFile(&env, "/a/g", "x"));
  }));
}

TEST(SimEnv, LinksLeadToOneLock) {
  SimDisk disk = DiskWithZones();
  disk.MakeLink("/alias", "/a");
  disk.MakeLink("/b/up", "../a");
  SimEnv env(&disk, testing::Seed());
  EXPECT_OK(env.Run([&] {
    auto held = env.Lock("/a/lock", false);
    ASSERT_OK(held);
    EXPECT_CODE(env.Lock("/alias/lock", false), Code::kLocked);
    EXPECT_CODE(env.Lock("/b/up/lock", false), Code::kLocked);
    EXPECT_EQ(env.Stat("/alias/lock")->inode, env.Stat("/a/lock")->inode);
  }));
}

TEST(SimEnv, ClocksMoveWithTheWorkAndWhenTold) {
  SimDisk disk = DiskWithZones();
  SimEnv env(&disk, testing::Seed());
  EXPECT_OK(env.Run([&] {
    uint64_t wall = env.WallMillis(), monotonic = env.MonotonicNanos();
    EXPECT_OK(WriteFile(&env, "/a/f", "x"));
    EXPECT(env.MonotonicNanos() > monotonic);
    EXPECT(env.MonotonicNanos() - monotonic < kSecond);
    env.SleepMicros(5000000);
    EXPECT(env.WallMillis() - wall >= 5000 && env.WallMillis() - wall < 5010);
    env.StepWallClock(-3600000);
    EXPECT(env.WallMillis() < wall);
    EXPECT(env.MonotonicNanos() - monotonic >= 5 * kSecond);
  }));
}

// Tasks of a TaskQueue under every order that seeds give: each runs once, Stop ends them all.
TEST(SimEnv, TaskQueuesUnderManySeeds) {
  for (uint64_t i = 0; i < 200; ++i) {
    SimDisk disk = DiskWithZones();
    SimEnv env(&disk, testing::Seed() + i);
    int sum = 0, answered = 0, closed = 0;
    EXPECT_OK(env.Run([&] {
      auto queue = std::make_shared<TaskQueue>(&env, "pool", 3);
      std::vector<std::unique_ptr<Thread>> clients;
      for (int c = 0; c < 3; ++c) {
        clients.push_back(env.StartThread("client", [&, queue, c] {
          for (int k = 0; k < 4; ++k) {
            std::string path = "/a/" + std::to_string(c * 10 + k);
            Status status = queue->Run([&, path] {
              ++sum;
              return WriteFile(&env, path, "x");
            }, 10 * kSecond);
            answered += status.ok();
            closed += status.Is(Code::kClosed);
          }
        }));
      }
      env.SleepMicros(i * 20);
      EXPECT(queue->Stop(10 * kSecond));
      for (auto& client : clients) client->Join();
    }));
    EXPECT_EQ(answered + closed, 12);
    EXPECT_EQ(sum, answered);
  }
}

// A crash at any call of that: everything still comes to its end.
// Story: two zones' tasks read at once, each into the memory that its thread keeps for the next
// task. Simulated tasks are of one thread: what was thread_local changed under the one that waited,
// and sound cells looked rotten.
TEST(SimEnv, ATaskThatWaitsKeepsItsScratch) {
  SimDisk disk = DiskWithZones();
  SimEnv env(&disk, testing::Seed());
  EXPECT_OK(env.Run([&] {
    TaskQueue queue(&env, "cells", 4);
    for (uint8_t n = 1; n <= 40; ++n) {
      queue.Post([&env, n] {
        Scratch<Bytes> scratch;
        scratch->assign(100, n);
        env.SleepMicros(n);
        EXPECT_EQ(*scratch, Bytes(100, n));
      });
    }
    EXPECT_OK(queue.Run([] { return Status(); }, kSecond));
    EXPECT(queue.Stop(kSecond));
  }));
}

TEST(SimEnv, TaskQueuesEndAfterACrash) {
  for (uint64_t n = 1;; ++n) {
    SimDisk disk = DiskWithZones();
    SimEnv env(&disk, testing::Seed() + n);
    env.CrashAtIo(n);
    EXPECT_OK(env.Run([&] {
      TaskQueue queue(&env, "pool", 2);
      for (int k = 0; k < 6; ++k) {
        queue.Post([&env, k] { (void)WriteFile(&env, "/a/" + std::to_string(k), "x"); });
      }
      (void)queue.Run([&env] { return WriteFile(&env, "/b/f", "x"); }, kSecond);
    }));
    if (!env.IsCrashed()) break;
    ASSERT(n < 100);
  }
}

// The figure that crash tests live by; printed when it is bad.
TEST(SimEnv, ManyRunsASecond) {
  auto start = std::chrono::steady_clock::now();
  constexpr int kRuns = 2000;
  SimDisk disk = DiskWithZones();
  for (int i = 0; i < kRuns; ++i) {
    SimDisk copy = disk;
    SimEnv env(&copy, static_cast<uint64_t>(i));
    EXPECT_OK(env.Run([&] {
      TaskQueue queue(&env, "zone", 1);
      EXPECT_OK(queue.Run([&] { return WriteFile(&env, "/a/f", "x"); }, kSecond));
    }));
  }
  double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  EXPECT(kRuns / seconds > 500);
}

}  // namespace strongroom::io
