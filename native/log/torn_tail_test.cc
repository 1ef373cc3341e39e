// What is left of a batch whose record came to the disk whole and whose cells did not.
#include "log/lives_testing.h"

namespace strongroom::log {

// It links to the tail, as the next reign's record will. Were it left where it is, the walk of the
// open after next would follow it into a dead end, and all that came later would be lost.
TEST(TornTail, IsCutBeforeAnythingIsWrittenBehindIt) {
  TestLives lives({"/a"});
  format::Position torn;
  EXPECT_OK(lives.Live({0}, [&](TestOpen& open) {
    EXPECT_OK(open.Commit({1}));
    EXPECT_OK(open.Commit({2}, /*blob_size=*/3000));
    torn = open.log->tail();
  }));
  const std::string segment = "/a/log/" + format::SegmentName(format::SegmentOf(torn.location));
  const uint64_t cell = format::OffsetOf(torn.location) + format::kBatchHeaderSize + 500;
  lives.disk.FlipBit(segment, cell * 8);
  for (uint64_t number : {3, 4, 5}) {
    EXPECT_OK(lives.Live({0}, [&](TestOpen& open) { EXPECT_OK(open.Commit({number})); }));
  }
  EXPECT_OK(lives.Live({0}, [&](TestOpen& open) {
    auto history = ReadHistory(*open.zones[0].log, lives.store->seal);
    EXPECT(history.ok() && history->transactions == Truth({1, 3, 4, 5}));
  }));
}

}  // namespace strongroom::log
