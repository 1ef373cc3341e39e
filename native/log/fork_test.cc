// A zone that comes back with more than its store knows of.
#include "io/sim_env.h"
#include "log/log_testing.h"

namespace strongroom::log {

namespace {

using io::SimDisk;
using io::SimEnv;

const std::vector<std::string> kPaths = {"/a", "/b", "/c"};

// Zones a and b go on from after the first commit; c has `more` batches of the reign before that
// they never heard of. What the open of all three says to that.
Status OpenWith(uint64_t more) {
  SimDisk lived;
  for (const auto& path : kPaths) lived.MakeDirectories(path);
  SimDisk disk(lived);
  std::unique_ptr<TestStore> store;
  SimEnv first(&lived, 1);
  CHECK(first
            .Run([&] {
              store = std::make_unique<TestStore>(&first, kPaths);
              EXPECT_OK(store->Create(&first));
              TestOpen open;
              EXPECT_OK(open.Open(*store, &first, {0, 1, 2}));
              open.Serve();
              EXPECT_OK(open.Commit({1}));
              disk = lived;
              for (uint64_t i = 0; i < more; ++i) EXPECT_OK(open.Commit({2 + i}));
            })
            .ok());
  disk.ReplaceTree("/c", lived, "/c");
  SimEnv second(&disk, 2);
  CHECK(second
            .Run([&] {
              TestOpen open;
              EXPECT_OK(open.Open(*store, &second, {0, 1}));
              open.Serve();
              EXPECT_OK(open.Commit({100}));
            })
            .ok());
  Status status;
  SimEnv third(&disk, 3);
  CHECK(third.Run([&] { status = TestOpen().Open(*store, &third, {0, 1, 2}); }).ok());
  return status;
}

// One batch may have been in flight when the zone fell out. Two prove that it lived on by itself,
// and what it acknowledged meanwhile nobody else has.
TEST(Fork, OneBatchPastTheBaseIsCutAndTwoAreRefused) {
  EXPECT_OK(OpenWith(0));
  EXPECT_OK(OpenWith(1));
  EXPECT_CODE(OpenWith(2), Code::kRolledBack);
  EXPECT_CODE(OpenWith(5), Code::kRolledBack);
}

}  // namespace

}  // namespace strongroom::log
