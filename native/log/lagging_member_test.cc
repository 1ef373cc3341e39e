// A member of the ruling set that holds less than it had acknowledged.
#include "io/sim_env.h"
#include "log/log_testing.h"

namespace strongroom::log {

namespace {

using io::SimDisk;
using io::SimEnv;

const std::vector<std::string> kPaths = {"/a", "/b", "/c"};

struct Opened {
  Status status;
  size_t alarms = 0;
};

// Zone b is put back to where it was before the last `lost` batches, and the zones of `here` open.
Opened OpenAfterLoss(uint64_t lost, const std::vector<size_t>& here) {
  SimDisk disk;
  for (const auto& path : kPaths) disk.MakeDirectories(path);
  SimDisk before(disk);
  std::unique_ptr<TestStore> store;
  SimEnv first(&disk, 1);
  CHECK(first
            .Run([&] {
              store = std::make_unique<TestStore>(&first, kPaths);
              EXPECT_OK(store->Create(&first));
              TestOpen open;
              EXPECT_OK(open.Open(*store, &first, {0, 1, 2}));
              open.Serve();
              EXPECT_OK(open.Commit({1}));
              before = disk;
              for (uint64_t i = 0; i < lost; ++i) EXPECT_OK(open.Commit({2 + i}));
            })
            .ok());
  disk.ReplaceTree("/b", before, "/b");
  Opened opened;
  SimEnv second(&disk, 2);
  CHECK(second
            .Run([&] {
              TestOpen open;
              opened.status = open.Open(*store, &second, here);
              opened.alarms = open.alarms.size();
            })
            .ok());
  return opened;
}

// One batch may have been on its way. Whoever lacks two has lost what it had acknowledged, and may
// have helped to serve what nobody here knows of: it is healed, but its word counts for nothing.
TEST(LaggingMember, CountsForNothingWhenItLacksTwoBatches) {
  for (const std::vector<size_t>& here : {std::vector<size_t>{0, 1}, {0, 1, 2}}) {
    const Opened one = OpenAfterLoss(1, here);
    EXPECT_OK(one.status);
    EXPECT_EQ(one.alarms, size_t{0});
  }
  EXPECT_CODE(OpenAfterLoss(2, {0, 1}).status, Code::kQuorumLost);
  const Opened three = OpenAfterLoss(2, {0, 1, 2});
  EXPECT_OK(three.status);
  EXPECT_EQ(three.alarms, size_t{1});
}

}  // namespace

}  // namespace strongroom::log
