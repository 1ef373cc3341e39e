// Every way to crash in an open, and what the next opens make of it: one history, no epoch served
// twice, nothing acknowledged lost.
//
//   state = the disks after a crash + what the world was told so far
//   step  = an open with all zones or without one, then two commits; a crash at every I/O of it,
//           in every style, gives the next states
//
// States are told apart by a hash of what the disks hold; each is opened from once, and what a
// crash left is judged by the next open. The default run lets four opens follow each other, all
// states of the first and a sample, drawn by the seed, of the later ones. STRONGROOM_EXHAUSTIVE=0
// takes every sequence of three opens, without a sample; N > 0 keeps N states after each of four.
#include "log/recovery.h"

#include <algorithm>
#include <set>
#include <span>
#include <unordered_set>

#include "io/sim_env.h"
#include "log/lives_testing.h"

namespace strongroom::log {

namespace {

using format::Position;
using io::CrashStyle;
using io::SimDisk;
using io::SimEffect;
using io::SimEnv;
using io::SimFault;
using strongroom::testing::Random;

const std::vector<std::string> kPaths = {"/a", "/b", "/c"};
constexpr size_t kNone = 3;  // No zone is missing, or fails.

// What the world was told.
struct Told {
  Truth known;                // Acknowledged, or shown by a completed open: stays.
  Truth pending;              // The batch whose callers never heard: whole or not at all.
  std::set<uint64_t> epochs;  // Served.
  std::vector<std::optional<Position>> applied = {{}, {}, {}};  // By the zones' indexes.
  uint64_t next = 1;

  uint64_t Hash() const {
    uint64_t hash = next;
    for (uint64_t each : known) hash = io::MixHash(hash, each);
    hash = io::MixHash(hash, 77);
    for (uint64_t each : pending) hash = io::MixHash(hash, each);
    for (uint64_t each : epochs) hash = io::MixHash(hash, each);
    for (const auto& each : applied) hash = io::MixHash(hash, each ? each->location : 1);
    return hash;
  }
};

struct State {
  SimDisk disk;
  Told told;
  std::string way;  // How it came to be, for whoever reads a failure.
};

// What a step does besides opening.
struct Step {
  size_t missing = kNone;
  size_t fails = kNone;  // This zone's disk fails at a sync of the first commit.
};

class ModelCheck {
 public:
  ModelCheck(size_t depth, size_t keep_most) : depth_(depth), keep_most_(keep_most) {}

  void Run() {
    std::vector<State> states = {Created()};
    for (size_t depth = 1; depth <= depth_ && bad_ == 0; ++depth) {
      std::vector<State> next;
      for (const State& state : states) {
        for (const Step& step : Steps()) {
          if (bad_ == 0) Take(state, step, depth, &next);
        }
      }
      size_t found = next.size();
      Sample(&next);
      printf("  open %zu: %zu states opened from, %zu crashes, %zu distinct, %zu kept\n", depth,
             states.size(), crashes_, found, next.size());
      crashes_ = 0;
      states = std::move(next);
    }
    // After the last crash each pair of zones, and all three, must still tell the truth.
    for (const State& state : states) {
      for (size_t missing = 0; missing <= kNone && bad_ == 0; ++missing) {
        Take(state, {missing, kNone}, depth_ + 1, nullptr);
      }
    }
    printf("  %zu opens in all\n", opens_);
  }
  size_t bad() const { return bad_; }
  bool quiet = false;

 private:
  State Created() {
    State state;
    for (const auto& path : kPaths) state.disk.MakeDirectories(path);
    SimEnv env(&state.disk, 1);
    (void)env.Run([&] {
      store_ = std::make_unique<TestStore>(&env, kPaths);
      EXPECT_OK(store_->Create(&env));
    });
    return state;
  }

  static std::vector<Step> Steps() {
    std::vector<Step> out;
    for (size_t missing = 0; missing <= kNone; ++missing) out.push_back({missing, kNone});
    out.push_back({kNone, 0});
    out.push_back({kNone, 2});
    return out;
  }

  void Sample(std::vector<State>* states) {
    while (states->size() > keep_most_) {
      std::swap((*states)[random_.Below(states->size())], states->back());
      states->pop_back();
    }
  }

  void Take(const State& state, const Step& step, size_t depth, std::vector<State>* next) {
    ++opens_;
    SimDisk disk = state.disk;
    Told told = state.told;
    std::string way = state.way + " | open " + std::to_string(depth);
    if (step.missing != kNone) way += " without " + kPaths[step.missing];
    if (step.fails != kNone) way += ", " + kPaths[step.fails] + " fails";
    // The same numbers for the same step: else states that are equal would never look so.
    SimEnv env(&disk, depth * 16 + step.missing * 4 + step.fails);
    if (next) {
      env.on_io = [&](io::SimIo kind, const std::string& path) {
        CrashHere(disk, told, step, way + ", crash before " + io::NameOf(kind) + " " + path, next);
      };
    }
    Status ran = env.Run([&] { Live(env, step, told, way); });
    if (!ran.ok()) Bad(way, ran.ToString());
    if (next) CrashHere(disk, told, step, way + ", crash at the end", next);
  }

  // One life of the process.
  void Live(SimEnv& env, const Step& step, Told& told, const std::string& way) {
    std::vector<size_t> present;
    for (size_t i = 0; i < kPaths.size(); ++i) {
      if (i != step.missing) present.push_back(i);
    }
    TestOpen open;
    // Every other state is opened with what the indexes know.
    bool with_applied = told.Hash() % 2 == 0;
    auto applied = with_applied ? told.applied : std::vector<std::optional<Position>>(3);
    Status status = open.Open(*store_, &env, present, applied);
    if (!status.ok()) return Bad(way, "refused: " + status.ToString());
    if (open.recovered.set.size() != present.size()) {
      return Bad(way, "left out: " + open.recovered.failed.front().why.ToString());
    }
    if (!open.alarms.empty()) return Bad(way, "alarm: " + open.alarms.front());
    if (!Serve(told, open.recovered.epoch)) return Bad(way, "an epoch is served twice");
    if (!Compare(open, present, told, way)) return;
    open.Serve();
    if (step.fails != kNone) {
      env.AddFault({io::SimEffect::kFail, kPaths[step.fails], io::kIoSync});
    }
    for (size_t blob : {size_t{0}, size_t{9000}}) {
      told.pending = {told.next++};
      if (blob) told.pending.push_back(told.next++);
      uint64_t epoch = open.log->epoch();
      Status committed = open.Commit(told.pending, blob);
      if (!committed.ok()) return Bad(way, "a commit fails: " + committed.ToString());
      if (open.log->epoch() != epoch && !Serve(told, open.log->epoch())) {
        return Bad(way, "an expulsion serves an epoch twice");
      }
      told.known.insert(told.known.end(), told.pending.begin(), told.pending.end());
      told.pending.clear();
    }
    for (int zone : open.log->set()) told.applied[zone - 1] = open.log->tail();
  }

  static bool Serve(Told& told, uint64_t epoch) { return told.epochs.insert(epoch).second; }

  // Does every zone of the set tell the same, and what the world was told?
  bool Compare(TestOpen& open, const std::vector<size_t>& present, Told& told,
               const std::string& way) {
    std::optional<History> first;
    for (size_t i : open.recovered.set) {
      auto history = ReadHistory(*open.zones[i].log, store_->seal);
      std::string zone = kPaths[present[i]];
      if (!history.ok()) return Bad(way, zone + ": " + history.status().ToString()), false;
      if (!(history->tail == open.recovered.tail)) return Bad(way, zone + " ends early"), false;
      if (first && first->chain != history->chain) return Bad(way, zone + " differs"), false;
      first = std::move(*history);
    }
    Truth with = told.known;
    with.insert(with.end(), told.pending.begin(), told.pending.end());
    const Truth& is = first->transactions;
    if (is != told.known && is != with) {
      return Bad(way, "wrong history: " + Text(is) + " for " + Text(told.known) + " and perhaps " +
                          Text(told.pending)),
             false;
    }
    told.known = is;
    told.pending.clear();
    return true;
  }

  static std::string Text(const Truth& truth) {
    std::string out = "[";
    for (uint64_t each : truth) out += " " + std::to_string(each);
    return out + " ]";
  }

  void CrashHere(const SimDisk& disk, const Told& told, const Step& step, const std::string& way,
                 std::vector<State>* next) {
    // 2 is no power loss: the process dies and its page cache lives on. Not after a failed sync:
    // the simulated disk shows what that lost to direct reads too, which a real one does not.
    for (int style = 0; style < 5; ++style) {
      if (style == 2 && step.fails != kNone) continue;
      ++crashes_;
      State state{disk, told, way + " (" + std::to_string(style) + ")"};
      if (style == 0) state.disk.Crash(random_, CrashStyle::kLoseAll);
      if (style == 1) state.disk.Crash(random_, CrashStyle::kKeepAll);
      if (style >= 3) state.disk.Crash(random_, CrashStyle::kRandom);
      uint64_t hash = io::MixHash(state.disk.DurableHash(), told.Hash());
      if (style == 2) {
        SimDisk cached = state.disk;
        cached.Crash(random_, CrashStyle::kKeepAll);
        hash = io::MixHash(hash, cached.DurableHash());
        if (state.disk.DurableHash() == cached.DurableHash()) continue;
      }
      if (seen_.insert(hash).second) next->push_back(std::move(state));
    }
  }

  void Bad(const std::string& way, const std::string& what) {
    ++bad_;
    if (quiet) return;
    strongroom::testing::Fail(__FILE__, __LINE__, what + "\n    by" + way);
  }

  const size_t depth_, keep_most_;
  Random random_{strongroom::testing::Seed()};
  std::unique_ptr<TestStore> store_;
  std::unordered_set<uint64_t> seen_;
  size_t opens_ = 0, crashes_ = 0, bad_ = 0;
};

}  // namespace

TEST(Recovery, KeepsOneHistoryThroughThreeOpensAndEveryCrash) {
  size_t keep = strongroom::testing::SampleSize(60);
  // The last open of a sequence is not crashed in: nothing would judge what that left.
  ModelCheck check(keep == SIZE_MAX ? 2 : 3, keep);
  check.Run();
}

namespace {

// Three zones with a history behind them, in one of the states that an open may find.
struct Past {
  SimDisk disk;
  std::unique_ptr<TestStore> store;
  Truth truth;
  std::set<size_t> members;  // Of the last life.
  uint64_t lives = 100;

  Past() {
    for (const auto& path : kPaths) disk.MakeDirectories(path);
    SimEnv env(&disk, 1);
    EXPECT_OK(env.Run([&] {
      store = std::make_unique<TestStore>(&env, kPaths);
      EXPECT_OK(store->Create(&env));
    }));
  }
  // The zones given are opened and commit.
  void Live(const std::vector<size_t>& zones) {
    SimEnv env(&disk, ++lives);
    members = {zones.begin(), zones.end()};
    EXPECT_OK(env.Run([&] {
      TestOpen open;
      ASSERT_OK(open.Open(*store, &env, zones));
      open.Serve();
      for (size_t blob : {size_t{0}, size_t{20'000}}) {
        uint64_t number = truth.size() + 1;
        EXPECT_OK(open.Commit({number}, blob));
        truth.push_back(number);
      }
    }));
  }
  // Whatever recovery did: each pair of zones, and all three, tell the truth.
  void ExpectTruth(const SimDisk& after, const std::string& what) {
    for (const auto& zones : {std::vector<size_t>{1, 2}, {0, 2}, {0, 1}, {0, 1, 2}}) {
      SimDisk copy = after;
      SimEnv env(&copy, 7);
      EXPECT_OK(env.Run([&] {
        TestOpen open;
        Status status = open.Open(*store, &env, zones);
        if (!status.ok()) return testing::Fail(__FILE__, __LINE__, what + status.ToString());
        for (size_t i : open.recovered.set) {
          auto history = ReadHistory(*open.zones[i].log, store->seal);
          if (!history.ok()) {
            testing::Fail(__FILE__, __LINE__, what + history.status().ToString());
          } else if (history->transactions != truth) {
            testing::Fail(__FILE__, __LINE__, what + "the history is not the truth");
          }
        }
      }));
    }
  }
};

const std::vector<size_t> kAllZones = {0, 1, 2};

// How the past went: what recovery finds to do depends on it.
std::vector<std::unique_ptr<Past>> Pasts() {
  std::vector<std::unique_ptr<Past>> out;
  auto past = [&](const std::vector<std::vector<size_t>>& lives) {
    out.push_back(std::make_unique<Past>());
    for (const auto& zones : lives) out.back()->Live(zones);
  };
  past({kAllZones});
  past({kAllZones, {1, 2}});                     // /a is to be caught up.
  past({kAllZones, {0, 2}, kAllZones, {0, 1}});  // /c is, behind more than one epoch.
  return out;
}

// Recovery of the zones given with a fault in one of them; false once its calls are fewer than
// that.
struct Faulty {
  std::vector<size_t> zones = kAllZones;
  bool read_only = false;
};
bool RecoverWith(Past& past, const Faulty& how, size_t zone, SimFault fault,
                 const std::string& what) {
  SimDisk disk = past.disk;
  SimEnv env(&disk, 5);
  bool suffered = false;
  auto fail = [&](const std::string& why) { testing::Fail(__FILE__, __LINE__, what + why); };
  EXPECT_OK(env.Run([&] {
    TestOpen open;
    open.read_only = how.read_only;
    uint64_t id = 0, start = 0;
    open.on_found = [&] {
      id = env.AddFault(fault);
      start = env.MonotonicNanos();
    };
    Status status = open.Open(*past.store, &env, how.zones);
    uint64_t elapsed = env.MonotonicNanos() - start;
    env.RemoveFault(id);
    size_t own = how.zones.size();
    for (size_t i = 0; i < open.zones.size(); ++i) {
      if (how.zones[i] != zone) continue;
      own = i;
    }
    suffered = !open.zones[own].disk->failure().ok();
    if (elapsed > io::kZoneDeadlineNanos * 3 / 2) fail("it waits too long");
    // With no zone to spare the open may be refused; whatever it did is judged below.
    if (!status.ok() && how.zones.size() < 3) return;
    if (!status.ok()) return fail(status.ToString());
    if (open.recovered.tail.sequence != past.truth.size()) fail("it ends early");
    for (const auto& failed : open.recovered.failed) {
      if (failed.zone != own) fail("a sound zone is blamed: " + failed.why.ToString());
    }
    for (size_t i = 0; i < how.zones.size(); ++i) {
      bool in_set = std::count(open.recovered.set.begin(), open.recovered.set.end(), i) != 0;
      bool stale = how.read_only && !past.members.count(how.zones[i]);
      if (i != own && !in_set && !stale) fail("a sound zone is left out");
      if (i == own && suffered && in_set) fail("its own zone is not left out");
    }
    if (!open.alarms.empty()) fail("alarm: " + open.alarms.front());
  }));
  past.ExpectTruth(disk, what);
  return suffered;
}

struct FaultKind {
  const char* name;
  SimEffect effect;
  uint64_t count;
};
const FaultKind kStumbles{"stumbles", SimEffect::kFail, 1};
const FaultKind kAllKinds[] = {
    {"dies", SimEffect::kFail, UINT64_MAX}, kStumbles, {"hangs", SimEffect::kHang, UINT64_MAX}};

// The faults at every call of one of the zones. How many there were.
size_t RecoverWithEach(Past& past, const Faulty& how, size_t zone,
                       std::span<const FaultKind> kinds = kAllKinds) {
  size_t tried = 0;
  for (const FaultKind& kind : kinds) {
    bool suffered = true;
    for (uint64_t n = 0; suffered; ++n, ++tried) {
      SimFault fault{kind.effect, kPaths[zone]};
      fault.skip = n;
      fault.count = kind.count;
      suffered =
          RecoverWith(past, how, zone, fault,
                      kPaths[zone] + " " + kind.name + " at call " + std::to_string(n) + ": ");
    }
  }
  return tried;
}

}  // namespace

// A disk that dies, falls silent or stumbles once, at any call of recovery: it is left out, nobody
// else is, and nothing is lost.
TEST(Recovery, AFaultOfOneDiskIsItsOwn) {
  size_t tried = 0;
  for (auto& past : Pasts()) {
    for (size_t zone : kAllZones) tried += RecoverWithEach(*past, {}, zone);
  }
  printf("  %zu recoveries\n", tried);
}

// The story: a read of the last batch's cells failed once, and that was taken for a torn batch. It
// was acknowledged, and cut off: with one zone at once, with three when a stale one was there in
// the place of the one that had it.
TEST(Recovery, AStumbleIsNoTornBatch) {
  for (auto& past : Pasts()) {
    for (const std::vector<size_t>& pair : {std::vector<size_t>{0, 1}, {0, 2}, {1, 2}}) {
      for (size_t zone : pair) RecoverWithEach(*past, {pair}, zone, {&kStumbles, 1});
    }
  }
}

// The story: two reads of one disk came from the neighbouring block while another zone was compared
// with it. That was taken for a fork, and the store refused to open.
TEST(Recovery, AReadThatWentAstrayIsNoFork) {
  for (auto& past : Pasts()) {
    for (size_t zone : kAllZones) {
      for (uint64_t n = 0; n < 40; n += 2) {
        std::string what = kPaths[zone] + " reads astray from " + std::to_string(n) + " on: ";
        SimDisk disk = past->disk;
        SimEnv env(&disk, 5);
        EXPECT_OK(env.Run([&] {
          TestOpen open;
          SimFault fault{SimEffect::kMisdirect, kPaths[zone], io::kIoRead};
          fault.skip = n;
          fault.count = 2;
          open.on_found = [&] { env.AddFault(fault); };
          Status status = open.Open(*past->store, &env, kAllZones);
          if (!status.ok()) testing::Fail(__FILE__, __LINE__, what + status.ToString());
        }));
        past->ExpectTruth(disk, what);
      }
    }
  }
}

TEST(Recovery, ReadingOnlyAStumbleHidesNothing) {
  Past past;
  past.Live(kAllZones);
  for (size_t zone : kAllZones) RecoverWithEach(past, {kAllZones, true}, zone);
}

TEST(Recovery, OfOneZoneAStumbleCutsNothing) {
  SimDisk made;
  made.MakeDirectories("/a");
  std::unique_ptr<TestStore> store;
  auto live = [&](SimDisk& disk, uint64_t skip, Truth truth) {
    SimEnv env(&disk, skip + 1);
    bool suffered = false;
    EXPECT_OK(env.Run([&] {
      if (!store) {
        store = std::make_unique<TestStore>(&env, std::vector<std::string>{"/a"});
        EXPECT_OK(store->Create(&env));
      }
      TestOpen open;
      uint64_t id = 0;
      open.on_found = [&] {
        SimFault fault{SimEffect::kFail, "/a"};
        fault.skip = skip;
        id = env.AddFault(fault);
      };
      Status status = open.Open(*store, &env, {0});
      env.RemoveFault(id);
      suffered = !open.zones[0].disk->failure().ok();
      if (skip == UINT64_MAX) EXPECT_OK(status);
      if (!status.ok()) return;
      auto history = ReadHistory(*open.zones[0].log, store->seal);
      ASSERT_OK(history);
      EXPECT(history->transactions == truth);
      if (!truth.empty()) return;
      open.Serve();
      EXPECT_OK(open.Commit({1}, 20'000));
    }));
    return suffered;
  };
  live(made, UINT64_MAX, {});
  bool suffered = true;
  for (uint64_t n = 0; suffered; ++n) {
    SimDisk disk = made;  // Each open begins a segment: on one disk there would be ever more calls.
    suffered = live(disk, n, {1});
    live(disk, UINT64_MAX, {1});
  }
}

// The story: two reads in a row came from the neighbouring block. The first hid the end of the log,
// the second what lies behind it, and three acknowledged batches were cut off as one torn one.
TEST(Recovery, OfOneZoneReadsThatGoAstrayCutNothing) {
  TestLives lives({"/a"});
  EXPECT_OK(lives.Live({0}, [](TestOpen& open) {
    for (uint64_t number : {1, 2, 3}) EXPECT_OK(open.Commit({number}, 20'000));
  }));
  for (uint64_t count : {1, 2, 3}) {
    bool struck = true;
    for (uint64_t n = 0; struck; ++n) {
      TestLives life = lives;
      SimEnv env(&life.disk, n + 1);
      EXPECT_OK(env.Run([&] {
        TestOpen open;
        SimFault astray{SimEffect::kMisdirect, "/a", io::kIoRead};
        astray.skip = n;
        astray.count = count;
        open.on_found = [&] { env.AddFault(astray); };
        Status status = open.Open(*life.store, &env, {0});
        struck = env.faults_struck() > 0;
        // What one read said is no verdict.
        if (count == 1) EXPECT(!status.Is(Code::kCorruption));
      }));
      Truth found;
      EXPECT_OK(life.Live({0}, [&](TestOpen& open) {
        auto history = ReadHistory(*open.zones[0].log, life.store->seal);
        if (history.ok()) found = history->transactions;
      }));
      if (found == Truth({1, 2, 3})) continue;
      testing::Fail(__FILE__, __LINE__,
                    std::to_string(count) + " reads from " + std::to_string(n) + " on leave " +
                        std::to_string(found.size()));
    }
  }
}

// The story: a header that could not be read once was taken for another segment's, and the sound
// copy of it was written over with one that rots.
TEST(Recovery, AStumbleDoesNotReplaceAGoodCopyByARottenOne) {
  Past past;
  past.Live(kAllZones);
  past.Live({0, 1});
  // In a cell of /a that nobody walks any more.
  past.disk.FlipBit("/a/log/00000001.seg", (4096 * 3 + 2000) * 8);
  bool suffered = true;
  for (uint64_t n = 0; suffered; ++n) {
    SimDisk disk = past.disk;
    SimEnv env(&disk, 5);
    EXPECT_OK(env.Run([&] {
      TestOpen open;
      uint64_t id = 0;
      open.on_found = [&] {
        SimFault fault{SimEffect::kFail, "/c"};
        fault.skip = n;
        id = env.AddFault(fault);
      };
      (void)open.Open(*past.store, &env, {0, 2});
      env.RemoveFault(id);
      suffered = !open.zones[1].disk->failure().ok();
      ZoneLog log(&env, "/c");
      LogReader reader(&log, &past.store->seal, {}, LogReader::Source::kCached);
      size_t sound = 0;
      for (;; ++sound) {
        auto entry = reader.Next();
        if (!entry.ok() || !*entry || !reader.CheckBlobs(**entry).ok()) break;
      }
      if (sound < 3) testing::Fail(__FILE__, __LINE__, "at call " + std::to_string(n));
    }));
  }
}

// The story: a disk had refused something harmless before, and was blamed for what another did.
TEST(Recovery, AnOldRefusalIsNotBlamed) {
  Past past;
  past.Live(kAllZones);
  SimEnv env(&past.disk, 5);
  EXPECT_OK(env.Run([&] {
    TestOpen open;
    uint64_t id = 0;
    open.on_found = [&] {
      SimFault refuse{SimEffect::kFail, "/a", io::kIoSyncDirectory};
      refuse.code = Code::kUnavailable;
      env.AddFault(refuse);
      EXPECT_CODE(open.zones[0].disk->SyncDirectory("/a"), Code::kUnavailable);
      SimFault hangs{SimEffect::kHang, "/c"};
      hangs.count = UINT64_MAX;
      id = env.AddFault(hangs);
    };
    EXPECT_OK(open.Open(*past.store, &env, kAllZones));
    env.RemoveFault(id);
    EXPECT(open.recovered.set == (std::vector<size_t>{0, 1}));
  }));
}

// The story: what was left of a copy was synced in one go, which took a slow disk longer than the
// deadline; each open began anew, and none ever came to its end.
TEST(Recovery, ALargeCopyIsSyncedInSteps) {
  Past past;
  past.Live(kAllZones);
  SimEnv first(&past.disk, 5);
  EXPECT_OK(first.Run([&] {
    TestOpen open;
    ASSERT_OK(open.Open(*past.store, &first, {0, 1}));
    open.Serve();
    for (uint64_t i = 0; i < 3; ++i) EXPECT_OK(open.Commit({past.truth.size() + 1 + i}, 9'000'000));
  }));
  size_t syncs = 0;
  SimEnv env(&past.disk, 6);
  env.on_io = [&](io::SimIo kind, const std::string& path) {
    syncs += kind == io::kIoSync && path.find("/c/log/") == 0 && path.ends_with(".copy");
  };
  EXPECT_OK(env.Run([&] {
    TestOpen open;
    EXPECT_OK(open.Open(*past.store, &env, kAllZones));
  }));
  EXPECT(syncs >= 6);
}

// The story: the sync of a superblock failed, the page cache went on to show it, and the next open
// built upon it: it wrote the other slot, and the power failed. Both slots were torn, and the keys
// of the store were gone.
TEST(Recovery, ASuperblockWhoseSyncFailedIsNotBuiltUpon) {
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    SimDisk disk;
    disk.MakeDirectories("/a");
    Random random(seed);
    std::unique_ptr<TestStore> store;
    auto live = [&](std::function<void(SimEnv&)> prepare, bool create = false) {
      SimEnv env(&disk, random.Next());
      prepare(env);
      (void)env.Run([&] {
        if (create) {
          store = std::make_unique<TestStore>(&env, std::vector<std::string>{"/a"});
          store->shape.root_hint = Bytes(format::kRootHintMax, 'h');  // A slot of two sectors.
          EXPECT_OK(store->Create(&env));
        }
        TestOpen open;
        (void)open.Open(*store, &env, {0});
      });
    };
    live([](SimEnv&) {}, true);
    live([](SimEnv& env) {
      SimFault fail{io::SimEffect::kFail, "/a/superblock", io::kIoSync};
      fail.skip = 1;  // The sync before the write goes well, the one after it fails.
      env.AddFault(fail);
    });
    // The process tries again; the power goes while it writes.
    bool written = false;
    live([&](SimEnv& env) {
      env.on_io = [&](io::SimIo kind, const std::string& path) {
        written |= kind == io::kIoWrite && path == "/a/superblock";
        if (kind == io::kIoSync && written) env.Crash();
      };
    });
    EXPECT(written);
    disk.Crash(random, CrashStyle::kRandom);
    SimEnv env(&disk, random.Next());
    EXPECT_OK(env.Run([&] {
      TestOpen open;
      EXPECT_OK(open.Open(*store, &env, {0}));
    }));
  }
}

}  // namespace strongroom::log
