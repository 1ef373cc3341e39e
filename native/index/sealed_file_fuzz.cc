// A sealed file that somebody changed: whatever is still read is what was written.
#include "base/testing_fuzz.h"
#include "index/sealed_file.h"
#include "io/held_testing.h"

namespace strongroom::index {
namespace {

using testing::FuzzRecipe;

const char kName[] = "000005.ldb";
constexpr size_t kSizeMax = 3 * kPieceSize;
constexpr int kChangesMax = 8, kReadsMax = 8;

Sealing TheSealing() {
  Sealing sealing;
  sealing.index_key = SecretBytes(ByteSpan(Bytes(kIndexKeySize, 9)));
  return sealing;
}

std::string PlainOf(size_t size) {
  std::string out(size, '\0');
  for (size_t i = 0; i < size; ++i) out[i] = static_cast<char>(i * 7 + i / 256);
  return out;
}

io::HeldBytes Sealed(const std::string& plain) {
  auto bytes = std::make_shared<Bytes>();
  Failures failures;
  SealedWriter writer(TheSealing(), Salt{1}, kName, std::make_unique<io::HeldFile>(bytes),
                      &failures);
  CHECK(writer.Append(plain).ok() && writer.Close().ok());
  return bytes;
}

// recipe = size u16 ‖ changes u8 ‖ (kind u8 ‖ at u16 ‖ value u8)* ‖ (offset u16 ‖ size u16)*
std::vector<Bytes> Files() {
  std::vector<Bytes> out;
  for (size_t size : {size_t{0}, size_t{1}, kPieceSize, 2 * kPieceSize + 100}) {
    Bytes& seed = out.emplace_back();
    ByteWriter w(&seed);
    w.U16(static_cast<uint16_t>(size));
    w.U8(0);
    w.U16(0);
    w.U16(static_cast<uint16_t>(size));
  }
  return out;
}

void Change(FuzzRecipe* recipe, Bytes* file) {
  const uint8_t kind = recipe->U8() % 5;
  const size_t at = recipe->Below(file->size() + 1);
  const uint8_t value = recipe->U8();
  const size_t piece = kHeaderSize + at / kSealedPieceSize * kSealedPieceSize;
  switch (kind) {
    case 0:
      if (at < file->size()) (*file)[at] ^= value;
      break;
    case 1:
      file->resize(at);
      break;
    case 2:
      file->insert(file->end(), 1 + value, value);
      break;
    case 3:  // The first piece takes another's place.
      if (piece + kSealedPieceSize <= file->size()) {
        std::copy_n(file->begin() + kHeaderSize, kSealedPieceSize,
                    file->begin() + static_cast<ptrdiff_t>(piece));
      }
      break;
    case 4:  // Cut at the end of a piece.
      if (piece <= file->size()) file->resize(piece);
      break;
  }
}

}  // namespace

FUZZ(SealedFile, Files) {
  FuzzRecipe recipe(input);
  const std::string plain = PlainOf(recipe.U16() % kSizeMax);
  io::HeldBytes file = Sealed(plain);
  const Bytes before = *file;
  const int changes = recipe.U8() % kChangesMax;
  for (int i = 0; i < changes && !file->empty(); ++i) Change(&recipe, file.get());
  Failures failures;
  auto reader =
      SealedReader::Open(TheSealing(), kName, std::make_unique<io::HeldFile>(file), &failures);
  if (!reader.ok()) {
    EXPECT(*file != before);
    return;
  }
  std::string scratch(2 * kSizeMax, '\0');
  for (int i = 0; i < kReadsMax && !recipe.ended(); ++i) {
    const size_t offset = recipe.U16(), size = recipe.U16() % scratch.size();
    leveldb::Slice got;
    const bool read = (*reader)->Read(offset, size, &got, scratch.data()).ok();
    const bool inside = offset + size <= plain.size();
    if (read) {
      EXPECT(size == 0 || (inside && got == leveldb::Slice(plain.data() + offset, size)));
    }
    if (*file == before) {
      EXPECT_EQ(read, inside);
    }
  }
}

}  // namespace strongroom::index
