// What a walk over the counted blobs makes of an index that cannot answer.
#include "engine/cell_returns.h"

#include "base/testing.h"
#include "io/posix_env.h"

namespace strongroom::engine {

namespace {

RowPage OneCountedBlob(bool rotten) {
  format::Row row;
  row.blob.kind = format::BlobKind::kCounted;
  row.counted = {1, {0, 2, 1}, 300'000};
  Bytes image, bytes;
  format::EncodeRow(row, &image);
  format::EncodeIndexRow(1, 1, image, &bytes);
  if (rotten) bytes.resize(bytes.size() - 1);
  RowPage page;
  page.rows.push_back({format::CountedKey(format::BlobKind::kLarge, aead::Id{}), 1, bytes});
  return page;
}

// Why zone 1 is not whole.
Status WalkOver(RowPage page, Result<bool> is_counted) {
  auto told = std::make_shared<io::Completion>();
  CellReturns::Options options;
  options.replaced = [] { return uint64_t{0}; };
  options.env = io::PosixEnv();
  options.deadline_nanos = 1'000'000'000;
  options.zones = {std::make_shared<Zone>()};
  options.zones[0]->number = 1;
  options.pins = std::make_shared<BlobPins>([](const GoneBlob&) {});
  options.set = [] { return std::vector<int>{1}; };
  options.rows = [page](index::ScanRequest) { return page; };
  options.is_counted = [is_counted](const aead::Id&) { return is_counted; };
  options.on_whole = [told](const std::shared_ptr<Zone>&) { told->Set({}); };
  options.on_not_whole = [told](int, const Status& why) { told->Set(why); };
  CellReturns returns(options);
  returns.Walk(options.zones[0], 0);
  return told->Wait(60'000'000'000);
}

}  // namespace

// The story: a lookup that failed was taken for a blob that is gone, and a row that did not decode
// was passed over; the zone was called whole without their cells.
TEST(CellReturns, WhatCannotBeLookedUpIsNotWhole) {
  Status timed_out(Code::kTimedOut, "no index answered");
  EXPECT_EQ(WalkOver(OneCountedBlob(false), timed_out).message(), timed_out.message());
  EXPECT_CODE(WalkOver(OneCountedBlob(true), true), Code::kCorruption);
}

}  // namespace strongroom::engine
