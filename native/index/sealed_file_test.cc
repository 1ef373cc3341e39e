// Sealed files: round trips at the borders of pieces, and what a touched byte answers.
#include "index/sealed_file.h"

#include "index/index_testing.h"

namespace strongroom::index {

namespace {
using testing::Random;

struct Folder {
  Folder() {
    sealing.index_key = SecretBytes(Bytes(32, 9));
    sealing.store_id.fill(1);
    sealing.zone_id.fill(2);
  }
  std::string At(const std::string& name) { return path + "/" + name; }

  void Write(const std::string& name, ByteSpan content, Random* random, uint8_t salt = 0) {
    Salt bytes;
    salt ? bytes.fill(salt) : QuickEnv()->Random(bytes);
    auto file = QuickEnv()->Open(At(name), {.mode = io::OpenMode::kReplace});
    ASSERT_OK(file);
    SealedWriter writer(sealing, bytes, name, std::move(*file), &failures);
    while (!content.empty()) {
      ByteSpan some = content.first(1 + random->Below(std::min<size_t>(content.size(), 9000)));
      EXPECT(writer.Append({AsString(some).data(), some.size()}).ok());
      if (random->Below(2)) EXPECT(writer.Flush().ok());
      content = content.subspan(some.size());
    }
    EXPECT(writer.Sync().ok() && writer.Close().ok());
  }
  // Reads `size` bytes from the start, through the eyes of `name`.
  Result<Bytes> Read(const std::string& name, size_t size, size_t offset = 0,
                     const std::string& as = "") {
    auto file = QuickEnv()->Open(At(name), {});
    CHECK(file.ok());
    Failures noted;
    auto reader = SealedReader::Open(sealing, as.empty() ? name : as, std::move(*file), &noted);
    if (!reader.ok()) return reader.status();
    Bytes out(size);
    leveldb::Slice slice;
    char* scratch = reinterpret_cast<char*>(out.data());
    if (!(*reader)->Read(offset, size, &slice, scratch).ok()) return noted.reading();
    EXPECT(slice.data() == scratch && slice.size() == size);
    return out;
  }
  Bytes OnDisk(const std::string& name) { return ReadFolder(QuickEnv(), path)[name]; }
  void Put(const std::string& name, ByteSpan bytes) {
    auto file = QuickEnv()->Open(At(name), {.mode = io::OpenMode::kReplace});
    CHECK(file.ok() && (*file)->WriteAt(0, bytes).ok());
  }

  std::string path = testing::TemporaryDirectory();
  Sealing sealing;
  Failures failures;
};

void ExpectRefused(const Result<Bytes>& read) {
  bool refused = read.status().Is(Code::kTampered) || read.status().Is(Code::kCorruption);
  if (!refused) testing::Fail(__FILE__, __LINE__, read.status().ToString());
}
}  // namespace

TEST(SealedFile, RoundTripsAtTheBordersOfPieces) {
  Folder f;
  Random random(testing::Seed());
  for (size_t size : {0, 1, 15, 16, 17, 4095, 4096, 4097, 8191, 8192, 8193, 65536, 69632, 100000}) {
    Bytes content = random.Take(size);
    f.Write("000005.ldb", content, &random);
    EXPECT_EQ(f.OnDisk("000005.ldb").size(),
              48 + size + 16 * std::max<size_t>(1, (size + 4095) / 4096));
    auto whole = f.Read("000005.ldb", size);
    ASSERT_OK(whole);
    EXPECT_EQ(*whole, content);
    for (int i = 0; i < 50; ++i) {
      size_t offset = random.Below(size + 1), length = random.Below(size - offset + 1);
      auto part = f.Read("000005.ldb", length, offset);
      ASSERT_OK(part);
      EXPECT_EQ(*part, ByteSpan(content).subspan(offset, length));
    }
    EXPECT_CODE(f.Read("000005.ldb", 1, size), Code::kCorruption);
    EXPECT_CODE(f.Read("000005.ldb", size + 1), Code::kCorruption);
    EXPECT_CODE(f.Read("000005.ldb", 1, SIZE_MAX), Code::kCorruption);
  }
}

TEST(SealedFile, IsReadFrontToBackToo) {
  Folder f;
  Random random(testing::Seed());
  Bytes content = random.Take(9999);
  f.Write("CURRENT", content, &random);
  auto file = QuickEnv()->Open(f.At("CURRENT"), {});
  auto reader = SealedReader::Open(f.sealing, "CURRENT", std::move(*file), &f.failures);
  ASSERT_OK(reader);
  SequentialReader sequential(std::move(*reader));
  EXPECT(sequential.Skip(99).ok());
  Bytes found;
  char scratch[4000];
  leveldb::Slice slice;
  do {
    EXPECT(sequential.Read(1 + random.Below(4000), &slice, scratch).ok());
    found.insert(found.end(), slice.data(), slice.data() + slice.size());
  } while (!slice.empty());
  EXPECT_EQ(found, ByteSpan(content).subspan(99));
}

TEST(SealedFile, RefusesEveryFlippedByte) {
  Folder f;
  Random random(testing::Seed());
  f.Write("000005.ldb", random.Take(9000), &random);
  Bytes good = f.OnDisk("000005.ldb");
  for (size_t at = 0; at < good.size(); ++at) {
    if (at > 60 && random.Below(8)) continue;
    Bytes bad = good;
    bad[at] ^= static_cast<uint8_t>(1 << random.Below(8));
    f.Put("000005.ldb", bad);
    ExpectRefused(f.Read("000005.ldb", 9000));
  }
}

TEST(SealedFile, RefusesCutsAndTails) {
  Folder f;
  Random random(testing::Seed());
  f.Write("000005.ldb", random.Take(8192), &random);
  Bytes good = f.OnDisk("000005.ldb");
  for (size_t size = 0; size < good.size(); size += 1 + random.Below(40)) {
    f.Put("000005.ldb", ByteSpan(good).first(size));
    ExpectRefused(f.Read("000005.ldb", 8192));
  }
  // A whole piece less: what is left ends with a piece that is not the last.
  f.Put("000005.ldb", ByteSpan(good).first(good.size() - 4112));
  EXPECT_CODE(f.Read("000005.ldb", 4096), Code::kTampered);
  for (size_t size : {1, 16, 17, 4111, 4112, 4113, 9000}) {
    Bytes longer = good;
    longer.resize(good.size() + size);
    f.Put("000005.ldb", longer);
    ExpectRefused(f.Read("000005.ldb", 8192));
  }
}

TEST(SealedFile, APieceOpensInItsPlaceOnly) {
  Folder f;
  Random random(testing::Seed());
  Bytes content = random.Take(5 * 4096);
  f.Write("000005.ldb", content, &random);
  Bytes good = f.OnDisk("000005.ldb");
  EXPECT_OK(f.Read("000005.ldb", content.size()));

  Bytes swapped = good;
  std::swap_ranges(swapped.begin() + 48, swapped.begin() + 48 + 4112, swapped.begin() + 48 + 4112);
  f.Put("000005.ldb", swapped);
  EXPECT_CODE(f.Read("000005.ldb", content.size()), Code::kTampered);

  // The same content once more, under another salt: no piece fits.
  f.Write("000005.ldb", content, &random);
  Bytes again = f.OnDisk("000005.ldb");
  Bytes mixed = good;
  std::copy(again.begin() + 48, again.begin() + 48 + 4112, mixed.begin() + 48);
  f.Put("000005.ldb", mixed);
  EXPECT_CODE(f.Read("000005.ldb", content.size()), Code::kTampered);

  // Under another name, in another zone, under another key.
  f.Put("000005.ldb", good);
  EXPECT_CODE(f.Read("000005.ldb", 1, 0, "000006.ldb"), Code::kTampered);
  f.sealing.zone_id[3] ^= 1;
  EXPECT_CODE(f.Read("000005.ldb", 1), Code::kTampered);
  f.sealing.zone_id[3] ^= 1;
  f.sealing.index_key.span()[0] ^= 1;
  EXPECT_CODE(f.Read("000005.ldb", 1), Code::kTampered);
}

TEST(SealedFile, AFailedWriteIsKept) {
  Random random(testing::Seed());
  // Write of the pieces, then the sync: each fails once, and is not tried again.
  for (uint64_t good : {0, 1}) {
    Folder f;
    WatchedEnv env;
    auto file = env.Open(f.At("000005.ldb"), {.mode = io::OpenMode::kReplace});
    ASSERT_OK(file);
    SealedWriter writer(f.sealing, Salt{}, "000005.ldb", std::move(*file), &f.failures);
    EXPECT(writer.Append("row").ok());
    env.FailAfter(good, Code::kNoSpace);
    EXPECT(writer.Sync().IsIOError());
    env.Heal();
    uint64_t changes = env.changes();
    EXPECT(writer.Sync().IsIOError());
    EXPECT(writer.Close().IsIOError());
    EXPECT_EQ(env.changes(), changes);
    EXPECT_CODE(f.failures.writing(), Code::kNoSpace);
    EXPECT_OK(f.failures.reading());
  }
}

}  // namespace strongroom::index
