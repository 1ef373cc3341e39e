// Stories of a zone that is replaced by a new one while the store serves: what the new one gets,
// which zones a store can be opened with from then on, and what a crash at each call leaves.
#include "engine/replacing.h"

#include <algorithm>
#include <unordered_set>

#include "base/testing.h"
#include "engine/engine_testing.h"
#include "io/sim_env.h"

namespace strongroom::engine {

namespace {

Status Replace(Engine& engine, int zone, const std::string& path) {
  auto done = std::make_shared<io::Completion>();
  engine.ReplaceZone(zone, path, [done](const Status& status) { done->Set(status); });
  return done->Wait(kPatience);
}

// Until the zone has everything.
void AwaitWhole(io::Env& env, Engine& engine, int zone) {
  for (int i = 0; i < 3'000; ++i) {
    const ZoneStatus it = engine.status().zones[static_cast<size_t>(zone - 1)];
    if (it.in_set && !it.healing) return;
    env.SleepMicros(10'000);
  }
  testing::Fail(__FILE__, __LINE__, "the zone is not whole");
}

// A store of three zones, the third of which is replaced.
struct Store : World {
  Store() : World(3) {
    CHECK(Open().ok());
    for (int i = 0; i < 10; ++i) Put();
    body = testing::Random(testing::Seed()).Take(700'000);
    CHECK(PutLarge("large", body).ok());
  }
  void Put() {
    EXPECT_OK(PutOne("r" + std::to_string(rows), "text"));
    ++rows;
  }
  std::string New() const { return folder + "/new"; }
  // The store anew, with these folders in the place of its zones.
  Status OpenWith(std::vector<std::string> zones) {
    if (engine) engine->Close();
    engine = nullptr;
    OpenOptions options = Options();
    options.zones = std::move(zones);
    auto opened = Engine::Open(std::move(options), nullptr);
    if (!opened.ok()) return opened.status();
    engine = *opened;
    return {};
  }
  void ExpectAll() {
    for (int i = 0; i < rows; ++i) EXPECT_OK(Get("r" + std::to_string(i)).status());
    EXPECT_OK(ReadLarge("large", body.size()));
  }
  std::string Nowhere() const { return folder + "/nowhere"; }
  int rows = 0;
  Bytes body;
};

}  // namespace

TEST(Replacing, ANewZoneTakesThePlaceOfOneThatIsInTheSet) {
  Store store;
  const aead::Id old = store.engine->status().zones[2].id;
  EXPECT_OK(Replace(*store.engine, 3, store.New()));
  AwaitWhole(store.env, *store.engine, 3);
  const ZoneStatus now = store.engine->status().zones[2];
  EXPECT(now.id != old);
  EXPECT_EQ(now.path, store.New());
  store.Put();
  EXPECT_OK(store.PutLarge("later", store.body));
  // Any one of the others may be lost now.
  for (size_t lost : {1, 2}) {
    std::vector<std::string> zones = {store.Path(1), store.Path(2), store.New()};
    zones[lost - 1] = store.Nowhere();
    ASSERT_OK(store.OpenWith(zones));
    store.ExpectAll();
    EXPECT_OK(store.ReadLarge("later", store.body.size()));
    store.Put();
  }
  ASSERT_OK(store.OpenWith({store.Path(1), store.Path(2), store.New()}));
  store.ExpectAll();
  AwaitWhole(store.env, *store.engine, 1);
  AwaitWhole(store.env, *store.engine, 2);
}

// Whoever opens a store with a disk that was taken out long ago, and with one that has slept since,
// would have two of three. The one that slept knows better.
TEST(Replacing, AReplacedZonePlusAStaleOneOnlyIsRefused) {
  Store store;
  const std::string one = store.Path(1), two = store.Path(2), old = store.Path(3);
  const std::string fresh = store.New(), none = store.Nowhere();
  EXPECT_OK(Replace(*store.engine, 3, fresh));
  AwaitWhole(store.env, *store.engine, 3);
  // The first zone falls asleep: what is told from here on, it does not hear.
  ASSERT_OK(store.OpenWith({none, two, fresh}));
  store.Put();
  EXPECT_CODE(store.OpenWith({one, none, old}), Code::kForeignZone);
  EXPECT_CODE(store.OpenWith({one, two, old}), Code::kForeignZone);
  EXPECT_CODE(store.OpenWith({none, two, old}), Code::kForeignZone);
  EXPECT_CODE(store.OpenWith({none, fresh, old}), Code::kForeignZone);
  EXPECT_CODE(store.OpenWith({none, none, old}), Code::kQuorumLost);
  for (const auto& zones : std::vector<std::vector<std::string>>{
           {one, none, fresh}, {one, two, none}, {none, two, fresh}, {fresh, one, two}}) {
    ASSERT_OK(store.OpenWith(zones));
    store.ExpectAll();
    store.Put();
  }
}

// Its cells were on the old disk, durably, when that went; then it is committed.
TEST(Replacing, AnUploadThatEndedBeforeIsMadeOnTheNewZone) {
  Store store;
  auto blob = store.engine->WriteBlob(*store.kek, store.body.size(), {});
  ASSERT_OK(blob);
  EXPECT_OK(blob::TestStore::OfferAll(blob->writer.get(), store.body));
  auto written = std::make_shared<blob::Awaited<Result<blob::BlobDone>>>();
  blob->writer->Finish([written](Result<blob::BlobDone> result) { written->Set(result); });
  const auto done = written->Get();
  ASSERT_OK(done);
  EXPECT_EQ(done->zones_written, placement::ZoneMask{7});
  EXPECT_OK(Replace(*store.engine, 3, store.New()));
  AwaitWhole(store.env, *store.engine, 3);
  Transaction transaction;
  Effect effect;
  effect.key = {'u', 'p'};
  effect.named =
      NamedBlob{blob->reference, true, blob->placement, done->zones_written, blob->replaced};
  effect.named->reference.size = done->size;
  transaction.effects.push_back(std::move(effect));
  EXPECT_OK(store.Commit(std::move(transaction)));
  ASSERT_OK(store.OpenWith({store.Nowhere(), store.Path(2), store.New()}));
  EXPECT_OK(store.ReadLarge("up", store.body.size()));
}

// Its disk is dead for good: the store is opened without it, and with an empty folder.
TEST(Replacing, ALostZoneIsReplacedAfterTheOpen) {
  Store store;
  ASSERT_OK(store.OpenWith({store.Path(1), store.Path(2), store.New()}));
  EXPECT_EQ(store.engine->status().zones[2].present, false);
  store.Put();
  EXPECT_OK(Replace(*store.engine, 3, store.New()));
  AwaitWhole(store.env, *store.engine, 3);
  ASSERT_OK(store.OpenWith({store.Nowhere(), store.Path(2), store.New()}));
  store.ExpectAll();
}

TEST(Replacing, AgainAndAgain) {
  Store store;
  for (int round = 0; round < 3; ++round) {
    EXPECT_OK(Replace(*store.engine, 1 + round % 2, store.New() + std::to_string(round)));
    AwaitWhole(store.env, *store.engine, 1 + round % 2);
    store.Put();
  }
  EXPECT_CODE(store.OpenWith({store.New() + "0", store.New() + "1", store.Path(3)}),
              Code::kForeignZone);
  ASSERT_OK(store.OpenWith({store.New() + "2", store.New() + "1", store.Path(3)}));
  store.ExpectAll();
}

TEST(Replacing, WhatIsRefused) {
  Store store;
  io::Env* env = io::PosixEnv();
  // A folder that holds anything; it is left as it is.
  EXPECT_OK(env->CreateDirectory(store.New()));
  EXPECT(env->Open(store.New() + "/letter", {io::OpenMode::kCreate, false}).ok());
  EXPECT_CODE(Replace(*store.engine, 3, store.New()), Code::kInvalidArgument);
  EXPECT_EQ(env->List(store.New())->size(), size_t{1});
  EXPECT_CODE(Replace(*store.engine, 3, store.Path(2)), Code::kInvalidArgument);
  for (int zone : {0, 4, -1}) {
    EXPECT_CODE(Replace(*store.engine, zone, store.New()), Code::kInvalidArgument);
  }
  // The zone that was to go comes back.
  AwaitWhole(store.env, *store.engine, 3);
  ASSERT_OK(store.OpenWith({store.Nowhere(), store.Path(2), store.Path(3)}));
  EXPECT_CODE(Replace(*store.engine, 3, store.New() + "2"), Code::kUnavailable);
  EXPECT_CODE(env->Stat(store.New() + "2").status(), Code::kNotFound);
  store.ExpectAll();
  World single(1);
  EXPECT_OK(single.Open());
  EXPECT_CODE(Replace(*single.engine, 1, single.folder + "/new"), Code::kInvalidArgument);
}

// ---------------------------------------------------------------- What a crash leaves

namespace {

using io::CrashStyle;
using io::SimDisk;
using io::SimEnv;

const std::vector<std::string> kFolders = {"/z1", "/z2", "/z3", "/new"};

OpenOptions SimOptions(SimEnv* env, std::vector<std::string> zones) {
  OpenOptions options;
  options.env = env;
  options.zones = std::move(zones);
  options.root_key = SecretBytes(AsBytes("0123456789abcdef0123456789abcdef"));
  options.read_slabs = options.write_slabs = 1;
  options.sweep_after_nanos = UINT64_MAX;
  return options;
}

struct Image {
  SimDisk disk;
  size_t rows = 0;
  std::string way;
};

std::string RowName(size_t i) { return "r" + std::to_string(i); }

// A replacement of the third zone, with rows before, while it goes on, and after.
std::vector<Image> CrashAtEachCall() {
  std::vector<Image> images;
  std::unordered_set<uint64_t> seen;
  Image now;
  testing::Random random(testing::Seed());
  for (const char* folder : {"/z1", "/z2", "/z3"}) now.disk.MakeDirectories(folder);
  SimEnv env(&now.disk, testing::Seed());
  EXPECT_OK(env.Run([&] {
    auto engine = Engine::Open(SimOptions(&env, {"/z1", "/z2", "/z3"}), nullptr);
    ASSERT_OK(engine);
    const auto put = [&] {
      EXPECT_OK(PutRow(**engine, RowName(now.rows), 40'000));
      ++now.rows;
    };
    for (int i = 0; i < 10; ++i) put();
    env.on_io = [&](io::SimIo kind, const std::string& path) {
      for (auto style : {CrashStyle::kLoseAll, CrashStyle::kKeepAll, CrashStyle::kRandom}) {
        Image image{now.disk, now.rows, std::string(io::NameOf(kind)) + " " + path};
        image.disk.Crash(random, style);
        if (seen.insert(image.disk.DurableHash()).second) images.push_back(std::move(image));
      }
    };
    EXPECT_OK(Replace(**engine, 3, "/new"));
    for (int i = 0; i < 3; ++i) put();
    AwaitWhole(env, **engine, 3);
    env.on_io = nullptr;
    (*engine)->Close();
  }));
  return images;
}

// Opens the store with these folders, looks for its rows and writes another. False: it was refused.
bool GoOn(Image* image, const std::vector<std::string>& zones, bool must) {
  bool open = false;
  SimEnv env(&image->disk, 11);
  EXPECT_OK(env.Run([&] {
    OpenOptions options = SimOptions(&env, zones);
    options.return_zones = false;
    options.create = false;
    auto engine = Engine::Open(std::move(options), nullptr);
    open = engine.ok();
    if (!open) {
      const Code code = engine.status().code();
      const bool typed =
          code == Code::kForeignZone || code == Code::kQuorumLost || code == Code::kUnavailable;
      if (!typed || must) {
        testing::Fail(__FILE__, __LINE__, image->way + ": " + engine.status().ToString());
      }
      return;
    }
    for (size_t i = 0; i < image->rows; ++i) {
      if (FindRow(**engine, RowName(i)).ok()) continue;
      return testing::Fail(__FILE__, __LINE__, image->way + ": " + RowName(i) + " is lost");
    }
    EXPECT_OK(PutRow(**engine, RowName(image->rows), 100));
    ++image->rows;
    (*engine)->Close();
  }));
  return open;
}

// Every two of the folders, and every three that could be given for three zones.
std::vector<std::vector<std::string>> Choices() {
  std::vector<std::vector<std::string>> out = {{"/z1", "/z2", "/z3"},
                                               {"/z1", "/z2", "/new"},
                                               {"/z1", "/z3", "/new"},
                                               {"/z2", "/z3", "/new"}};
  for (size_t a = 0; a < kFolders.size(); ++a) {
    for (size_t b = a + 1; b < kFolders.size(); ++b) {
      out.push_back({kFolders[a], kFolders[b], "/nowhere"});
    }
  }
  return out;
}

}  // namespace

// Whichever folders are opened after the crash, and whichever after that: nothing that anybody was
// told is stored is missing, and what cannot be told apart is refused.
TEST(Replacing, WhicheverZonesAreOpenedAfterACrashNothingIsLost) {
  const std::vector<Image> images = CrashAtEachCall();
  const size_t step = std::max<size_t>(1, images.size() / testing::SampleSize(5));
  size_t opened = 0, refused = 0;
  for (size_t i = 0; i < images.size(); i += step) {
    for (const auto& first : Choices()) {
      Image image = images[i];
      image.way = "crash before " + image.way + ", opened with " + first[0] + first[1] + first[2];
      const bool must = first[0] == "/z1" && first[1] == "/z2" && first[2] != "/z3";
      const bool open = GoOn(&image, first, must);
      (open ? opened : refused) += 1;
      if (!open) continue;
      for (const auto& second : Choices()) {
        Image next = image;
        next.way += ", then with " + second[0] + second[1] + second[2];
        (GoOn(&next, second, false) ? opened : refused) += 1;
      }
    }
  }
  printf("  %zu images, every %zuth; %zu opens, %zu refused\n", images.size(), step, opened,
         refused);
  EXPECT(opened > 0 && refused > 0);
}

// One that was cut short is gone on with.
TEST(Replacing, ACrashIsGoneOnWith) {
  const std::vector<Image> images = CrashAtEachCall();
  const size_t step = std::max<size_t>(1, images.size() / testing::SampleSize(12));
  for (size_t i = 0; i < images.size(); i += step) {
    Image image = images[i];
    SimEnv env(&image.disk, 12);
    EXPECT_OK(env.Run([&] {
      auto engine = Engine::Open(SimOptions(&env, {"/z1", "/z2", "/new"}), nullptr);
      ASSERT_OK(engine);
      // It may have been far enough to come back by itself.
      const ZoneStatus zone = (*engine)->status().zones[2];
      if (!zone.in_set) EXPECT_OK(Replace(**engine, 3, "/new"));
      AwaitWhole(env, **engine, 3);
      EXPECT_OK(PutRow(**engine, RowName(image.rows), 100));
      ++image.rows;
      (*engine)->Close();
    }));
    image.way = "gone on with after a crash before " + image.way;
    EXPECT(GoOn(&image, {"/nowhere", "/z2", "/new"}, true));
    EXPECT(!GoOn(&image, {"/z1", "/nowhere", "/z3"}, false));
  }
}

}  // namespace strongroom::engine
