// Scan: every page of every kind of request, compared with the same request answered naively.
#include "index/scan.h"

#include "format/row.h"
#include "index/index_testing.h"

namespace strongroom::index {

namespace {
using testing::Random;

struct Entry {
  std::string key, row;
  bool is_prefix = false;
  bool operator==(const Entry&) const = default;
};
std::string ShowValue(const Entry& e) {
  return (e.is_prefix ? "prefix " : "row ") + ToHex(AsBytes(e.key)) + "=" + e.row;
}
using Entries = std::vector<Entry>;

// What the contract says, in the most literal way: take the range, keep the first version of each
// key, collapse groups, turn around.
Entries Naive(const Model& rows, const ScanRequest& r) {
  Entries out;
  std::string start(AsString(r.start)), end(AsString(r.end)), delimiter(AsString(r.delimiter));
  for (const auto& [key, row] : rows) {
    if (key < start || (!end.empty() && key >= end)) continue;
    Entry entry{key, row, false};
    bool versioned = r.version_size > 0 && key.size() >= r.version_size;
    std::string name = versioned ? key.substr(0, key.size() - r.version_size) : key;
    if (r.version_size > 0 && !versioned) name.clear();
    size_t at = delimiter.empty() ? std::string::npos : name.find(delimiter, r.group_from);
    if (at != std::string::npos) entry = {name.substr(0, at + delimiter.size()), "", true};
    bool seen = false;
    for (const Entry& e : out) {
      if (entry.is_prefix) seen |= e.is_prefix && e.key == entry.key;
      if (!entry.is_prefix && versioned && !e.is_prefix) {
        seen |= e.key.size() == key.size() &&
                e.key.substr(0, key.size() - r.version_size) == name;
      }
    }
    if (!seen) out.push_back(entry);
  }
  if (r.reverse) std::reverse(out.begin(), out.end());
  return out;
}

// Walks all pages; checks what each of them may hold.
Entries Walk(Index* index, ScanRequest r, int* pages) {
  Entries all;
  *pages = 0;
  while (true) {
    Entries page;
    size_t bytes = 0;
    auto end = index->Scan(r, [&](ByteSpan key, ByteSpan row, bool is_prefix) {
      page.push_back({std::string(AsString(key)), std::string(AsString(row)), is_prefix});
      bytes += key.size() + row.size();
    });
    EXPECT_OK(end);
    if (!end.ok()) return all;
    ++*pages;
    EXPECT(page.size() <= r.limit);
    EXPECT(bytes <= r.bytes_max || page.size() == 1);
    all.insert(all.end(), page.begin(), page.end());
    if (!end->truncated) return all;
    EXPECT(!page.empty());
    if (page.empty()) return all;
    (r.reverse ? r.end : r.start) = end->resume;
  }
}

class ScanStore {
 public:
  ScanStore() : path_(testing::TemporaryDirectory() + "/index") {
    options_.env = QuickEnv();
    options_.path = path_;
    options_.index_key = key_;
    options_.write_buffer_size = 64 << 10;
    auto index = Index::Open(options_);
    CHECK(index.ok()) << index.status().ToString();
    index_ = std::move(*index);
  }
  Index* index() { return index_.get(); }
  const Model& rows() const { return rows_; }

  void Put(const std::string& key, const std::string& row) {
    Effect effect{AsBytes(key), AsBytes(row)};
    Applied applied;
    applied.sequence = ++sequence_;
    EXPECT_OK(index_->Apply({&effect, 1}, applied));
    rows_[key] = row;
  }
  void Delete(std::string key) {
    Effect effect{AsBytes(key), std::nullopt};
    EXPECT_OK(index_->Apply({&effect, 1}, Applied{}));
    rows_.erase(key);
  }

 private:
  Bytes key_ = Bytes(32, 7);
  std::string path_;
  IndexOptions options_;
  std::unique_ptr<Index> index_;
  Model rows_;
  uint64_t sequence_ = 0;
};

// Keys as the engine writes them: escaped name, terminator, version. Names of few letters meet
// often.
std::string SomeKey(Random* random) {
  static const std::string letters[] = {"a",    "b",    "/",   "//",
                                        "\xff", "\x01", "c/d", std::string(1, '\0')};
  std::string key = "o";
  for (uint64_t i = random->Below(5); i > 0; --i) {
    for (char c : letters[random->Below(8)]) {
      key += c;
      if (c == '\0') key += '\xff';
    }
  }
  key += std::string("\0\1", 2);
  key += static_cast<char>(random->Below(2) ? '/' : 0xff);  // A version may hold the delimiter.
  key += static_cast<char>(random->Below(100));
  return key;
}

Bytes ToBytes(const std::string& s) { return Bytes(s.begin(), s.end()); }

ScanRequest SomeRequest(Random* random) {
  ScanRequest r;
  if (random->Below(2)) r.start = ToBytes(SomeKey(random).substr(0, random->Below(5)));
  if (random->Below(2)) r.end = ToBytes(SomeKey(random).substr(0, random->Below(5)));
  r.reverse = random->Below(2);
  if (random->Below(2)) r.version_size = 2;
  if (random->Below(2)) r.delimiter = ToBytes(random->Below(3) ? "/" : "//");
  r.group_from = random->Below(4);
  r.limit = static_cast<uint32_t>(random->Below(3) ? 1 + random->Below(9) : 100000);
  if (random->Below(4) == 0) r.rows_max = static_cast<uint32_t>(random->Below(300));
  if (random->Below(4) == 0) r.bytes_max = random->Below(200);
  return r;
}
}  // namespace

TEST(Scan, PagesEqualTheNaiveAnswer) {
  for (uint64_t round = 0; round < 8; ++round) {
    Random random(testing::Seed() + round);
    ScanStore store;
    // Few rows, many, and some with more than kStepsBeforeSeek versions.
    for (uint64_t i = random.Below(round < 4 ? 100 : 2000); i > 0; --i) {
      store.Put(SomeKey(&random), std::to_string(i) + std::string(random.Below(50), 'x'));
      auto victim = store.rows().lower_bound(SomeKey(&random));
      if (random.Below(8) == 0 && victim != store.rows().end()) store.Delete(victim->first);
    }
    if (round % 2) EXPECT_OK(store.index()->Checkpoint());
    for (int i = 0; i < 150; ++i) {
      ScanRequest request = SomeRequest(&random);
      int pages;
      Entries expected = Naive(store.rows(), request);
      Entries found = Walk(store.index(), request, &pages);
      EXPECT_EQ(found.size(), expected.size());
      for (size_t at = 0; at < std::min(found.size(), expected.size()); ++at) {
        EXPECT_EQ(found[at], expected[at]);
      }
    }
  }
}

// What the contract says of versions: all rows of both families, as they are shown, in order.
Model Shown(const Model& rows) {
  Model out;
  for (const auto& [key, row] : rows) {
    if (key[0] == 'o') {
      const Bytes shown = format::VersionKey(AsBytes(key), format::IndexRowVersion(AsBytes(row)));
      out["o" + std::string(AsString(shown)).substr(1)] = row;
    }
    if (key[0] == 'v') out["o" + key.substr(1)] = row;
  }
  return out;
}

// A text of few letters, and its rows: one that stands, at times, with the highest version of all.
void PutVersions(Random* random, ScanStore* store, std::map<std::string, uint64_t>* newest) {
  const std::string key = SomeKey(random).substr(0, 1 + random->Below(4));
  std::string text = key.substr(0, key.find('\0')) + std::string(1, '\0');
  uint64_t& version = (*newest)[text];
  version += 1 + random->Below(300);
  const std::string standing = text + std::string(8, '\xff');
  Bytes row, image;
  format::Row described;
  if (random->Below(2)) described.version = version;
  format::EncodeRow(described, &image);
  format::EncodeIndexRow(described.version ? version + 7 : version, 1, image, &row);
  const std::string told(AsString(row));
  // What stood is kept, or goes.
  if (auto old = store->rows().find(standing); old != store->rows().end()) {
    const uint64_t number = format::IndexRowVersion(AsBytes(old->second));
    const Bytes kept = format::VersionKey(AsBytes(standing), number);
    const std::string body = old->second;
    if (random->Below(4)) store->Put(std::string(AsString(kept)), body);
  }
  if (random->Below(3)) return store->Put(standing, told);
  store->Put(std::string(AsString(format::VersionKey(AsBytes(standing), version))), told);
  if (store->rows().count(standing)) store->Delete(standing);
}

TEST(Scan, VersionsOfBothFamiliesAreOneOrder) {
  for (uint64_t round = 0; round < 6; ++round) {
    Random random(testing::Seed() + round);
    ScanStore store;
    store.Put("a before", "row");
    store.Put("p between", "row");
    store.Put("w behind", "row");
    std::map<std::string, uint64_t> newest;
    for (uint64_t i = random.Below(round < 3 ? 60 : 1500); i > 0; --i) {
      PutVersions(&random, &store, &newest);
    }
    if (round % 2) EXPECT_OK(store.index()->Checkpoint());
    const Model shown = Shown(store.rows());
    for (int i = 0; i < 100; ++i) {
      ScanRequest request = SomeRequest(&random);
      request.reverse = false;
      request.version_size = 8;
      request.older = 'v';
      request.delimiter.clear();
      auto from = shown.lower_bound(SomeKey(&random));
      request.start = ToBytes(random.Below(2) || from == shown.end() ? "o" : from->first);
      request.end = ToBytes(random.Below(2) ? "p" : SomeKey(&random));
      ScanRequest every = request;
      every.version_size = 0;
      int pages;
      Entries expected = Naive(shown, every), found = Walk(store.index(), request, &pages);
      EXPECT_EQ(found.size(), expected.size());
      EXPECT(found == expected);
    }
    // Grouped: a prefix stands for versions of all its keys, and a version is not searched.
    ScanRequest grouped;
    grouped.start = ToBytes("o");
    grouped.end = ToBytes("p");
    grouped.older = 'v';
    grouped.version_size = 8;
    grouped.delimiter = ToBytes("/");
    grouped.group_from = 1;
    Entries expected;
    for (const auto& [key, row] : shown) {
      const size_t at = key.substr(0, key.size() - 8).find('/', 1);
      if (at == std::string::npos) {
        expected.push_back({key, row, false});
      } else if (expected.empty() || expected.back().key != key.substr(0, at + 1)) {
        expected.push_back({key.substr(0, at + 1), "", true});
      }
    }
    for (uint32_t limit : {1u, 2u, 7u, 100000u}) {
      grouped.limit = limit;
      int pages;
      EXPECT(Walk(store.index(), grouped, &pages) == expected);
    }
  }
}

TEST(Scan, VersionsAreRefusedWhereTheyHaveNoOrder) {
  ScanStore store;
  store.Put("oa\xff\xff", "row");
  auto scan = [&](const char* start, const char* end, bool reverse, size_t version_size) {
    ScanRequest request;
    request.start = ToBytes(start);
    request.end = ToBytes(end);
    request.reverse = reverse;
    request.version_size = version_size;
    request.older = 'v';
    return store.index()->Scan(request, [](ByteSpan, ByteSpan, bool) {});
  };
  EXPECT_OK(scan("o", "p", false, 8));
  EXPECT_CODE(scan("o", "p", true, 8), Code::kInvalidArgument);
  EXPECT_CODE(scan("o", "p", false, 0), Code::kInvalidArgument);
  EXPECT_CODE(scan("o", "p", false, 7), Code::kInvalidArgument);
  EXPECT_CODE(scan("", "p", false, 8), Code::kInvalidArgument);
  EXPECT_CODE(scan("o", "", false, 8), Code::kInvalidArgument);
  EXPECT_CODE(scan("o", "r", false, 8), Code::kInvalidArgument);
}

TEST(Scan, EveryPageSizeGivesTheSameWhole) {
  Random random(testing::Seed());
  ScanStore store;
  for (int i = 0; i < 60; ++i) store.Put(SomeKey(&random), std::to_string(i));
  for (bool reverse : {false, true}) {
    for (size_t version_size : {0, 2}) {
      for (const char* delimiter : {"", "/"}) {
        ScanRequest request;
        request.reverse = reverse;
        request.version_size = version_size;
        request.delimiter = ToBytes(delimiter);
        request.group_from = 1;
        Entries whole = Naive(store.rows(), request);
        for (uint32_t limit = 1; limit <= whole.size() + 1; ++limit) {
          request.limit = limit;
          int pages;
          EXPECT(Walk(store.index(), request, &pages) == whole);
          // A page that ends with the last entry says so: no empty page follows.
          size_t needed = std::max<size_t>(1, (whole.size() + limit - 1) / limit);
          EXPECT_EQ(static_cast<size_t>(pages), needed);
        }
      }
    }
  }
}

TEST(Scan, LongGroupsAreLeftByASeek) {
  ScanStore store;
  auto key = [](const std::string& name, int version) {
    std::string k = "o" + name + std::string("\0\1", 2);
    k += static_cast<char>(version >> 8);
    k += static_cast<char>(version);
    return k;
  };
  for (int i = 0; i < 3000; ++i) store.Put(key("big/" + std::to_string(i), 1), "row");
  for (int i = 0; i < 3000; ++i) store.Put(key("many versions", i), "version " + std::to_string(i));
  store.Put(key("last", 1), "row");
  for (bool reverse : {false, true}) {
    ScanRequest request;
    request.reverse = reverse;
    request.delimiter = ToBytes("/");
    request.version_size = 2;
    request.rows_max = 3 * kStepsBeforeSeek * 3;  // Much less than the rows that are stepped over.
    int pages;
    Entries expected{{"obig/", "", true}, {key("last", 1), "row", false},
                     {key("many versions", 0), "version 0", false}};
    if (reverse) std::reverse(expected.begin(), expected.end());
    EXPECT(Walk(store.index(), request, &pages) == expected);
    EXPECT_EQ(pages, 1);
    // A range that begins inside a long group has the group's first row of the range.
    request.start = ToBytes(key("many versions", 1000));
    expected = {{key("many versions", 1000), "version 1000", false}};
    EXPECT(Walk(store.index(), request, &pages) == expected);
    request.start = ToBytes("obig/5");
    request.end = ToBytes("obig/6");
    expected = {{"obig/", "", true}};
    EXPECT(Walk(store.index(), request, &pages) == expected);
  }
}

TEST(Scan, AVersionWrittenBetweenPagesIsNotASecondEntry) {
  for (bool reverse : {false, true}) {
    ScanStore store;
    store.Put("oa.5", "a5");
    store.Put("ob.5", "b5");
    store.Put("oc.5", "c5");
    ScanRequest request;
    request.reverse = reverse;
    request.version_size = 1;
    request.limit = 2;
    std::vector<std::string> keys;
    auto sink = [&](ByteSpan key, ByteSpan, bool) { keys.emplace_back(AsString(key)); };
    auto end = store.index()->Scan(request, sink);
    ASSERT_OK(end);
    store.Put("ob.4", "newer");
    store.Put("ob.6", "older");
    (reverse ? request.end : request.start) = end->resume;
    EXPECT_OK(store.index()->Scan(request, sink));
    std::vector<std::string> expected{"oa.5", "ob.5", "oc.5"};
    if (reverse) std::reverse(expected.begin(), expected.end());
    EXPECT(keys == expected);
  }
}

TEST(Scan, NeverShowsTheAppliedRow) {
  ScanStore store;
  store.Put(std::string("\0\0", 2), "least");
  store.Put("\xff\xff/x", "greatest");
  for (bool reverse : {false, true}) {
    ScanRequest request;
    request.reverse = reverse;
    request.delimiter = ToBytes("/");
    int pages;
    EXPECT(Walk(store.index(), request, &pages) == Naive(store.rows(), request));
    request.delimiter = ToBytes("\xff\xff");  // The common prefix has no successor.
    EXPECT(Walk(store.index(), request, &pages) == Naive(store.rows(), request));
    request.limit = 0;
    EXPECT(Walk(store.index(), request, &pages).empty());
  }
}

}  // namespace strongroom::index
