// Every way to crash while a store is made by the product's own open, and what the next opens make
// of it: a store that works. Once an open was answered, all it acknowledged stays.
//
//   state = the disk after a crash + whether an open was answered
//   step  = open with create, commit one row, close; a crash at the I/Os of it gives the next
//           states, told apart by a hash of the disk
//
// The folders for blobs are made one by one, all alike: there, one crash in 64 is tried. A sample
// of the states, drawn by the seed, is opened from; STRONGROOM_EXHAUSTIVE=N takes N of them, 0 all.
#include <unordered_set>

#include "base/testing.h"
#include "engine/engine_testing.h"
#include "engine/creating.h"
#include "io/sim_env.h"

namespace strongroom::engine {

namespace {

using io::CrashStyle;
using io::SimDisk;
using io::SimEnv;
using strongroom::testing::Random;
using strongroom::testing::SampleSize;

OpenOptions OptionsFor(io::Env* env, size_t zone_count, bool create) {
  OpenOptions options;
  options.env = env;
  // Two folders above the zones that are not there yet either.
  for (size_t i = 1; i <= zone_count; ++i) {
    options.zones.push_back("/disk/stores/data/zone-" + std::to_string(i));
  }
  options.create = create;
  options.root_key = SecretBytes(AsBytes("0123456789abcdef0123456789abcdef"));
  if (zone_count == 1) options.small = options.large = {1, 0};
  options.read_slabs = options.write_slabs = 1;
  return options;
}

SimDisk EmptyDisk() {
  SimDisk disk;
  disk.MakeDirectories("/disk");
  return disk;
}

// What an open has told the world before the crash.
struct Told {
  bool opened = false, committed = false;
};

class ModelCheck {
 public:
  explicit ModelCheck(size_t zone_count) : zone_count_(zone_count) {}

  // Crashes in two opens in a row. Every state of the first crash is opened from; after the second
  // a sample of `keep` of those that a sample of the first leads to.
  void Run(size_t keep) {
    std::vector<State> states;
    Live({EmptyDisk(), {}, ""}, 1, &states);
    printf("  %zu zones, first crash: %zu states\n", zone_count_, states.size());
    for (const State& state : states) Live(state, 2, nullptr);
    std::vector<State> second;
    for (const State& state : Sample(std::move(states), keep)) Live(state, 2, &second);
    printf("  %zu zones, second crash: %zu states, %zu opened from\n", zone_count_, second.size(),
           std::min(keep, second.size()));
    for (const State& state : Sample(std::move(second), keep)) Live(state, 3, nullptr);
  }

 private:
  struct State {
    SimDisk disk;
    Told told;
    std::string way;
  };

  std::vector<State> Sample(std::vector<State> states, size_t keep) {
    while (states.size() > keep) {
      std::swap(states[random_.Below(states.size())], states.back());
      states.pop_back();
    }
    return states;
  }

  void Live(const State& state, size_t depth, std::vector<State>* next) {
    if (bad_ > 0) return;
    SimDisk disk = state.disk;
    Told told = state.told;
    SimEnv env(&disk, depth);
    size_t folders = 0;
    if (next) {
      env.on_io = [&](io::SimIo kind, const std::string& path) {
        bool alike = kind == io::kIoCreate && path.find("/blob/") != std::string::npos;
        if (alike && ++folders % 64 != 0) return;
        CrashHere(disk, told, state.way + ", crash before " + io::NameOf(kind) + " " + path, next);
      };
    }
    Status ran = env.Run([&] {
      // What was answered once opens without being made.
      auto engine = Engine::Open(OptionsFor(&env, zone_count_, !told.opened), nullptr);
      if (!engine.ok()) return Bad(state.way, "refused: " + engine.status().ToString());
      told.opened = true;
      if (told.committed) Expect(state.way, "the row is lost", FindRow(**engine, "row"));
      Status committed = PutRow(**engine, "row");
      Expect(state.way, "a commit fails", committed);
      told.committed = true;
      Expect(state.way, "the row is not there", FindRow(**engine, "row"));
      (*engine)->Close();
    });
    Expect(state.way, "the run", ran);
  }

  void CrashHere(const SimDisk& disk, const Told& told, const std::string& way,
                 std::vector<State>* next) {
    for (auto style : {CrashStyle::kLoseAll, CrashStyle::kKeepAll, CrashStyle::kKeepNames,
                       CrashStyle::kKeepBytes, CrashStyle::kRandom, CrashStyle::kRandom}) {
      State state{disk, told, way + " (" + std::to_string(static_cast<int>(style)) + ")"};
      state.disk.Crash(random_, style);
      uint64_t hash = io::MixHash(state.disk.DurableHash(), told.opened * 2 + told.committed);
      if (seen_.insert(hash).second) next->push_back(std::move(state));
    }
  }

  void Expect(const std::string& way, const std::string& what, const Status& status) {
    if (!status.ok()) Bad(way, what + ": " + status.ToString());
  }
  void Bad(const std::string& way, const std::string& what) {
    ++bad_;
    strongroom::testing::Fail(__FILE__, __LINE__, what + "\n    by" + way);
  }

  const size_t zone_count_;
  Random random_{strongroom::testing::Seed()};
  std::unordered_set<uint64_t> seen_;
  size_t bad_ = 0;
};

std::string ZonePath(size_t zone) { return "/disk/stores/data/zone-" + std::to_string(zone); }

// A store that has served one row.
struct Served {
  SimDisk disk = EmptyDisk();
  const size_t zone_count;
  explicit Served(size_t zones, std::optional<io::SimFault> fault = {}) : zone_count(zones) {
    EXPECT_OK(Open(true, fault));
  }
  Status Open(bool create, std::optional<io::SimFault> fault = {}) {
    SimEnv env(&disk, ++lives_);
    if (fault) env.AddFault(*fault);
    Status status;
    Status ran = env.Run([&] {
      auto engine = Engine::Open(OptionsFor(&env, zone_count, create), nullptr);
      status = engine.status();
      if (engine.ok()) status = PutRow(**engine, "row");
    });
    return ran.ok() ? status : ran;
  }
  // Rot in both slots, or in those that were ever written.
  void TearSuperblock(size_t zone) {
    for (size_t slot : {0, 1}) {
      disk.FlipBit(ZonePath(zone) + "/superblock", (slot * format::kSlotSize + 90) * 8);
    }
  }

 private:
  uint64_t lives_ = 0;
};

}  // namespace

TEST(Creation, OfOneZoneEndsInAStoreWhateverCrashesOnTheWay) { ModelCheck(1).Run(SampleSize(40)); }
TEST(Creation, OfThreeZonesEndsInAStoreWhateverCrashesOnTheWay) {
  ModelCheck(3).Run(SampleSize(24));
}

// The story: the first superblock was being written when the power failed. The store could neither
// be opened nor made again.
TEST(Creation, ATornFirstSuperblockIsMadeAgain) {
  for (size_t zone_count : {1, 3}) {
    Served store(zone_count);
    store.TearSuperblock(1);
    for (const auto& file : store.disk.Files(ZonePath(1) + "/log")) {
      store.disk.RemoveTree(file.path);
    }
    for (size_t zone = 2; zone <= zone_count; ++zone) store.disk.RemoveTree(ZonePath(zone));
    EXPECT_CODE(store.Open(false), Code::kUnavailable);
    EXPECT_OK(store.Open(true));
    EXPECT_OK(store.Open(false));
  }
}

TEST(Creation, AZoneWithALogIsNeverMadeAnew) {
  for (size_t zone_count : {1, 3}) {
    Served store(zone_count);
    auto logs = [&] {
      uint64_t hash = 0;
      for (size_t zone = 1; zone <= zone_count; ++zone) {
        for (const auto& file : store.disk.Files(ZonePath(zone) + "/log")) {
          hash =
              io::MixHash(io::MixHash(hash, AsBytes(file.path)), store.disk.ReadDurable(file.path));
        }
      }
      return hash;
    };
    uint64_t before = logs();
    for (size_t zone = 1; zone <= zone_count; ++zone) store.TearSuperblock(zone);
    EXPECT_CODE(store.Open(true), Code::kUnavailable);
    for (size_t zone = 1; zone <= zone_count; ++zone) {
      store.disk.RemoveTree(ZonePath(zone) + "/superblock");
    }
    EXPECT_CODE(store.Open(true), Code::kUnavailable);
    EXPECT_EQ(logs(), before);
  }
}

// The story: zone 1 fails in the very first recovery, so nothing in it tells of the store that the
// other two then serve. When their disks are away, zone 1 looks like a creation that was cut short.
TEST(Creation, AZoneThatNeverServedIsNotMadeAnewWhileTheOthersAreAway) {
  io::SimFault fault;
  fault.prefix = ZonePath(1) + "/log";
  fault.kinds = io::kIoSyncDirectory;  // The first that recovery does there.
  Served store(3, fault);
  SimDisk whole = store.disk;
  for (size_t zone : {2, 3}) store.disk.RemoveTree(ZonePath(zone));
  EXPECT_CODE(store.Open(true), Code::kUnavailable);
  store.disk = whole;
  EXPECT_OK(store.Open(false));
}

}  // namespace strongroom::engine
