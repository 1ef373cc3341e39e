// The index against the log: a second index is replayed from empty beside the one that serves, and
// each row of the two is compared. Both go on meanwhile, so a row that differs is looked at again:
// it is wrong only if the serving index holds it unmoved before and after a replay that shows
// another one. Memory: two pages.
//
// A crash in here leaves `<zone>/verifying`, or `<zone>/scrubbing`, which the next one removes.
#include <map>

#include "engine/engine_impl.h"
#include "engine/verify_run.h"

namespace strongroom::engine {

namespace {

constexpr uint64_t kIndexNanos = 60'000'000'000;
constexpr uint32_t kRowsOnPage = 1000;
constexpr int kLooksMax = 20;

using Rows = std::map<Bytes, Bytes>;  // Index rows by key.

struct ServedPage {
  int zone = 0;
  Rows rows;
  Bytes resume;  // Empty: that was all.
};

template <typename T>
struct Served {
  io::Completion done;
  std::optional<T> value;
};

// What the serving index says, asked as any reader asks.
template <typename T>
Result<T> AskServing(IndexSet* indexes, std::function<Status(const Zone&, index::Index&, T*)> ask) {
  auto served = std::make_shared<Served<T>>();
  auto attempt = [served, ask](const std::shared_ptr<Zone>& zone,
                               index::Index& index) -> IndexSet::Outcome {
    auto value = std::make_shared<T>();
    Status asked = ask(*zone, index, value.get());
    if (!asked.ok()) return IndexSet::Outcome::Broken(asked);
    return IndexSet::Settle([served, value] {
      served->value = std::move(*value);
      served->done.Set(Status());
    });
  };
  indexes->Read(attempt, [served](Status why) { served->done.Set(why); });
  TRY(served->done.Wait(kIndexNanos));
  return std::move(*served->value);
}

Result<ServedPage> ServingPage(IndexSet* indexes, const Bytes& start) {
  return AskServing<ServedPage>(
      indexes, [start](const Zone& zone, index::Index& index, ServedPage* page) -> Status {
        page->zone = zone.number;
        index::ScanRequest scan;
        scan.start = start;
        scan.limit = kRowsOnPage;
        scan.fill_cache = false;
        TRY_ASSIGN(auto end, index.Scan(scan, [page](ByteSpan key, ByteSpan row, bool) {
          page->rows.emplace(Bytes(key.begin(), key.end()), Bytes(row.begin(), row.end()));
        }));
        if (end.truncated) page->resume = end.resume;
        return {};
      });
}

Result<std::string> ServingRow(IndexSet* indexes, const Bytes& key) {
  return AskServing<std::string>(indexes,
                                 [key](const Zone&, index::Index& index, std::string* row) {
                                   return index.Get(key, row).status();
                                 });
}

}  // namespace

// The index that is replayed beside, in a folder of its own on one zone's disk.
class IndexWitness {
 public:
  IndexWitness(const IndexSource& source, const Zone& zone, VerifyRun* run)
      : source_(source), run_(run) {
    own_.number = zone.number;
    // Of each of the two threads, a folder.
    own_.path = zone.path + (run->is_slow() ? "/scrubbing" : "/verifying");
    own_.superblock = zone.superblock;
    own_.log = zone.log;
  }
  ~IndexWitness() { Remove(); }

  Status Open() {
    Remove();
    TRY(source_.env->CreateDirectory(own_.path));
    TRY_ASSIGN(auto opened, OpenIndex(source_, {source_, own_}));
    own_.index = opened.index;
    own_.index_in_memory = opened.in_memory;
    return opened.in_memory ? Status(Code::kNoSpace, "no room to compare the index with the log")
                            : Status();
  }
  Status Follow(const format::Position& tail) {
    ReplayAim aim;
    aim.tail = ToApplied(tail);
    aim.pace = [run = run_](uint64_t bytes) { return run->Pace(bytes); };
    Status followed = ReplayIndex(source_, own_, aim);
    const bool stopped = followed.Is(Code::kClosed) && !run_->Pace(0);
    return stopped ? Status(Code::kCancelled, "verification was stopped") : followed;
  }
  index::Index& index() { return *own_.index; }

 private:
  void Remove() {
    own_.index = nullptr;
    (void)index::Index::Destroy(source_.env, own_.path + "/index");
    (void)source_.env->Remove(own_.path + "/index");
    (void)source_.env->Remove(own_.path);
  }
  const IndexSource& source_;
  VerifyRun* const run_;
  Zone own_;
};

namespace {
uint64_t SizeOf(const Rows& rows) {
  uint64_t size = 0;
  for (const auto& [key, row] : rows) size += key.size() + row.size();
  return size;
}

// The witness's rows of [start, end), and where they end: before `end` when they fill a page.
Result<Bytes> WitnessPage(IndexWitness* witness, const Bytes& start, const Bytes& end, Rows* rows) {
  index::ScanRequest scan;
  scan.start = start;
  scan.end = end;
  scan.limit = kRowsOnPage;
  TRY_ASSIGN(auto page, witness->index().Scan(scan, [rows](ByteSpan key, ByteSpan row, bool) {
    rows->emplace(Bytes(key.begin(), key.end()), Bytes(row.begin(), row.end()));
  }));
  return page.truncated ? page.resume : end;
}
}  // namespace

Status EngineImpl::VerifyIndex(bool heal, VerifyRun* run) {
  TRY_ASSIGN(ServedPage first, ServingPage(indexes_.get(), Bytes{1}));
  // From whichever zone's log leads to its tail. Where none does, the walk over the logs has told
  // why, and there is nothing to compare with.
  std::unique_ptr<IndexWitness> witness;
  for (const auto& zone : ZonesOfSet()) {
    witness = std::make_unique<IndexWitness>(*opened_->index_source, *zone, run);
    Status followed = witness->Open();
    if (followed.ok()) followed = witness->Follow(LogTail());
    if (followed.ok()) break;
    witness = nullptr;
    if (!followed.Is(Code::kCorruption) && !followed.Is(Code::kTampered)) return followed;
  }
  if (!witness) return {};
  uint64_t wrong = 0;
  std::string example;
  Bytes start{1};
  for (;;) {
    TRY_ASSIGN(ServedPage page, ServingPage(indexes_.get(), start));
    // Another index serves by now: that one is for the next verification.
    if (page.zone != first.zone) break;
    Rows right;
    TRY_ASSIGN(Bytes end, WitnessPage(witness.get(), start, page.resume, &right));
    // Both up to the nearer end: where one lacks rows, the other's page does not reach as far.
    if (!end.empty()) page.rows.erase(page.rows.lower_bound(end), page.rows.end());
    run->tally()->rows += page.rows.size();
    if (!run->Pace(SizeOf(page.rows) + SizeOf(right))) {
      return Status(Code::kCancelled, "verification was stopped");
    }
    Rows differing = right;
    for (const auto& [key, row] : page.rows) {
      auto same = right.find(key);
      if (same != right.end() && same->second == row) {
        differing.erase(key);
      } else {
        differing[key] = row;
      }
    }
    for (const auto& [key, row] : differing) {
      TRY_ASSIGN(bool is_wrong, IsWrongInIndex(key, witness.get()));
      if (!is_wrong) continue;
      ++wrong;
      if (example.empty()) example = ToHex(key);
    }
    if (end.empty()) break;
    start = end;
  }
  if (wrong == 0) return {};
  const std::string what =
      std::to_string(wrong) + " rows of the index are not what the log says, such as " + example;
  bool healed = false;
  if (heal) {
    // Another zone's index takes over; this one is made anew from the log by the next open.
    const bool others = ZonesOfSet().size() > 1;
    if (others) {
      indexes_->Drop(first.zone, Status(Code::kCorruption, what));
    } else {
      CondemnIndex(first.zone);
    }
    healed = others;
  }
  TellFinding({repair::FindingKind::kStale, first.zone, healed, {}, what}, run);
  return {};
}

Result<bool> EngineImpl::IsWrongInIndex(const Bytes& key, IndexWitness* witness) {
  for (int look = 0; look < kLooksMax; ++look) {
    TRY_ASSIGN(std::string before, ServingRow(indexes_.get(), key));
    TRY(witness->Follow(LogTail()));
    std::string right;
    TRY(witness->index().Get(key, &right).status());
    TRY_ASSIGN(std::string after, ServingRow(indexes_.get(), key));
    if (right == before || right == after) return false;
    if (before == after) return true;
  }
  return false;  // It changes all the time: somebody else's next verification finds it at rest.
}

}  // namespace strongroom::engine
