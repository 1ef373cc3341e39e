// Bodies of every awkward size through every geometry, written and read in every awkward step.
#include <thread>

#include "blob/blob_testing.h"
#include "format/blob_file.h"

namespace strongroom::blob {

namespace {

struct Case {
  placement::Geometry geometry;
  int zones;
};
const Case kCases[] = {{{1, 0}, 1}, {{4, 2}, 1}, {{1, 1}, 2}, {{2, 1}, 3}, {{1, 2}, 3},
                       {{4, 2}, 3}, {{8, 4}, 3}, {{5, 4}, 3}, {{3, 2}, 4}, {{18, 14}, 4}};

std::vector<size_t> Sizes(size_t chunk, size_t k) {
  return {0,         1,         chunk - 1,     chunk,         chunk + 1,
          k * chunk - 1, k * chunk, k * chunk + 1, 3 * k * chunk, 5 * k * chunk + 2 * chunk + 7};
}

TEST(BlobRoundtrip, EverySizeInEveryGeometry) {
  for (const Case& c : kCases) {
    TestStore store(c.zones);
    for (size_t size : Sizes(kSmallChunk, static_cast<size_t>(c.geometry.k))) {
      for (size_t step : {1, 2, 1000}) {
        TestBlob blob = store.NewBlob(c.geometry, size);
        auto done = store.Write(&blob, step);
        ASSERT_OK(done);
        EXPECT_EQ(done->size, size);
        EXPECT_EQ(done->crc64, hash::Crc64(blob.body));
        EXPECT_EQ(done->zones_written, (1u << c.zones) - 1);
        auto read = store.ReadAll(blob);
        ASSERT_OK(read);
        EXPECT_EQ(*read, blob.body);
      }
    }
    EXPECT_EQ(store.troubles.size(), size_t{0});
    EXPECT_EQ(store.context->degraded_reads.load(), uint64_t{0});
  }
}

TEST(BlobRoundtrip, EveryReadStep) {
  TestStore store(3);
  TestBlob blob = store.NewBlob({4, 2}, 6 * 4 * kSmallChunk + 300);
  ASSERT_OK(store.Write(&blob));
  for (uint64_t step : {1, 7, 255, 256, 257, 1023, 1024, 1025, 5000}) {
    auto read = store.ReadAll(blob, step);
    ASSERT_OK(read);
    EXPECT_EQ(*read, blob.body);
  }
}

TEST(BlobRoundtrip, EveryRange) {
  TestStore store(3);
  TestBlob blob = store.NewBlob({4, 2}, 3 * 4 * kSmallChunk + 77);
  ASSERT_OK(store.Write(&blob));
  auto reader = *BlobReader::Open(store.context, store.ReadSpec(blob));
  for (int i = 0; i < 500; ++i) {
    const uint64_t offset = store.dice.Below(blob.body.size() + 1);
    const uint64_t size = store.dice.Below(blob.body.size() - offset + 1);
    auto read = TestStore::ReadRange(reader.get(), offset, size);
    ASSERT_OK(read);
    EXPECT_EQ(*read, Bytes(blob.body.begin() + static_cast<long>(offset),
                           blob.body.begin() + static_cast<long>(offset + size)));
  }
}

TEST(BlobRoundtrip, RealChunksAndManyPieces) {
  for (const Case& c : {Case{{1, 0}, 1}, Case{{4, 2}, 3}, Case{{1, 2}, 3}}) {
    TestStore store(c.zones, 2);
    TestBlob blob = store.NewBlob(c.geometry, (5u << 20) + 12345, aead::kChunkSize);
    ASSERT_OK(store.Write(&blob));
    auto read = store.ReadAll(blob, 1u << 20);
    ASSERT_OK(read);
    EXPECT_EQ(hash::Crc64(*read), hash::Crc64(blob.body));
    read = store.ReadAll(blob, 100'000);
    ASSERT_OK(read);
    EXPECT_EQ(hash::Crc64(*read), hash::Crc64(blob.body));
  }
}

TEST(BlobRoundtrip, FilesAreAsLongAsTheFormatSays) {
  TestStore store(3);
  TestBlob blob = store.NewBlob({4, 2}, 9 * kSmallChunk + 3);
  ASSERT_OK(store.Write(&blob));
  const auto placement = *placement::Placement::Create({4, 2}, 3, blob.header.blob_id);
  const format::BlobShape shape{kSmallChunk, 4, 2, blob.body.size()};
  for (int zone = 0; zone < 3; ++zone) {
    const Bytes file = store.Contents(blob, zone);
    EXPECT_EQ(file.size(), shape.FileSize({placement.first_cell(zone), placement.cells_in(zone)}));
    auto preamble = format::DecodeBlobPreamble(file);
    ASSERT_OK(preamble);
    EXPECT_EQ(preamble->epoch, uint64_t{7});
    EXPECT_EQ(ByteSpan(preamble->header.blob_id), ByteSpan(blob.header.blob_id));
  }
}

TEST(BlobRoundtrip, PlaintextIsSeenInOrderBeforeItIsSealed) {
  TestStore store(3);
  TestBlob blob = store.NewBlob({4, 2}, 11 * kSmallChunk + 9);
  BlobWriteSpec spec = store.WriteSpec(&blob);
  Bytes seen;
  spec.on_plaintext = [&](ByteSpan bytes) { seen.insert(seen.end(), bytes.begin(), bytes.end()); };
  auto writer = *BlobWriter::Start(store.context, std::move(spec));
  ASSERT_OK(TestStore::OfferAll(writer.get(), blob.body, 1));
  Awaited<Result<BlobDone>> done;
  writer->Finish([&](Result<BlobDone> result) { done.Set(std::move(result)); });
  ASSERT_OK(done.Get());
  EXPECT_EQ(seen, blob.body);
}

// A slow digest holds up neither the sealing of the piece before nor another writer: the second
// piece is not let go before the first stands in its file and another blob is whole.
TEST(BlobRoundtrip, WorkGoesOnWhileAPieceIsDigested) {
  TestStore store(3);
  TestBlob blob = store.NewBlob({4, 2}, 9 * 4 * kSmallChunk);
  TestBlob other = store.NewBlob({4, 2}, 9 * 4 * kSmallChunk);
  BlobWriteSpec spec = store.WriteSpec(&blob);
  size_t seen = 0;
  io::Completion go_on;
  spec.on_plaintext = [&](ByteSpan bytes) {
    if (seen == 4 * kSmallChunk) EXPECT_OK(go_on.Wait(kLong));
    seen += bytes.size();
  };
  auto writer = *BlobWriter::Start(store.context, std::move(spec));
  std::thread offering([&] { EXPECT_OK(TestStore::OfferAll(writer.get(), blob.body, 1)); });
  EXPECT_OK(store.Write(&other).status());
  const auto written = [&] {
    auto file = io::PosixEnv()->Stat(store.Path(blob, 0));
    return file.ok() && file->size > 0;
  };
  for (int i = 0; i < 5000 && !written(); ++i) io::PosixEnv()->SleepMicros(1000);
  EXPECT(written());
  go_on.Set({});
  offering.join();
  Awaited<Result<BlobDone>> done;
  writer->Finish([&](Result<BlobDone> result) { done.Set(std::move(result)); });
  ASSERT_OK(done.Get());
  EXPECT_EQ(seen, blob.body.size());
}

TEST(BlobRoundtrip, RefusesWhatCannotBe) {
  TestStore store(3);
  TestBlob blob = store.NewBlob({4, 1}, 10);
  EXPECT_CODE(store.Write(&blob), Code::kInvalidArgument);
  blob = store.NewBlob({4, 2}, 10000);
  auto writer = *BlobWriter::Start(store.context, store.WriteSpec(&blob));
  const size_t stripe = writer->stripe_size();
  const auto offer = [&](size_t size, bool last) {
    const ByteSpan parts[] = {ByteSpan(blob.body).first(size)};
    return writer->Offer(parts, last, [] {});
  };
  EXPECT_CODE(offer(0, false), Code::kInvalidArgument);
  EXPECT_CODE(offer(stripe + 1, false), Code::kInvalidArgument);
  EXPECT_OK(offer(stripe, false));
  EXPECT_CODE(offer(0, true), Code::kInvalidArgument);
  Awaited<Result<BlobDone>> early;
  writer->Finish([&](Result<BlobDone> result) { early.Set(std::move(result)); });
  EXPECT_CODE(early.Get(), Code::kInvalidArgument);
  EXPECT_OK(offer(5, true));
  EXPECT_CODE(offer(5, true), Code::kInvalidArgument);
  Awaited<bool> gone;
  writer->Abort([&] { gone.Set(true); });
  gone.Get();
  for (int zone = 0; zone < 3; ++zone) EXPECT(!store.Exists(blob, zone));
}

}  // namespace

}  // namespace strongroom::blob
