// What is left of a batch whose record came to the disk whole and whose cells did not.
#include "io/sim_env.h"
#include "log/log_testing.h"

namespace strongroom::log {

namespace {

using io::SimDisk;
using io::SimEnv;

Status Life(SimDisk* disk, uint64_t seed, const TestStore& store,
            const std::function<void(TestOpen&)>& live) {
  SimEnv env(disk, seed);
  Status status;
  CHECK(env.Run([&] {
             TestOpen open;
             status = open.Open(store, &env, {0});
             if (!status.ok()) return;
             open.Serve();
             live(open);
           })
            .ok());
  return status;
}

// It links to the tail, as the next reign's record will. Were it left where it is, the walk of the
// open after next would follow it into a dead end, and all that came later would be lost.
TEST(TornTail, IsCutBeforeAnythingIsWrittenBehindIt) {
  SimDisk disk;
  disk.MakeDirectories("/a");
  std::unique_ptr<TestStore> store;
  SimEnv maker(&disk, 1);
  CHECK(maker
            .Run([&] {
              store = std::make_unique<TestStore>(&maker, std::vector<std::string>{"/a"});
              EXPECT_OK(store->Create(&maker));
            })
            .ok());
  format::Position torn;
  EXPECT_OK(Life(&disk, 2, *store, [&](TestOpen& open) {
    EXPECT_OK(open.Commit({1}));
    EXPECT_OK(open.Commit({2}, /*blob_size=*/3000));
    torn = open.log->tail();
  }));
  const std::string segment = "/a/log/" + format::SegmentName(format::SegmentOf(torn.location));
  const uint64_t cell = format::OffsetOf(torn.location) + format::kBatchHeaderSize + 500;
  disk.FlipBit(segment, cell * 8);
  for (uint64_t seed : {3, 4, 5}) {
    EXPECT_OK(Life(&disk, seed, *store, [&](TestOpen& open) { EXPECT_OK(open.Commit({seed})); }));
  }
  EXPECT_OK(Life(&disk, 6, *store, [&](TestOpen& open) {
    auto history = ReadHistory(*open.zones[0].log, store->seal);
    EXPECT(history.ok() && history->transactions == Truth({1, 3, 4, 5}));
  }));
}

}  // namespace

}  // namespace strongroom::log
