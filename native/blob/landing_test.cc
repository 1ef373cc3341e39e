// Reads into memory that the caller owns: with everything there, with a zone gone, for ranges that
// begin and end inside chunks, and with the memory taken back on the way.
#include "blob/landing.h"

#include "base/testing.h"
#include "blob/blob_testing.h"

namespace strongroom::blob {

namespace {

using Piece = Awaited<Result<BlobPiece>>;

// Memory for one piece and its landing.
struct Spot {
  explicit Spot(uint64_t size)
      : bytes(size, 0xee), landing(std::make_shared<Landing>(bytes.data(), bytes.size())) {}
  ~Spot() { landing->Revoke(); }
  Bytes bytes;
  std::shared_ptr<Landing> landing;
};

// As an addon reads: each piece into a spot of its own, the next one made before it is asked for.
Result<Bytes> ReadByLandings(BlobReader* reader, uint64_t offset, uint64_t end) {
  Bytes out;
  std::unique_ptr<Spot> here, next;
  while (offset < end) {
    const uint64_t until = reader->PieceEnd(offset, end);
    here = next ? std::move(next) : std::make_unique<Spot>(until - offset);
    if (until < end) next = std::make_unique<Spot>(reader->PieceEnd(until, end) - until);
    auto piece = std::make_shared<Piece>();
    reader->ReadInto(offset, end, {here->landing, next ? next->landing : nullptr},
                     [piece](Result<BlobPiece> result) { piece->Set(std::move(result)); });
    TRY_ASSIGN(BlobPiece got, piece->Get());
    CHECK(got.bytes().data() == here->bytes.data() && got.bytes().size() == here->bytes.size());
    out.insert(out.end(), here->bytes.begin(), here->bytes.end());
    offset = until;
  }
  return out;
}

TEST(Landing, WholeBodiesAndRanges) {
  TestStore store(3);
  TestBlob blob = store.NewBlob({4, 2}, (3u << 20) + 12345, aead::kChunkSize);
  ASSERT_OK(store.Write(&blob));
  auto reader = *BlobReader::Open(store.context, store.ReadSpec(blob));
  const uint64_t size = blob.body.size(), chunk = aead::kChunkSize;
  const std::pair<uint64_t, uint64_t> ranges[] = {
      {0, size}, {1, size}, {chunk, size - 1}, {chunk * 17, chunk * 18}, {size - 1, size}};
  for (auto [from, to] : ranges) {
    auto read = ReadByLandings(reader.get(), from, to);
    ASSERT_OK(read);
    EXPECT_EQ(*read, Bytes(blob.body.begin() + static_cast<long>(from),
                           blob.body.begin() + static_cast<long>(to)));
  }
  EXPECT_EQ(store.context->degraded_reads.load(), uint64_t{0});
}

TEST(Landing, HealsOnTheWay) {
  TestStore store(3);
  TestBlob blob = store.NewBlob({4, 2}, 2u << 20, aead::kChunkSize);
  ASSERT_OK(store.Write(&blob));
  for (int lost = 0; lost < 3; ++lost) {
    const Bytes contents = store.Contents(blob, lost);
    Bytes rotten = contents;
    for (size_t at = 5000; at < rotten.size(); at += 50'000) rotten[at] ^= 1;
    store.SetContents(blob, lost, rotten);
    auto reader = *BlobReader::Open(store.context, store.ReadSpec(blob));
    auto read = ReadByLandings(reader.get(), 0, blob.body.size());
    ASSERT_OK(read);
    EXPECT_EQ(*read, blob.body);
    store.SetContents(blob, lost, contents);
  }
  EXPECT(store.context->degraded_reads.load() > 0);
}

TEST(Landing, RevokedMemoryIsNotWritten) {
  TestStore store(3);
  TestBlob blob = store.NewBlob({4, 2}, 1u << 20, aead::kChunkSize);
  ASSERT_OK(store.Write(&blob));
  // Every zone stands still in its first read until the memory is taken back.
  auto go = std::make_shared<io::Completion>();
  auto begun = std::make_shared<io::Completion>();
  store.env->fault = [go, begun](const std::string& operation, const std::string&, uint64_t) {
    if (operation == "read") {
      begun->Set(Status());
      (void)go->Wait(kLong);
    }
    return Status();
  };
  store.context->hedge_nanos = kLong;
  auto reader = *BlobReader::Open(store.context, store.ReadSpec(blob));
  Spot spot(blob.body.size());
  auto piece = std::make_shared<Piece>();
  reader->ReadInto(0, blob.body.size(), {spot.landing, nullptr},
                   [piece](Result<BlobPiece> result) { piece->Set(std::move(result)); });
  ASSERT_OK(begun->Wait(kLong));
  spot.landing->Revoke();
  go->Set(Status());
  EXPECT(piece->Get().status().Is(Code::kClosed));
  EXPECT_EQ(spot.bytes, Bytes(blob.body.size(), 0xee));
}

TEST(Landing, RevokeWaitsForWhoIsInside) {
  uint8_t memory[1] = {};
  Landing landing(memory, 1);
  io::Completion inside, leave, revoked;
  auto writer = io::PosixEnv()->StartThread("writer", [&] {
    const Landing::Stay stay(&landing);
    inside.Set(Status());
    (void)leave.Wait(kLong);
    memory[0] = stay.welcome() && !revoked.IsSet() ? 1 : 2;
  });
  ASSERT_OK(inside.Wait(kLong));
  auto owner = io::PosixEnv()->StartThread("owner", [&] {
    landing.Revoke();
    revoked.Set(Status());
  });
  leave.Set(Status());
  ASSERT_OK(revoked.Wait(kLong));
  EXPECT_EQ(memory[0], uint8_t{1});
  const Landing::Stay late(&landing);
  EXPECT(!late.welcome());
  writer->Join();
  owner->Join();
}

}  // namespace

}  // namespace strongroom::blob
