// A manifest that somebody changed, or that says what we never say: what is read is the beginning
// of what was sealed.
#include "base/testing_fuzz.h"
#include "index/manifest.h"
#include "io/held_testing.h"

namespace strongroom::index {
namespace {

using testing::FuzzRecipe;

const char kName[] = "MANIFEST-000002";
constexpr int kPiecesMax = 6, kChangesMax = 4;
constexpr uint8_t kSaltsFlag = 2;

Sealing TheSealing() {
  Sealing sealing;
  sealing.index_key = SecretBytes(ByteSpan(Bytes(kIndexKeySize, 9)));
  return sealing;
}

// recipe = pieces u8 ‖ (flags u8 ‖ field)* ‖ changes u8 ‖ (kind u8 ‖ at u32 ‖ value u8)* ‖ step u8
std::vector<Bytes> Manifests() {
  Bytes seed;
  ByteWriter w(&seed);
  w.U8(3);
  for (uint8_t flags : {3, 0, 1}) {
    w.U8(flags);
    w.U16(40);
    w.Raw(Bytes(40, flags));
  }
  w.U8(0);
  w.U8(10);
  Bytes changed = seed;
  changed[changed.size() - 2] = 1;
  return {seed, changed, {}};
}

}  // namespace

FUZZ(Manifest, Manifests) {
  FuzzRecipe recipe(input);
  auto file = std::make_shared<Bytes>(kHeaderSize);
  FileHeader header{FileKind::kManifest, Salt{2}};
  EncodeHeader(header, file->data());
  PieceCipher cipher(TheSealing(), header, kName);
  std::string said;
  const int pieces = recipe.U8() % kPiecesMax;
  for (int number = 0; number < pieces; ++number) {
    const uint8_t flags = recipe.U8() % 4;
    const ByteSpan field = recipe.Field();
    const ByteSpan plain = field.first(std::min(field.size(), kPieceSize));
    const size_t at = file->size();
    file->resize(at + 4 + plain.size() + aead::kTagSize);
    StoreLittle(file->data() + at, static_cast<uint16_t>(plain.size()));
    (*file)[at + 2] = flags;
    cipher.Seal(static_cast<uint64_t>(number), flags, plain, file->data() + at + 4);
    if ((flags & kSaltsFlag) == 0) said += AsString(plain);
  }
  const int changes = recipe.U8() % kChangesMax;
  for (int i = 0; i < changes && !file->empty(); ++i) {
    const uint8_t kind = recipe.U8();
    const size_t at = recipe.Below(file->size());
    if (kind % 2 == 0) (*file)[at] ^= recipe.U8();
    if (kind % 2 == 1) file->resize(at);
  }
  SaltList salts;
  Failures failures;
  auto reader = ManifestReader::Open(TheSealing(), kName, std::make_unique<io::HeldFile>(file),
                                     &salts, &failures);
  if (!reader.ok()) return;
  const size_t step = 1 + recipe.U8();
  std::string read, scratch(step, '\0');
  while (read.size() <= said.size()) {
    leveldb::Slice got;
    if (!(*reader)->Read(step, &got, scratch.data()).ok()) break;
    read.append(got.data(), got.size());
    if (got.size() < step) break;
  }
  EXPECT(said.starts_with(read));
}

}  // namespace strongroom::index
