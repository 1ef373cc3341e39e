// A flip of any byte of a log: the reader never shows a wrong record, recovery heals from another
// zone, and a single zone reports rot instead of cutting acknowledged records off.
#include "log/log_reader.h"

#include "io/sim_env.h"
#include "log/log_testing.h"

namespace strongroom::log {

namespace {

using io::SimDisk;
using io::SimEnv;

// A store that served two epochs and was closed: every commit is acknowledged.
struct Closed {
  SimDisk disk;
  std::unique_ptr<TestStore> store;
  Truth truth;
};

Closed MakeClosed(const std::vector<std::string>& paths) {
  Closed out;
  for (const auto& path : paths) out.disk.MakeDirectories(path);
  for (uint64_t life = 0; life < 2; ++life) {
    SimEnv env(&out.disk, 1 + life);
    EXPECT_OK(env.Run([&] {
      if (!out.store) {
        out.store = std::make_unique<TestStore>(&env, paths);
        EXPECT_OK(out.store->Create(&env));
      }
      TestOpen open;
      std::vector<size_t> all;
      for (size_t i = 0; i < paths.size(); ++i) all.push_back(i);
      ASSERT_OK(open.Open(*out.store, &env, all));
      open.Serve();
      for (uint64_t i = 1; i <= 3; ++i) {
        uint64_t transaction = life * 10 + i;
        EXPECT_OK(open.Commit({transaction}, i == 2 ? 5000 : 0));
        out.truth.push_back(transaction);
      }
      open.log->Trim();
    }));
  }
  return out;
}

bool IsPrefix(const Truth& part, const Truth& whole) {
  return part.size() <= whole.size() && std::equal(part.begin(), part.end(), whole.begin());
}

struct Outcome {
  Status opened;
  Truth truth;
};
Outcome OpenFlipped(const Closed& closed, const std::string& path, uint64_t byte) {
  SimDisk disk = closed.disk;
  disk.FlipBit(path, byte * 8 + byte % 8);
  SimEnv env(&disk, 100);
  Outcome out;
  EXPECT_OK(env.Run([&] {
    std::vector<size_t> all;
    for (size_t i = 0; i < closed.store->paths.size(); ++i) all.push_back(i);
    TestOpen open;
    out.opened = open.Open(*closed.store, &env, all);
    if (!out.opened.ok()) return;
    LogReader reader(open.zones[open.recovered.set[0]].log.get(), &closed.store->seal, {},
                     LogReader::Source::kCached);
    for (;;) {
      auto entry = reader.Next();
      if (!entry.ok() || !*entry) break;
      for (const auto& effects : (*entry)->record.transactions) {
        out.truth.push_back(LoadLittle<uint64_t>(effects.front().key.data()));
      }
    }
  }));
  return out;
}

// Every byte that is not the padding of zeros, which nobody reads.
std::vector<uint64_t> Meaningful(const SimDisk& disk, const std::string& path) {
  std::vector<uint64_t> out;
  Bytes bytes = disk.ReadDurable(path);
  for (uint64_t i = 0; i < bytes.size(); ++i) {
    if (bytes[i] != 0) out.push_back(i);
  }
  return out;
}

}  // namespace

TEST(LogReader, ShowsWhatWasWritten) {
  Closed closed = MakeClosed({"/a"});
  SimEnv env(&closed.disk, 50);
  EXPECT_OK(env.Run([&] {
    ZoneLog log(&env, "/a");
    auto history = ReadHistory(log, closed.store->seal);
    ASSERT_OK(history);
    EXPECT(history->transactions == closed.truth);
    EXPECT_EQ(history->chain.size(), size_t{8});
  }));
}

// Any bit, any segment: the walk shows a beginning of the truth, or says why not.
TEST(LogReader, NeverShowsAWrongRecord) {
  Closed closed = MakeClosed({"/a"});
  for (const auto& file : closed.disk.Files("/a/log")) {
    for (uint64_t byte : Meaningful(closed.disk, file.path)) {
      SimDisk disk = closed.disk;
      disk.FlipBit(file.path, byte * 8 + byte % 8);
      SimEnv env(&disk, 60);
      EXPECT_OK(env.Run([&] {
        ZoneLog log(&env, "/a");
        auto history = ReadHistory(log, closed.store->seal);
        if (history.ok()) EXPECT(IsPrefix(history->transactions, closed.truth));
      }));
    }
  }
}

// Alone, a zone loses at most its last batch to a flip: it cannot tell that from a torn write. All
// else is refused as rot, or lies below what recovery reads and stands untouched.
TEST(LogReader, ASingleZoneNeverCutsAcknowledgedRecords) {
  Closed closed = MakeClosed({"/a"});
  Truth without_last(closed.truth.begin(), closed.truth.end() - 1);
  size_t refused = 0, torn = 0;
  for (const auto& file : closed.disk.Files("/a/log")) {
    for (uint64_t byte : Meaningful(closed.disk, file.path)) {
      Outcome outcome = OpenFlipped(closed, file.path, byte);
      if (!outcome.opened.ok()) {
        ++refused;
        if (!outcome.opened.Is(Code::kCorruption)) EXPECT_OK(outcome.opened);
        continue;
      }
      bool last = outcome.truth == without_last;
      torn += last;
      // Nothing was cut below the last batch: what the walk does not reach is still on the disk.
      bool whole = last || IsPrefix(outcome.truth, closed.truth);
      if (!whole) strongroom::testing::Fail(__FILE__, __LINE__, file.path + std::to_string(byte));
    }
  }
  EXPECT(refused > 100);
  EXPECT(torn > 100);
}

// With two more zones the same flips cost nothing: one of them is the truth, and the zone is made
// equal or left out.
TEST(LogReader, OtherZonesWinOverRotAtTheTail) {
  Closed closed = MakeClosed({"/a", "/b", "/c"});
  std::string last = closed.disk.Files("/a/log").back().path;
  auto bytes = Meaningful(closed.disk, last);
  for (size_t i = 0; i < bytes.size(); i += 7) {
    Outcome outcome = OpenFlipped(closed, last, bytes[i]);
    EXPECT_OK(outcome.opened);
    if (outcome.truth != closed.truth) {
      strongroom::testing::Fail(__FILE__, __LINE__, last + " byte " + std::to_string(bytes[i]));
    }
  }
}

}  // namespace strongroom::log
