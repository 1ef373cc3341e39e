// The manifest: what is read back after any number of syncs, and after a crash during the last one.
#include "index/manifest.h"

#include "index/index_testing.h"

namespace strongroom::index {

namespace {
using testing::Random;

Salt SomeSalt(uint64_t n) {
  Salt salt{};
  StoreLittle(salt.data(), n);
  return salt;
}

struct Edits {
  Edits() {
    sealing.index_key = SecretBytes(Bytes(32, 9));
    auto file = QuickEnv()->Open(path, {.mode = io::OpenMode::kReplace});
    CHECK(file.ok());
    Salt salt;
    QuickEnv()->Random(salt);
    writer = std::make_unique<ManifestWriter>(sealing, salt, "MANIFEST-000002", folder,
                                              std::move(*file), QuickEnv(), &salts, &failures);
  }
  // Notes where each sync ended on disk, and what should be read up to there.
  void Sync(ByteSpan edit, uint64_t tables) {
    for (uint64_t i = 0; i < tables; ++i) {
      ++table;
      salts.Add({table, SomeSalt(table)});
    }
    EXPECT(writer->Append({AsString(edit).data(), edit.size()}).ok());
    EXPECT(writer->Sync().ok());
    text.insert(text.end(), edit.begin(), edit.end());
    syncs.push_back({OnDisk().size(), text.size(), table});
  }
  Bytes OnDisk() { return ReadFolder(QuickEnv(), folder)["MANIFEST-000002"]; }
  void Put(ByteSpan bytes) {
    auto file = QuickEnv()->Open(path, {.mode = io::OpenMode::kReplace});
    CHECK(file.ok() && (*file)->WriteAt(0, bytes).ok());
  }
  struct Read {
    Bytes text;
    std::unique_ptr<SaltList> salts = std::make_unique<SaltList>();
  };
  Result<Read> ReadBack(size_t step = 5000) {
    Read out;
    Failures noted;
    auto file = QuickEnv()->Open(path, {});
    auto reader = ManifestReader::Open(sealing, "MANIFEST-000002", std::move(*file),
                                       out.salts.get(), &noted);
    if (!reader.ok()) return reader.status();
    Bytes scratch(step);
    leveldb::Slice slice;
    do {
      char* to = reinterpret_cast<char*>(scratch.data());
      if (!(*reader)->Read(step, &slice, to).ok()) return noted.reading();
      out.text.insert(out.text.end(), slice.data(), slice.data() + slice.size());
    } while (slice.size() == step);  // LevelDB takes a short read for the end.
    return out;
  }

  struct Synced {
    size_t end, text_size;
    uint64_t tables;
  };
  std::string folder = testing::TemporaryDirectory();
  std::string path = folder + "/MANIFEST-000002";
  Sealing sealing;
  Failures failures;
  SaltList salts;
  std::unique_ptr<ManifestWriter> writer;
  uint64_t table = 0;
  Bytes text;
  std::vector<Synced> syncs;
};

// Every edit that was read has its salts.
void ExpectPrefix(const Edits& edits, const Edits::Read& read) {
  EXPECT(read.text.size() <= edits.text.size());
  EXPECT_EQ(read.text, ByteSpan(edits.text).first(read.text.size()));
  uint64_t tables = 0;
  for (size_t i = 0; i < edits.syncs.size(); ++i) {
    size_t begins = i == 0 ? 0 : edits.syncs[i - 1].text_size;
    if (read.text.size() > begins) tables = edits.syncs[i].tables;
  }
  for (uint64_t n = 1; n <= tables; ++n) EXPECT(read.salts->Find(n) == SomeSalt(n));
}
}  // namespace

TEST(Manifest, ReadsBackEverySync) {
  Random random(testing::Seed());
  Edits edits;
  for (size_t size : {1, 100, 4095, 4096, 4097, 30000, 7, 0, 5}) {
    edits.Sync(random.Take(size), random.Below(3) ? random.Below(4) : 250);
  }
  for (size_t step : {1, 7, 4096, 32768, 100000}) {
    auto read = edits.ReadBack(step);
    ASSERT_OK(read);
    EXPECT_EQ(read->text, edits.text);
    ExpectPrefix(edits, *read);
  }
}

TEST(Manifest, SealsWhatIsLeftWhenItCloses) {
  Edits edits;
  EXPECT(edits.writer->Append("edit").ok());
  EXPECT(edits.writer->Close().ok());
  auto read = edits.ReadBack();
  ASSERT_OK(read);
  EXPECT_EQ(AsString(read->text), "edit");
}

// A crash during the last sync keeps any of its bytes and loses the others, or writes nonsense. The
// syncs before it stand.
TEST(Manifest, ATornSyncEndsTheFile) {
  Random random(testing::Seed());
  Edits edits;
  for (int i = 0; i < 5; ++i) edits.Sync(random.Take(random.Below(3000)), random.Below(5));
  edits.Sync(random.Take(20000), 300);
  Bytes good = edits.OnDisk();
  size_t begin = edits.syncs[4].end;
  for (int i = 0; i < 400; ++i) {
    Bytes torn = good;
    size_t at = begin + random.Below(good.size() - begin);
    size_t size = 1 + random.Below(std::min<size_t>(good.size() - at, 1 << random.Below(14)));
    switch (random.Below(3)) {
      case 0:
        torn.resize(at);
        break;
      case 1:
        for (size_t j = 0; j < size; ++j) torn[at + j] ^= 0x5a;
        break;
      case 2:
        std::fill_n(torn.begin() + static_cast<ptrdiff_t>(at), size, 0);
        if (torn == good) continue;
    }
    edits.Put(torn);
    auto read = edits.ReadBack();
    ASSERT_OK(read);
    EXPECT(read->text.size() >= edits.syncs[4].text_size);
    EXPECT(read->text.size() < edits.text.size());
    ExpectPrefix(edits, *read);
  }
}

// What was synced before the last sync cannot tear: a bad piece there is no crash. It is called so
// where the next piece can be found; otherwise the file ends there, which is an older state.
TEST(Manifest, ABadPieceBeforeTheLastSyncIsTampering) {
  Random random(testing::Seed());
  Edits edits;
  for (int i = 0; i < 5; ++i) edits.Sync(random.Take(1 + random.Below(9000)), random.Below(5));
  Bytes good = edits.OnDisk();
  int called = 0;
  for (int i = 0; i < 500; ++i) {
    Bytes bad = good;
    bad[random.Below(edits.syncs[3].end)] ^= static_cast<uint8_t>(1 << random.Below(8));
    edits.Put(bad);
    auto read = edits.ReadBack();
    if (read.ok()) {
      ExpectPrefix(edits, *read);
      EXPECT(read->text.size() < edits.text.size());
    } else {
      called += read.status().Is(Code::kTampered);
      EXPECT(read.status().Is(Code::kTampered) || read.status().Is(Code::kCorruption));
    }
  }
  EXPECT(called > 450);
}

TEST(Manifest, APieceOpensInItsPlaceOnly) {
  Random random(testing::Seed());
  Edits edits;
  for (int i = 0; i < 3; ++i) edits.Sync(random.Take(500), 0);
  Bytes swapped = edits.OnDisk();
  auto first = swapped.begin() + static_cast<ptrdiff_t>(edits.syncs[0].end);
  auto second = swapped.begin() + static_cast<ptrdiff_t>(edits.syncs[1].end);
  std::swap_ranges(first, second, second);
  edits.Put(swapped);
  auto read = edits.ReadBack();
  EXPECT(!read.ok() || read->text.size() == 500);
}

TEST(Manifest, AFailedSyncIsFinal) {
  for (uint64_t good : {0, 1, 2}) {  // The folder's sync, the write, the file's sync.
    std::string folder = testing::TemporaryDirectory();
    WatchedEnv env;
    Sealing sealing;
    sealing.index_key = SecretBytes(Bytes(32, 9));
    SaltList salts;
    Failures failures;
    auto file = env.Open(folder + "/MANIFEST-000002", {.mode = io::OpenMode::kReplace});
    ASSERT_OK(file);
    ManifestWriter writer(sealing, Salt{}, "MANIFEST-000002", folder, std::move(*file), &env,
                          &salts, &failures);
    EXPECT(writer.Append("first").ok() && writer.Sync().ok());
    EXPECT(writer.Append("second").ok());
    env.FailAfter(good, Code::kIo);
    EXPECT(!writer.Sync().ok());
    env.Heal();
    uint64_t changes = env.changes();
    EXPECT(!writer.Append("third").ok());
    EXPECT(!writer.Sync().ok() && !writer.Close().ok());
    EXPECT_EQ(env.changes(), changes);
    EXPECT_CODE(failures.writing(), Code::kIo);
  }
}

TEST(Manifest, NoEditStandsOnAFailedRead) {
  Edits edits;
  EXPECT(edits.writer->Append("edit").ok());
  EXPECT(edits.failures.Read(Status(Code::kTampered, "a table")).IsCorruption());
  EXPECT(edits.writer->Sync().IsCorruption());
  EXPECT(edits.OnDisk().empty());
}

TEST(Manifest, SaltsAreNamedOnceInEachManifest) {
  SaltList salts;
  for (uint64_t n : {3, 4, 5}) salts.Add({n, SomeSalt(n)});
  EXPECT_EQ(salts.TakeUnnamed().size(), size_t{3});
  EXPECT_EQ(salts.TakeUnnamed().size(), size_t{0});
  salts.Add({4, SomeSalt(44)});  // The number came back.
  EXPECT_EQ(salts.TakeUnnamed().size(), size_t{1});
  EXPECT(salts.Find(4) == SomeSalt(44));
  salts.Remove(3);
  EXPECT(!salts.Find(3));
  salts.BeginManifest({4, 6});
  EXPECT(!salts.Find(5));
  auto named = salts.TakeUnnamed();
  EXPECT_EQ(named.size(), size_t{1});
  EXPECT(named[0].table == 4 && named[0].salt == SomeSalt(44));
}

}  // namespace strongroom::index
