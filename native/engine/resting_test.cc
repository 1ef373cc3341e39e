// Work in the background takes four fifths of the time while nobody asks for anything, and a
// quarter of it while somebody does: then by the mebibyte, so that nobody waits long for a disk.
#include "engine/resting.h"

#include <vector>

#include "base/testing.h"
#include "io/sim_env.h"

namespace strongroom::engine {

namespace {

constexpr uint64_t kStepBytes = 256 << 10;
constexpr uint64_t kStepMicros = 1000;

struct Spent {
  uint64_t worked = 0, rested = 0;  // Nanoseconds.
  uint64_t rests = 0;
};

// Steps of 256 KiB and a millisecond each, and `before` each of them.
Spent Work(io::SimEnv& env, Resting& resting, int steps, const std::function<void()>& before) {
  Spent spent;
  for (int i = 0; i < steps; ++i) {
    before();
    uint64_t began = env.MonotonicNanos();
    env.SleepMicros(kStepMicros);
    uint64_t ended = env.MonotonicNanos();
    EXPECT(resting.After(kStepBytes));
    uint64_t rested = env.MonotonicNanos() - ended;
    spent.worked += ended - began;
    spent.rested += rested;
    spent.rests += rested >= kStepMicros * 1000 / 2;
  }
  return spent;
}

void Simulate(const std::function<void(io::SimEnv&, StopSign&, Demand&)>& story) {
  io::SimDisk disk;
  io::SimEnv env(&disk, testing::Seed());
  EXPECT_OK(env.Run([&] {
    StopSign stop;
    Demand demand(&env);
    story(env, stop, demand);
  }));
}

// Is it so many hundredths of the time, more or less?
void ExpectShare(const Spent& spent, uint64_t hundredths) {
  const uint64_t share = spent.worked * 100 / (spent.worked + spent.rested);
  EXPECT(share + 5 > hundredths);
  EXPECT(share < hundredths + 5);
}

}  // namespace

TEST(Resting, TakesAFifthOfTheTimeWhileNobodyAsks) {
  Simulate([](io::SimEnv& env, StopSign& stop, Demand& demand) {
    Resting resting(&env, &stop, &demand);
    Spent spent = Work(env, resting, 160, [] {});
    ExpectShare(spent, 80);
    EXPECT_EQ(spent.rests, uint64_t{10});  // After 4 MiB each.
  });
}

TEST(Resting, GivesWayToWhoeverAsks) {
  Simulate([](io::SimEnv& env, StopSign& stop, Demand& demand) {
    Resting resting(&env, &stop, &demand);
    Spent spent = Work(env, resting, 160, [&] { demand.Note(); });
    ExpectShare(spent, 25);
    EXPECT_EQ(spent.rests, uint64_t{40});  // After 1 MiB each.
  });
}

TEST(Resting, TakesItsTimeBackSoonAfterTheLastCall) {
  Simulate([](io::SimEnv& env, StopSign& stop, Demand& demand) {
    Resting resting(&env, &stop, &demand);
    demand.Note();
    EXPECT(demand.IsRecent());
    env.SleepMicros(600'000);
    EXPECT(!demand.IsRecent());
    resting.Begin();
    ExpectShare(Work(env, resting, 160, [] {}), 80);
  });
}

// A process that was stopped, or a walk over what needed nothing.
TEST(Resting, MakesUpForNoTimeInWhichItDidNothing) {
  Simulate([](io::SimEnv& env, StopSign& stop, Demand& demand) {
    Resting resting(&env, &stop, &demand);
    env.SleepMicros(3'600'000'000);
    demand.Note();
    uint64_t began = env.MonotonicNanos();
    EXPECT(resting.After(1 << 20));
    EXPECT(env.MonotonicNanos() - began < 2'000'000'000);
  });
}

TEST(Resting, GivesWayToNobodyWithoutADemand) {
  Simulate([](io::SimEnv& env, StopSign& stop, Demand& demand) {
    Resting resting(&env, &stop, nullptr);
    ExpectShare(Work(env, resting, 160, [&] { demand.Note(); }), 80);
  });
}

TEST(Resting, EndsWithTheSign) {
  Simulate([](io::SimEnv& env, StopSign& stop, Demand& demand) {
    Resting resting(&env, &stop, &demand);
    stop.Raise();
    EXPECT(!resting.After(1));
  });
}

}  // namespace strongroom::engine
