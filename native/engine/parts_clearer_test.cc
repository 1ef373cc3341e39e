// The clearer over a map of rows: which lists go, which stay, and what a failure leaves behind.
#include "engine/parts_clearer.h"

#include <map>

#include "base/testing.h"

namespace strongroom::engine {

namespace {

aead::Id ListNumber(uint64_t number) {
  aead::Id id{};
  for (int i = 0; i < 8; ++i) id[i] = static_cast<uint8_t>(number >> (56 - 8 * i));
  return id;
}

// Rows and their revisions. What is asked for happens when Run takes it up, as on threads of its
// own.
class Rows {
 public:
  static constexpr uint64_t kOpenedAt = 5;
  std::map<Bytes, uint64_t> rows;
  std::deque<std::function<void()>> asked;
  size_t commits = 0, largest = 0;
  size_t commits_until_failure = SIZE_MAX;
  // Rows of a page at most, whatever was asked for: an index also cuts a page by its bytes.
  size_t page_max = SIZE_MAX;

  void Doom(uint64_t list, uint64_t parts, uint64_t revision = kOpenedAt) {
    rows[format::DoomedKey(ListNumber(list))] = revision;
    for (uint64_t i = 1; i <= parts; ++i) rows[format::PartKey(ListNumber(list), i)] = 1;
  }
  std::shared_ptr<PartsClearer> Clearer() {
    PartsClearer::Options options;
    options.opened_at = kOpenedAt;
    options.rows = [this](Bytes start, Bytes end, uint32_t limit, auto found) {
      asked.push_back([=, this] { found(PageOf(start, end, limit)); });
    };
    options.commit = [this](Transaction transaction, Engine::Committing done) {
      asked.push_back(
          [this, transaction = std::move(transaction), done] { done(Commit(transaction)); });
    };
    return std::make_shared<PartsClearer>(options);
  }
  void Run() {
    while (!asked.empty()) {
      auto next = std::move(asked.front());
      asked.pop_front();
      next();
    }
  }

 private:
  RowPage PageOf(const Bytes& start, const Bytes& end, size_t limit) {
    RowPage page;
    auto at = rows.lower_bound(start);
    for (; at != rows.end() && at->first < end; ++at) {
      if (page.rows.size() == std::min(limit, page_max)) {
        page.resume = at->first;
        break;
      }
      page.rows.push_back({at->first, at->second, {}});
    }
    return page;
  }
  Result<Committed> Commit(const Transaction& transaction) {
    if (commits == commits_until_failure) return Status(Code::kReadOnly, "no more");
    ++commits;
    largest = std::max(largest, transaction.effects.size());
    for (const Effect& effect : transaction.effects) rows.erase(effect.key);
    return Committed{};
  }
};

}  // namespace

// The story: a store was left with more doomed lists than a page holds; those behind the first page
// waited for another open.
TEST(PartsClearer, ClearsEveryListThatAnEarlierOpenLeft) {
  Rows rows;
  for (uint64_t list = 0; list < 2500; ++list) rows.Doom(list, list % 3);
  rows.Doom(9000, 1000);
  auto clearer = rows.Clearer();
  clearer->Resume();
  rows.Run();
  EXPECT_EQ(rows.rows.size(), 0u);
  EXPECT(rows.largest <= 129);  // A commit is a moment's work, whatever is cleared.
}

// The story: pages were cut by their bytes, and a short one was taken for the last.
TEST(PartsClearer, ATruncatedPageIsNotTheLast) {
  Rows rows;
  rows.page_max = 10;
  for (uint64_t list = 0; list < 25; ++list) rows.Doom(list, 33);
  auto clearer = rows.Clearer();
  clearer->Resume();
  rows.Run();
  EXPECT_EQ(rows.rows.size(), 0u);
}

TEST(PartsClearer, AListDoomedSinceTheOpenWaitsForItsReaders) {
  Rows rows;
  for (uint64_t list = 0; list < 1500; ++list) {
    rows.Doom(list, 1, list % 2 == 0 ? Rows::kOpenedAt : Rows::kOpenedAt + 1);
  }
  auto clearer = rows.Clearer();
  clearer->Resume();
  rows.Run();
  EXPECT_EQ(rows.rows.size(), 2 * 750u);
  for (uint64_t list = 1; list < 1500; list += 2) clearer->Clear(ListNumber(list));
  rows.Run();
  EXPECT_EQ(rows.rows.size(), 0u);
}

TEST(PartsClearer, ListsThatAreAskedForMeanwhileAreClearedToo) {
  Rows rows;
  for (uint64_t list = 0; list < 1200; ++list) rows.Doom(list, 2);
  auto clearer = rows.Clearer();
  rows.Doom(5000, 300, Rows::kOpenedAt + 1);
  rows.Doom(5001, 300, Rows::kOpenedAt + 1);
  clearer->Clear(ListNumber(5000));
  clearer->Resume();
  clearer->Clear(ListNumber(5001));
  rows.Run();
  EXPECT_EQ(rows.rows.size(), 0u);
}

TEST(PartsClearer, WhatFailsOrIsStoppedIsLeftToTheNextOpen) {
  for (bool stop : {false, true}) {
    Rows rows;
    for (uint64_t list = 0; list < 1500; ++list) rows.Doom(list, 1);
    auto clearer = rows.Clearer();
    rows.commits_until_failure = stop ? SIZE_MAX : 700;
    clearer->Resume();
    for (int i = 0; stop && i < 1400; ++i) {
      auto next = std::move(rows.asked.front());
      rows.asked.pop_front();
      next();
    }
    if (stop) clearer->Stop();
    rows.Run();
    const size_t commits = rows.commits;
    EXPECT(commits >= 600 && commits <= 701);
    clearer->Clear(ListNumber(1400));
    rows.Run();
    EXPECT_EQ(rows.commits, commits);
    rows.commits_until_failure = SIZE_MAX;
    auto next_open = rows.Clearer();
    next_open->Resume();
    rows.Run();
    EXPECT_EQ(rows.rows.size(), 0u);
  }
}

}  // namespace strongroom::engine
