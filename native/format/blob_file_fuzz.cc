// Any bytes as the preamble of a blob file, and any numbers as the shape of a blob.
#include "base/testing_fuzz.h"
#include "format/blob_file.h"
#include "format/format_testing.h"
#include "hash/xxh64.h"

namespace strongroom::format {
namespace {

using testing::FuzzRecipe;

constexpr size_t kChecked = 24 + aead::kSealHeaderSize;

std::vector<Bytes> Preambles() {
  BlobPreamble preamble;
  preamble.placement = 3;
  preamble.k = 4;
  preamble.m = 2;
  preamble.epoch = kExampleEpoch;
  preamble.header.store_id = kExampleStore;
  preamble.header.blob_id = kExampleBlob;
  Bytes block = EncodeBlobPreamble(preamble);
  block.resize(kChecked + 8);
  Bytes mended{1};
  mended.insert(mended.end(), block.begin(), block.end());
  return {mended, {0}};
}

// recipe = chunk size u32 ‖ k u8 ‖ m u8 ‖ size u64 ‖ run u8 u8 ‖ stripe u64
std::vector<Bytes> Shapes() {
  std::vector<Bytes> out;
  for (uint64_t size : {uint64_t{0}, uint64_t{1}, uint64_t{300'000}, uint64_t{1} << 45}) {
    Bytes& seed = out.emplace_back();
    ByteWriter w(&seed);
    w.U32(aead::kChunkSize);
    w.U8(4);
    w.U8(2);
    w.U64(size);
    w.U8(2);
    w.U8(2);
    w.U64(size >> 18);
  }
  return out;
}

// The cells of one stripe lie one behind the other, and inside the file.
void ExpectInOrder(const BlobShape& shape, const CellRun& run, uint64_t stripe) {
  const uint32_t stored = shape.stored(stripe);
  uint64_t at = shape.CellOffset(run, stripe, run.first);
  for (int cell = run.first; cell < run.first + run.count; ++cell) {
    if ((stored >> cell & 1) == 0) continue;
    EXPECT_EQ(shape.CellOffset(run, stripe, cell), at);
    at += shape.cell_size(stripe) + kCellTrailerSize;
    EXPECT(at <= shape.FileSize(run));
  }
  if (stripe + 1 < shape.stripes()) {
    EXPECT_EQ(shape.CellOffset(run, stripe + 1, run.first), at);
  }
}

}  // namespace

FUZZ(BlobPreamble, Preambles) {
  FuzzRecipe recipe(input);
  const bool mend = recipe.U8() & 1;
  const ByteSpan rest = recipe.Rest();
  Bytes block(rest.begin(), rest.end());
  if (mend && block.size() >= kChecked + 8) {
    StoreLittle(&block[kChecked], hash::Xxh64(ByteSpan(block).first(kChecked)));
  }
  auto preamble = DecodeBlobPreamble(block);
  if (!preamble.ok()) return;
  const Bytes again = EncodeBlobPreamble(*preamble);
  EXPECT(std::equal(&again[12], &again[kChecked], &block[12]));  // An older version is not kept.
}

FUZZ(BlobShape, Shapes) {
  FuzzRecipe recipe(input);
  BlobShape shape;
  shape.chunk_size = recipe.U32();
  shape.k = static_cast<int8_t>(recipe.U8());
  shape.m = static_cast<int8_t>(recipe.U8());
  shape.size = recipe.U64();
  if (!shape.Valid()) return;
  CellRun run;
  run.first = static_cast<int>(recipe.Below(static_cast<uint64_t>(shape.k + shape.m)));
  run.count =
      1 + static_cast<int>(recipe.Below(static_cast<uint64_t>(shape.k + shape.m - run.first)));
  EXPECT((shape.chunks() - 1) * shape.chunk_size <= shape.size);
  EXPECT_EQ((shape.chunks() - 1) * shape.chunk_size + shape.plaintext_size(shape.chunks() - 1),
            shape.size);
  EXPECT(shape.FileSize(run) % kBlobPreambleSize == 0);
  const uint64_t last = shape.stripes() - 1;
  for (uint64_t stripe : {uint64_t{0}, last, recipe.U64() % shape.stripes()}) {
    EXPECT(shape.data_cells(stripe) >= 1 && shape.data_cells(stripe) <= shape.k);
    ExpectInOrder(shape, run, stripe);
  }
}

}  // namespace strongroom::format
