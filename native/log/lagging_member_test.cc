// A member of the ruling set that holds less than it had acknowledged.
#include "log/lives_testing.h"

namespace strongroom::log {

namespace {

struct Opened {
  Status status;
  size_t alarms = 0;
};

// Zone b is put back to where it was before the last `lost` batches, and the zones of `here` open.
Opened OpenAfterLoss(uint64_t lost, const std::vector<size_t>& here) {
  TestLives lives({"/a", "/b", "/c"});
  io::SimDisk before(lives.disk);
  EXPECT_OK(lives.Live({0, 1, 2}, [&](TestOpen& open) {
    EXPECT_OK(open.Commit({1}));
    before = lives.disk;
    for (uint64_t i = 0; i < lost; ++i) EXPECT_OK(open.Commit({2 + i}));
  }));
  lives.disk.ReplaceTree("/b", before, "/b");
  Opened opened;
  opened.status = lives.Live(here, [&](TestOpen& open) { opened.alarms = open.alarms.size(); });
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
