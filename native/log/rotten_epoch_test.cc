// Zones that let the record of an epoch rot: one that fell out, one that alone has it, the only
// one.
#include "log/lives_testing.h"

namespace strongroom::log {

namespace {
// Turns over a bit so far behind the header of a batch.
void Rot(TestLives* lives, const std::string& zone, const format::Position& batch, uint64_t at) {
  const std::string segment = format::SegmentName(format::SegmentOf(batch.location));
  const uint64_t byte = format::OffsetOf(batch.location) + format::kBatchHeaderSize + at;
  lives->disk.FlipBit(zone + "/log/" + segment, byte * 8);
}
}  // namespace

// An append fails on one of three, then that zone's epoch record rots. Whoever is there at the next
// open, nothing that was acknowledged is lost, and there is one history.
TEST(RottenEpoch, OfAnExpelledZoneCostsNothing) {
  for (const std::vector<size_t>& here : {std::vector<size_t>{0, 1, 2}, {0, 1}, {0, 2}, {1, 2}}) {
    TestLives lives({"/a", "/b", "/c"});
    uint32_t epoch_segment = 0;
    EXPECT_OK(lives.Live({0, 1, 2}, [&](TestOpen& open) {
      epoch_segment = open.recovered.epoch_segment;
      EXPECT_OK(open.Commit({1}));
      io::SimFault broken{io::SimEffect::kFail, "/c/log", io::kIoWrite | io::kIoSync};
      broken.count = UINT64_MAX;
      static_cast<io::SimEnv*>(open.env)->AddFault(broken);
      EXPECT_OK(open.Commit({2}));
      EXPECT_OK(open.Commit({3}));
      EXPECT(open.expelled == std::vector<int>{3});
    }));
    const std::string segment = "/c/log/" + format::SegmentName(epoch_segment);
    lives.disk.FlipBit(segment, (format::kBlock + format::kBatchHeaderSize + 40) * 8);
    EXPECT_OK(lives.Live(here, [](TestOpen& open) { EXPECT_OK(open.Commit({4})); }));
    EXPECT_OK(lives.Live({0, 1, 2}, [&](TestOpen& open) {
      EXPECT_OK(open.Commit({5}));
      for (const RecoveryZone& zone : open.zones) {
        auto history = ReadHistory(*zone.log, lives.store->seal);
        EXPECT(history.ok() && history->transactions == Truth({1, 2, 3, 4, 5}));
      }
    }));
  }
}

// The story: an open was cut short when one zone alone had the record of its epoch, and that zone's
// log rots: below the record, or the record with its segment's header. All three together were
// refused, although the other two hold everything.
TEST(RottenEpoch, OfAnOpenThatWasCutShortCostsNothing) {
  for (const char* rotten : {"first", "second", "epoch"}) {
    TestLives lives({"/a", "/b", "/c"});
    format::Position first, second, epoch;
    EXPECT_OK(lives.Live({0, 1, 2}, [&](TestOpen& open) {
      EXPECT_OK(open.Commit({1}));
      first = open.log->tail();
      EXPECT_OK(open.Commit({2}, /*blob_size=*/3000));
      second = open.log->tail();
    }));
    io::SimDisk before(lives.disk);
    EXPECT_OK(lives.Live({0, 1, 2}, [&](TestOpen& open) { epoch = open.log->tail(); }));
    for (const char* zone : {"/b", "/c"}) lives.disk.ReplaceTree(zone, before, zone);
    if (rotten == std::string("first")) {
      Rot(&lives, "/a", first, 40);
    } else if (rotten == std::string("second")) {
      Rot(&lives, "/a", second, format::BlobFrameSize(3000) + 40);
    } else {
      Rot(&lives, "/a", epoch, 40);
      const uint32_t segment = format::SegmentOf(epoch.location);
      lives.disk.FlipBit("/a/log/" + format::SegmentName(segment), 10 * 8);
    }
    EXPECT_OK(lives.Live({0, 1, 2}, [](TestOpen& open) { EXPECT_OK(open.Commit({3})); }));
    EXPECT_OK(lives.Live({1, 2}, [&](TestOpen& open) {
      auto history = ReadHistory(*open.zones[0].log, lives.store->seal);
      EXPECT(history.ok() && history->transactions == Truth({1, 2, 3}));
    }));
  }
}

// The story: the last batch rots, and the record of the epoch that was begun behind it. The batch
// was cut off as torn, though it had been served: the epoch's header still tells of it.
TEST(RottenEpoch, OfTheOnlyZoneCutsNothingBeforeIt) {
  TestLives lives({"/a"});
  format::Position last, epoch;
  EXPECT_OK(lives.Live({0}, [&](TestOpen& open) {
    EXPECT_OK(open.Commit({1}));
    EXPECT_OK(open.Commit({2}, /*blob_size=*/3000));
    last = open.log->tail();
  }));
  EXPECT_OK(lives.Live({0}, [&](TestOpen& open) { epoch = open.log->tail(); }));
  Rot(&lives, "/a", epoch, 40);
  Rot(&lives, "/a", last, 500);
  EXPECT_CODE(lives.Live({0}, [](TestOpen&) {}), Code::kCorruption);
  Rot(&lives, "/a", last, 500);  // As it was.
  EXPECT_OK(lives.Live({0}, [&](TestOpen& open) {
    auto history = ReadHistory(*open.zones[0].log, lives.store->seal);
    EXPECT(history.ok() && history->transactions == Truth({1, 2}));
  }));
}

// The story: the last batch rots after a clean close. It looked torn, and was cut off, though the
// index had it: so it had been acknowledged.
TEST(RottenEpoch, WhatTheIndexHasIsNotTorn) {
  for (bool indexed : {true, false}) {
    TestLives lives({"/a"});
    format::Position last;
    EXPECT_OK(lives.Live({0}, [&](TestOpen& open) {
      EXPECT_OK(open.Commit({1}));
      EXPECT_OK(open.Commit({2}));
      last = open.log->tail();
    }));
    if (indexed) lives.applied[0] = last;
    Rot(&lives, "/a", last, 40);
    Status opened = lives.Live({0}, [](TestOpen&) {});
    EXPECT(indexed ? opened.Is(Code::kCorruption) : opened.ok());
  }
}

// The story: of two that served, one lost its end and the other rots in the middle. What the rotten
// one still holds soundly proves that more was acknowledged than the first one has. It was left
// out, and the store opened without.
TEST(RottenEpoch, OfTheZoneThatHoldsMoreIsNoReasonToForget) {
  for (bool set_back : {true, false}) {
    TestLives lives({"/a", "/b", "/c"});
    EXPECT_OK(lives.Live({0, 1, 2}, [](TestOpen& open) { EXPECT_OK(open.Commit({1})); }));
    std::optional<io::SimDisk> before;
    format::Position middle;
    EXPECT_OK(lives.Live({0, 1}, [&](TestOpen& open) {
      EXPECT_OK(open.Commit({2}));
      before.emplace(lives.disk);
      EXPECT_OK(open.Commit({3}));
      EXPECT_OK(open.Commit({4}));
      middle = open.log->tail();
      EXPECT_OK(open.Commit({5}));
    }));
    if (set_back) lives.disk.ReplaceTree("/b", *before, "/b");
    Rot(&lives, "/a", middle, 40);
    Status opened = lives.Live({0, 1, 2}, [&](TestOpen& open) {
      auto history = ReadHistory(*open.zones[1].log, lives.store->seal);
      EXPECT(history.ok() && history->transactions == Truth({1, 2, 3, 4, 5}));
    });
    EXPECT(set_back ? opened.Is(Code::kCorruption) : opened.ok());
  }
}

}  // namespace strongroom::log
