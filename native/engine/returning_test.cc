// How zones come back into the set of an open store, and who may not.
#include <unordered_set>

#include "engine/engine_testing.h"
#include "io/sim_env.h"

namespace strongroom::engine {

namespace {

std::string Row(int i) { return "k" + std::to_string(i); }

void PutRows(World& world, int from, int to) {
  for (int i = from; i < to; ++i) EXPECT_OK(world.PutOne(Row(i), "body of " + Row(i)));
}
void ExpectRows(World& world, int count) {
  for (int i = 0; i < count; ++i) {
    auto body = world.Get(Row(i));
    ASSERT_OK(body);
    EXPECT(*body == "body of " + Row(i));
  }
}
bool InSet(World& world, size_t zone) { return world.engine->status().zones[zone - 1].in_set; }
std::string Reason(World& world, size_t zone) {
  return world.engine->status().zones[zone - 1].reason;
}
bool Await(const std::function<bool()>& what) {
  for (int i = 0; i < 20'000 && !what(); ++i) io::PosixEnv()->SleepMicros(1000);
  return what();
}
bool AwaitInSet(World& world, size_t zone) {
  return Await([&] { return InSet(world, zone); });
}
void Expel(World& world, int zone, const std::string& by) {
  world.fail = true;
  world.broken = zone;
  EXPECT_OK(world.PutOne(by, "body of " + by));
  EXPECT_EQ(InSet(world, static_cast<size_t>(zone)), false);
}
void MoveAway(World& world, size_t zone) {
  EXPECT_OK(io::PosixEnv()->Rename(world.Path(zone), world.Path(zone) + ".away"));
}
void MoveBack(World& world, size_t zone) {
  EXPECT_OK(io::PosixEnv()->Rename(world.Path(zone) + ".away", world.Path(zone)));
}
void CopyFolder(const std::string& from, const std::string& to) {
  io::Env* env = io::PosixEnv();
  ASSERT_OK(env->CreateDirectory(to));
  auto entries = env->List(from);
  ASSERT_OK(entries);
  for (const auto& entry : *entries) {
    std::string source = from + "/" + entry.name, target = to + "/" + entry.name;
    if (entry.is_directory) {
      CopyFolder(source, target);
      continue;
    }
    auto size = env->Stat(source);
    auto file = env->Open(source, {io::OpenMode::kRead, false});
    auto copy = env->Open(target, {io::OpenMode::kCreate, false});
    ASSERT_OK(file);
    ASSERT_OK(copy);
    Bytes bytes(size->size);
    EXPECT_OK((*file)->ReadAt(0, bytes));
    EXPECT_OK((*copy)->WriteAt(0, bytes));
  }
}
// What a zone holds is worth something when the other two are gone one after the other.
void ExpectRowsWithout(World& world, size_t zone, int count) {
  world.engine->Close();
  world.engine = nullptr;
  MoveAway(world, zone);
  ASSERT_OK(world.Open());
  ExpectRows(world, count);
  world.engine->Close();
  world.engine = nullptr;
  MoveBack(world, zone);
}

bool AwaitWhole(World& world, size_t zone) {
  return Await([&] {
    auto status = world.engine->status().zones[zone - 1];
    return status.in_set && !status.healing;
  });
}
Bytes Large(int i) {
  return Bytes(static_cast<size_t>(300'000 + i * 1000), static_cast<uint8_t>(i));
}
std::string LargeRow(int i) { return "large" + std::to_string(i); }
void PutLarges(World& world, int from, int to) {
  for (int i = from; i < to; ++i) EXPECT_OK(world.PutLarge(LargeRow(i), Large(i)));
}
void ExpectLarges(World& world, int from, int to) {
  for (int i = from; i < to; ++i) EXPECT_OK(world.ReadLarge(LargeRow(i), Large(i).size()));
}
std::vector<std::string> BlobsOf(const std::string& zone) {
  std::vector<std::string> out;
  auto folders = io::PosixEnv()->List(zone + "/blob");
  EXPECT_OK(folders);
  for (const auto& folder : *folders) {
    auto files = io::PosixEnv()->List(zone + "/blob/" + folder.name);
    for (const auto& file : *files) out.push_back(file.name);
  }
  return out;
}

}  // namespace

TEST(Returning, AZoneWhoseDiskFailedComesBackByItself) {
  for (int zone : {1, 2, 3}) {
    World world(3);
    ASSERT_OK(world.Open());
    PutRows(world, 0, 20);
    Expel(world, zone, Row(20));
    PutRows(world, 21, 200);
    world.Heal();
    ASSERT(AwaitInSet(world, static_cast<size_t>(zone)));
    ASSERT(world.AwaitTold(Event::Kind::kZoneReturned));
    PutRows(world, 200, 220);
    ExpectRows(world, 220);
    // It counts: another one may go now, and what it holds is everything.
    int other = zone % 3 + 1;
    Expel(world, other, Row(220));
    ExpectRows(world, 221);
    world.engine->Close();
    world.engine = nullptr;
    EXPECT_EQ(world.Count(Event::Kind::kZoneReturned), size_t{1});
    world.Heal();
    for (size_t gone : {1, 2, 3}) {
      if (gone != static_cast<size_t>(zone)) {
        ASSERT_OK(world.Open());
        ExpectRowsWithout(world, gone, 221);
      }
    }
  }
}

TEST(Returning, AZoneThatWasMissingAtTheOpenIsTakenInWhenItIsThere) {
  World world(3);
  ASSERT_OK(world.Open());
  PutRows(world, 0, 20);
  world.engine->Close();
  world.engine = nullptr;
  MoveAway(world, 2);
  ASSERT_OK(world.Open());
  PutRows(world, 20, 40);
  EXPECT_EQ(InSet(world, 2), false);
  MoveBack(world, 2);
  ASSERT(AwaitInSet(world, 2));
  PutRows(world, 40, 60);
  ExpectRowsWithout(world, 1, 60);
}

TEST(Returning, ItsIndexServesAgain) {
  World world(3);
  ASSERT_OK(world.Open());
  PutRows(world, 0, 20);
  for (int zone : {1, 2, 3, 1}) {
    Expel(world, zone, Row(19));
    world.Heal();
    ASSERT(AwaitInSet(world, static_cast<size_t>(zone)));
    // Each zone's index has been dropped once by the end: who answers is one that came back.
    ExpectRows(world, 20);
    PutRows(world, 0, 20);
  }
  ExpectRows(world, 20);
}

TEST(Returning, AThreadThatIsStuckInItsDiskKeepsTheZoneOut) {
  World world(3);
  ASSERT_OK(world.Open());
  PutRows(world, 0, 5);
  world.hang = true;
  world.broken = 2;
  PutRows(world, 5, 10);
  EXPECT_EQ(InSet(world, 2), false);
  io::PosixEnv()->SleepMicros(1'500'000);
  EXPECT_EQ(InSet(world, 2), false);
  PutRows(world, 10, 15);
  world.Heal();
  ASSERT(AwaitInSet(world, 2));
  PutRows(world, 15, 20);
  ExpectRowsWithout(world, 3, 20);
}

TEST(Returning, AFolderThatIsGoneOrEmptyIsNoZone) {
  World world(3);
  ASSERT_OK(world.Open());
  PutRows(world, 0, 5);
  MoveAway(world, 3);
  PutRows(world, 5, 10);
  EXPECT_EQ(InSet(world, 3), false);
  io::PosixEnv()->SleepMicros(1'000'000);
  ASSERT_OK(io::PosixEnv()->CreateDirectory(world.Path(3)));
  io::PosixEnv()->SleepMicros(2'000'000);
  EXPECT_EQ(InSet(world, 3), false);
  EXPECT(!Reason(world, 3).empty());
  auto left = io::PosixEnv()->List(world.Path(3));
  ASSERT_OK(left);
  EXPECT(left->empty());
  PutRows(world, 10, 15);
  ExpectRows(world, 15);
}

TEST(Returning, TheCellsOfWhatWasWrittenMeanwhileAreMadeThere) {
  World world(3);
  ASSERT_OK(world.Open());
  PutLarges(world, 0, 4);
  Expel(world, 2, "x");
  PutLarges(world, 4, 8);
  EXPECT_OK(world.Remove(LargeRow(0)));
  EXPECT_OK(world.PutOne(LargeRow(1), "small now"));
  EXPECT_EQ(world.engine->status().without_redundancy, uint64_t{4});
  world.Heal();
  ASSERT(AwaitWhole(world, 2));
  ASSERT(world.AwaitTold(Event::Kind::kZoneWhole));
  EXPECT_EQ(world.Count(Event::Kind::kZoneWhole), size_t{1});
  EXPECT(Await([&] { return world.engine->status().without_redundancy == 0; }));
  for (const std::string& name : BlobsOf(world.Path(1))) {
    auto blobs = BlobsOf(world.Path(2));
    EXPECT(std::find(blobs.begin(), blobs.end(), name) != blobs.end());
  }
  for (size_t gone : {1, 3}) {
    world.engine->Close();
    world.engine = nullptr;
    MoveAway(world, gone);
    ASSERT_OK(world.Open());
    ExpectLarges(world, 2, 8);
    world.engine->Close();
    world.engine = nullptr;
    MoveBack(world, gone);
    ASSERT_OK(world.Open());
    ASSERT(AwaitWhole(world, gone));
  }
}

// Until every cell is there, also through a crash and an open without an end of the healing.
TEST(Returning, AZoneThatWasAwayAtTheOpenIsHealedAfterIt) {
  World world(3);
  ASSERT_OK(world.Open());
  PutLarges(world, 0, 2);
  world.engine->Close();
  world.engine = nullptr;
  MoveAway(world, 3);
  ASSERT_OK(world.Open());
  PutLarges(world, 2, 5);
  world.engine->Close();
  world.engine = nullptr;
  MoveBack(world, 3);
  world.env.fault = [](const std::string& operation, const std::string& path, uint64_t) {
    bool cells = path.find("/z3/blob/") != std::string::npos && operation != "read";
    return cells ? Status(Code::kIo, "no cells today") : Status();
  };
  ASSERT_OK(world.Open());
  EXPECT(Await([&] { return !Reason(world, 3).empty(); }));
  EXPECT_EQ(world.engine->status().zones[2].healing, true);
  world.engine->Close();
  world.engine = nullptr;
  world.env.fault = nullptr;
  ASSERT_OK(world.Open());
  ASSERT(AwaitWhole(world, 3));
  world.Reopen();
  EXPECT_EQ(world.engine->status().zones[2].healing, false);
  EXPECT_EQ(BlobsOf(world.Path(3)).size(), size_t{5});
}

// An upload that began without the zone and is committed with it: any one zone may go after that.
TEST(Returning, AnUploadFromBeforeIsBroughtToTheZoneFirst) {
  World world(3);
  ASSERT_OK(world.Open());
  EXPECT_OK(world.PutOne("a", "b"));
  Expel(world, 2, "x");
  Bytes body = Large(9);
  auto blob = world.engine->WriteBlob(*world.kek, body.size(), {});
  ASSERT_OK(blob);
  world.Heal();
  ASSERT(AwaitWhole(world, 2));
  EXPECT_OK(blob::TestStore::OfferAll(blob->writer.get(), body));
  auto written = std::make_shared<blob::Awaited<Result<blob::BlobDone>>>();
  blob->writer->Finish([written](Result<blob::BlobDone> result) { written->Set(result); });
  auto done = written->Get();
  ASSERT_OK(done);
  EXPECT_EQ(done->zones_written, placement::ZoneMask{5});
  world.engine->BlobWritten(*done);
  Transaction transaction;
  Effect effect;
  effect.key = Bytes{'l', 'a', 'r', 'g', 'e', '9'};
  effect.named = NamedBlob{blob->reference, true, blob->placement, done->zones_written};
  effect.named->reference.size = done->size;
  transaction.effects.push_back(std::move(effect));
  EXPECT_OK(world.Commit(std::move(transaction)));
  EXPECT_EQ(BlobsOf(world.Path(2)).size(), size_t{1});
  world.engine->Close();
  world.engine = nullptr;
  MoveAway(world, 1);
  ASSERT_OK(world.Open());
  ExpectLarges(world, 9, 10);
}

TEST(Returning, AZoneThatADrillTakesAwayStaysAwayUntilItIsBroughtBack) {
  World world(3);
  ASSERT_OK(world.Open());
  PutRows(world, 0, 5);
  PutLarges(world, 0, 2);
  auto take = [&](int zone) {
    auto done = std::make_shared<io::Completion>();
    world.engine->TakeAway(zone, [done](const Status& status) { done->Set(status); });
    return done->Wait(kPatience);
  };
  EXPECT_CODE(take(0), Code::kInvalidArgument);
  EXPECT_CODE(take(4), Code::kInvalidArgument);
  ASSERT_OK(take(2));
  EXPECT_EQ(InSet(world, 2), false);
  EXPECT_CODE(take(3), Code::kUnavailable);  // There is none to spare now.
  PutRows(world, 5, 10);
  PutLarges(world, 2, 4);
  // Nothing of it is read, though its disk is well.
  std::atomic<int> touched{0};
  world.env.fault = [&](const std::string&, const std::string& path, uint64_t) {
    touched += path.find("/z2/") != std::string::npos;
    return Status();
  };
  io::PosixEnv()->SleepMicros(1'500'000);
  ExpectRows(world, 10);
  ExpectLarges(world, 0, 4);
  EXPECT_EQ(touched.load(), 0);
  world.engine->BringBack(2);
  ASSERT(AwaitWhole(world, 2));
  EXPECT(touched > 0);
  world.env.fault = nullptr;
  ASSERT_OK(take(1));
  ExpectRows(world, 10);
  ExpectLarges(world, 0, 4);
  world.engine->BringBack(1);
  ASSERT(AwaitWhole(world, 1));
  // The end of the store ends a drill, too.
  ASSERT_OK(take(3));
  world.Reopen();
  ASSERT(AwaitWhole(world, 3));
}

// The story: while a zone was out, a copy of it was opened together with a copy of another, and
// served. What it holds is another history.
TEST(Returning, AZoneThatLivedOnByItselfStaysOut) {
  World world(3);
  ASSERT_OK(world.Open());
  PutRows(world, 0, 5);
  world.engine->Close();
  world.engine = nullptr;
  World twin(3);
  for (size_t zone : {2, 3}) CopyFolder(world.Path(zone), twin.Path(zone));
  twin.kek = world.kek;
  ASSERT_OK(twin.Open());
  for (int i = 0; i < 10; ++i) EXPECT_OK(twin.PutOne("twin" + std::to_string(i), "x"));
  twin.engine->Close();
  twin.engine = nullptr;
  MoveAway(world, 3);
  ASSERT_OK(world.Open());
  PutRows(world, 5, 10);
  CopyFolder(twin.Path(3), world.Path(3));
  EXPECT(Await([&] {
    return Reason(world, 3).find("epoch") != std::string::npos ||
           Reason(world, 3).find("fork") != std::string::npos;
  }));
  EXPECT_EQ(InSet(world, 3), false);
  PutRows(world, 10, 15);
  ExpectRows(world, 15);
}

namespace {

using io::CrashStyle;
using io::SimDisk;
using io::SimEffect;
using io::SimEnv;

constexpr size_t kRowSize = 40'000;  // A few of them fill the first segment of an epoch.

std::string SimPath(size_t zone) { return "/z" + std::to_string(zone); }

OpenOptions SimOptions(SimEnv* env, size_t without = 0) {
  OpenOptions options;
  options.env = env;
  for (size_t zone = 1; zone <= 3; ++zone) {
    options.zones.push_back(zone == without ? "/nowhere" : SimPath(zone));
  }
  options.root_key = SecretBytes(AsBytes("0123456789abcdef0123456789abcdef"));
  options.read_slabs = options.write_slabs = 1;
  return options;
}

bool AwaitAllIn(SimEnv& env, Engine& engine) {
  for (int i = 0; i < 2'000; ++i) {
    auto zones = engine.status().zones;
    if (std::all_of(zones.begin(), zones.end(), [](auto& zone) { return zone.in_set; })) {
      return true;
    }
    env.SleepMicros(100'000);
  }
  return false;
}

// A store whose third zone fell out while rows were written, and comes back: what is done to it on
// its way, row by row what was acknowledged.
struct WayBack {
  explicit WayBack(uint64_t seed) : seed(seed) {
    for (size_t zone : {1, 2, 3}) disk.MakeDirectories(SimPath(zone));
  }
  void Put(Engine& engine) {
    std::string row = Row(static_cast<int>(rows));
    EXPECT_OK(PutRow(engine, row, kRowSize));
    ++rows;
  }
  // `meanwhile` is called when the disk is well again, and before each change of a disk after that.
  void Go(const std::function<void(SimEnv&)>& begin,
          const std::function<void(io::SimIo, const std::string&)>& meanwhile) {
    SimEnv env(&disk, seed);
    EXPECT_OK(env.Run([&] {
      auto engine = Engine::Open(SimOptions(&env), nullptr);
      ASSERT_OK(engine);
      for (int i = 0; i < 20; ++i) Put(**engine);
      uint64_t fault = env.AddFault({SimEffect::kFail, SimPath(3) + "/log", io::kIoSync, 0, 1});
      for (int i = 0; i < 40; ++i) Put(**engine);
      env.RemoveFault(fault);
      begin(env);
      env.on_io = meanwhile;
      for (int i = 0; i < 5; ++i) Put(**engine);
      in = AwaitAllIn(env, **engine);
      for (int i = 0; i < 3; ++i) Put(**engine);
      (*engine)->Close();
      env.on_io = nullptr;
    }));
  }

  const uint64_t seed;
  SimDisk disk;
  size_t rows = 0;
  bool in = false;
};

// Opens what stands on the disk, with all zones or without one, and looks for the rows.
void ExpectAll(SimDisk disk, size_t without, size_t rows, const std::string& way) {
  SimEnv env(&disk, 7 + without);
  EXPECT_OK(env.Run([&] {
    OpenOptions options = SimOptions(&env, without);
    options.return_zones = false;
    auto engine = Engine::Open(std::move(options), nullptr);
    std::string what = way + ", without " + std::to_string(without) + ": ";
    if (!engine.ok()) {
      return testing::Fail(__FILE__, __LINE__, what + engine.status().ToString());
    }
    for (size_t i = 0; i < rows; ++i) {
      Status found = FindRow(**engine, Row(static_cast<int>(i)));
      if (!found.ok()) {
        return testing::Fail(__FILE__, __LINE__, what + Row(static_cast<int>(i)) + " is lost");
      }
    }
    (*engine)->Close();
  }));
}

}  // namespace

TEST(Returning, EveryCrashOnTheWayBackLosesNothing) {
  WayBack way(testing::Seed());
  testing::Random random(testing::Seed());
  struct Image {
    SimDisk disk;
    size_t rows;
    std::string way;
  };
  std::vector<Image> images;
  std::unordered_set<uint64_t> seen;
  way.Go([](SimEnv&) {},
         [&](io::SimIo kind, const std::string& path) {
           for (auto style : {CrashStyle::kLoseAll, CrashStyle::kKeepAll, CrashStyle::kRandom}) {
             Image image{way.disk, way.rows, std::string(io::NameOf(kind)) + " " + path};
             image.disk.Crash(random, style);
             if (seen.insert(image.disk.DurableHash()).second) images.push_back(std::move(image));
           }
         });
  EXPECT(way.in);
  size_t step = std::max<size_t>(1, images.size() / testing::SampleSize(24));
  printf("  %zu images, every %zuth is opened\n", images.size(), step);
  for (size_t i = 0; i < images.size(); i += step) {
    for (size_t without : {0, 1, 2, 3}) {
      ExpectAll(images[i].disk, without, images[i].rows, "crash before " + images[i].way);
    }
  }
}

// One call after the other fails on the zone that returns; and each read of the one that is copied
// from, whose writes are another story: with two zones in the set there is none to spare.
TEST(Returning, WhateverFailsOnTheWayItIsTriedAgain) {
  size_t failed = 0;
  for (size_t zone : {3, 1}) {
    for (uint64_t n = 0;; n += std::max<uint64_t>(1, 60 / testing::SampleSize(60))) {
      WayBack way(n + 1);
      uint64_t calls = 0;
      way.Go(
          [&](SimEnv& env) {
            env.AddFault({SimEffect::kFail, SimPath(zone) + "/log",
                          zone == 3 ? io::kIoAny : io::kIoRead | io::kIoList, n, 1});
          },
          [&](io::SimIo, const std::string& path) {
            calls += path.starts_with(SimPath(zone) + "/log");
          });
      EXPECT(way.in);
      for (size_t without : {0, 1, 2, 3}) {
        ExpectAll(way.disk, without, way.rows, "call " + std::to_string(n) + " fails");
      }
      ++failed;
      if (n > calls) break;
    }
  }
  printf("  %zu calls failed\n", failed);
}

}  // namespace strongroom::engine
