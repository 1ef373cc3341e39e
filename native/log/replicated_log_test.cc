// The log over three zones while one of them, or two, fail: who is expelled, what callers hear, how
// long they wait.
#include "log/replicated_log.h"

#include "io/sim_env.h"
#include "log/log_testing.h"

namespace strongroom::log {

namespace {

using io::SimDisk;
using io::SimEffect;
using io::SimEnv;
using io::SimFault;

constexpr uint64_t kDeadline = 2'000'000'000;

// Runs `body` on a store of three zones that has just been opened.
struct Machine {
  SimDisk disk;
  std::unique_ptr<TestStore> store;
  uint64_t lives = 0;

  explicit Machine(std::vector<std::string> paths = {"/a", "/b", "/c"}) {
    for (const auto& path : paths) disk.MakeDirectories(path);
    SimEnv env(&disk, 1000);
    EXPECT_OK(env.Run([&] {
      store = std::make_unique<TestStore>(&env, paths);
      EXPECT_OK(store->Create(&env));
    }));
  }
  void Live(std::function<void(SimEnv&, TestOpen&)> body) {
    SimEnv env(&disk, ++lives);
    EXPECT_OK(env.Run([&] {
      std::vector<size_t> all;
      for (size_t i = 0; i < store->paths.size(); ++i) all.push_back(i);
      TestOpen open;
      ASSERT_OK(open.Open(*store, &env, all));
      open.Serve(kDeadline);
      body(env, open);
    }));
  }
  // What each zone of the set tells after a reopen.
  void ExpectTruth(const Truth& truth) {
    Live([&](SimEnv&, TestOpen& open) {
      for (size_t i : open.recovered.set) {
        auto history = ReadHistory(*open.zones[i].log, store->seal);
        ASSERT_OK(history);
        EXPECT(history->transactions == truth);
      }
      EXPECT_EQ(open.recovered.set.size(), store->paths.size());
    });
  }
};

const std::vector<int> kAll = {1, 2, 3}, kWithoutA = {2, 3};

}  // namespace

TEST(ReplicatedLog, WritesEveryZone) {
  Machine machine;
  machine.Live([](SimEnv&, TestOpen& open) {
    for (uint64_t i = 1; i <= 5; ++i) EXPECT_OK(open.Commit({i}, i == 3 ? 20000 : 0));
    EXPECT(open.log->set() == kAll);
    EXPECT_EQ(open.log->tail().sequence, uint64_t{5});
    open.log->Trim();
  });
  machine.ExpectTruth({1, 2, 3, 4, 5});
}

TEST(ReplicatedLog, ExpelsAZoneThatFailsAndAnswersWell) {
  for (uint32_t kind : {io::kIoWrite, io::kIoSync, io::kIoStat}) {
    Machine machine;
    machine.Live([&](SimEnv& env, TestOpen& open) {
      uint64_t epoch = open.log->epoch();
      env.AddFault({SimEffect::kFail, "/a", kind});
      EXPECT_OK(open.Commit({1}));
      EXPECT(open.log->set() == kWithoutA);
      EXPECT(open.expelled == std::vector<int>{1});
      EXPECT_EQ(open.log->epoch(), epoch + 1);
      EXPECT_OK(open.Commit({2}));
    });
    machine.ExpectTruth({1, 2});
  }
}

TEST(ReplicatedLog, StopsWhenTwoZonesFail) {
  Machine machine;
  machine.Live([](SimEnv& env, TestOpen& open) {
    EXPECT_OK(open.Commit({1}));
    env.AddFault({SimEffect::kFail, "/a", io::kIoSync});
    env.AddFault({SimEffect::kFail, "/b", io::kIoSync});
    EXPECT_CODE(open.Commit({2}), Code::kUnknown);
    std::optional<Status> stopped = open.log->stopped();
    ASSERT(stopped.has_value());
    EXPECT_CODE(*stopped, Code::kQuorumLost);
    EXPECT_CODE(open.Commit({3}), Code::kQuorumLost);
  });
  machine.ExpectTruth({1, 2});  // Zone c has it: adopted whole.
}

// The second zone fails while the epoch without the first is written: it cannot stand.
TEST(ReplicatedLog, StopsWhenTheNewEpochCannotStand) {
  Machine machine;
  machine.Live([](SimEnv& env, TestOpen& open) {
    env.AddFault({SimEffect::kFail, "/a", io::kIoSync});
    env.AddFault({SimEffect::kFail, "/b", io::kIoAllocate});
    EXPECT_CODE(open.Commit({1}), Code::kUnknown);
    EXPECT_CODE(open.Commit({2}), Code::kQuorumLost);
  });
  machine.ExpectTruth({1});
}

TEST(ReplicatedLog, ASingleZoneIsReadOnlyAfterAFailedSync) {
  Machine machine({"/a"});
  machine.Live([](SimEnv& env, TestOpen& open) {
    EXPECT_OK(open.Commit({1}));
    env.AddFault({SimEffect::kFail, "/a", io::kIoSync});
    EXPECT_CODE(open.Commit({2}), Code::kUnknown);
    EXPECT_CODE(open.Commit({3}), Code::kReadOnly);
  });
}

// A full disk is nobody's fault: the write fails, and the next one goes well once there is room.
TEST(ReplicatedLog, AFullDiskExpelsNobody) {
  Machine machine;
  machine.Live([](SimEnv& env, TestOpen& open) {
    EXPECT_OK(open.Commit({1}, 900'000));
    SimFault full{SimEffect::kFail, "/b", io::kIoAllocate};
    full.code = Code::kNoSpace;
    env.AddFault(full);
    EXPECT_CODE(open.Commit({2}, 900'000), Code::kNoSpace);
    EXPECT(open.log->set() == kAll);
    EXPECT(!open.log->stopped().has_value());
    EXPECT_OK(open.Commit({3}, 900'000));
    EXPECT(open.log->set() == kAll);
  });
  machine.ExpectTruth({1, 3});
}

TEST(ReplicatedLog, GrowsItsSegments) {
  Machine machine;
  Truth truth;
  machine.Live([&](SimEnv&, TestOpen& open) {
    for (uint64_t i = 1; i <= 12; ++i) {
      ASSERT_OK(open.Commit({i}, 400'000));
      truth.push_back(i);
    }
  });
  machine.ExpectTruth(truth);
}

// One dead disk costs one call the deadline, and later calls nothing.
TEST(ReplicatedLog, AHangingZoneCostsTheDeadlineOnce) {
  Machine machine;
  machine.Live([](SimEnv& env, TestOpen& open) {
    SimFault hang{SimEffect::kHang, "/a", io::kIoAny};
    hang.count = UINT64_MAX;
    uint64_t fault = env.AddFault(hang);
    uint64_t start = env.MonotonicNanos();
    EXPECT_OK(open.Commit({1}));
    EXPECT_EQ((env.MonotonicNanos() - start) / (kDeadline / 8), uint64_t{8});
    EXPECT(open.log->set() == kWithoutA);
    start = env.MonotonicNanos();
    EXPECT_OK(open.Commit({2}));
    EXPECT(env.MonotonicNanos() - start < kDeadline / 10);
    env.RemoveFault(fault);  // The late write lands, in a log that nobody believes any more.
    env.SleepMicros(1000);
    EXPECT_OK(open.Commit({3}));
  });
  machine.ExpectTruth({1, 2, 3});
}

// Slowness within the deadline expels nobody.
TEST(ReplicatedLog, ASlowZoneStays) {
  Machine machine;
  machine.Live([](SimEnv& env, TestOpen& open) {
    SimFault slow{SimEffect::kSlow, "/a", io::kIoSync};
    slow.delay_nanos = kDeadline / 2;
    env.AddFault(slow);
    EXPECT_OK(open.Commit({1}));
    EXPECT(open.log->set() == kAll);
  });
}

// The story: one sync of a busy disk took longer than the deadline, and the store was read-only.
TEST(ReplicatedLog, SlownessAloneNeverStopsTheStore) {
  for (size_t count : {1, 3}) {
    std::vector<std::string> paths = {"/a", "/b", "/c"};
    paths.resize(count);
    Machine machine(paths);
    machine.Live([&](SimEnv& env, TestOpen& open) {
      SimFault slow{SimEffect::kSlow, "/", io::kIoSync};
      slow.delay_nanos = 5 * kDeadline / 2;
      slow.count = count;
      env.AddFault(slow);
      EXPECT_OK(open.Commit({1}));
      EXPECT_EQ(open.log->set().size(), count);
      EXPECT(!open.log->stopped().has_value());
      EXPECT_OK(open.Commit({2}));
    });
    machine.ExpectTruth({1, 2});
  }
}

// One answers, two are slow, one of them more: it goes when the two others have answered.
TEST(ReplicatedLog, TheSlowestIsExpelledOnlyWhenTwoHaveAnswered) {
  Machine machine;
  machine.Live([](SimEnv& env, TestOpen& open) {
    for (uint64_t i : {1, 2}) {
      SimFault slow{SimEffect::kSlow, i == 1 ? "/a" : "/b", io::kIoSync};
      slow.delay_nanos = (2 * i - 1) * 3 * kDeadline / 2;
      env.AddFault(slow);
    }
    uint64_t start = env.MonotonicNanos();
    EXPECT_OK(open.Commit({1}));
    EXPECT_EQ((env.MonotonicNanos() - start) / kDeadline, uint64_t{2});
    EXPECT(open.expelled == std::vector<int>{2});
  });
  machine.ExpectTruth({1});
}

// A zone fails, another is slow: its answer decides and is waited for. A failure stays one.
TEST(ReplicatedLog, AFailedSyncIsAFailureHoweverSlow) {
  Machine machine;
  machine.Live([](SimEnv& env, TestOpen& open) {
    SimFault slow{SimEffect::kSlow, "/a", io::kIoSync};
    slow.delay_nanos = 3 * kDeadline;
    env.AddFault(slow);
    env.AddFault({SimEffect::kFail, "/b", io::kIoSync});
    EXPECT_OK(open.Commit({1}));
    EXPECT(open.expelled == std::vector<int>{2});
  });
  machine.ExpectTruth({1});
  Machine alone({"/a"});
  alone.Live([](SimEnv& env, TestOpen& open) {
    SimFault slow{SimEffect::kSlow, "/a", io::kIoWrite};
    slow.delay_nanos = 3 * kDeadline;
    env.AddFault(slow);
    env.AddFault({SimEffect::kFail, "/a", io::kIoSync});
    EXPECT_CODE(open.Commit({1}), Code::kUnknown);
    EXPECT_CODE(open.Commit({2}), Code::kReadOnly);
  });
}

// Nothing was begun, so nothing is unknown; and the segment, once made, is used.
TEST(ReplicatedLog, ASlowNewSegmentFailsTheWriteAlone) {
  for (size_t count : {1, 3}) {
    std::vector<std::string> paths = {"/a", "/b", "/c"};
    paths.resize(count);
    Machine machine(paths);
    machine.Live([&](SimEnv& env, TestOpen& open) {
      EXPECT_OK(open.Commit({1}, 900'000));
      SimFault slow{SimEffect::kSlow, "/", io::kIoAllocate};
      slow.delay_nanos = 5 * kDeadline / 2;
      slow.count = UINT64_MAX;  // Begun anew each time, it would never be done.
      env.AddFault(slow);
      EXPECT_CODE(open.Commit({2}, 900'000), Code::kUnavailable);
      EXPECT(!open.log->stopped().has_value());
      EXPECT_CODE(open.Commit({2}, 900'000), Code::kUnavailable);
      EXPECT_OK(open.Commit({2}, 900'000));
      EXPECT_OK(open.Commit({3}));
      EXPECT_EQ(open.log->set().size(), count);
    });
    machine.ExpectTruth({1, 2, 3});
  }
}

// A disk that never answers again cannot keep a close waiting.
TEST(ReplicatedLog, ACloseEndsTheWaiting) {
  Machine machine({"/a"});
  machine.Live([](SimEnv& env, TestOpen& open) {
    SimFault hang{SimEffect::kHang, "/a", io::kIoSync};
    uint64_t fault = env.AddFault(hang);
    open.log->EndWithin(5 * kDeadline);
    uint64_t start = env.MonotonicNanos();
    EXPECT_CODE(open.Commit({1}), Code::kUnknown);
    EXPECT_EQ((env.MonotonicNanos() - start) / kDeadline, uint64_t{5});
    env.RemoveFault(fault);
  });
}

// The zone's files deleted, cut or moved away under the open log; also before its first commit.
TEST(ReplicatedLog, ExpelsAZoneWhoseFilesAreTamperedWith) {
  for (int how = 0; how < 6; ++how) {
    Machine machine;
    machine.Live([&](SimEnv& env, TestOpen& open) {
      if (how < 3) EXPECT_OK(open.Commit({1}));
      std::string segment = open.zones[0].log->path(open.recovered.epoch_segment);
      if (how % 3 == 0) EXPECT_OK(env.Remove(segment));
      if (how % 3 == 1) machine.disk.Resize(segment, 8192);
      if (how % 3 == 2) EXPECT_OK(env.Rename("/a/log", "/a/elsewhere"));
      EXPECT_OK(open.Commit({2}));
      EXPECT(open.log->set() == kWithoutA);
      EXPECT_OK(open.Commit({3}));
    });
    if (how % 3 == 2) machine.disk.MakeDirectories("/a/log");
    machine.ExpectTruth(how < 3 ? Truth{1, 2, 3} : Truth{2, 3});
  }
}

// The story: between the open and its first commit the zone's folder was replaced by another with
// the same names in it.
TEST(ReplicatedLog, ExpelsAZoneWhoseFolderIsReplacedBeforeTheFirstCommit) {
  Machine machine;
  machine.Live([&](SimEnv& env, TestOpen& open) {
    std::string segment = open.zones[0].log->path(open.recovered.epoch_segment);
    EXPECT_OK(env.Rename("/a/log", "/a/elsewhere"));
    machine.disk.MakeDirectories("/a/log");
    auto file = env.Open(segment, {io::OpenMode::kCreate, false});
    ASSERT_OK(file);
    EXPECT_OK((*file)->Allocate(kFirstSegmentSize));
    EXPECT_OK(open.Commit({1}));
    EXPECT(open.log->set() == kWithoutA);
  });
}

TEST(ReplicatedLog, ExpelsOnDemand) {
  Machine machine;
  machine.Live([](SimEnv&, TestOpen& open) {
    EXPECT_OK(open.Commit({1}));
    EXPECT_OK(open.log->Expel(1, "its cells fail"));
    EXPECT(open.log->set() == kWithoutA);
    EXPECT_OK(open.log->Expel(1, "again"));
    EXPECT_OK(open.Commit({2}));
  });
  machine.ExpectTruth({1, 2});
}

}  // namespace strongroom::log
