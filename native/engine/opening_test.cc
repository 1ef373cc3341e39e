// A disk that falls silent while a store is opened or made: the open goes on without it, or says
// so, within the deadline; and nothing is lost.
#include "engine/opening.h"

#include "base/testing.h"
#include "engine/engine_testing.h"
#include "engine/letting_go.h"
#include "io/sim_env.h"

namespace strongroom::engine {

namespace {

using io::SimDisk;
using io::SimEffect;
using io::SimEnv;
using io::SimFault;

constexpr uint64_t kDeadline = 2'000'000'000;
// The deadline, and what little is asked of a disk after its index has used that up.
constexpr uint64_t kBound = kDeadline + kDeadline / 4;
// So many silent calls in a row that cost an open nothing: it had ended before them.
constexpr int kEnded = 20;
// Of a row: a block of its own in the index.
constexpr size_t kRowSize = 16'000;

std::string Path(size_t zone) { return "/z" + std::to_string(zone); }

OpenOptions OptionsFor(io::Env* env, size_t zone_count, bool read_only = false) {
  OpenOptions options;
  options.env = env;
  for (size_t i = 1; i <= zone_count; ++i) options.zones.push_back(Path(i));
  options.create = !read_only;
  options.read_only = read_only;
  options.root_key = SecretBytes(AsBytes("0123456789abcdef0123456789abcdef"));
  options.root_hint = Bytes{'h'};
  options.zone_deadline_nanos = kDeadline;
  if (zone_count == 1) options.small = options.large = {1, 0};
  options.read_slabs = options.write_slabs = 1;
  return options;
}

// A store with a few rows, closed; the last zone behind the others when `stale`.
SimDisk Stored(size_t zone_count, bool stale = false) {
  SimDisk disk;
  for (size_t i = 1; i <= zone_count; ++i) disk.MakeDirectories(Path(i));
  auto live = [&](const std::string& rows, bool fails) {
    SimEnv env(&disk, 1);
    EXPECT_OK(env.Run([&] {
      auto engine = Engine::Open(OptionsFor(&env, zone_count), nullptr);
      ASSERT_OK(engine);
      if (fails) env.AddFault({SimEffect::kFail, Path(zone_count) + "/log", io::kIoSync});
      for (char row : rows) EXPECT_OK(PutRow(**engine, std::string(1, row), kRowSize));
      (*engine)->Close();
    }));
  };
  live("akz", false);
  if (stale) live("b", true);
  return disk;
}

SimFault SilenceOf(const std::string& prefix, uint64_t after) {
  SimFault hang{SimEffect::kHang, prefix};
  hang.skip = after;
  hang.count = UINT64_MAX;
  return hang;
}

void Fail(const std::string& what) { testing::Fail(__FILE__, __LINE__, what); }

bool TellsOfSilence(const Status& status) {
  return status.Is(Code::kUnavailable) || status.Is(Code::kTimedOut);
}

// Opens with a silence from the n-th call on, uses the store, closes it. How long the open took.
uint64_t OpenInSilence(const SimDisk& stored, const std::string& prefix, uint64_t n,
                       bool read_only) {
  SimDisk disk = stored;
  SimEnv env(&disk, n + 1);
  uint64_t elapsed = 0;
  std::string what = prefix + " falls silent at call " + std::to_string(n) + ": ";
  EXPECT_OK(env.Run([&] {
    uint64_t start = env.MonotonicNanos();
    uint64_t fault = env.AddFault(SilenceOf(prefix, n));
    auto engine = Engine::Open(OptionsFor(&env, 3, read_only), nullptr);
    elapsed = env.MonotonicNanos() - start;
    if (elapsed > kBound)
      Fail(what + "the open takes " + std::to_string(elapsed / 1000000) + " ms");
    if (!engine.ok()) return Fail(what + engine.status().ToString());
    if (Status status = FindRow(**engine, "a"); !status.ok()) Fail(what + status.ToString());
    if (!read_only) {
      if (Status status = PutRow(**engine, "c", kRowSize); !status.ok())
        Fail(what + status.ToString());
    }
    env.RemoveFault(fault);
    (*engine)->Close();
  }));
  SimEnv again(&disk, 1);
  EXPECT_OK(again.Run([&] {
    auto engine = Engine::Open(OptionsFor(&again, 3), nullptr);
    if (!engine.ok()) return Fail(what + "later: " + engine.status().ToString());
    if (Status status = FindRow(**engine, "a"); !status.ok()) Fail(what + status.ToString());
    (*engine)->Close();
  }));
  return elapsed;
}

// From every call of the open on. How many of them cost it something.
size_t OpenInEverySilence(const SimDisk& stored, const std::string& prefix, bool read_only) {
  size_t noticed = 0;
  for (int ended = 0, n = 0; ended < kEnded; ++n) {
    uint64_t took = OpenInSilence(stored, prefix, static_cast<uint64_t>(n), read_only);
    bool cost = took >= kDeadline / 8;
    ended = cost ? 0 : ended + 1;
    noticed += cost;
  }
  return noticed;
}

}  // namespace

TEST(Opening, ADiskThatFallsSilentAtAnyCallCostsOneDeadline) {
  for (bool stale : {false, true}) {
    SimDisk stored = Stored(3, stale);
    for (size_t zone : {1, 3}) {
      size_t noticed = OpenInEverySilence(stored, Path(zone), false);
      printf("  %s%s: %zu calls\n", Path(zone).c_str(), stale ? ", z3 is behind" : "", noticed);
      EXPECT(noticed > 50);
    }
  }
}

TEST(Opening, ReadingOnlyToo) { EXPECT(OpenInEverySilence(Stored(3), Path(2), true) > 20); }

// Its log goes on: only the index is opened again, once its disk answers.
TEST(Opening, AnIndexThatFallsSilentIsDoneWithout) {
  EXPECT(OpenInEverySilence(Stored(3), Path(1) + "/index", false) > 10);
}

// The story: an index took longer to open than the deadline. It is no worse than the others for
// that, and serves when those are gone.
TEST(Opening, AnIndexThatOpensLateServesLater) {
  SimDisk disk = Stored(3);
  SimEnv env(&disk, 1);
  EXPECT_OK(env.Run([&] {
    uint64_t fault = env.AddFault(SilenceOf(Path(2) + "/index", 0));
    auto engine = Engine::Open(OptionsFor(&env, 3), nullptr);
    ASSERT_OK(engine);
    env.RemoveFault(fault);
    EXPECT_OK(PutRow(**engine, "c", kRowSize));
    std::vector<uint64_t> faults;
    for (size_t zone : {1, 3}) faults.push_back(env.AddFault(SilenceOf(Path(zone) + "/index", 0)));
    for (const char* row : {"k", "c"}) EXPECT_OK(FindRow(**engine, row));  // No open has read "k".
    for (uint64_t each : faults) env.RemoveFault(each);
    (*engine)->Close();
  }));
}

// With one zone there is nobody else to ask. Its log is asked with the deadline; the replay of its
// index goes on as long as it comes any further, and is given up a minute after that.
TEST(Opening, WithOneZoneSilenceEndsTheOpenTooAndLosesNothing) {
  constexpr uint64_t kMinute = 60'000'000'000;
  SimDisk stored = Stored(1);
  size_t refused = 0;
  for (int ended = 0, n = 0; ended < kEnded; ++n) {
    SimDisk disk = stored;
    SimEnv env(&disk, 1);
    EXPECT_OK(env.Run([&] {
      uint64_t start = env.MonotonicNanos();
      uint64_t fault = env.AddFault(SilenceOf("/z1", static_cast<uint64_t>(n)));
      auto engine = Engine::Open(OptionsFor(&env, 1), nullptr);
      uint64_t took = env.MonotonicNanos() - start;
      ended = took < kDeadline / 8 ? ended + 1 : 0;
      if (took > kMinute + 4 * kDeadline)
        Fail("it takes " + std::to_string(took / 1000000) + " ms");
      if (!engine.ok() && !TellsOfSilence(engine.status())) Fail(engine.status().ToString());
      refused += !engine.ok();
      env.RemoveFault(fault);
      if (engine.ok()) (*engine)->Close();
    }));
    SimEnv again(&disk, 1);
    EXPECT_OK(again.Run([&] {
      auto engine = Engine::Open(OptionsFor(&again, 1), nullptr);
      ASSERT_OK(engine);
      for (const char* row : {"a", "k", "z"}) EXPECT_OK(FindRow(**engine, row));
      (*engine)->Close();
    }));
  }
  EXPECT(refused > 30);
}

TEST(Opening, HoweverManyDisksAreSilentItTakesOneDeadlineToSaySo) {
  for (size_t silent : {1, 2, 3}) {
    SimDisk disk = Stored(3);
    SimEnv env(&disk, 1);
    EXPECT_OK(env.Run([&] {
      uint64_t start = env.MonotonicNanos();
      for (size_t zone = 1; zone <= silent; ++zone) env.AddFault(SilenceOf(Path(zone), 0));
      auto engine = Engine::Open(OptionsFor(&env, 3), nullptr);
      EXPECT_EQ(engine.ok(), silent == 1);
      // A failed open gives up the threads of its zones, too: two deadlines.
      uint64_t bound = engine.ok() ? kBound : kBound + 2 * kDeadline;
      EXPECT(env.MonotonicNanos() - start <= bound);
      if (engine.ok()) (*engine)->Close();
    }));
  }
}

namespace {

SimFault SlowIndex(size_t zone, uint64_t nanos) {
  SimFault slow{SimEffect::kSlow, Path(zone) + "/index"};
  slow.delay_nanos = nanos;
  return slow;
}

}  // namespace

// The story: two indexes took longer than the deadline, and the disk of the one that did not died
// in recovery. The open failed, half a second before either of the two was there.
TEST(Opening, WaitsForASlowIndexWhenNoOtherIsLeft) {
  SimDisk disk = Stored(3);
  SimEnv env(&disk, 1);
  EXPECT_OK(env.Run([&] {
    for (size_t zone : {2, 3}) env.AddFault(SlowIndex(zone, 2'500'000'000));
    SimFault dies{SimEffect::kFail, Path(1) + "/log", io::kIoSync};
    dies.count = UINT64_MAX;
    env.AddFault(dies);
    auto engine = Engine::Open(OptionsFor(&env, 3), nullptr);
    ASSERT_OK(engine);
    EXPECT_OK(FindRow(**engine, "a"));
    (*engine)->Close();
  }));
}

// The story: one index hung, two took three seconds, and the open waited for the hanging one first:
// a minute.
TEST(Opening, WaitsForWhicheverIndexComesFirst) {
  SimDisk disk = Stored(3);
  SimEnv env(&disk, 1);
  EXPECT_OK(env.Run([&] {
    uint64_t start = env.MonotonicNanos();
    for (size_t zone : {2, 3}) env.AddFault(SlowIndex(zone, 3'000'000'000));
    uint64_t fault = env.AddFault(SilenceOf(Path(1) + "/index", 0));
    auto engine = Engine::Open(OptionsFor(&env, 3), nullptr);
    EXPECT(env.MonotonicNanos() - start < 4'000'000'000);
    ASSERT_OK(engine);
    EXPECT_OK(FindRow(**engine, "a"));
    env.RemoveFault(fault);
    (*engine)->Close();
  }));
}

// The story: one index hung for good and counted as one that is on its way; the others were lost in
// their replays, and whoever waited for an index waited for ever.
TEST(Opening, AnIndexThatHangsIsNotWaitedForWithoutEnd) {
  SimDisk stored = Stored(3);
  for (uint64_t n = 0; n < 150; n += 3) {
    SimDisk disk = stored;
    SimEnv env(&disk, 1);
    EXPECT_OK(env.Run([&] {
      uint64_t start = env.MonotonicNanos();
      std::vector<uint64_t> faults = {env.AddFault(SilenceOf(Path(1) + "/index", 0))};
      for (size_t zone : {2, 3}) {
        SimFault refuses{SimEffect::kFail, Path(zone) + "/log", io::kIoRead};
        refuses.code = Code::kUnavailable;
        refuses.count = UINT64_MAX;
        refuses.skip = n;
        faults.push_back(env.AddFault(refuses));
      }
      auto engine = Engine::Open(OptionsFor(&env, 3), nullptr);
      EXPECT(env.MonotonicNanos() - start < 80'000'000'000);
      for (uint64_t each : faults) env.RemoveFault(each);
      if (engine.ok()) (*engine)->Close();
    }));
  }
}

TEST(Opening, ReadsDoNotWaitForAnIndexThatHasNeverOpened) {
  SimDisk disk = Stored(3);
  SimEnv env(&disk, 1);
  EXPECT_OK(env.Run([&] {
    std::vector<uint64_t> faults = {env.AddFault(SilenceOf(Path(1) + "/index", 0))};
    auto engine = Engine::Open(OptionsFor(&env, 3), nullptr);
    ASSERT_OK(engine);
    for (size_t zone : {2, 3}) {
      SimFault rots{SimEffect::kFail, Path(zone) + "/index", io::kIoRead | io::kIoOpen};
      rots.code = Code::kCorruption;
      rots.count = UINT64_MAX;
      faults.push_back(env.AddFault(rots));
    }
    EXPECT(!FindRow(**engine, "k").ok());
    for (uint64_t each : faults) env.RemoveFault(each);
    (*engine)->Close();
  }));
}

// The story: the index of a zone took a little longer than the deadline, its log's syncs a third of
// a second. For its index it was left out of the set, at every open.
TEST(Opening, ASlowIndexDoesNotCostItsZoneTheSet) {
  SimDisk disk = Stored(3);
  SimEnv env(&disk, 1);
  EXPECT_OK(env.Run([&] {
    env.AddFault(SlowIndex(3, 2'100'000'000));
    SimFault slow{SimEffect::kSlow, Path(3) + "/log", io::kIoSync};
    slow.delay_nanos = 300'000'000;
    slow.count = UINT64_MAX;
    env.AddFault(slow);
    auto engine = Engine::Open(OptionsFor(&env, 3), nullptr);
    ASSERT_OK(engine);
    EXPECT((*engine)->status().zones[2].in_set);
    (*engine)->Close();
  }));
}

// The story: the log was replaced after the replays had read it, and the header of the new file was
// asked of a handle to the old one.
TEST(Opening, ALogThatIsReplacedAfterTheReplaysTakesNoCommit) {
  for (size_t replaced : {1, 3}) {
    SimDisk disk = Stored(3);
    SimEnv env(&disk, 1);
    EXPECT_OK(env.Run([&] {
      auto engine = Engine::Open(OptionsFor(&env, 3), nullptr);
      ASSERT_OK(engine);
      env.SleepMicros(3'000'000);
      for (size_t zone = 1; zone <= replaced; ++zone) {
        log::ZoneLog log(&env, Path(zone));
        auto segments = log.Segments();
        ASSERT_OK(segments);
        EXPECT_OK(env.Rename(log.folder(), Path(zone) + "/elsewhere"));
        EXPECT_OK(env.CreateDirectory(log.folder()));
        auto file = env.Open(log.path(segments->back()), {io::OpenMode::kCreate, false});
        ASSERT_OK(file);
        EXPECT_OK((*file)->Allocate(1 << 20));
      }
      EXPECT_EQ(PutRow(**engine, "b", kRowSize).ok(), replaced == 1);
      if (replaced == 1) EXPECT(!(*engine)->status().zones[0].in_set);
      (*engine)->Close();
    }));
  }
}

// The story: a zone that never answered has no id. Abandoned, it stood for every other one without.
TEST(Opening, AnAbandonedZoneWithoutAnIdStandsForNoOther) {
  SimDisk disk = Stored(3);
  disk.MakeDirectories("/y1");
  SimEnv env(&disk, 1);
  EXPECT_OK(env.Run([&] {
    uint64_t fault = env.AddFault(SilenceOf(Path(1), 0));
    auto engine = Engine::Open(OptionsFor(&env, 3), nullptr);
    ASSERT_OK(engine);
    (*engine)->Close();
    EXPECT(!IsAbandoned({}, "/y1"));
    auto lock = env.Lock("/y1/lock", false);
    ASSERT_OK(lock);
    OpenOptions options = OptionsFor(&env, 1);
    options.zones = {"/y1"};
    EXPECT_CODE(Engine::Open(std::move(options), nullptr).status(), Code::kLocked);
    env.RemoveFault(fault);
  }));
}

// The story: the index was still being closed when the lock was given back, and the next open met a
// living one in the same folder.
TEST(Opening, TheLockIsGivenBackAfterTheIndex) {
  size_t held = 0;  // Whether the lock outlives the close is for the scheduler to say.
  for (uint64_t seed = 1; seed <= 10; ++seed) {
    SimDisk disk = Stored(1);
    SimEnv env(&disk, seed);
    EXPECT_OK(env.Run([&] {
      auto engine = Engine::Open(OptionsFor(&env, 1), nullptr);
      ASSERT_OK(engine);
      EXPECT_OK(PutRow(**engine, "b", kRowSize));
      env.AddFault(SlowIndex(1, 13'000'000'000));
      (*engine)->Close();
      // The closed engine is still held, as JavaScript holds it until it is collected.
      bool free = env.Lock(Path(1) + "/lock", false).ok();
      held += !free;
      for (int i = 0; i < 60 && !free; ++i) {
        env.SleepMicros(1'000'000);
        free = env.Lock(Path(1) + "/lock", false).ok();
      }
      EXPECT(free);
      auto again = Engine::Open(OptionsFor(&env, 1), nullptr);
      ASSERT_OK(again);
      EXPECT_OK(FindRow(**again, "b"));
      (*again)->Close();
    }));
  }
  EXPECT(held > 0);
}

// The story: the making of a store was given up on a silent disk, and the next try in the same
// process was told that another process holds it.
TEST(Opening, AMakingThatIsTriedAgainIsNotLockedOutByItself) {
  for (uint64_t n = 0; n < 40; ++n) {
    SimDisk disk;
    for (size_t i : {1, 2, 3}) disk.MakeDirectories(Path(i));
    SimEnv env(&disk, n + 1);
    EXPECT_OK(env.Run([&] {
      SimFault hang{SimEffect::kHang, Path(2)};  // One call; those after it are answered.
      hang.skip = n;
      uint64_t fault = env.AddFault(hang);
      auto engine = Engine::Open(OptionsFor(&env, 3), nullptr);
      if (!engine.ok()) {
        engine = Engine::Open(OptionsFor(&env, 3), nullptr);
        if (engine.status().Is(Code::kLocked)) Fail("call " + std::to_string(n) + ": locked");
      }
      env.RemoveFault(fault);
      if (engine.ok()) (*engine)->Close();
    }));
  }
}

TEST(Opening, AStoreThatIsBeingMadeOnASilentDiskSaysSoAndIsMadeLater) {
  for (uint64_t n = 0; n < 1200; n += n < 40 ? 1 : 29) {
    SimDisk disk;
    for (size_t i : {1, 2, 3}) disk.MakeDirectories(Path(i));
    for (bool silent : {true, false}) {
      SimEnv env(&disk, n + 1);
      EXPECT_OK(env.Run([&] {
        uint64_t start = env.MonotonicNanos();
        uint64_t fault = silent ? env.AddFault(SilenceOf(Path(2), n)) : 0;
        auto engine = Engine::Open(OptionsFor(&env, 3), nullptr);
        uint64_t elapsed = env.MonotonicNanos() - start;
        std::string what = "silent at call " + std::to_string(n) + ": ";
        // When the making fails, the zone's threads are given up, too.
        if (elapsed > kBound + 2 * kDeadline) Fail(what + "it takes too long");
        bool told = silent && TellsOfSilence(engine.status());
        if (!engine.ok() && !told) Fail(what + engine.status().ToString());
        if (silent) env.RemoveFault(fault);
        if (engine.ok()) EXPECT_OK(PutRow(**engine, "a", kRowSize));
        if (engine.ok()) (*engine)->Close();
      }));
    }
  }
}

TEST(Opening, TheRootHintComesFromAnyZoneThatAnswers) {
  SimDisk disk = Stored(3);
  for (size_t silent : {1, 2, 3}) {
    SimEnv env(&disk, 1);
    EXPECT_OK(env.Run([&] {
      uint64_t start = env.MonotonicNanos();
      env.AddFault(SilenceOf(Path(silent), 0));
      auto hint = ReadRootHint(&env, OptionsFor(&env, 3).zones, kDeadline);
      ASSERT_OK(hint);
      EXPECT(*hint == Bytes{'h'});
      EXPECT(env.MonotonicNanos() - start <= kDeadline / 4);
    }));
  }
  SimEnv env(&disk, 1);
  EXPECT_OK(env.Run([&] {
    uint64_t start = env.MonotonicNanos();
    env.AddFault(SilenceOf("/", 0));
    EXPECT_CODE(ReadRootHint(&env, OptionsFor(&env, 3).zones, kDeadline).status(),
                Code::kUnavailable);
    EXPECT(env.MonotonicNanos() - start <= kBound);
  }));
}

}  // namespace strongroom::engine
