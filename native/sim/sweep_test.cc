// What the sweep takes, and what it must leave alone.
#include "base/testing.h"
#include "repair/orphans.h"
#include "sim/store.h"

namespace strongroom::sim {

using io::SimDisk;
using io::SimEnv;

namespace {

constexpr uint64_t kSecond = 1'000'000'000;
constexpr uint32_t kLarge = kLargeFrom + 5000;

std::vector<std::string> BlobFiles(const SimDisk& disk, size_t zone) {
  std::vector<std::string> out;
  for (const auto& file : disk.Files(Store::ZonePath(zone) + "/blob")) out.push_back(file.path);
  return out;
}

size_t AllBlobFiles(const SimDisk& disk) {
  size_t count = 0;
  for (size_t zone = 1; zone <= 3; ++zone) count += BlobFiles(disk, zone).size();
  return count;
}

struct World {
  SimDisk disk;
  Bucket bucket;
  uint64_t seed = 1;

  World() {
    for (size_t zone = 1; zone <= 3; ++zone) disk.MakeDirectories(Store::ZonePath(zone));
  }
  void Live(const std::function<void(SimEnv&, Store&)>& work, uint64_t sweep_after = UINT64_MAX) {
    SimEnv env(&disk, seed++);
    EXPECT_OK(env.Run([&] {
      auto store = Store::Open(&env, 3, &bucket, sweep_after);
      ASSERT_OK(store);
      work(env, **store);
      (*store)->Close();
    }));
  }
  // An open that looks for files that no row names. How many it removed.
  uint64_t Sweep() {
    uint64_t removed = 0;
    auto wait = [&](SimEnv& env, Store& store) {
      env.SleepMicros(30'000'000);
      removed = store.engine().status().swept;
    };
    Live(wait, kSecond);
    return removed;
  }
};

Change Put(const std::string& key, uint64_t body) { return {key, Body{body, kLarge}}; }

}  // namespace

// An upload is cut off at each of its calls; what it leaves in files goes, what stands stays.
TEST(Sweep, WhatACrashLeftOfAnUploadGoes) {
  World begun;
  begun.Live([](SimEnv&, Store& store) {
    EXPECT_OK(store.Commit({Put("one", 1)}));
    EXPECT_OK(store.Commit({Put("two", 2)}));
  });
  EXPECT_EQ(AllBlobFiles(begun.disk), 6u);
  size_t swept = 0;
  for (uint64_t n = 1;; n += 3) {
    World world = begun;
    SimEnv env(&world.disk, 100 + n);
    bool made = false;
    EXPECT_OK(env.Run([&] {
      auto store = Store::Open(&env, 3, &world.bucket);
      ASSERT_OK(store);
      env.CrashAtIo(env.IoCount() + n);
      made = (*store)->Commit({Put("new", 3)}).ok();
    }));
    if (!env.IsCrashed()) break;
    testing::Random random(n);
    // All that was written is there: names of files that nobody synced too.
    world.disk.Crash(random, io::CrashStyle::kKeepAll);
    world.seed = 1000 + n;
    swept += world.Sweep();
    world.Live([&](SimEnv&, Store& store) {
      auto account = store.ReadAll();
      ASSERT_OK(account);
      EXPECT_EQ(account->wrong, "");
      EXPECT(account->refusals.empty());
      const size_t rows = account->rows.size();
      EXPECT(rows == 3 || (rows == 2 && !made));
      // One whose preamble never reached the disk tells no age, and stays.
      size_t files = 0;
      for (size_t zone = 1; zone <= 3; ++zone) {
        for (const auto& path : BlobFiles(world.disk, zone)) {
          Bytes head = world.disk.ReadDurable(path);
          files += format::DecodeBlobPreamble(head).ok();
        }
      }
      EXPECT_EQ(files, rows * 3);
    });
  }
  EXPECT(swept > 3);
}

TEST(Sweep, WhatWasRemovedWhileAZoneWasAwayGoesFromItToo) {
  World world;
  world.Live([](SimEnv&, Store& store) {
    EXPECT_OK(store.Commit({Put("one", 1)}));
    EXPECT_OK(store.Commit({Put("two", 2)}));
  });
  world.disk.Hide(Store::ZonePath(3));
  world.Live([](SimEnv&, Store& store) { EXPECT_OK(store.Commit({{"two", std::nullopt}})); });
  world.disk.Show(Store::ZonePath(3));
  EXPECT_EQ(BlobFiles(world.disk, 3).size(), 2u);
  EXPECT_EQ(world.Sweep(), 1u);
  EXPECT_EQ(AllBlobFiles(world.disk), 3u);
}

// The trap: rows were read first and files second, and an upload that committed in between lost
// its files.
TEST(Sweep, UploadsBesideItKeepTheirFiles) {
  for (uint64_t seed = 1; seed <= 4; ++seed) {
    World world;
    world.seed = seed * 50;
    world.Live([](SimEnv&, Store& store) { EXPECT_OK(store.Commit({Put("first", 1)})); });
    auto upload = [&](SimEnv& env, Store& store) {
      // Files that no row names yet lie there for a while.
      io::SimFault slow{io::SimEffect::kSlow, Store::ZonePath(2) + "/blob", io::kIoSync};
      slow.count = UINT64_MAX;
      slow.delay_nanos = 3'000'000;
      uint64_t fault = env.AddFault(slow);
      for (uint64_t i = 2; i < 30; ++i) {
        EXPECT_OK(store.Commit({Put("k" + std::to_string(i % 7), i)}));
        env.SleepMicros(1000);
      }
      env.RemoveFault(fault);
      EXPECT_EQ(store.engine().status().swept, 0u);
      auto account = store.ReadAll();
      ASSERT_OK(account);
      EXPECT_EQ(account->wrong, "");
      EXPECT(account->refusals.empty());
    };
    world.Live(upload, 5'000'000 + seed * 700'000);
    EXPECT_EQ(AllBlobFiles(world.disk), 8u * 3);
  }
}

TEST(Sweep, OnlyNamesOfBlobsAreBlobs) {
  using repair::BlobFileName;
  using repair::ParseBlobFileName;
  BlobFileName name;
  const std::string id = "00112233445566778899aabbccddeeff";
  EXPECT(ParseBlobFileName(id + ".0", &name));
  EXPECT_EQ(ToHex(name.blob_id), id);
  EXPECT(ParseBlobFileName(id + ".65535", &name));
  EXPECT_EQ(name.placement, 65535);
  for (const char* suffix :
       {"", ".", ".65536", ".00", ".01", ".-1", ".1x", ".copy", ".0.healing", ".999999"}) {
    EXPECT(!ParseBlobFileName(id + suffix, &name));
  }
  EXPECT(!ParseBlobFileName("0011223344556677 8899aabbccddeeff.0", &name));
  EXPECT(!ParseBlobFileName("00112233445566778899AABBCCDDEEFF.0", &name));
}

}  // namespace strongroom::sim
