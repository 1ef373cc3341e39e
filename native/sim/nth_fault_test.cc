// Fail the n-th call: the first, the second, the third ... call on a disk fails, until the work is
// done without one. After each: every operation answered with an error or is durable, the store
// opens again, and what was told stands, whether the power goes as well or not.
//
// A slice by default; STRONGROOM_EXHAUSTIVE=0 takes every n.
#include "base/testing.h"
#include "io/sim_env.h"
#include "sim/store.h"

namespace strongroom::sim {

using io::CrashStyle;
using io::SimDisk;
using io::SimEffect;
using io::SimEnv;
using io::SimFault;

namespace {

struct Kind {
  const char* name;
  uint32_t calls;
  Code code;
  uint64_t count;
};
// A failed write leaves its first sectors, all or none of it; a failed sync drops pages.
constexpr Kind kKinds[] = {
    {"an error", io::kIoAny, Code::kIo, 1},
    {"errors from then on", io::kIoAny, Code::kIo, UINT64_MAX},
    {"no space", io::kIoWrite | io::kIoAllocate | io::kIoCreate, Code::kNoSpace, 1},
    {"a short write", io::kIoWrite, Code::kIo, 1},
    {"a failed sync", io::kIoSync | io::kIoSyncDirectory, Code::kIo, 1},
};

// A store with a past, and what it must hold.
struct World {
  SimDisk disk;
  Bucket bucket;
  Model model;
  size_t zone_count = 3;
  uint64_t next_body = 1;

  explicit World(size_t zones) : zone_count(zones) {
    for (size_t zone = 1; zone <= zones; ++zone) disk.MakeDirectories(Store::ZonePath(zone));
  }
  Body Fresh(uint32_t size) { return {next_body++, size}; }

  // Does any of these hang on a transaction that nobody knows the fate of?
  bool IsOpen(const Changes& changes) const {
    for (const Changes& open : model.pending) {
      for (const Change& a : open) {
        for (const Change& b : changes) {
          if (a.key == b.key || a.key == b.copy_of || a.key == b.named_by) return true;
        }
      }
    }
    return false;
  }
  // False: it was refused, or nobody knows.
  bool Do(Store& store, const Changes& changes) {
    if (IsOpen(changes)) return false;
    model.Begin(changes);
    Status status = store.Commit(changes);
    if (status.ok()) {
      model.Settle(changes);
    } else if (!status.Is(Code::kUnknown) && !status.Is(Code::kClosed)) {
      model.Forget(changes);
    }
    return status.ok();
  }
};

using Work = void (*)(World& world, Store& store);

void PutAndRemove(World& world, Store& store) {
  world.Do(store, {{"small", world.Fresh(700)}});
  world.Do(store, {{"large", world.Fresh(kLargeFrom + 30'000)}});
  if (world.model.settled.count("large") != 0) {
    world.Do(store, {{"copy", world.model.settled["large"], "large"}});
  }
  world.Do(store, {{"a", world.Fresh(10)}, {"b", world.Fresh(2000)}, {"old", std::nullopt}});
  world.Do(store, {{"large", std::nullopt}});
}

void UploadAndAppend(World& world, Store& store) {
  const Body list{world.next_body++, 0, true};
  world.Do(store, {{"u", list}});
  for (uint64_t position : {2, 1, 2}) {
    Body part = world.Fresh(position == 1 ? kLargeFrom + 5000 : 900);
    world.Do(store, {{PartName(list.id, position), part, "", "u"}});
  }
  if (world.model.settled.count("u") != 0) {
    world.Do(store, {{"u", std::nullopt}, {"whole", list, "u"}});
  }
  const Body grown{world.next_body++, 1, true};
  world.Do(store, {{"log", grown}, {PartName(grown.id, 0), world.Fresh(300), "", "log"}});
  if (world.model.settled.count("log") == 0) return;
  Body more = grown;
  ++more.size;
  world.Do(store, {{"log", more, "log"}, {PartName(grown.id, 1), world.Fresh(300), "", "log"}});
}

// More than a segment holds, and more than an index keeps in memory.
void FillSegments(World& world, Store& store) {
  for (int i = 0; i < 7; ++i) {
    Changes changes;
    for (int j = 0; j < 10; ++j) {
      changes.push_back({"fill" + std::to_string(j), world.Fresh(kLargeFrom - 1000)});
    }
    if (!world.Do(store, changes)) return;
  }
}

void Nothing(World&, Store&) {}

// Opens, reads, compares; what nobody heard of is decided from then on. A verdict in words: empty
// where all is right.
std::string Judge(World world, uint64_t seed) {
  SimEnv env(&world.disk, seed);
  std::string wrong;
  Status ran = env.Run([&] {
    auto store = Store::Open(&env, world.zone_count, &world.bucket);
    if (!store.ok()) return void(wrong = "does not open: " + store.status().ToString());
    auto account = (*store)->ReadAll();
    if (!account.ok()) return void(wrong = "is not read: " + account.status().ToString());
    for (const auto& refusal : account->refusals) {
      wrong += "row " + refusal.key + ": " + refusal.why.ToString() + " ";
    }
    if (!account->wrong.empty()) wrong += "wrong bytes of " + account->wrong + " ";
    wrong += Compare(world.model, account->rows).first;
    (*store)->Close();
  });
  return ran.ok() ? wrong : ran.ToString();
}

// One process on the world with these faults in it. False: it ended without meeting any.
bool RunWith(const World& before, Work work, const std::vector<SimFault>& faults,
             const std::string& what) {
  World world = before;
  auto fail = [&](const std::string& why) { testing::Fail(__FILE__, __LINE__, what + why); };
  SimEnv env(&world.disk, 3);
  for (const SimFault& fault : faults) env.AddFault(fault);
  Status ran = env.Run([&] {
    auto store = Store::Open(&env, world.zone_count, &world.bucket);
    if (!store.ok()) return;  // Typed; what it did is judged below.
    work(world, **store);
    (*store)->Close();
  });
  if (!ran.ok()) fail(ran.ToString());
  if (env.syncs_retried() > 0) fail("a sync that had failed was tried again");
  World dark = world;
  testing::Random random(5);
  dark.disk.Crash(random, CrashStyle::kLoseAll);
  for (const World* after : {&world, &dark}) {
    std::string wrong = Judge(*after, 9);
    if (!wrong.empty()) fail((after == &dark ? "after a power cut: " : "reopened: ") + wrong);
  }
  return env.faults_struck() > 0;
}

// How many calls there are to fail.
uint64_t CallsOf(const World& before, Work work, size_t zone, const Kind& kind) {
  World world = before;
  SimEnv env(&world.disk, 3);
  SimFault none{SimEffect::kNone, Store::ZonePath(zone), kind.calls};
  none.count = UINT64_MAX;
  env.AddFault(none);
  EXPECT_OK(env.Run([&] {
    auto store = Store::Open(&env, world.zone_count, &world.bucket);
    ASSERT_OK(store);
    work(world, **store);
    (*store)->Close();
  }));
  return env.faults_struck();
}

// Every n until the work meets no fault; in a slice a few of them.
size_t FailEach(const World& before, Work work, const std::string& name) {
  const size_t runs = testing::SampleSize(2);
  testing::Random random(testing::Seed());
  size_t done = 0;
  const std::vector<std::vector<size_t>> some = {{1}, {2}, {3}, {1, 2}, {2, 3}, {1, 2, 3}};
  const std::vector<std::vector<size_t>> only = {{1}};
  for (const auto& zones : before.zone_count == 3 ? some : only) {
    for (const Kind& kind : kKinds) {
      auto run = [&](uint64_t n) {
        std::vector<SimFault> faults;
        std::string what = name + ", " + kind.name + " at call " + std::to_string(n) + " of";
        for (size_t zone : zones) {
          SimFault fault{SimEffect::kFail, Store::ZonePath(zone), kind.calls};
          fault.skip = n;
          fault.count = kind.count;
          fault.code = kind.code;
          faults.push_back(fault);
          what += " " + Store::ZonePath(zone);
        }
        ++done;
        return RunWith(before, work, faults, what + ": ");
      };
      if (runs == SIZE_MAX) {
        for (uint64_t n = 0; run(n); ++n) continue;
        continue;
      }
      const uint64_t calls = CallsOf(before, work, zones.front(), kind);
      for (size_t i = 0; i < runs; ++i) run(random.Below(calls));
    }
  }
  return done;
}

// A store of `zones` zones that has lived: with `stale`, the last life was without that zone.
World Lived(size_t zones, size_t stale = 0) {
  World world(zones);
  for (size_t life = 0; life < 2; ++life) {
    SimEnv env(&world.disk, life + 1);
    if (life == 1 && stale != 0) world.disk.Hide(Store::ZonePath(stale));
    EXPECT_OK(env.Run([&] {
      auto store = Store::Open(&env, zones, &world.bucket);
      ASSERT_OK(store);
      EXPECT(world.Do(**store, {{"old", world.Fresh(400)}, {"o2", world.Fresh(3)}}));
      EXPECT(world.Do(**store, {{"big", world.Fresh(kLargeFrom + 100)}}));
      (*store)->Close();
    }));
    if (life == 1 && stale != 0) world.disk.Show(Store::ZonePath(stale));
    world.model.before.clear();
  }
  return world;
}

}  // namespace

TEST(NthFault, OfPutsCopiesAndRemovals) {
  for (size_t zones : {1, 3}) {
    printf("  %zu runs\n", FailEach(Lived(zones), PutAndRemove, "puts"));
  }
}

TEST(NthFault, OfUploadsAndAppends) {
  for (size_t zones : {1, 3}) {
    printf("  %zu runs\n", FailEach(Lived(zones), UploadAndAppend, "uploads"));
  }
}

TEST(NthFault, OfSegmentsThatFillUp) {
  for (size_t zones : {1, 3}) {
    printf("  %zu runs\n", FailEach(Lived(zones), FillSegments, "rotation"));
  }
}

// The open, a zone that is caught up by it, and the close.
TEST(NthFault, OfAnOpenThatCatchesAZoneUp) {
  for (size_t stale : {0, 1, 3}) {
    printf("  %zu runs\n", FailEach(Lived(3, stale), Nothing, "open"));
  }
}

// The story: a sync failed under the first batch of a new segment, and the cells were torn while
// the record was not. The next open cut the segment before it, and its replay followed the torn
// batch into a dead end: a store of one zone did not open any more.
TEST(NthFault, ATornBatchAtTheBeginningOfASegmentIsNoDeadEnd) {
  const World lived = Lived(1);
  SimFault failed_sync{SimEffect::kFail, Store::ZonePath(1) + "/log", io::kIoSync};
  for (failed_sync.skip = 0;; ++failed_sync.skip) {
    const std::string what = "sync " + std::to_string(failed_sync.skip) + " of the log fails: ";
    if (!RunWith(lived, FillSegments, {failed_sync}, what)) break;
  }
}

}  // namespace strongroom::sim
