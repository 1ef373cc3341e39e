// A zone that comes back with more than its store knows of.
#include "log/lives_testing.h"

namespace strongroom::log {

namespace {

// Zones a and b go on from after the first commit; c has `more` batches of the reign before that
// they never heard of. What the open of all three says to that.
Status OpenWith(uint64_t more) {
  TestLives lives({"/a", "/b", "/c"});
  io::SimDisk disk(lives.disk);
  EXPECT_OK(lives.Live({0, 1, 2}, [&](TestOpen& open) {
    EXPECT_OK(open.Commit({1}));
    disk = lives.disk;
    for (uint64_t i = 0; i < more; ++i) EXPECT_OK(open.Commit({2 + i}));
  }));
  disk.ReplaceTree("/c", lives.disk, "/c");
  lives.disk = disk;
  EXPECT_OK(lives.Live({0, 1}, [](TestOpen& open) { EXPECT_OK(open.Commit({100})); }));
  return lives.Live({0, 1, 2}, [](TestOpen&) {});
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
