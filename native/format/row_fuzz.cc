// Any bytes as rows and as the keys of rows.
#include "base/testing_fuzz.h"
#include "format/format_testing.h"

namespace strongroom::format {
namespace {

std::vector<Bytes> Rows() {
  std::vector<Bytes> out{{}, PartKey(kExampleBlob, 7), CountedKey(BlobKind::kLarge, kExampleBlob)};
  for (uint8_t kind = 0; kind <= 6; ++kind) {
    Row row = ExampleRow();
    row.blob.kind = static_cast<BlobKind>(kind);
    row.counted = {2, {1, 4, 2}};
    EncodeRow(row, &out.emplace_back());
  }
  return out;
}

std::vector<Bytes> IndexRows() {
  std::vector<Bytes> out;
  for (const Bytes& row : Rows()) EncodeIndexRow(77, 10, row, &out.emplace_back());
  return out;
}

// A row's key is bytes of ours, and of a hostile log's.
void ExpectKeyOfOneFamily(ByteSpan key) {
  aead::Id list;
  if (!ListOfPart(key, &list)) return;
  const Bytes again = PartKey(list, LoadBig64(key.data() + key.size() - 8));
  EXPECT(std::equal(again.begin(), again.end(), key.begin(), key.end()));
  EXPECT(!IsEngineKey(key));
}

void ExpectSameAgain(const Row& row, ByteSpan bytes) {
  Bytes again;
  EncodeRow(row, &again);
  EXPECT(std::equal(again.begin(), again.end(), bytes.begin(), bytes.end()));
  EXPECT_EQ(RowSize(row), bytes.size());
}

}  // namespace

FUZZ(Row, Rows) {
  ExpectKeyOfOneFamily(input);
  auto row = DecodeRow(input);
  if (row.ok()) return ExpectSameAgain(*row, input);
  EXPECT(row.status().Is(Code::kCorruption) || row.status().Is(Code::kUnsupportedFormat));
}

FUZZ(IndexRow, IndexRows) {
  auto fresh = DecodeIndexRow(input);
  IndexRow used;  // By the row before.
  used.row = ExampleRow();
  used.row.counted = {9, {9, 9, 9}};
  Status again = DecodeIndexRow(input, &used);
  EXPECT_EQ(again.code(), fresh.status().code());
  if (!fresh.ok()) return;
  EXPECT_EQ(fresh->revision, IndexRowRevision(input));
  for (const IndexRow* row : {&*fresh, &used}) {
    ExpectSameAgain(row->row, row->image);
    Bytes whole;
    EncodeIndexRow(row->revision, row->home, row->image, &whole);
    EXPECT(std::equal(whole.begin(), whole.end(), input.begin(), input.end()));
  }
  EXPECT(fresh->row.counted == used.row.counted);
}

}  // namespace strongroom::format
