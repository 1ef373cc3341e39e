// A disk that falls silent costs whoever asks it one deadline, and what it does late harms nobody.
#include "io/deadline_env.h"

#include "base/aligned.h"
#include "io/sim_env.h"

namespace strongroom::io {

namespace {

constexpr uint64_t kDeadline = 2'000'000'000;

// A disk behind the Env, with one folder and one file in it.
struct Machine {
  SimDisk disk;
  void Live(std::function<void(SimEnv&, DeadlineEnv&)> body) {
    disk.MakeDirectories("/d");
    SimEnv env(&disk, testing::Seed());
    EXPECT_OK(env.Run([&] {
      auto queue = std::make_shared<TaskQueue>(&env, "disk", 1);
      DeadlineEnv asked(&env, queue, kDeadline);
      body(env, asked);
    }));
  }
};

Result<std::unique_ptr<File>> Written(Env& env, const std::string& path, ByteSpan bytes) {
  TRY_ASSIGN(auto file, env.Open(path, {OpenMode::kReplace, true}));
  TRY(file->Allocate(bytes.size()));
  TRY(file->WriteAt(0, bytes));
  TRY(file->Sync());
  return file;
}

// Every call of an Env and of a file, on the file /d/f.
using Call = std::function<Status(Env&, File&)>;
const std::vector<std::pair<const char*, Call>>& Calls() {
  static const std::vector<std::pair<const char*, Call>> calls = {
      {"open", [](Env& e, File&) { return e.Open("/d/f", {}).status(); }},
      {"create folder", [](Env& e, File&) { return e.CreateDirectory("/d/new"); }},
      {"sync folder", [](Env& e, File&) { return e.SyncDirectory("/d"); }},
      {"list", [](Env& e, File&) { return e.List("/d").status(); }},
      {"rename", [](Env& e, File&) { return e.Rename("/d/f", "/d/g"); }},
      {"remove", [](Env& e, File&) { return e.Remove("/d/f"); }},
      {"stat", [](Env& e, File&) { return e.Stat("/d/f").status(); }},
      {"lock", [](Env& e, File&) { return e.Lock("/d/lock", false).status(); }},
      {"read", [](Env&, File& f) { return f.ReadAt(0, AlignedBytes(4096).span()).status(); }},
      {"write", [](Env&, File& f) { return f.WriteAt(0, Bytes(4096)); }},
      {"sync", [](Env&, File& f) { return f.Sync(); }},
      {"allocate", [](Env&, File& f) { return f.Allocate(8192); }},
      {"truncate", [](Env&, File& f) { return f.Truncate(0); }},
      {"info", [](Env&, File& f) { return f.Info().status(); }},
  };
  return calls;
}

}  // namespace

TEST(DeadlineEnv, PassesOnWhatTheDiskAnswers) {
  Machine().Live([](SimEnv&, DeadlineEnv& env) {
    Bytes bytes = testing::Random(1).Take(8192);
    auto file = Written(env, "/d/f", bytes);
    ASSERT_OK(file);
    Bytes out(8193);
    // An address that direct I/O would refuse.
    auto read = (*file)->ReadAt(4096, MutableByteSpan(out).subspan(1));
    ASSERT_OK(read);
    EXPECT_EQ(*read, size_t{4096});
    EXPECT(std::equal(bytes.begin() + 4096, bytes.end(), out.begin() + 1));
    EXPECT_EQ((*file)->Info()->size, uint64_t{8192});
    EXPECT_EQ(env.Stat("/d/f")->inode, (*file)->Info()->inode);
    EXPECT_OK((*file)->Truncate(5));
    EXPECT_OK(env.Rename("/d/f", "/d/g"));
    auto list = env.List("/d");
    ASSERT_OK(list);
    EXPECT_EQ(list->size(), size_t{1});
    EXPECT_EQ(list->front().name, std::string("g"));
    EXPECT_CODE(env.Open("/d/f", {}).status(), Code::kNotFound);
    EXPECT_CODE(env.CreateDirectory("/d"), Code::kExists);
    EXPECT(env.FreeBytes("/d").ok());
    auto lock = env.Lock("/d/lock", false);
    ASSERT_OK(lock);
    EXPECT_CODE(env.Lock("/d/lock", false).status(), Code::kLocked);
    lock->reset();
    EXPECT_OK(env.Lock("/d/lock", false));
    EXPECT_OK(env.Remove("/d/g"));
    EXPECT_OK(env.failure());  // None of these is the disk's fault.
  });
}

TEST(DeadlineEnv, SilenceInAnyCallCostsOneDeadlineAndNoMore) {
  for (const auto& [name, call] : Calls()) {
    Machine().Live([&, call = call, name = name](SimEnv& env, DeadlineEnv& asked) {
      auto file = Written(asked, "/d/f", Bytes(4096, 'x'));
      ASSERT_OK(file);
      SimFault hang{SimEffect::kHang, "/d"};
      hang.count = UINT64_MAX;
      uint64_t fault = env.AddFault(hang);
      uint64_t start = env.MonotonicNanos();
      auto elapsed = [&] { return (env.MonotonicNanos() - start) / kDeadline; };
      Status status = call(asked, **file);
      if (!status.Is(Code::kTimedOut)) testing::Fail(__FILE__, __LINE__, name);
      EXPECT_EQ(elapsed(), uint64_t{1});
      for (const auto& [_, other] : Calls()) EXPECT_CODE(other(asked, **file), Code::kTimedOut);
      EXPECT_EQ(elapsed(), uint64_t{1});
      EXPECT_CODE(asked.failure(), Code::kTimedOut);
      // Once silent it is never asked again: nobody knows what else was lost on the way.
      env.RemoveFault(fault);
      EXPECT_CODE(asked.Stat("/d").status(), Code::kTimedOut);
    });
  }
}

// The story: a read is given up, and the disk answers it later. The bytes go nowhere; the caller's
// buffer is somebody else's by then.
TEST(DeadlineEnv, WhatComesTooLateTouchesNothingOfTheCaller) {
  Machine().Live([](SimEnv& env, DeadlineEnv& asked) {
    auto file = Written(asked, "/d/f", Bytes(4096, 'x'));
    ASSERT_OK(file);
    uint64_t fault = env.AddFault({SimEffect::kHang, "/d/f", kIoRead});
    Bytes out(4096, 'o');
    EXPECT_CODE((*file)->ReadAt(0, out).status(), Code::kTimedOut);
    env.RemoveFault(fault);
    env.SleepMicros(1000);
    EXPECT(out == Bytes(4096, 'o'));
  });
}

TEST(DeadlineEnv, AWriteThatComesTooLateWritesWhatItWasGiven) {
  Machine().Live([](SimEnv& env, DeadlineEnv& asked) {
    auto file = Written(asked, "/d/f", Bytes(4096, 'x'));
    ASSERT_OK(file);
    uint64_t fault = env.AddFault({SimEffect::kHang, "/d/f", kIoWrite});
    Bytes given(4096, 'g');
    EXPECT_CODE((*file)->WriteAt(0, given), Code::kTimedOut);
    given.assign(given.size(), 'z');
    env.RemoveFault(fault);
    env.SleepMicros(1000);
    Bytes held(4096);
    auto plain = env.Open("/d/f", {});
    ASSERT_OK(plain);
    EXPECT_OK((*plain)->ReadAt(0, held));
    EXPECT(held == Bytes(4096, 'g'));
  });
}

TEST(DeadlineEnv, ALockThatComesTooLateIsLetGoOf) {
  Machine().Live([](SimEnv& env, DeadlineEnv& asked) {
    uint64_t fault = env.AddFault({SimEffect::kHang, "/d/lock", kIoLock});
    EXPECT_CODE(asked.Lock("/d/lock", false).status(), Code::kTimedOut);
    env.RemoveFault(fault);
    env.SleepMicros(1000);
    EXPECT_OK(env.Lock("/d/lock", false));
  });
}

TEST(DeadlineEnv, RemembersTheFirstRefusalAndAboveAllTheSilence) {
  Machine().Live([](SimEnv& env, DeadlineEnv& asked) {
    SimFault fail{SimEffect::kFail, "/d", kIoStat};
    fail.code = Code::kNoSpace;
    env.AddFault(fail);
    EXPECT_CODE(asked.Stat("/d").status(), Code::kNoSpace);
    EXPECT_OK(asked.failure());  // A full disk answers well.
    fail.code = Code::kUnavailable;
    env.AddFault(fail);
    EXPECT_CODE(asked.Stat("/d").status(), Code::kUnavailable);
    EXPECT_CODE(asked.failure(), Code::kUnavailable);
    fail.code = Code::kIo;
    env.AddFault(fail);
    EXPECT_CODE(asked.Stat("/d").status(), Code::kIo);
    EXPECT_CODE(asked.failure(), Code::kUnavailable);
    EXPECT_OK(asked.Stat("/d"));  // It is asked on: only silence is for good.
    env.AddFault({SimEffect::kHang, "/d", kIoStat});
    EXPECT_CODE(asked.Stat("/d").status(), Code::kTimedOut);
    EXPECT_CODE(asked.failure(), Code::kTimedOut);
  });
}

}  // namespace strongroom::io
