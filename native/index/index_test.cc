// The index as its owner sees it: what stands after a close, what a damaged one answers, what
// fails.
#include "index/index.h"

#include <atomic>
#include <thread>

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
  explicit Fixture(io::Env* env = io::PosixEnv())
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

  std::map<std::string, Bytes> Files() { return ReadFolder(io::PosixEnv(), options.path); }
  // Points the options at a copy of `files`.
  void Use(const std::map<std::string, Bytes>& files) {
    index.reset();
    options.path = folder_ + "/copy-" + std::to_string(++copies_);
    WriteFolder(io::PosixEnv(), options.path, files);
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
// the batches, whole and right.
[[maybe_unused]] void ExpectFailureOrPrefix(Fixture* f) {
  Status status = f->Open();
  Result<Model> rows = status.ok() ? ReadAll(f->index.get()) : Result<Model>(status);
  if (!rows.ok()) {
    bool says_so = rows.status().Is(Code::kTampered) || rows.status().Is(Code::kCorruption);
    if (!says_so) testing::Fail(__FILE__, __LINE__, rows.status().ToString());
    return;
  }
  uint64_t n = f->index->applied().sequence;
  EXPECT(f->index->applied() == (n == 0 ? Applied{} : Fixture::AppliedOf(n)));
  EXPECT(*rows == Fixture::RowsAfter(n));
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

}  // namespace strongroom::index
