// A disk that falls silent while a store is opened or made: the open goes on without it, or says
// so, within the deadline; and nothing is lost.
#include "engine/opening.h"

#include "base/testing.h"
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

Status Put(Engine& engine, const std::string& row) {
  Transaction transaction;
  Effect effect;
  effect.key = Bytes(row.begin(), row.end());
  effect.body = Bytes(16'000, 'm');  // A block of its own in the index.
  transaction.effects.push_back(std::move(effect));
  auto done = std::make_shared<io::Completion>();
  engine.Commit(std::move(transaction),
                [done](Result<Committed> result) { done->Set(result.status()); });
  return done->Wait(UINT64_MAX);
}

Status Find(Engine& engine, const std::string& row) {
  GetRequest request;
  request.key = Bytes(row.begin(), row.end());
  auto done = std::make_shared<io::Completion>();
  engine.Get(std::move(request), [done](Result<std::optional<Found>> result) {
    bool absent = result.ok() && !*result;
    done->Set(absent ? Status(Code::kNotFound, "absent") : result.status());
  });
  return done->Wait(UINT64_MAX);
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
      for (char row : rows) EXPECT_OK(Put(**engine, std::string(1, row)));
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
    if (Status status = Find(**engine, "a"); !status.ok()) Fail(what + status.ToString());
    if (!read_only) {
      if (Status status = Put(**engine, "c"); !status.ok()) Fail(what + status.ToString());
    }
    env.RemoveFault(fault);
    (*engine)->Close();
  }));
  SimEnv again(&disk, 1);
  EXPECT_OK(again.Run([&] {
    auto engine = Engine::Open(OptionsFor(&again, 3), nullptr);
    if (!engine.ok()) return Fail(what + "later: " + engine.status().ToString());
    if (Status status = Find(**engine, "a"); !status.ok()) Fail(what + status.ToString());
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
    EXPECT_OK(Put(**engine, "c"));
    std::vector<uint64_t> faults;
    for (size_t zone : {1, 3}) faults.push_back(env.AddFault(SilenceOf(Path(zone) + "/index", 0)));
    for (const char* row : {"k", "c"}) EXPECT_OK(Find(**engine, row));  // No open has read "k".
    for (uint64_t each : faults) env.RemoveFault(each);
    (*engine)->Close();
  }));
}

TEST(Opening, WithOneSilentZoneAloneFailsInTime) {
  SimDisk stored = Stored(1);
  for (uint64_t n = 0; n < 40; n += 3) {
    SimDisk disk = stored;
    SimEnv env(&disk, 1);
    EXPECT_OK(env.Run([&] {
      uint64_t start = env.MonotonicNanos();
      uint64_t fault = env.AddFault(SilenceOf("/z1/log", n));
      auto engine = Engine::Open(OptionsFor(&env, 1), nullptr);
      if (env.MonotonicNanos() - start > 2 * kBound) Fail("it takes too long");
      if (!engine.ok() && !TellsOfSilence(engine.status())) Fail(engine.status().ToString());
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
        if (engine.ok()) EXPECT_OK(Put(**engine, "a"));
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
