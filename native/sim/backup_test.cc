// What a backup must be: the store at one moment, whole, in a folder that an ordinary open opens;
// and after a crash at any call the one before, or the new one, and nothing between.
#include <algorithm>

#include "base/testing.h"
#include "sim/world_testing.h"

namespace strongroom::sim {

using io::CrashStyle;
using io::SimDisk;
using io::SimEffect;
using io::SimEnv;
using io::SimFault;

namespace {

const std::string kBackup = "/elsewhere/backup";

// Small and large, overwritten, removed, copied and the source gone; large ones of several stripes.
void Fill(World* world, Store& store, const std::string& round) {
  world->Put(store, "small" + round, 900);
  world->Put(store, "large" + round, kLargeFrom + 700'000);
  world->Put(store, "source" + round, kLargeFrom + 5000);
  world->Copy(store, "source" + round, "copy" + round);
  world->Remove(store, "source" + round);
  world->Put(store, "over", 20'000);
  world->Put(store, "over-large", kLargeFrom + 66'000);
  world->Put(store, "gone" + round, kLargeFrom);
  world->Remove(store, "gone" + round);
}

engine::VerifyNews BackUp(Store& store) {
  auto news = store.BackUp(kBackup);
  EXPECT_OK(news);
  return news.ok() ? *news : engine::VerifyNews();
}

// One process of the store.
void FillAndBackUp(World* world, const std::string& round) {
  world->Live([&](SimEnv&, Store& store) {
    Fill(world, store, round);
    BackUp(store);
  });
}

// One process that opened a backup as an ordinary open does.
void LiveRestored(World* world, const std::function<void(SimEnv&, Store&)>& work,
                  const std::string& path = kBackup, uint64_t sweep_after_nanos = UINT64_MAX) {
  SimEnv env(&world->disk, ++world->seed);
  EXPECT_OK(env.Run([&] {
    auto backup = Store::OpenBackup(&env, path, &world->bucket, false, sweep_after_nanos);
    ASSERT_OK(backup);
    work(env, **backup);
    (*backup)->Close();
  }));
}

// What is wrong with a store that was opened, compared with the model; or nothing.
std::string Compared(Store& store, const Model& model) {
  auto account = store.ReadAll();
  if (!account.ok()) return account.status().ToString();
  if (!account->wrong.empty()) return "wrong bytes of " + account->wrong;
  if (!account->refusals.empty()) {
    return account->refusals.front().key + ": " + account->refusals.front().why.ToString();
  }
  if (Compare(model, account->rows).all() > 0) return Compare(model, account->rows).first;
  return store.engine().status().rot_found > 0 ? "rot was reported" : "";
}

// Opens the backup on a copy of the disk, as any store is opened.
std::string Judge(SimDisk disk, Bucket bucket, const Model& model, bool read_only = false) {
  std::string found;
  SimEnv env(&disk, 77);
  Status ran = env.Run([&] {
    auto store = Store::OpenBackup(&env, kBackup, &bucket, read_only);
    if (!store.ok()) return void(found = store.status().ToString());
    found = Compared(**store, model);
    (*store)->Close();
  });
  return ran.ok() ? found : ran.ToString();
}

// Every call that changes the backup's disk, and the image that a crash before it leaves.
struct Image {
  SimDisk disk;
  std::string at;
};
void Watch(SimEnv* env, const SimDisk* disk, std::vector<Image>* images) {
  env->on_io = [=](io::SimIo kind, const std::string& path) {
    if (!SimDisk::IsBelow(path, "/elsewhere")) return;
    images->push_back({*disk, std::string(io::NameOf(kind)) + " " + path});
  };
}

std::vector<std::string> BlobFiles(const SimDisk& disk) {
  std::vector<std::string> out;
  for (const auto& file : disk.Files(kBackup + "/blob")) out.push_back(file.path);
  return out;
}

// Opens what crashes at these calls leave of a backup, and lets the next one go on from there.
class CrashJudge {
 public:
  // `at_last`: what the store holds in the end.
  CrashJudge(const World& world, Model at_last) : world_(world), at_last_(std::move(at_last)) {}

  // It must hold what it held before, or after. Without a before: that, or nothing that opens.
  void All(const std::vector<Image>& images, const Model* before, const Model& after) {
    // Enough to meet every kind of step; all of them when they are asked for.
    const size_t judged = testing::SampleSize(24);
    size_t old = 0, fresh = 0;
    std::vector<const Image*> chosen;
    for (const Image& image : images) {
      if (random_.Below(images.size()) < judged) chosen.push_back(&image);
      // Few calls and many ways to go wrong: around the switch, each in several ways.
      const bool in_switch = image.at.find("/log.ready") != std::string::npos ||
                             image.at.ends_with("/log.next") || image.at.ends_with(kBackup);
      for (int i = 0; in_switch && i < 3; ++i) chosen.push_back(&image);
    }
    for (const Image* one : chosen) {
      const Image& image = *one;
      SimDisk disk = image.disk;
      const auto style = static_cast<CrashStyle>(random_.Below(5));
      disk.Crash(random_, style);
      const std::string is_new = Judge(disk, world_.bucket, after);
      std::string is_old;
      if (is_new.empty()) {
        ++fresh;
      } else {
        ++old;
        is_old = before ? Judge(disk, world_.bucket, *before) : Absent(is_new);
      }
      if (!is_old.empty()) {
        testing::Fail(__FILE__, __LINE__,
                      "after a crash at " + image.at + ", style " +
                          std::to_string(static_cast<int>(style)) + ": " + is_new + "; " + is_old);
        return;
      }
      if (random_.Below(8) == 0) GoOn(disk, image.at);
    }
    printf("  %zu images, %zu crashes: %zu old, %zu new\n", images.size(), chosen.size(), old,
           fresh);
  }

 private:
  // A first backup that was never told of opens whole or not at all.
  static std::string Absent(const std::string& why) {
    for (const char* code : {"Unavailable", "NotFound", "InvalidArgument"}) {
      if (why.rfind(code, 0) == 0) return "";
    }
    return "it is neither whole nor refused";
  }

  void GoOn(SimDisk disk, const std::string& at) {
    Bucket bucket = world_.bucket;
    for (size_t zone = 1; zone <= 3; ++zone) {
      disk.ReplaceTree(Store::ZonePath(zone), world_.disk, Store::ZonePath(zone));
    }
    SimEnv env(&disk, random_.Next());
    EXPECT_OK(env.Run([&] {
      auto store = Store::Open(&env, 3, &bucket);
      ASSERT_OK(store);
      auto news = (*store)->BackUp(kBackup);
      if (!news.ok()) testing::Fail(__FILE__, __LINE__, at + ": " + news.status().ToString());
      (*store)->Close();
    }));
    EXPECT_EQ(Judge(disk, bucket, at_last_), "");
  }

  const World& world_;
  const Model at_last_;
  testing::Random random_{testing::Seed()};
};

}  // namespace

TEST(Backup, HoldsTheStoreAsItWasAtItsMoment) {
  for (size_t zones : {3, 1}) {
    World world(zones);
    Model at_first, at_second;
    world.Live([&](SimEnv&, Store& store) {
      Fill(&world, store, "1");
      auto news = BackUp(store);
      EXPECT_EQ(news.sequence, store.engine().status().sequence);
      EXPECT(news.written > 0);
      at_first = world.model;
      world.Put(store, "later", 700);
    });
    EXPECT_EQ(Judge(world.disk, world.bucket, at_first), "");
    // Its index is there as well: not one byte has to be written to read it.
    EXPECT_EQ(Judge(world.disk, world.bucket, at_first, /*read_only=*/true), "");
    world.Live([&](SimEnv&, Store& store) {
      Fill(&world, store, "2");
      world.Remove(store, "large1");
      BackUp(store);
      at_second = world.model;
      world.Put(store, "later", 800);
    });
    EXPECT_EQ(Judge(world.disk, world.bucket, at_second), "");
    EXPECT_EQ(Judge(world.disk, world.bucket, at_second, /*read_only=*/true), "");
    // Exactly the files that its rows name: large1 and the ones that were overwritten are gone.
    EXPECT_EQ(BlobFiles(world.disk).size(), 4u);
  }
}

TEST(Backup, WithoutAChangeWritesLittleAndNoBlob) {
  World world;
  world.Live([&](SimEnv& env, Store& store) {
    Fill(&world, store, "1");
    const uint64_t first = BackUp(store).written;
    size_t blobs = 0;
    env.on_io = [&](io::SimIo kind, const std::string& path) {
      blobs += kind == io::kIoWrite && SimDisk::IsBelow(path, kBackup + "/blob");
    };
    world.Put(store, "one", 100);
    const uint64_t second = BackUp(store).written;
    EXPECT(second < first / 2);
    EXPECT_EQ(blobs, 0u);
  });
  EXPECT_EQ(Judge(world.disk, world.bucket, world.model), "");
}

TEST(Backup, ACrashAtAnyCallLeavesTheOneBeforeOrTheNewOne) {
  World world;
  std::vector<Image> first, second, third;
  Model one, two, three;
  auto back_up = [&](SimEnv& env, Store& store, std::vector<Image>* images, Model* model) {
    Watch(&env, &world.disk, images);
    BackUp(store);
    env.on_io = nullptr;
    *model = world.model;
  };
  world.Live([&](SimEnv& env, Store& store) {
    Fill(&world, store, "1");
    back_up(env, store, &first, &one);
  });
  // Each open begins a segment: the switch has several to move.
  for (int opens = 0; opens < 4; ++opens) {
    world.Live([&](SimEnv&, Store& store) { world.Put(store, "short", 100); });
  }
  world.Live([&](SimEnv& env, Store& store) {
    Fill(&world, store, "2");
    world.Remove(store, "large1");
    back_up(env, store, &second, &two);
    // What the backup ends in is retired: its log is copied anew.
    Fill(&world, store, "3");
    EXPECT_OK(store.Compact());
    back_up(env, store, &third, &three);
  });
  CrashJudge judge(world, three);
  judge.All(first, nullptr, one);
  judge.All(second, &one, two);
  judge.All(third, &two, three);
}

TEST(Backup, IsOfOneMomentWhileWritesGoOn) {
  World world;
  std::vector<std::pair<SimDisk, Model>> backups;
  world.Live([&](SimEnv& env, Store& store) {
    Fill(&world, store, "1");
    std::map<uint64_t, Model> moments{{store.engine().status().sequence, world.model}};
    bool stop = false;
    auto writer = env.StartThread("writer", [&] {
      for (int i = 0; i < 60 && !stop; ++i) {
        const std::string key = "w" + std::to_string(i % 7);
        world.Put(store, key, i % 3 == 0 ? kLargeFrom + 1000 : 500);
        moments[store.engine().status().sequence] = world.model;
        if (i % 5 != 4) continue;
        world.Remove(store, key);
        moments[store.engine().status().sequence] = world.model;
      }
    });
    for (int round = 0; round < 3; ++round) {
      const uint64_t sequence = BackUp(store).sequence;
      auto moment = moments.upper_bound(sequence);
      ASSERT(moment != moments.begin());
      backups.emplace_back(world.disk, std::prev(moment)->second);
    }
    stop = true;
    writer->Join();
  });
  for (const auto& [disk, model] : backups) EXPECT_EQ(Judge(disk, world.bucket, model), "");
}

// A large object comes while the log is copied and goes once the moment stands: the backup has it.
TEST(Backup, WhatIsRemovedAfterItsMomentIsInIt) {
  for (int round = 0; round < 12; ++round) {
    World world;
    SimDisk disk;
    Model then;
    world.Live([&](SimEnv& env, Store& store) {
      Fill(&world, store, "1");
      std::map<uint64_t, Model> moments{{store.engine().status().sequence, world.model}};
      io::Completion copying, fixed;
      env.on_io = [&](io::SimIo kind, const std::string& path) {
        if (kind != io::kIoWrite || !SimDisk::IsBelow(path, kBackup + "/log.next")) return;
        // The first copy of a segment gets its name later; the rest of it is written in place.
        (path.ends_with(".copy") ? copying : fixed).Set(Status());
      };
      auto writer = env.StartThread("writer", [&] {
        (void)copying.Wait(UINT64_MAX);
        world.Put(store, "late", kLargeFrom + 9000);
        moments[store.engine().status().sequence] = world.model;
        (void)fixed.Wait(UINT64_MAX);
        world.Remove(store, "late");
        moments[store.engine().status().sequence] = world.model;
      });
      const uint64_t sequence = BackUp(store).sequence;
      fixed.Set(Status());
      copying.Set(Status());
      then = std::prev(moments.upper_bound(sequence))->second;
      disk = world.disk;
      writer->Join();
    });
    EXPECT_EQ(Judge(disk, world.bucket, then), "");
  }
}

TEST(Backup, RotInOneZoneDoesNotReachIt) {
  for (bool within : {false, true}) {
    World world;
    world.Live([&](SimEnv&, Store& store) {
      world.Put(store, "early", 3000);
      Fill(&world, store, "1");
      if (within) BackUp(store);  // Then it lies before what the next one adds.
      world.Put(store, "more", 500);
      const auto files = world.disk.Files(Store::ZonePath(1) + "/log");
      world.disk.FlipBit(files.back().path, (8192 + 1500) * 8);
      BackUp(store);
    });
    world.disk.RemoveTree(kBackup + "/index");
    EXPECT_EQ(Judge(world.disk, world.bucket, world.model), "");
  }
}

// A segment that reads as if nothing were in it is the store's all the same.
TEST(Backup, ADamagedEndIsReplacedAndNotRemoved) {
  World world;
  FillAndBackUp(&world, "1");
  world.Live([&](SimEnv&, Store& store) {
    Fill(&world, store, "2");
    BackUp(store);
    const std::string last = world.disk.Files(kBackup + "/log").back().path;
    world.disk.FlipBit(last, (4096 + 50) * 8);
    const size_t files = world.disk.Files(kBackup + "/log").size();
    world.disk.SetCapacity("/elsewhere", 0);
    EXPECT_EQ(store.BackUp(kBackup).status().code(), Code::kNoSpace);
    EXPECT_EQ(world.disk.Files(kBackup + "/log").size(), files);
    world.disk.SetCapacity("/elsewhere", uint64_t{1} << 40);
    BackUp(store);
  });
  EXPECT_EQ(Judge(world.disk, world.bucket, world.model), "");
}

// Of the log another copy may do, and is proven in its turn; so what is told to stand does stand.
TEST(Backup, WhatReadsBackOtherwiseIsNoticed) {
  World world;
  Model before;
  world.Live([&](SimEnv&, Store& store) {
    Fill(&world, store, "1");
    BackUp(store);
    before = world.model;
    Fill(&world, store, "2");
  });
  size_t refused = 0, struck = 0;
  for (const char* below : {"/log.next", "/blob"}) {
    for (SimEffect effect : {SimEffect::kLose, SimEffect::kMisdirect}) {
      for (uint64_t count : {uint64_t{1}, UINT64_MAX}) {
        SimDisk disk = world.disk;
        SimEnv env(&disk, ++world.seed);
        bool stands = false;
        EXPECT_OK(env.Run([&] {
          auto store = Store::Open(&env, 3, &world.bucket);
          ASSERT_OK(store);
          env.AddFault({effect, kBackup + below, io::kIoWrite, 0, count});
          stands = (*store)->BackUp(kBackup).ok();
          struck += env.faults_struck() > 0;
          (*store)->Close();
        }));
        EXPECT(!stands || count == 1);
        refused += !stands;
        EXPECT_EQ(Judge(disk, world.bucket, stands ? world.model : before), "");
      }
    }
  }
  EXPECT_EQ(struck, 8u);
  EXPECT(refused >= 6);
}

TEST(Backup, AFullOrFailingDiskLeavesTheOneBefore) {
  World world;
  Model before;
  world.Live([&](SimEnv&, Store& store) {
    Fill(&world, store, "1");
    BackUp(store);
    before = world.model;
    for (int i = 0; i < 8; ++i) world.Put(store, "big" + std::to_string(i), 300'000);
  });
  uint64_t used = 0;
  for (const auto& file : world.disk.Files(kBackup)) used += file.size;
  for (uint64_t more : {0, 500'000, 1'500'000}) {
    SimDisk disk = world.disk, refused;
    disk.SetCapacity("/elsewhere", used + more);
    SimEnv env(&disk, 3);
    EXPECT_OK(env.Run([&] {
      auto store = Store::Open(&env, 3, &world.bucket);
      ASSERT_OK(store);
      EXPECT_EQ((*store)->BackUp(kBackup).status().code(), Code::kNoSpace);
      EXPECT_EQ(Compared(**store, world.model), "");  // Nobody else hears of it.
      disk.SetCapacity("/elsewhere", uint64_t{1} << 40);
      refused = disk;
      EXPECT_OK((*store)->BackUp(kBackup).status());
      (*store)->Close();
    }));
    EXPECT_EQ(Judge(refused, world.bucket, before), "");
    EXPECT_EQ(Judge(disk, world.bucket, world.model), "");
  }
}

// Nobody waits for the backup's disk but the backup.
TEST(Backup, ADeadDiskOfItsOwnKeepsNobodyUp) {
  World world;
  Model before;
  world.Live([&](SimEnv&, Store& store) {
    Fill(&world, store, "1");
    BackUp(store);
    before = world.model;
  });
  SimEnv env(&world.disk, ++world.seed);
  EXPECT_OK(env.Run([&] {
    auto store = Store::Open(&env, 3, &world.bucket);
    ASSERT_OK(store);
    Fill(&world, **store, "2");
    const uint64_t fault = env.AddFault({SimEffect::kHang, kBackup, io::kIoWrite, 0, UINT64_MAX});
    auto running = (*store)->engine().BackUp(kBackup);
    env.SleepMicros(1'000'000);
    EXPECT(env.faults_struck() > 0);
    const uint64_t start = env.MonotonicNanos();
    world.Put(**store, "meanwhile", 900);
    EXPECT(env.MonotonicNanos() - start < 2'000'000'000);  // Simulated time.
    (*store)->Close();
    EXPECT(env.MonotonicNanos() - start < 60'000'000'000);
    env.RemoveFault(fault);
    running = nullptr;
  }));
  EXPECT_EQ(Judge(world.disk, world.bucket, before), "");
}

TEST(Backup, OpenedBesideTheOriginalEachServesAloneAndTogetherTheyAreRefused) {
  World world;
  FillAndBackUp(&world, "1");
  Model original = world.model;
  // Both live on by themselves.
  SimEnv env(&world.disk, ++world.seed);
  EXPECT_OK(env.Run([&] {
    auto store = Store::Open(&env, 3, &world.bucket);
    auto backup = Store::OpenBackup(&env, kBackup, &world.bucket);
    ASSERT_OK(store);
    ASSERT_OK(backup);
    Model restored = world.model;
    auto commit = [](Store& to, Model* model, const Changes& changes) {
      model->Begin(changes);
      EXPECT_OK(to.Commit(changes));
      model->Settle(changes);
    };
    commit(**store, &original, {{"here", Body{900, 5000}}});
    commit(**backup, &restored, {{"there", Body{901, kLargeFrom + 9}}});
    commit(**backup, &restored, {{"large1", std::nullopt}});
    EXPECT_EQ(Compared(**store, original), "");
    EXPECT_EQ(Compared(**backup, restored), "");
    // The one is no backup of the other any more, whichever way round.
    EXPECT_EQ((*store)->BackUp(kBackup).status().code(), Code::kLocked);
    (*backup)->Close();
    EXPECT_EQ((*store)->BackUp(kBackup).status().code(), Code::kRolledBack);
    (*store)->Close();
    auto again = Store::OpenBackup(&env, kBackup, &world.bucket);
    ASSERT_OK(again);
    EXPECT_EQ(Compared(**again, restored), "");
    (*again)->Close();
  }));
  // In the place of any zone.
  for (size_t zone = 1; zone <= 3; ++zone) {
    SimDisk disk = world.disk;
    disk.ReplaceTree(Store::ZonePath(zone), disk, kBackup);
    SimEnv mixed(&disk, 40 + zone);
    EXPECT_OK(mixed.Run([&] {
      EXPECT_EQ(Store::Open(&mixed, 3, &world.bucket).status().code(), Code::kForeignZone);
    }));
  }
}

TEST(Backup, OneThatWasOpenedAndNotWrittenToGoesOn) {
  World world;
  FillAndBackUp(&world, "1");
  for (int opens = 0; opens < 2; ++opens) {
    LiveRestored(&world,
                 [&](SimEnv&, Store& backup) { EXPECT_EQ(Compared(backup, world.model), ""); });
  }
  FillAndBackUp(&world, "2");
  EXPECT_EQ(Judge(world.disk, world.bucket, world.model), "");
}

// Its rows say 4+2 and number 0, its files are whole and have number 1.
TEST(Backup, OnceRestoredItsFilesAreThoseOfItsRows) {
  World world;
  FillAndBackUp(&world, "1");
  const size_t before = BlobFiles(world.disk).size();
  const auto work = [&](SimEnv& env, Store& backup) {
    env.SleepMicros(5'000'000);
    EXPECT_EQ(backup.engine().status().swept, 0u);
    EXPECT_EQ(Compared(backup, world.model), "");
    world.Remove(backup, "large1");
  };
  LiveRestored(&world, work, kBackup, /*sweep_after_nanos=*/0);
  EXPECT_EQ(BlobFiles(world.disk).size(), before - 1);
  EXPECT_EQ(Judge(world.disk, world.bucket, world.model), "");
}

TEST(Backup, OfAStoreThatWasSetBackIsRefused) {
  World world;
  world.Live([&](SimEnv&, Store& store) { Fill(&world, store, "1"); });
  const SimDisk older = world.disk;
  FillAndBackUp(&world, "2");
  SimDisk disk = world.disk;
  for (size_t zone = 1; zone <= 3; ++zone) {
    disk.ReplaceTree(Store::ZonePath(zone), older, Store::ZonePath(zone));
  }
  for (bool lives_on : {false, true}) {
    SimEnv env(&disk, ++world.seed);
    EXPECT_OK(env.Run([&] {
      auto store = Store::Open(&env, 3, &world.bucket);
      ASSERT_OK(store);
      // Other records, in the very places of those that the backup has.
      World other = world;
      if (lives_on) Fill(&other, **store, "2");
      EXPECT_EQ((*store)->BackUp(kBackup).status().code(), Code::kRolledBack);
      (*store)->Close();
    }));
    EXPECT_EQ(Judge(disk, world.bucket, world.model), "");
    for (size_t zone = 1; zone <= 3; ++zone) {
      disk.ReplaceTree(Store::ZonePath(zone), older, Store::ZonePath(zone));
    }
  }
}

TEST(Backup, ABackupOfABackupIsOneToo) {
  World world;
  FillAndBackUp(&world, "1");
  LiveRestored(&world, [&](SimEnv&, Store& backup) {
    world.Put(backup, "more", kLargeFrom + 70'000);
    EXPECT_OK(backup.BackUp("/elsewhere/second").status());
  });
  const auto compare = [&](SimEnv&, Store& second) {
    EXPECT_EQ(Compared(second, world.model), "");
  };
  LiveRestored(&world, compare, "/elsewhere/second");
}

TEST(Backup, WhatIsNoPlaceForOneIsLeftAlone) {
  World world;
  world.disk.MakeDirectories("/elsewhere/full/folder");
  SimEnv env(&world.disk, ++world.seed);
  EXPECT_OK(env.Run([&] {
    auto store = Store::Open(&env, 3, &world.bucket);
    ASSERT_OK(store);
    Fill(&world, **store, "1");
    for (const std::string path :
         {std::string("/elsewhere/full"), Store::ZonePath(2), Store::ZonePath(2) + "/deep/down",
          Store::ZonePath(1) + "/blob"}) {
      EXPECT_EQ((*store)->BackUp(path).status().code(), Code::kInvalidArgument);
    }
    EXPECT_EQ(env.List("/elsewhere/full")->size(), 1u);
    EXPECT_EQ(Compared(**store, world.model), "");
    (*store)->Close();
    auto after = (*store)->BackUp(kBackup);
    EXPECT_EQ(after.status().code(), Code::kClosed);
  }));
}

}  // namespace strongroom::sim
