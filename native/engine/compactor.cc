#include "engine/compactor.h"

#include <algorithm>
#include <utility>

#include "base/bugs.h"
#include "repair/asking.h"

namespace strongroom::engine {

namespace {
// How much one retirement walks over, so that the segments of many short opens go together.
constexpr uint64_t kWalkBytes = 8u << 20;
constexpr size_t kCarryBytes = 512u << 10;  // Of one transaction: others wait for no longer.
// How often a walk may find something live again: each does only where a row was written again
// without its blob since.
constexpr int kWalksMax = 8;
// What is left for the removals of callers, in each zone.
constexpr uint64_t kRoomLeft = 2u << 20;
// How much is written before the log is looked at again.
constexpr size_t kLookBytes = 1u << 20;
// How long an index may be on its way: at worst it is rebuilt.
constexpr uint64_t kIndexNanos = 60'000'000'000;

bool LivesIn(const format::IndexRow& row, uint32_t segment) {
  const format::BlobReference& blob = row.row.blob;
  return row.home == segment ||
         (format::IsSmall(blob.kind) && format::SegmentOf(blob.location) == segment);
}
}  // namespace

Compactor::Compactor(Options options) : options_(std::move(options)), wake_(&mutex_) {
  thread_ = options_.env->StartThread("compact", [this] { Run(); });
}

Compactor::~Compactor() { Stop(); }

void Compactor::Wrote(size_t bytes) {
  MutexLock lock(&mutex_);
  wrote_ += bytes;
  if (wrote_ < kLookBytes || !options_.by_itself) return;
  wrote_ = 0;
  look_ = true;
  wake_.Signal();
}

void Compactor::CompactNow(std::function<void(Status)> done) {
  {
    MutexLock lock(&mutex_);
    if (!stop_) {
      asked_.push_back(std::move(done));
      wake_.Signal();
      return;
    }
  }
  done(Status(Code::kClosed, "the store is closed"));
}

CompactionStatus Compactor::status() {
  const Committer::LogState log = options_.committer->log_state();
  MutexLock lock(&mutex_);
  CompactionStatus out = status_;
  out.live_bytes = log.extent.live_bytes;
  return out;
}

Compactor::Held Compactor::Hold() {
  Held out;
  {
    MutexLock lock(&mutex_);
    out.hold = hold_;
  }
  out.log = options_.committer->log_state();
  return out;
}

// By somebody who may have been told of an earlier beginning than the log has now.
bool Compactor::IsHeld() {
  MutexLock lock(&mutex_);
  held_.push_back(hold_);
  hold_ = std::make_shared<int>(0);
  held_.erase(std::remove_if(held_.begin(), held_.end(), [](auto& h) { return h.expired(); }),
              held_.end());
  return !held_.empty();
}

void Compactor::BeginStop() {
  MutexLock lock(&mutex_);
  stop_ = true;
  wake_.SignalAll();
}

void Compactor::Stop() {
  BeginStop();
  if (thread_) thread_->Join();
  thread_ = nullptr;
}

bool Compactor::stopping() {
  MutexLock lock(&mutex_);
  return stop_;
}

void Compactor::Run() {
  for (;;) {
    std::vector<std::function<void(Status)>> asked;
    {
      MutexLock lock(&mutex_);
      while (!stop_ && asked_.empty() && !(look_ && options_.by_itself)) wake_.Wait();
      asked.swap(asked_);
      look_ = false;
      if (stop_) {
        mutex_.Unlock();
        for (auto& done : asked) done(Status(Code::kClosed, "the store is closed"));
        mutex_.Lock();
        return;
      }
    }
    Status status = LookAt(!asked.empty());
    {
      MutexLock lock(&mutex_);
      status_.blocked = status.ok() || stop_ ? "" : status.message();
    }
    for (auto& done : asked) done(status);
  }
}

// Measures the log and, where it is too large or somebody asks, retires its oldest segments until
// it is small enough, or all that was there at the beginning is gone.
Status Compactor::LookAt(bool asked) {
  hurried_ = asked;
  const LogState log = options_.committer->log_state();
  TRY(Unlink(log.extent.first_segment));  // What another open has left over, or an earlier try.
  TRY(Measure());
  if (!asked && !repair::IsTooLarge(figures_)) return {};
  const uint32_t behind = format::SegmentOf(log.tail.end) + 1;
  while (!stopping()) {
    if (oldest_ >= behind || (!asked && repair::IsSmallEnough(figures_))) return {};
    TRY(RetireOldest(behind));
    TRY(Measure());
  }
  return Status(Code::kClosed, "the store is closed");
}

// Retires some of the oldest segments below `behind`.
Status Compactor::RetireOldest(uint32_t behind) {
  uint32_t epoch_segment = options_.committer->log_state().epoch_segment;
  if (oldest_ >= epoch_segment) {
    TRY_ASSIGN(epoch_segment, Renew());
  }
  Walked walked;
  for (int walks = 0;; ++walks) {
    TRY_ASSIGN(walked, Walk(std::min(behind, epoch_segment), walks == 0));
    if (walked.live == 0) break;
    if (walks == kWalksMax) return Status(Code::kUnavailable, "what lives there moves too often");
  }
  // An index that does not get any further is rebuilt, if it ever does.
  if (Status s = options_.indexes->Flush(kIndexNanos); s.Is(Code::kClosed)) return s;
  if (STRONGROOM_BUG("unlinked-before-retired")) TRY(Unlink(walked.behind.first_segment));
  Transaction transaction;
  transaction.retire = walked.behind;
  TRY(Commit(std::move(transaction)));
  return Unlink(walked.behind.first_segment);
}

// Walks the oldest segments below `limit`, whole ones, and carries what lives in them.
Result<Compactor::Walked> Compactor::Walk(uint32_t limit, bool together) {
  const LogState log = options_.committer->log_state();
  std::vector<repair::LogSource> sources;
  for (const auto& zone : options_.set()) {
    sources.push_back({zone->number, zone->log, zone->cell_threads});
  }
  repair::LogWalk walk(options_.env, options_.seal, std::move(sources), options_.deadline_nanos,
                       log.extent.origin());
  Walked walked;
  walked.behind = log.extent;
  Gathered gathered;
  for (uint64_t bytes = 0;;) {
    if (stopping()) return Status(Code::kClosed, "the store is closed");
    const format::Position before = walk.position();
    TRY_ASSIGN(auto entry, walk.Next());
    // Behind `limit` stands the ruling epoch's record at least.
    if (!entry) return Status(Code::kCorruption, "no zone leads from the log's beginning on");
    const uint32_t segment = format::SegmentOf(entry->position.location);
    const bool begins = segment != walked.last;
    if (begins && (segment >= limit || bytes >= kWalkBytes)) {
      if (!gathered.keys.empty()) TRY(Carry(&gathered));
      walked.behind.first_segment = segment;
      walked.behind.sequence_before = before.sequence;
      walked.behind.chain_before = before.chain;
      return walked;
    }
    walked.last = segment;
    bytes += entry->header.size;
    TRY_ASSIGN(size_t live, CarryLive(walk, *entry, &gathered));
    walked.live += live;
    // What the first walk left is written all the time: soon carried, or moved again.
    if (!together && !gathered.keys.empty()) TRY(Carry(&gathered));
  }
}

// Gathers the rows of one record that live in its segment, and carries what makes a transaction.
// How many there were. Of many records together: a batch takes 4 KiB at least, however little is
// in it.
Result<size_t> Compactor::CarryLive(repair::LogWalk& walk, const log::LogEntry& entry,
                                    Gathered* gathered) {
  std::vector<Bytes> keys;  // Of rows that were written twice in it, twice.
  uint64_t sequence = entry.record.head.first_sequence;
  for (const auto& effects : entry.record.transactions) {
    for (const auto& effect : effects) {
      if (!effect.row) continue;
      keys.emplace_back(effect.key.begin(), effect.key.end());
      if (STRONGROOM_BUG("version-not-carried")) continue;
      // It may have gone to its other key since, and its blob's frame not with it.
      if (format::IsVersionKey(effect.key)) keys.push_back(format::CurrentKey(effect.key));
      if (!format::IsCurrentKey(effect.key)) continue;
      TRY_ASSIGN(format::Row row, format::DecodeRow(*effect.row));
      uint64_t revision = effect.carried != 0 ? effect.carried : sequence;
      keys.push_back(format::VersionKey(effect.key, format::VersionOf(row, revision)));
    }
    ++sequence;
  }
  if (keys.empty()) return size_t{0};
  TRY_ASSIGN(auto looked, options_.indexes->Look(keys, {}));
  const uint32_t segment = format::SegmentOf(entry.position.location);
  std::vector<repair::WalkedFrames> frames;
  size_t live = 0;
  for (size_t i = 0; i < keys.size(); ++i) {
    if (looked.rows[i].empty()) continue;
    TRY_ASSIGN(format::IndexRow row, format::DecodeIndexRow(AsBytes(looked.rows[i])));
    if (!LivesIn(row, segment) || STRONGROOM_BUG("live-row-not-carried")) continue;
    ++live;
    if (gathered->keys.count(keys[i]) != 0) continue;
    if (format::IsSmall(row.row.blob.kind) && frames.empty()) frames = walk.Frames(entry);
    Effect effect;
    TRY_ASSIGN(bool here, CarryOf(row, entry, frames, &effect));
    if (!here) continue;
    gathered->bytes += keys[i].size() + effect.carried->row.size() + effect.carried->frame.size();
    gathered->keys[keys[i]] = true;
    effect.key = keys[i];
    gathered->transaction.effects.push_back(std::move(effect));
    if (gathered->bytes >= kCarryBytes) TRY(Carry(gathered));
  }
  return live;
}

// False: its frame is in another batch of the segment, and it is carried from there.
Result<bool> Compactor::CarryOf(const format::IndexRow& row, const log::LogEntry& entry,
                                const std::vector<repair::WalkedFrames>& frames, Effect* effect) {
  effect->carried =
      CarriedRow{row.revision, row.home, Bytes(row.image.begin(), row.image.end()), {}};
  const format::BlobReference& blob = row.row.blob;
  if (!format::IsSmall(blob.kind)) return true;
  const uint64_t first = entry.position.location + format::kBatchHeaderSize;
  if (blob.location < first || blob.location >= entry.position.end) return false;
  std::vector<repair::FrameTrouble> found;
  auto frame = repair::AgreedFrame(frames, blob.location - first, blob, &found);
  for (const auto& [zone, why] : found) options_.on_trouble(zone, why);
  if (!frame.ok()) return frame.status();
  effect->carried->frame.assign(frame->begin(), frame->end());
  return true;
}

// A carry gives nothing back before its segment is retired. It must not take the last space, which
// removals need.
Status Compactor::CheckRoom() {
  const uint64_t live_bytes = options_.committer->log_state().extent.live_bytes;
  const uint64_t needed = std::min(live_bytes, repair::kFullSegment) + kRoomLeft;
  std::vector<repair::Question> questions;
  for (const auto& zone : options_.set()) {
    questions.push_back(
        {zone->log_thread, [env = options_.env, path = zone->path, needed]() -> Status {
           TRY_ASSIGN(uint64_t free, env->FreeBytes(path));
           if (free >= needed) return {};
           return Status(Code::kNoSpace, "too little space to carry what lives");
         }});
  }
  for (Status& answer : repair::Ask(options_.env, std::move(questions), options_.deadline_nanos)) {
    if (answer.Is(Code::kNoSpace)) return std::move(answer);
  }
  return {};  // A disk that does not answer is not what this is about.
}

Status Compactor::Carry(Gathered* gathered) {
  TRY(CheckRoom());
  Gathered carried = std::exchange(*gathered, {});
  const uint64_t start = options_.env->MonotonicNanos();
  TRY(Commit(std::move(carried.transaction)));
  const uint64_t worked = options_.env->MonotonicNanos() - start;
  MutexLock lock(&mutex_);
  status_.carried_bytes += carried.bytes;
  if (hurried_) return {};
  const uint64_t until = start + worked + worked * repair::RestsPerWork(figures_);
  for (uint64_t now = start + worked; now < until && !stop_;) {
    wake_.WaitFor(until - now);
    now = options_.env->MonotonicNanos();
  }
  return {};
}

Status Compactor::Commit(Transaction transaction) {
  auto done = std::make_shared<io::Completion>();
  options_.committer->Commit(std::move(transaction),
                             [done](Result<Committed> result) { done->Set(result.status()); });
  return done->Wait(UINT64_MAX);  // Every commit is settled.
}

// A new epoch of the same set. The segment that it begins in.
Result<uint32_t> Compactor::Renew() {
  const LogState log = options_.committer->log_state();
  uint64_t reserved = 0;
  if (log.epoch + 1 + 2 * log::kEpochsHeldBack >= log.epochs_reserved) {
    reserved = log.epochs_reserved + log::kEpochsPerReservation;
    TRY(options_.reserve(reserved));
  }
  struct Renewal {
    io::Completion done;
    uint32_t segment = 0;
  };
  auto renewal = std::make_shared<Renewal>();
  options_.committer->BetweenBatches([renewal, reserved](log::ReplicatedLog* log) {
    if (log == nullptr) return renewal->done.Set(Status(Code::kClosed, "the store is closed"));
    Status status = log->Renew(reserved);
    renewal->segment = log->epoch_segment();
    renewal->done.Set(std::move(status));
  });
  TRY(renewal->done.Wait(UINT64_MAX));  // The commit thread ends whatever it begins.
  return renewal->segment;
}

// Segments below `first` are retired, durably. A zone that fails keeps them: they are left over.
Status Compactor::Unlink(uint32_t first) {
  if (first <= unlinked_ || IsHeld()) return {};  // Held: another time.
  if (Status s = options_.indexes->AwaitReplays(kIndexNanos); s.Is(Code::kClosed)) return s;
  // Whoever began to read before the carry was applied may have been told of a place there.
  if (!STRONGROOM_BUG("unlinked-under-readers")) TRY(options_.indexes->AwaitAttempts(kIndexNanos));
  std::vector<repair::Question> questions;
  for (const auto& zone : options_.set()) {
    questions.push_back(
        {zone->log_thread, [log = zone->log, first] { return log->RemoveBelow(first); }});
  }
  auto answers = repair::Ask(options_.env, std::move(questions), options_.deadline_nanos);
  bool all = std::all_of(answers.begin(), answers.end(), [](auto& a) { return a.ok(); });
  if (all) unlinked_ = first;
  return {};
}

// How large the log is, and which segment is its oldest: as the first zone says that can.
Status Compactor::Measure() {
  struct Found {
    repair::LogFigures figures;
    uint32_t oldest = UINT32_MAX;
  };
  const LogState log = options_.committer->log_state();
  Status status(Code::kUnavailable, "there is no zone");
  for (const auto& zone : options_.set()) {
    auto found = std::make_shared<Found>();
    auto measure = [found, zone, log, env = options_.env]() -> Status {
      TRY_ASSIGN(auto segments, zone->log->Segments());
      for (uint32_t segment : segments) {
        if (segment < log.extent.first_segment) continue;
        TRY_ASSIGN(auto info, env->Stat(zone->log->path(segment)));
        // What is allocated behind the tail is room, not waste.
        bool last = segment == format::SegmentOf(log.tail.end);
        found->figures.bytes += last ? format::OffsetOf(log.tail.end) : info.size;
        found->figures.segments += 1;
        found->oldest = std::min(found->oldest, segment);
      }
      return {};
    };
    status = repair::AskOne(options_.env, zone->cell_threads, measure, options_.deadline_nanos);
    if (!status.ok()) continue;
    figures_ = found->figures;
    figures_.live_bytes = log.extent.live_bytes;
    oldest_ = found->oldest;
    MutexLock lock(&mutex_);
    status_.log_bytes = figures_.bytes;
    status_.segments = figures_.segments;
    return {};
  }
  return status;
}

}  // namespace strongroom::engine
