// What close promises, and what may still happen after it: threads that a dead disk lets go late,
// pins that nobody has collected yet.
#include "engine/engine_testing.h"
#include "io/sim_env.h"

namespace strongroom::engine {

namespace {

// Hangs the first call that `matches` until it is released.
struct Hang {
  std::atomic<bool> armed{false}, held{true};
  std::atomic<int> stuck{0};
  Status In(bool matches) {
    if (!matches || !armed || stuck.fetch_add(1) > 0) return {};
    while (held) io::PosixEnv()->SleepMicros(1000);
    return Status(Code::kIo, "the dead disk gives up");
  }
  void AwaitStuck() {
    while (stuck == 0) io::PosixEnv()->SleepMicros(1000);
  }
};

}  // namespace

TEST(Closing, AReadThatEndsAfterTheEngineIsGoneCallsNobody) {
  Hang hang;
  std::string in;
  World world(3);
  ASSERT_OK(world.Open());
  EXPECT_OK(world.PutOne("a", "1"));
  world.env.fault = [&](const std::string& operation, const std::string& path, uint64_t) {
    bool matches = path.find("/log/") != std::string::npos && operation == "read";
    if (matches && hang.stuck == 0) in = path;
    return hang.In(matches);
  };
  hang.armed = true;
  EXPECT_OK(world.Get("a"));  // Another zone answers.
  world.engine->Close();
  world.engine = nullptr;
  size_t events = world.events.size();
  hang.held = false;
  for (size_t zone : {1, 2, 3}) world.AwaitUnlocked(zone);
  EXPECT_EQ(world.events.size(), events);
  EXPECT(!in.empty());
}

TEST(Closing, APinMayOutliveTheEngine) {
  World world(1);
  ASSERT_OK(world.Open());
  Bytes body(400'000, 'b');
  EXPECT_OK(world.PutLarge("a", body));
  auto pin = std::make_shared<blob::Awaited<std::shared_ptr<void>>>();
  GetRequest request;
  request.key = Bytes{'a'};
  request.kek = world.kek;
  world.engine->Get(std::move(request), [pin](Result<std::optional<Found>> found) {
    pin->Set(found.ok() && *found ? (*found)->pin : nullptr);
  });
  std::shared_ptr<void> held = pin->Get();
  EXPECT(held != nullptr);
  EXPECT_OK(world.PutLarge("a", body));  // The pinned blob is doomed.
  world.engine->Close();
  world.engine = nullptr;
  held = nullptr;
}

// The story: a zone hangs when the store is closed. The close leaves its threads behind, with the
// lock. The store opens on the other two meanwhile; and once the disk lets go of the threads, with
// all three.
TEST(Closing, AZoneThatHungAtTheCloseComesBackWhenItsThreadsHaveEnded) {
  World world(3);
  ASSERT_OK(world.Open());
  EXPECT_OK(world.PutOne("a", "1"));
  std::atomic<bool> held{true};
  world.env.fault = [&](const std::string& operation, const std::string& path, uint64_t) {
    bool matches = path.find("/z3/log/") != std::string::npos && operation == "sync";
    while (matches && held) io::PosixEnv()->SleepMicros(1000);
    return Status();
  };
  EXPECT_OK(world.PutOne("b", "2"));
  world.engine->Close();
  world.engine = nullptr;
  ASSERT_OK(world.Open());
  EXPECT_EQ(world.engine->status().zones[2].in_set, false);
  EXPECT_OK(world.PutOne("c", "3"));
  world.engine->Close();
  world.engine = nullptr;
  held = false;
  world.AwaitUnlocked(3);
  ASSERT_OK(world.Open());
  EXPECT_EQ(world.engine->status().zones[2].in_set, true);
  for (const char* row : {"a", "b", "c"}) EXPECT_OK(world.Get(row));
}

TEST(Closing, AReplayThatOutlivesTheCloseFindsWhatItUses) {
  Hang hang;
  World world(3);
  ASSERT_OK(world.Open());
  for (int i = 0; i < 300; ++i) EXPECT_OK(world.PutOne("k" + std::to_string(i), "v"));
  world.engine->Close();
  world.engine = nullptr;
  EXPECT_OK(index::Index::Destroy(io::PosixEnv(), world.Path(3) + "/index"));
  world.env.fault = [&](const std::string& operation, const std::string& path, uint64_t) {
    return hang.In(operation == "read" && path.find("/z3/log") != std::string::npos);
  };
  // The last thing that an open tells before it starts the replays.
  auto opened = Engine::Open(world.Options(), [&](const Event& event) {
    if (event.kind == Event::Kind::kSharedDevice) hang.armed = true;
  });
  ASSERT_OK(opened);
  hang.AwaitStuck();
  (*opened)->Close();
  opened->reset();
  hang.held = false;
  world.AwaitUnlocked(3);
  world.env.fault = nullptr;
  ASSERT_OK(world.Open());
  for (int i = 0; i < 300; ++i) EXPECT_OK(world.Get("k" + std::to_string(i)));
}

TEST(Closing, StatusTellsTheLastSequenceAfterTheClose) {
  World world(1);
  ASSERT_OK(world.Open());
  EXPECT_OK(world.PutOne("a", "1"));
  EXPECT_OK(world.PutOne("b", "2"));
  world.engine->Close();
  EXPECT_EQ(world.engine->status().sequence, uint64_t{2});
  EXPECT_EQ(world.engine->status().commits, uint64_t{2});
}

// The story: the only index hangs in a read that a commit needs. Nobody else can answer it, so the
// commit waits; but a close ends that wait.
TEST(Closing, EndsWhileACommitLooksInAHangingIndex) {
  io::SimDisk disk;
  disk.MakeDirectories("/z");
  io::SimEnv env(&disk, testing::Seed());
  EXPECT_OK(env.Run([&] {
    auto open = [&] {
      OpenOptions options;
      options.env = &env;
      options.zones = {"/z"};
      options.small = options.large = {1, 0};
      options.root_key = SecretBytes(AsBytes("0123456789abcdef0123456789abcdef"));
      return Engine::Open(std::move(options), nullptr);
    };
    auto put = [](Engine& engine, uint8_t row) {
      auto done = std::make_shared<io::Completion>();
      Transaction transaction;
      transaction.effects.emplace_back();
      transaction.effects.back().key = Bytes{row};
      transaction.effects.back().body = Bytes(16'000, 'm');
      engine.Commit(std::move(transaction),
                    [done](Result<Committed> result) { done->Set(result.status()); });
      return done;
    };
    auto engine = open();
    ASSERT_OK(engine);
    for (uint8_t row : {'a', 'k', 'z'}) EXPECT_OK(put(**engine, row)->Wait(UINT64_MAX));
    (*engine)->Close();
    engine = open();  // The rows are in a table now, 'k' in a block that the open did not read.
    ASSERT_OK(engine);
    io::SimFault hang{io::SimEffect::kHang, "/z/index", io::kIoOpen | io::kIoRead};
    hang.count = UINT64_MAX;
    uint64_t fault = env.AddFault(hang);
    auto done = put(**engine, 'k');
    EXPECT_CODE(done->Wait(5'000'000'000), Code::kTimedOut);
    (*engine)->Close();
    EXPECT_CODE(done->Wait(0), Code::kClosed);
    env.RemoveFault(fault);
  }));
}

}  // namespace strongroom::engine
