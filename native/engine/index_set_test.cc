// The set of indexes over fake ones, on a simulated clock: who serves, and what is never served.
#include "engine/index_set.h"

#include <map>

#include "base/testing.h"
#include "io/sim_env.h"

namespace strongroom::engine {

namespace {

constexpr uint64_t kMilli = 1'000'000;
constexpr uint64_t kDeadline = 400 * kMilli;

// A map; everything that an index may do to its callers can be asked of it.
struct FakeIndex final : index::Index {
  explicit FakeIndex(io::Env* env) : env(env) {}
  index::Applied applied() const override { return last; }
  Result<bool> Get(ByteSpan key, std::string* row) override {
    if (get_nanos != 0) env->SleepMicros(get_nanos / 1000);
    MutexLock lock(&mutex);
    auto at = rows.find(std::string(AsString(key)));
    if (at == rows.end()) return false;
    row->append(at->second);
    return true;
  }
  Status Apply(std::span<const index::Effect> effects, const index::Applied& applied) override {
    while (held) env->SleepMicros(1000);
    if (!apply_status.ok()) return apply_status;
    MutexLock lock(&mutex);
    for (const auto& effect : effects) {
      rows[std::string(AsString(effect.key))] = std::string(AsString(*effect.row));
    }
    last = applied;
    return {};
  }
  Result<index::ScanEnd> Scan(const index::ScanRequest&, const index::ScanSink&) override {
    return index::ScanEnd();
  }
  Status Checkpoint() override { return {}; }
  int Level0Files() override { return 0; }

  io::Env* const env;
  Mutex mutex;
  std::map<std::string, std::string> rows;
  index::Applied last;
  uint64_t get_nanos = 0;
  bool held = false;
  Status apply_status;
};

// Two zones, each with a fake index. Inside a run of the simulated Env only.
struct Indexes {
  explicit Indexes(io::Env* env) : env(env) {
    IndexSet::Options options;
    options.env = env;
    options.deadline_nanos = kDeadline;
    options.deadlines = std::make_shared<blob::Deadlines>(env);
    options.on_lost = [this](int zone, const Status& why) {
      MutexLock lock(&mutex);
      lost.push_back(std::to_string(zone) + ": " + why.message());
    };
    for (int number : {1, 2}) {
      auto zone = std::make_shared<Zone>();
      fakes.push_back(std::make_shared<FakeIndex>(env));
      zone->number = number;
      zone->index = fakes.back();
      zone->read_threads = std::make_shared<io::TaskQueue>(env, "read", 2);
      zone->apply_thread = std::make_shared<io::TaskQueue>(env, "index", 1);
      zones.push_back(zone);
    }
    set = IndexSet::Start(options, zones);
  }
  ~Indexes() {
    for (auto& fake : fakes) fake->held = false;
    set->Stop();
    for (auto& zone : zones) {
      EXPECT(zone->read_threads->Stop(kDeadline));
      EXPECT(zone->apply_thread->Stop(kDeadline));
    }
  }
  // Zone 1 serves, zone 2 is ready.
  void Begin() {
    set->Begin(0, [](const ReplayAim&) { return Status(); });
    EXPECT_OK(set->AwaitServing(60'000'000'000));
    set->Begin(1, [](const ReplayAim&) { return Status(); });
    Drain(1);
  }
  void Drain(size_t zone) {
    EXPECT_OK(zones[zone]->apply_thread->Run([] { return Status(); }, UINT64_MAX));
  }
  Status Put(const std::string& key, const std::string& row) {
    auto batch = std::make_shared<AppliedBatch>();
    batch->storage.assign(key.begin(), key.end());
    batch->storage.insert(batch->storage.end(), row.begin(), row.end());
    ByteSpan all = batch->storage;
    batch->effects.push_back({all.first(key.size()), all.subspan(key.size())});
    batch->applied.sequence = ++sequence;
    return set->Apply(batch);
  }
  // Empty: absent.
  std::string Look(const std::string& key) {
    auto looked = set->Look({Bytes(key.begin(), key.end())}, {});
    EXPECT_OK(looked);
    return looked.ok() ? looked->rows[0] : "no answer";
  }
  size_t lost_count() {
    MutexLock lock(&mutex);
    return lost.size();
  }

  io::Env* const env;
  std::vector<std::shared_ptr<FakeIndex>> fakes;
  std::vector<std::shared_ptr<Zone>> zones;
  Mutex mutex;
  std::vector<std::string> lost;
  uint64_t sequence = 0;
  std::shared_ptr<IndexSet> set;
};

// Every story under several orders of its tasks.
void Simulate(const std::function<void(Indexes&)>& story) {
  for (uint64_t round = 0; round < 20; ++round) {
    io::SimDisk disk;
    io::SimEnv env(&disk, testing::Seed() + round);
    EXPECT_OK(env.Run([&] {
      Indexes indexes(&env);
      story(indexes);
    }));
  }
}

}  // namespace

TEST(IndexSet, AnIndexTakesOverOnlyOnceItHasWhatWasAcknowledged) {
  Simulate([](Indexes& indexes) {
    indexes.Begin();
    indexes.fakes[1]->held = true;  // Zone 2 lags.
    EXPECT_OK(indexes.Put("k", "v"));
    EXPECT_EQ(indexes.Look("k"), std::string("v"));
    indexes.set->Drop(1, Status(Code::kUnavailable, "expelled"));
    // Whoever asks now waits, for "absent" would be a lie.
    auto answered = std::make_shared<io::Completion>();
    auto reader = indexes.env->StartThread("reader", [&indexes, answered] {
      EXPECT_EQ(indexes.Look("k"), std::string("v"));
      answered->Set(Status());
    });
    EXPECT_CODE(answered->Wait(10 * kDeadline), Code::kTimedOut);
    indexes.fakes[1]->held = false;
    EXPECT_OK(answered->Wait(UINT64_MAX));
    reader->Join();
  });
}

// The story: the serving index was lost in the moment between its having the batch and the batch's
// being acknowledged, and one without it was elected. Here it is lost at each turn that the caller
// offers, from the commit to the end of its read.
TEST(IndexSet, AnIndexThatIsLostAtAnyMomentLeavesNoOlderOneToServe) {
  uint64_t turns = 0;
  for (uint64_t lost_at = 1; turns + 1 >= lost_at; ++lost_at) {
    io::SimDisk disk;
    io::SimEnv env(&disk, testing::Seed());
    turns = 0;
    EXPECT_OK(env.Run([&] {
      Indexes indexes(&env);
      indexes.Begin();
      indexes.fakes[1]->held = true;  // Zone 2 lags.
      bool lose = false, lost = false;
      auto loser = env.StartThread("loser", [&] {
        while (!lose) env.SleepMicros(1);
        indexes.set->Drop(1, Status(Code::kUnavailable, "expelled"));
        lost = true;
      });
      auto caller = env.StartThread("caller", [&] {
        const void* self = CurrentThread();
        env.scheduler().on_yield = [&, self] {
          if (CurrentThread() != self || ++turns != lost_at) return;
          lose = true;
          env.SleepMicros(100);
          EXPECT(lost);
        };
        EXPECT_OK(indexes.Put("k", "v"));
        EXPECT_EQ(indexes.Look("k"), std::string("v"));
        env.scheduler().on_yield = nullptr;
        lose = true;
      });
      env.SleepMicros(10'000);
      indexes.fakes[1]->held = false;
      caller->Join();
      loser->Join();
      EXPECT_EQ(indexes.lost_count(), size_t{1});
    }));
  }
  EXPECT(turns > 8);
}

TEST(IndexSet, AReplayThatEndsLateServesOnlyWithWhatCameMeanwhile) {
  Simulate([](Indexes& indexes) {
    indexes.set->Begin(0, [](const ReplayAim&) { return Status(); });
    EXPECT_OK(indexes.set->AwaitServing(60'000'000'000));
    std::vector<uint64_t> tails;
    indexes.set->Begin(1, [&](const ReplayAim& aim) {
      tails.push_back(aim.tail.sequence);
      if (tails.size() == 1) indexes.env->SleepMicros(1000);
      indexes.fakes[1]->last = aim.tail;
      return Status();
    });
    indexes.env->SleepMicros(10);  // The replay has begun, or not.
    EXPECT_OK(indexes.Put("k", "v"));
    indexes.fakes[1]->rows["k"] = "v";  // As the log gives it to the replay.
    indexes.set->Drop(1, Status(Code::kUnavailable, "expelled"));
    EXPECT_EQ(indexes.Look("k"), std::string("v"));
    EXPECT_EQ(indexes.fakes[1]->last.sequence, uint64_t{1});
  });
}

// The story: zone 2's index is rebuilt, which takes long, while large batches are written. They are
// not kept for it, nobody waits for it, and it is not lost.
TEST(IndexSet, ARebuildUnderLoadHoldsNobodyUpAndKeepsItsIndex) {
  Simulate([](Indexes& indexes) {
    indexes.set->Begin(0, [](const ReplayAim&) { return Status(); });
    EXPECT_OK(indexes.set->AwaitServing(60'000'000'000));
    bool held = true;
    indexes.set->Begin(1, [&](const ReplayAim& aim) {
      while (held) indexes.env->SleepMicros(1000);
      indexes.fakes[1]->last = aim.tail;
      return Status();
    });
    uint64_t begun = indexes.env->MonotonicNanos();
    for (int i = 0; i < 12; ++i) EXPECT_OK(indexes.Put("k", std::string(1 << 20, 'v')));
    EXPECT(indexes.env->MonotonicNanos() - begun < kDeadline);  // On the simulated clock.
    held = false;
    indexes.Drain(1);
    EXPECT_EQ(indexes.lost_count(), size_t{0});
    EXPECT_EQ(indexes.fakes[1]->last.sequence, uint64_t{12});
  });
}

TEST(IndexSet, AReadyIndexThatLagsTooFarWalksTheLogInstead) {
  Simulate([](Indexes& indexes) {
    indexes.set->Begin(0, [](const ReplayAim&) { return Status(); });
    EXPECT_OK(indexes.set->AwaitServing(60'000'000'000));
    int replays = 0;
    indexes.set->Begin(1, [&](const ReplayAim& aim) {
      ++replays;
      indexes.fakes[1]->last = aim.tail;
      return Status();
    });
    indexes.Drain(1);
    indexes.fakes[1]->held = true;
    for (int i = 0; i < 12; ++i) EXPECT_OK(indexes.Put("k", std::string(1 << 20, 'v')));
    indexes.fakes[1]->held = false;
    indexes.Drain(1);
    indexes.Drain(1);  // The replay was queued behind what the first one waited for.
    EXPECT_EQ(replays, 2);
    EXPECT_EQ(indexes.lost_count(), size_t{0});
    EXPECT_EQ(indexes.fakes[1]->last.sequence, uint64_t{12});
  });
}

TEST(IndexSet, ACloseEndsAReplayThatHasFarToGo) {
  Simulate([](Indexes& indexes) {
    indexes.set->Begin(0, [](const ReplayAim&) { return Status(); });
    EXPECT_OK(indexes.set->AwaitServing(60'000'000'000));
    indexes.set->Begin(1, [&](const ReplayAim& aim) {
      while (!*aim.stop) indexes.env->SleepMicros(1000);
      return Status(Code::kClosed, "the store is closing");
    });
    indexes.env->SleepMicros(10'000);
    indexes.set->Checkpoint(kDeadline);
    indexes.Drain(1);
  });
}

// The story: one index cannot write any more. Another serves meanwhile; it is opened again in
// memory, and only once the last attempt on the old one has ended.
TEST(IndexSet, AnIndexThatCannotWriteIsOpenedAgainInMemory) {
  Simulate([](Indexes& indexes) {
    std::vector<bool> in_memory;
    auto replay = [&](const ReplayAim& aim) {
      in_memory.push_back(aim.in_memory);
      return Status();
    };
    indexes.set->Begin(0, replay);
    EXPECT_OK(indexes.set->AwaitServing(60'000'000'000));
    bool held = true;
    auto read = std::make_shared<io::Completion>();
    indexes.set->Read(
        [&, read](const std::shared_ptr<Zone>&, index::Index&) -> IndexSet::Outcome {
          while (held) indexes.env->SleepMicros(1000);
          return IndexSet::Settle([read] { read->Set(Status()); });
        },
        [read](Status status) { read->Set(status); });
    indexes.env->SleepMicros(10'000);
    indexes.fakes[0]->apply_status = Status(Code::kNoSpace, "full");
    auto put = indexes.env->StartThread("put", [&] { EXPECT_OK(indexes.Put("k", "v")); });
    indexes.env->SleepMicros(100'000);
    EXPECT_EQ(in_memory.size(), size_t{1});
    held = false;
    put->Join();
    EXPECT_OK(read->Wait(UINT64_MAX));
    EXPECT(in_memory == std::vector<bool>({false, true}));
    EXPECT(indexes.set->space() != IndexSet::Space::kAny);
    EXPECT_EQ(indexes.lost_count(), size_t{0});
  });
}

TEST(IndexSet, ABurstOfReadsIsNoDeadDisk) {
  Simulate([](Indexes& indexes) {
    indexes.Begin();
    for (auto& fake : indexes.fakes) fake->get_nanos = kDeadline / 4;
    auto left = std::make_shared<std::atomic<int>>(100);
    auto all = std::make_shared<io::Completion>();
    for (int i = 0; i < 100; ++i) {
      auto count = [left, all] {
        if (--*left == 0) all->Set(Status());
      };
      indexes.set->Read(
          [count](const std::shared_ptr<Zone>&, index::Index& index) -> IndexSet::Outcome {
            std::string row;
            (void)index.Get(AsBytes("k"), &row);
            return IndexSet::Settle(count);
          },
          [count](Status) { count(); });
    }
    EXPECT_OK(all->Wait(UINT64_MAX));
    EXPECT_EQ(indexes.lost_count(), size_t{0});
  });
}

TEST(IndexSet, AReadThatHangsIsAnsweredByAnotherZone) {
  Simulate([](Indexes& indexes) {
    indexes.Begin();
    EXPECT_OK(indexes.Put("k", "v"));
    indexes.Drain(1);
    indexes.fakes[0]->get_nanos = 100 * kDeadline;
    EXPECT_EQ(indexes.Look("k"), std::string("v"));
    EXPECT_EQ(indexes.lost_count(), size_t{1});
    indexes.env->SleepMicros(200 * kDeadline / 1000);  // The stuck thread ends.
  });
}

TEST(IndexSet, AReplayThatFailedLeavesNothingToCheckpoint) {
  Simulate([](Indexes& indexes) {
    indexes.set->Begin(0, [](const ReplayAim&) { return Status(); });
    indexes.set->Begin(1, [&](const ReplayAim&) {
      indexes.env->SleepMicros(1000);
      indexes.zones[1]->index = nullptr;
      return Status(Code::kUnavailable, "no index");
    });
    EXPECT_OK(indexes.set->AwaitServing(60'000'000'000));
    indexes.set->Checkpoint(kDeadline);
    indexes.Drain(1);
    EXPECT_EQ(indexes.lost_count(), size_t{1});
  });
}

}  // namespace strongroom::engine
