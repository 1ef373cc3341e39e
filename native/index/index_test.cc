// The index as its owner sees it: what stands after a close, what a damaged one answers, what
// fails.
#include "index/index.h"

#include <atomic>
#include <set>
#include <thread>
#include <utility>

#include "index/index_testing.h"

namespace strongroom::index {

namespace {
using testing::Random;

aead::Id SomeId(uint8_t first) {
  aead::Id id{};
  for (size_t i = 0; i < id.size(); ++i) id[i] = static_cast<uint8_t>(first + i);
  return id;
}

// A folder, an index over it that can be closed and opened again, and what it should hold.
class Fixture {
 public:
  explicit Fixture(io::Env* env = QuickEnv())
      : folder_(testing::TemporaryDirectory()), key_(32, 0x4b) {
    options.env = env;
    options.path = folder_ + "/index";
    options.store_id = SomeId(1);
    options.zone_id = SomeId(101);
    options.index_key = key_;
    options.write_buffer_size = 64 << 10;  // The least that LevelDB takes.
  }

  Status Open() {
    index.reset();
    auto opened = Index::Open(options);
    if (!opened.ok()) return opened.status();
    index = std::move(*opened);
    return Status();
  }
  void Close() { index.reset(); }

  // Batch n is a function of n alone, so the state after any number of batches can be computed.
  static std::string KeyOf(uint64_t n, int i) {
    return "key-" + std::to_string(Random(n * 7 + static_cast<uint64_t>(i)).Below(400));
  }
  static std::string RowOf(uint64_t n, int i) {
    size_t size = Random(n + static_cast<uint64_t>(i)).Below(300);
    return "row-" + std::to_string(n) + std::string(size, 'r');
  }
  static Applied AppliedOf(uint64_t n) {
    Applied applied{3, n, n * 4096, n * 4096 + 4096, {}};
    applied.chain.fill(static_cast<uint8_t>(n));
    return applied;
  }
  static void ApplyTo(Model* rows, uint64_t n) {
    for (int i = 0; i < 3; ++i) {
      if ((n + static_cast<uint64_t>(i)) % 7 == 0) rows->erase(KeyOf(n, i));
      else (*rows)[KeyOf(n, i)] = RowOf(n, i);
    }
  }
  static Model RowsAfter(uint64_t n) {
    Model rows;
    for (uint64_t i = 1; i <= n; ++i) ApplyTo(&rows, i);
    return rows;
  }
  Status Batch(uint64_t n) {
    std::vector<std::string> keep;
    keep.reserve(6);
    std::vector<Effect> effects;
    for (int i = 0; i < 3; ++i) {
      ByteSpan key = AsBytes(keep.emplace_back(KeyOf(n, i)));
      if ((n + static_cast<uint64_t>(i)) % 7 == 0) effects.push_back({key, std::nullopt});
      else effects.push_back({key, AsBytes(keep.emplace_back(RowOf(n, i)))});
    }
    return index->Apply(effects, AppliedOf(n));
  }
  void Batches(uint64_t first, uint64_t last) {
    for (uint64_t n = first; n <= last; ++n) ASSERT_OK(Batch(n));
  }

  std::map<std::string, Bytes> Files() { return ReadFolder(QuickEnv(), options.path); }
  // Points the options at a copy of `files`.
  void Use(const std::map<std::string, Bytes>& files) {
    index.reset();
    options.path = folder_ + "/copy-" + std::to_string(++copies_);
    WriteFolder(QuickEnv(), options.path, files);
  }

  IndexOptions options;
  std::unique_ptr<Index> index;

 private:
  std::string folder_;
  Bytes key_;
  int copies_ = 0;
};

bool operator==(const Applied& a, const Applied& b) {
  return a.epoch == b.epoch && a.sequence == b.sequence && a.location == b.location &&
         a.end == b.end && a.chain == b.chain;
}

// What an index may answer when somebody touched its files: a failure that says so, or a prefix of
// the batches, whole and right. Returns whether it failed.
bool ExpectFailureOrPrefix(Fixture* f) {
  Status status = f->Open();
  Result<Model> rows = status.ok() ? ReadAll(f->index.get()) : Result<Model>(status);
  if (!rows.ok()) {
    bool says_so = rows.status().Is(Code::kTampered) || rows.status().Is(Code::kCorruption);
    if (!says_so) testing::Fail(__FILE__, __LINE__, rows.status().ToString());
    return true;
  }
  uint64_t n = f->index->applied().sequence;
  EXPECT(f->index->applied() == (n == 0 ? Applied{} : Fixture::AppliedOf(n)));
  EXPECT(*rows == Fixture::RowsAfter(n));
  return false;
}

// Some tables, some of them compacted, and a manifest of several syncs.
std::map<std::string, Bytes> SomeFiles(Fixture* f) {
  CHECK(f->Open().ok());
  for (uint64_t n : {200, 400, 410}) {
    f->Batches(f->index->applied().sequence + 1, n);
    EXPECT_OK(f->index->Checkpoint());
  }
  f->Close();
  // Closing interrupts a compaction, which leaves a piece of a table until the next open.
  std::set<std::string> before, tables;
  do {
    before = std::exchange(tables, {});
    CHECK(f->Open().ok());
    f->Close();
    for (const auto& [name, bytes] : f->Files()) {
      if (name.ends_with(".ldb")) tables.insert(name);
    }
  } while (tables != before);
  return f->Files();
}

Status PutRow(Index* index, const std::string& key, const std::string& row, uint64_t sequence) {
  Effect effect{AsBytes(key), AsBytes(row)};
  return index->Apply({&effect, 1}, Fixture::AppliedOf(sequence));
}
}  // namespace

TEST(Index, KeepsWhatWasCheckpointed) {
  Fixture f;
  ASSERT_OK(f.Open());
  EXPECT(f.index->applied() == Applied{});
  f.Batches(1, 1);
  EXPECT_OK(f.index->Checkpoint());
  f.Batches(2, 2);
  EXPECT(f.index->applied() == Fixture::AppliedOf(2));
  ASSERT_OK(f.Open());
  EXPECT(f.index->applied() == Fixture::AppliedOf(1));
  auto rows = ReadAll(f.index.get());
  ASSERT_OK(rows);
  EXPECT(*rows == Fixture::RowsAfter(1));
}

TEST(Index, GetsWhatWasPut) {
  Fixture f;
  ASSERT_OK(f.Open());
  f.Batches(1, 300);
  Model expected = Fixture::RowsAfter(300);
  for (int pass = 0; pass < 3; ++pass) {
    for (int i = 0; i < 400; ++i) {
      std::string key = "key-" + std::to_string(i), row = "before ";
      auto found = f.index->Get(AsBytes(key), &row);
      ASSERT_OK(found);
      EXPECT_EQ(*found, expected.contains(key));
      EXPECT_EQ(row, *found ? "before " + expected[key] : "before ");
    }
    // From the memtable, then from a table, then from a table of an earlier process.
    EXPECT_OK(f.index->Checkpoint());
    if (pass == 1) ASSERT_OK(f.Open());
  }
}

TEST(Index, RefusesReservedKeys) {
  Fixture f;
  ASSERT_OK(f.Open());
  std::string row;
  for (std::string key : {std::string(), std::string(1, '\0')}) {
    Effect effect{AsBytes(key), AsBytes("row")};
    EXPECT_CODE(f.index->Apply({&effect, 1}, Fixture::AppliedOf(1)), Code::kInvalidArgument);
    auto found = f.index->Get(AsBytes(key), &row);
    EXPECT(found.ok() && !*found);
  }
  EXPECT(f.index->applied() == Applied{});
}

// Five thousand batches; memtables flush when they like; the process ends without a word. What is
// there afterwards is the state after exactly as many batches as the applied row says.
TEST(Index, HoldsAPrefixAfterAnUncleanEnd) {
  Fixture f;
  ASSERT_OK(f.Open());
  uint64_t last = 0;
  for (uint64_t upto : {1000, 1001, 3000, 5000}) {
    f.Batches(last + 1, upto);
    ASSERT_OK(f.Open());
    last = f.index->applied().sequence;
    EXPECT(last <= upto);
    EXPECT(upto < 3000 || last > 1000);
    EXPECT(f.index->applied() == Fixture::AppliedOf(last));
    auto rows = ReadAll(f.index.get(), 97);
    ASSERT_OK(rows);
    EXPECT(*rows == Fixture::RowsAfter(last));
  }
  f.Batches(last + 1, 5000);
  EXPECT_OK(f.index->Checkpoint());
  ASSERT_OK(f.Open());
  EXPECT(f.index->applied() == Fixture::AppliedOf(5000));
}

TEST(Index, NothingLiesInClear) {
  Fixture f;
  ASSERT_OK(f.Open());
  f.Batches(1, 600);
  EXPECT_OK(f.index->Checkpoint());
  f.Close();
  auto files = f.Files();
  EXPECT(files.size() >= 3);
  for (const auto& [name, bytes] : files) {
    std::string_view content = AsString(bytes);
    for (std::string_view known :
         {"key-", "row-", "rrrr", "leveldb", "MANIFEST", "filter.", "Bloom"}) {
      EXPECT(content.find(known) == content.npos);
    }
    bool expected = name == "CURRENT" || name.starts_with("MANIFEST-") || name.ends_with(".ldb");
    if (!expected) testing::Fail(__FILE__, __LINE__, name);
  }
}

TEST(Index, AWrongKeyOrAnotherZoneIsRefused) {
  Fixture f;
  ASSERT_OK(f.Open());
  f.Batches(1, 10);
  EXPECT_OK(f.index->Checkpoint());
  f.Close();
  IndexOptions options = f.options;
  Bytes other_key(32, 0x4c);
  f.options.index_key = other_key;
  EXPECT_CODE(f.Open(), Code::kTampered);
  f.options = options;
  f.options.zone_id = SomeId(102);
  EXPECT_CODE(f.Open(), Code::kTampered);
  f.options = options;
  f.options.store_id = SomeId(2);
  EXPECT_CODE(f.Open(), Code::kTampered);
  f.options = options;
  EXPECT_OK(f.Open());
}

TEST(Index, DestroyLeavesNothing) {
  Fixture f;
  EXPECT_OK(Index::Destroy(f.options.env, f.options.path));  // Was never there.
  ASSERT_OK(f.Open());
  f.Batches(1, 600);
  f.Close();
  EXPECT_OK(Index::Destroy(f.options.env, f.options.path));
  EXPECT_CODE(f.options.env->Stat(f.options.path), Code::kNotFound);
  ASSERT_OK(f.Open());
  EXPECT(f.index->applied() == Applied{});
}

TEST(Index, AFlippedByteNeverGivesAWrongRow) {
  Fixture f;
  Random random(testing::Seed());
  auto good = SomeFiles(&f);
  for (const auto& [name, bytes] : good) {
    int found = 0;
    for (int i = 0; i < 40; ++i) {
      auto bad = good;
      size_t at = i < 10 ? random.Below(48) : random.Below(bytes.size());
      bad[name][at] ^= static_cast<uint8_t>(1 << random.Below(8));
      f.Use(bad);
      found += ExpectFailureOrPrefix(&f);
    }
    // A table also holds older versions of the applied row, which nobody reads.
    EXPECT(found > 15);
  }
}

TEST(Index, ACutOrMissingFileNeverGivesAWrongRow) {
  Fixture f;
  Random random(testing::Seed());
  auto good = SomeFiles(&f);
  for (const auto& [name, bytes] : good) {
    auto bad = good;
    bad.erase(name);
    f.Use(bad);
    bool failed = ExpectFailureOrPrefix(&f);
    // Without CURRENT it is an empty index, which is rebuilt like any other damaged one.
    EXPECT(failed == (name != "CURRENT"));
    if (!failed) EXPECT(f.index->applied() == Applied{});
    for (int i = 0; i < 10; ++i) {
      bad = good;
      bad[name].resize(i == 0 ? 0 : random.Below(bytes.size()));
      f.Use(bad);
      failed = ExpectFailureOrPrefix(&f);
      EXPECT(failed || name.starts_with("MANIFEST-"));
    }
  }
}

// Twice from the same state: LevelDB gives both tables the same number. Somebody who can write to
// the disk puts the first in the place of the second. It is whole and rightly sealed, and the same
// size.
TEST(Index, AnOlderTableUnderARepeatedNumberIsRefused) {
  Fixture f;
  ASSERT_OK(f.Open());
  f.Close();
  auto before = f.Files();
  auto table = [](const std::map<std::string, Bytes>& files) {
    for (const auto& [name, bytes] : files) {
      if (name.ends_with(".ldb")) return name;
    }
    return std::string();
  };
  f.Use(before);
  ASSERT_OK(f.Open());
  EXPECT_OK(PutRow(f.index.get(), "key", "old row", 1));
  EXPECT_OK(f.index->Checkpoint());
  f.Close();
  auto older = f.Files();

  f.Use(before);
  ASSERT_OK(f.Open());
  EXPECT_OK(PutRow(f.index.get(), "key", "new row", 1));
  EXPECT_OK(f.index->Checkpoint());
  f.Close();
  auto newer = f.Files();

  EXPECT_EQ(table(older), table(newer));
  EXPECT_EQ(older[table(older)].size(), newer[table(newer)].size());
  auto mixed = newer;
  mixed[table(newer)] = older[table(older)];
  f.Use(mixed);
  EXPECT_CODE(f.Open(), Code::kTampered);

  // The older state as a whole only lags.
  f.Use(older);
  EXPECT_OK(f.Open());
  std::string row;
  EXPECT(f.index->Get(AsBytes("key"), &row).ok() && row == "old row");
}

TEST(Index, SaltsOutliveManyManifests) {
  Fixture f;
  for (uint64_t n = 1; n <= 30; ++n) {
    ASSERT_OK(f.Open());
    EXPECT(f.index->applied().sequence == n - 1);
    f.Batches(n, n);
    EXPECT_OK(f.index->Checkpoint());
  }
  ASSERT_OK(f.Open());
  auto rows = ReadAll(f.index.get());
  ASSERT_OK(rows);
  EXPECT(*rows == Fixture::RowsAfter(30));
}

// A page that touches the bad block fails; it is never the page without the block's rows.
TEST(Index, AScanOverABadBlockFails) {
  Fixture f;
  ASSERT_OK(f.Open());
  for (int i = 1000; i < 1300; ++i) {
    EXPECT_OK(PutRow(f.index.get(), std::to_string(i), std::string(100, 'r'), 1));
  }
  EXPECT_OK(f.index->Checkpoint());
  f.Close();
  auto files = f.Files();
  for (auto& [name, bytes] : files) {
    size_t at = 48 + 8 * 4112 + 7;  // Among the rows: the versions of the applied row go first.
    if (name.ends_with(".ldb") && at < bytes.size()) bytes[at] ^= 1;
  }
  for (bool reverse : {false, true}) {
    f.Use(files);
    ASSERT_OK(f.Open());
    ScanRequest request;
    request.reverse = reverse;
    request.limit = 1;
    int seen = 0;
    auto sink = [&](ByteSpan, ByteSpan, bool) { ++seen; };
    EXPECT_OK(f.index->Scan(request, sink));
    EXPECT_EQ(seen, 1);
    request.limit = 1000;
    EXPECT_CODE(f.index->Scan(request, sink), Code::kTampered);
    // From then on nothing is served and nothing is applied.
    request.limit = 1;
    std::string row;
    EXPECT_CODE(f.index->Scan(request, sink), Code::kTampered);
    EXPECT_CODE(f.index->Get(AsBytes("1000"), &row), Code::kTampered);
    EXPECT(row.empty());
    EXPECT_CODE(PutRow(f.index.get(), "1000", "row", 2), Code::kTampered);
    EXPECT_CODE(f.index->Checkpoint(), Code::kTampered);
  }
}

// Every change that a checkpoint makes fails once, and whatever follows too.
TEST(Index, AFailedWriteStaysUntilReopened) {
  uint64_t after = 0;
  for (bool done = false; !done; ++after) {
    WatchedEnv env;
    Fixture f(&env);
    ASSERT_OK(f.Open());
    f.Batches(1, 10);
    EXPECT_OK(f.index->Checkpoint());
    f.Batches(11, 20);
    env.FailAfter(after, Code::kNoSpace);
    done = f.index->Checkpoint().ok();
    env.Heal();
    if (!done) {
      EXPECT_CODE(f.index->Checkpoint(), Code::kNoSpace);
      EXPECT_CODE(f.Batch(21), Code::kNoSpace);
      EXPECT(f.index->applied() == Fixture::AppliedOf(20));
      // What was applied is still served.
      auto rows = ReadAll(f.index.get());
      ASSERT_OK(rows);
      EXPECT(*rows == Fixture::RowsAfter(20));
    }
    ASSERT(!ExpectFailureOrPrefix(&f));
    EXPECT(f.index->applied().sequence >= 10);
  }
  EXPECT(after > 5);
}

TEST(Index, AFailedOpenDamagesNothing) {
  Fixture made;
  auto files = SomeFiles(&made);
  for (bool once : {false, true}) {
    uint64_t after = 0;
    for (bool done = false; !done; ++after) {
      WatchedEnv env;
      Fixture f(&env);
      f.Use(files);
      env.FailAfter(after, Code::kIo, once);
      Status status = f.Open();
      // What cannot be removed now is removed by a later open.
      done = status.ok() && env.changes() < after;
      if (!status.ok()) EXPECT_CODE(status, Code::kIo);
      env.Heal();
      ASSERT(!ExpectFailureOrPrefix(&f));
      EXPECT_EQ(f.index->applied().sequence, uint64_t{410});
    }
    EXPECT(after > 5);
  }
}

// A disk that does not answer must not pass for a folder without an index: LevelDB would begin anew
// over the good one.
TEST(Index, AnUnansweredStatIsNotAnEmptyFolder) {
  WatchedEnv env;
  Fixture f(&env);
  SomeFiles(&f);
  for (bool read_only : {false, true}) {
    f.options.read_only = read_only;
    env.FailStat(true);
    EXPECT_CODE(f.Open(), Code::kIo);
    env.FailStat(false);
    EXPECT_OK(f.Open());
    EXPECT_EQ(f.index->applied().sequence, uint64_t{410});
  }
}

// LevelDB would replay its own log where it finds one; a stranger's would be rows of his choice.
TEST(Index, ALogOfLevelDbIsNotLookedAt) {
  Fixture f;
  auto files = SomeFiles(&f);
  files["000999.log"] = Bytes(100, 'x');
  files["LOG"] = Bytes(100, 'x');
  files["stranger"] = Bytes(100, 'x');
  f.Use(files);
  ASSERT(!ExpectFailureOrPrefix(&f));
  EXPECT_EQ(f.index->applied().sequence, uint64_t{410});
  f.Batches(411, 420);
  EXPECT_OK(f.index->Checkpoint());
  f.Close();
  EXPECT(f.Files()["000999.log"] == files["000999.log"]);
}

TEST(Index, ReadOnlyWritesNotOneByte) {
  WatchedEnv env;
  Fixture f(&env);
  auto before = SomeFiles(&f);
  uint64_t changes = env.changes();
  f.options.read_only = true;
  ASSERT_OK(f.Open());
  auto rows = ReadAll(f.index.get());
  ASSERT_OK(rows);
  EXPECT(*rows == Fixture::RowsAfter(410));
  // Replay goes on in memory, past what a memtable of this size would hold.
  f.Batches(411, 1500);
  rows = ReadAll(f.index.get());
  ASSERT_OK(rows);
  EXPECT(*rows == Fixture::RowsAfter(1500));
  EXPECT_CODE(f.index->Checkpoint(), Code::kReadOnly);
  f.Close();
  EXPECT_EQ(env.changes(), changes);
  EXPECT(f.Files() == before);
  ASSERT_OK(f.Open());
  EXPECT(f.index->applied() == Fixture::AppliedOf(410));
}

TEST(Index, ReadOnlyNeedsNoIndex) {
  WatchedEnv env;
  Fixture f(&env);
  f.options.read_only = true;
  ASSERT_OK(f.Open());
  EXPECT(f.index->applied() == Applied{});
  f.Batches(1, 100);
  auto rows = ReadAll(f.index.get());
  ASSERT_OK(rows);
  EXPECT(*rows == Fixture::RowsAfter(100));
  f.Close();
  EXPECT_EQ(env.changes(), uint64_t{0});
  EXPECT_CODE(QuickEnv()->Stat(f.options.path), Code::kNotFound);
}

TEST(Index, ReadOnlyIsBounded) {
  Fixture f;
  SomeFiles(&f);
  f.options.read_only = true;
  f.options.read_only_bytes_max = 50000;
  ASSERT_OK(f.Open());
  uint64_t n = 411;
  Status status;
  while (n < 5000 && (status = f.Batch(n)).ok()) ++n;
  EXPECT_CODE(status, Code::kReadOnly);
  EXPECT(n > 430 && n < 700);
  auto rows = ReadAll(f.index.get());
  ASSERT_OK(rows);
  EXPECT(*rows == Fixture::RowsAfter(n - 1));
}

// With many small tables waiting, LevelDB would compact; a read-only one must still close.
TEST(Index, ReadOnlyPutsCompactionsOff) {
  Fixture f;
  ASSERT_OK(f.Open());
  for (uint64_t n = 1; n <= 3; ++n) {
    f.Batches(n, n);
    EXPECT_OK(f.index->Checkpoint());
  }
  f.Close();
  auto files = f.Files();
  f.options.read_only = true;
  ASSERT_OK(f.Open());
  f.Batches(4, 400);
  // Reads of a key that is in no table but in the range of all make LevelDB want to compact them.
  std::string row;
  for (int i = 0; i < 3000; ++i) EXPECT_OK(f.index->Get(AsBytes("key-2x"), &row));
  f.Close();
  EXPECT(f.Files() == files);
}

// The state of a crash is any earlier copy of the folder. Going on from old copies again and again
// makes LevelDB repeat its numbers; no file may repeat a salt, and no piece may be sealed twice.
TEST(Index, NoNonceIsUsedTwice) {
  WatchedEnv env;
  Fixture f(&env);
  Random random(testing::Seed());
  std::vector<std::map<std::string, Bytes>> copies(1);
  for (int round = 0; round < 40; ++round) {
    f.Use(copies[random.Below(copies.size())]);
    ASSERT_OK(f.Open());
    uint64_t n = f.index->applied().sequence;
    for (uint64_t i = random.Below(12); i > 0; --i) {
      uint64_t last = n + random.Below(60);
      f.Batches(n + 1, last);
      n = last;
      if (random.Below(2)) EXPECT_OK(f.index->Checkpoint());
    }
    f.Close();
    copies.push_back(f.Files());
  }
  std::set<Bytes> salts;
  std::map<std::string, int> tables, manifests;
  for (const auto& written : env.written()) {
    EXPECT(!written->twice);
    if (written->header.empty()) continue;  // Created, and never written.
    EXPECT_EQ(written->header.size(), size_t{48});
    Bytes salt(written->header.begin() + 16, written->header.end());
    EXPECT(salts.insert(salt).second);
    std::string name = written->path.substr(written->path.rfind('/') + 1);
    if (name.ends_with(".ldb")) ++tables[name];
    if (name.starts_with("MANIFEST-")) ++manifests[name];
  }
  int repeated = 0;
  for (const auto& [name, count] : tables) repeated += count > 1;
  for (const auto& [name, count] : manifests) repeated += count > 1;
  EXPECT(repeated > 5);  // Else this has shown nothing.
}

// Each batch gives all keys the same row. Readers see one batch whole, and never an older one
// again.
TEST(Index, ReadersAndAWriterAgree) {
  Fixture f;
  ASSERT_OK(f.Open());
  constexpr int kKeys = 40;
  constexpr uint64_t kBatches = 1500;
  auto apply = [&](uint64_t n) {
    std::vector<std::string> keep;
    keep.reserve(kKeys);
    std::string row = std::string(60, 'x') + std::to_string(n);
    std::vector<Effect> effects;
    for (int i = 0; i < kKeys; ++i) {
      effects.push_back({AsBytes(keep.emplace_back("key" + std::to_string(i))), AsBytes(row)});
    }
    return f.index->Apply(effects, Fixture::AppliedOf(n));
  };
  EXPECT_OK(apply(1));
  std::atomic<bool> done = false;
  std::atomic<int> wrong = 0;
  auto read = [&] {
    uint64_t newest = 0;
    while (!done) {
      std::set<std::string> rows;
      int count = 0;
      auto end = f.index->Scan({}, [&](ByteSpan, ByteSpan row, bool) {
        rows.emplace(AsString(row));
        ++count;
      });
      std::string row;
      auto found = f.index->Get(AsBytes("key7"), &row);
      if (!end.ok() || rows.size() != 1 || count != kKeys || !found.ok() || !*found) {
        ++wrong;
        break;
      }
      uint64_t scanned = std::stoull(rows.begin()->substr(60));
      uint64_t got = std::stoull(row.substr(60));
      if (scanned < newest || got < scanned) ++wrong;
      if (f.index->applied().sequence + 1 < got) ++wrong;
      newest = got;
    }
  };
  std::thread first(read), second(read);
  for (uint64_t n = 2; n <= kBatches; ++n) {
    EXPECT_OK(apply(n));
    if (n % 100 == 0) EXPECT_OK(f.index->Checkpoint());
    EXPECT(f.index->Level0Files() < 13);
  }
  done = true;
  first.join();
  second.join();
  EXPECT_EQ(wrong.load(), 0);
}

TEST(Index, IndexesShareACache) {
  Fixture a, b;
  a.options.block_cache = b.options.block_cache = NewBlockCache(1 << 20);
  for (Fixture* f : {&a, &b}) {
    ASSERT_OK(f->Open());
    for (int i = 0; i < 100; ++i) {
      std::string row = (f == &a ? "a" : "b") + std::to_string(i);
      EXPECT_OK(PutRow(f->index.get(), std::to_string(i), row, 1));
    }
    EXPECT_OK(f->index->Checkpoint());
  }
  for (int i = 0; i < 100; ++i) {
    std::string row;
    EXPECT_OK(a.index->Get(AsBytes(std::to_string(i)), &row));
    EXPECT_OK(b.index->Get(AsBytes(std::to_string(i)), &row));
    EXPECT_EQ(row, "a" + std::to_string(i) + "b" + std::to_string(i));
  }
}

}  // namespace strongroom::index
