#include "log/replicated_log.h"

#include <algorithm>

#include "base/bugs.h"

namespace strongroom::log {

using format::kBlock;
using format::OffsetOf;
using format::Position;

namespace {
constexpr uint64_t kSegmentSizeMax = 64u << 20;
}  // namespace

// One piece of work on several zones. Owned by whoever still needs it: a thread stuck in a dead
// disk keeps it, and what its work captured, alive.
struct ReplicatedLog::Barrier {
  explicit Barrier(size_t zones) : changed(&mutex), answers(zones) {}
  Mutex mutex;
  CondVar changed;
  std::vector<std::optional<Status>> answers;
  size_t answered = 0, well = 0;
};

// A segment that is being made in every zone of the set.
struct ReplicatedLog::Making {
  format::SegmentHeader header;
  uint64_t size = 0;
  std::shared_ptr<Barrier> barrier;
};

ReplicatedLog::~ReplicatedLog() = default;

ReplicatedLog::ReplicatedLog(Options options, std::vector<LogMember> set,
                             const Recovered& recovered)
    : options_(std::move(options)),
      set_(std::move(set)),
      epoch_(recovered.epoch),
      epochs_reserved_(recovered.epochs_reserved),
      epoch_segment_(recovered.epoch_segment),
      tail_(recovered.tail),
      extent_(recovered.extent),
      segment_(recovered.epoch_segment),
      segment_id_(recovered.epoch_segment_id),
      segment_size_(kFirstSegmentSize) {
  format::SegmentHeader header;
  header.number = segment_;
  header.id = segment_id_;
  for (const LogMember& zone : set_) zone.log->Expect(header, segment_size_);
}

std::shared_ptr<ReplicatedLog::Barrier> ReplicatedLog::Start(const std::vector<LogMember>& zones,
                                                             Work work) {
  auto barrier = std::make_shared<Barrier>(zones.size());
  for (size_t i = 0; i < zones.size(); ++i) {
    auto answer = [barrier, i](Status status) {
      MutexLock lock(&barrier->mutex);
      barrier->well += status.ok();
      barrier->answers[i] = std::move(status);
      ++barrier->answered;
      barrier->changed.SignalAll();
    };
    bool posted = zones[i].queue->Post([work, answer, log = zones[i].log] { answer(work(*log)); });
    if (!posted) answer(Status(Code::kClosed, "the zone's log thread has ended"));
  }
  return barrier;
}

// Is the answer of the silent zones not needed? Either enough answered well without them, or they
// could not make it enough any more. Anything else is slowness, which alone fails nobody.
bool ReplicatedLog::IsDecided(const Barrier& barrier) const {
  size_t silent = barrier.answers.size() - barrier.answered;
  return barrier.well >= options_.quorum || barrier.well + silent < options_.quorum;
}

std::vector<Status> ReplicatedLog::Await(Barrier& barrier, Patience patience) {
  uint64_t deadline = options_.env->MonotonicNanos() + options_.deadline_nanos;
  MutexLock lock(&barrier.mutex);
  while (barrier.answered < barrier.answers.size()) {
    uint64_t now = options_.env->MonotonicNanos();
    if (now >= deadline) {
      if (patience == Patience::kDeadline || IsDecided(barrier) || now >= ends_at_) break;
      // A whole one again: of zones that are all slow, none goes for being the slowest by a hair.
      deadline = now + options_.deadline_nanos;
    }
    barrier.changed.WaitFor(deadline - now);
  }
  std::vector<Status> out;
  for (auto& answer : barrier.answers) {
    out.push_back(answer ? *answer : Status(Code::kTimedOut, "no answer within the deadline"));
  }
  return out;
}

std::vector<Status> ReplicatedLog::OnAll(const std::vector<LogMember>& zones, Work work,
                                         Patience patience) {
  return Await(*Start(zones, std::move(work)), patience);
}

void ReplicatedLog::EndWithin(uint64_t nanos) { ends_at_ = options_.env->MonotonicNanos() + nanos; }

// Of work before anything is written: would the silent zones, answering well, be enough?
Status ReplicatedLog::RefuseIfSlow(const std::vector<Status>& answers) const {
  size_t well = 0, silent = 0;
  for (const Status& answer : answers) {
    well += answer.ok();
    silent += answer.Is(Code::kTimedOut);
  }
  if (well >= options_.quorum || well + silent < options_.quorum) return {};
  return Status(Code::kUnavailable, "too few disks answer in time: nothing was written");
}

Result<Place> ReplicatedLog::PlaceFor(size_t size) {
  if (stopped_) return *stopped_;
  const Position& before = in_flight_ ? in_flight_->position : tail_;
  bool fits =
      format::SegmentOf(before.end) == segment_ && OffsetOf(before.end) + size <= segment_size_;
  if (!fits) {
    // A new segment changes nothing that is in flight, but its making may end in a new epoch.
    if (busy()) return Status(Code::kUnavailable, "the segment is full: finish the batch first");
    TRY(Rotate(size));
    return PlaceFor(size);
  }
  const format::Extent& extent = in_flight_ ? in_flight_->extent : extent_;
  return Place{segment_, segment_id_, OffsetOf(before.end), before, epoch_.load(), extent};
}

ReplicatedLog::Making ReplicatedLog::Make(uint64_t size) {
  Making making;
  making.header.number = segment_ + 1;
  making.header.epoch = epoch_.load();
  making.header.epoch_segment = epoch_segment_;
  options_.env->Random(making.header.id);
  making.size = size;
  making.barrier = Start(
      set_, [header = making.header, size](ZoneLog& log) { return log.Create(header, size); });
  return making;
}

Status ReplicatedLog::Rotate(size_t size) {
  uint64_t least = format::RoundUp(size, kBlock) + kBlock;
  // One that took longer than the deadline last time: begun anew, it would never be done.
  std::unique_ptr<Making> making = std::move(making_);
  if (!making || making->size < least) {
    uint64_t wanted = std::max(std::min(kSegmentSizeMax, segment_size_ * 2), least);
    making = std::make_unique<Making>(Make(wanted));
  }
  auto answers = Await(*making->barrier, Patience::kDeadline);
  for (const Status& answer : answers) {
    // Nothing was sealed for it yet: the write fails, nobody is expelled, a later one tries again.
    if (answer.Is(Code::kNoSpace)) return answer;
  }
  if (Status slow = RefuseIfSlow(answers); !slow.ok()) {
    making_ = std::move(making);
    return slow;
  }
  bool all = std::all_of(answers.begin(), answers.end(), [](auto& a) { return a.ok(); });
  if (!all) return Shrink(answers, tail_);
  segment_ = making->header.number;
  segment_id_ = making->header.id;
  segment_size_ = making->size;
  tail_.end = format::Location(segment_, kBlock);
  return {};
}

void ReplicatedLog::Begin(std::shared_ptr<const SealedBatch> batch) {
  CHECK(!busy() && batch->place.before.chain == tail_.chain);
  in_flight_ = batch;
  barrier_ = Start(set_, [batch](ZoneLog& log) {
    return log.Append(batch->place.segment, batch->place.offset, batch->bytes.span());
  });
}

Status ReplicatedLog::Finish() {
  CHECK(busy());
  auto answers = Await(*barrier_, Patience::kQuorum);
  auto batch = std::move(in_flight_);
  barrier_ = nullptr;
  in_flight_ = nullptr;
  size_t held = 0;
  for (const Status& answer : answers) held += answer.ok();
  const bool enough = STRONGROOM_BUG("ack-before-expulsion") && held >= options_.quorum;
  if (held >= options_.quorum) extent_ = batch->extent;
  if (held == answers.size() || enough) {
    tail_ = batch->position;
    return {};
  }
  if (held < options_.quorum) {
    // Some zone may hold it, some not: no epoch of ours can settle that any more.
    std::string why;
    for (const Status& answer : answers) {
      if (!answer.ok()) why = answer.message();
    }
    return Stop(Code::kUnknown, why);
  }
  // Two members hold the batch: the new epoch is based on it, and its callers hear success.
  return Shrink(answers, batch->position);
}

Status ReplicatedLog::Shrink(const std::vector<Status>& answers, const Position& base) {
  std::vector<LogMember> left;
  std::vector<std::pair<int, std::string>> lost;
  for (size_t i = 0; i < set_.size(); ++i) {
    if (answers[i].ok()) {
      left.push_back(set_[i]);
    } else {
      lost.emplace_back(set_[i].number, answers[i].message());
    }
  }
  if (left.size() < options_.quorum) {
    return Stop(Code::kUnknown, lost.front().second);
  }
  Status status = Reign(left, base);
  if (status.ok() && options_.on_expelled) {
    for (auto& [zone, why] : lost) options_.on_expelled(zone, why);
  }
  return status;
}

// A new epoch of `set`, based on `base`. Who fails to write its record is expelled by another one.
Status ReplicatedLog::Reign(const std::vector<LogMember>& set, const Position& base) {
  if (epoch_.load() + 1 >= epochs_reserved_) {
    return Stop(Code::kUnknown, "epoch numbers are used up: reopen");
  }
  auto image = NextEpoch(set, base);
  auto write = [image](ZoneLog& log) { return WriteEpoch(log, *image); };
  return Adopt(set, *image, OnAll(set, write, Patience::kQuorum));
}

std::shared_ptr<const EpochImage> ReplicatedLog::NextEpoch(const std::vector<LogMember>& set,
                                                           const Position& base) const {
  NewEpoch epoch{epoch_.load() + 1,          segment_ + 2, epoch_.load(), epoch_segment_, base, {},
                 options_.env->WallMillis(), extent_};
  for (const LogMember& zone : set) epoch.set.push_back(zone.zone_id);
  return std::make_shared<const EpochImage>(SealEpoch(options_.env, *options_.seal, epoch));
}

Status ReplicatedLog::Adopt(const std::vector<LogMember>& set, const EpochImage& image,
                            const std::vector<Status>& written) {
  making_ = nullptr;  // Of the old set.
  {
    MutexLock lock(&mutex_);
    set_ = set;
  }
  epoch_ = image.header.epoch;
  epoch_segment_ = segment_ = image.header.number;
  segment_id_ = image.header.id;
  segment_size_ = kFirstSegmentSize;
  tail_ = image.position;
  bool all = std::all_of(written.begin(), written.end(), [](auto& w) { return w.ok(); });
  // Another zone broke meanwhile. If enough hold the epoch, it is the base of the next one.
  return all ? Status() : Shrink(written, tail_);
}

Status ReplicatedLog::Renew(uint64_t epochs_reserved) {
  if (stopped_) return *stopped_;
  CHECK(!busy());
  epochs_reserved_ = std::max(epochs_reserved_, epochs_reserved);
  // An expulsion has no time to reserve.
  if (epoch_.load() + 1 + kEpochsHeldBack >= epochs_reserved_) {
    return Status(Code::kUnavailable, "too few epoch numbers are left");
  }
  auto image = NextEpoch(set_, tail_);
  // The space first: an epoch record that was begun must stand, or its zone goes.
  auto made = OnAll(
      set_, [image](ZoneLog& log) { return log.Create(image->header, kFirstSegmentSize); },
      Patience::kDeadline);
  for (const Status& answer : made) {
    if (answer.Is(Code::kNoSpace)) return answer;
  }
  if (Status slow = RefuseIfSlow(made); !slow.ok()) return slow;
  bool all = std::all_of(made.begin(), made.end(), [](auto& m) { return m.ok(); });
  if (!all) return Shrink(made, tail_);
  // What was allocated behind the tail is given back. Crash here: zeros, read as the log's end.
  auto write = [image, end = tail_.end](ZoneLog& log) -> Status {
    TRY(log.Append(image->header.number, kBlock, image->batch.span()));
    (void)log.CutAfter(format::SegmentOf(end), OffsetOf(end));
    return {};
  };
  return Adopt(set_, *image, OnAll(set_, write, Patience::kQuorum));
}

Status ReplicatedLog::Expel(int zone, const std::string& why) {
  if (stopped_) return *stopped_;
  CHECK(!busy());
  std::vector<Status> answers;
  bool member = false;
  for (const LogMember& each : set_) {
    member |= each.number == zone;
    answers.push_back(each.number == zone ? Status(Code::kUnavailable, why) : Status());
  }
  return member ? Shrink(answers, tail_) : Status();
}

Status ReplicatedLog::Admit(const LogMember& zone, uint64_t epochs_reserved) {
  if (stopped_) return *stopped_;
  CHECK(!busy());
  epochs_reserved_ = std::max(epochs_reserved_, epochs_reserved);
  std::vector<LogMember> grown = set_;
  grown.push_back(zone);
  // Crash in here: the record stands on some zones. Whoever opens those has all that is before it.
  TRY(Reign(grown, tail_));
  const auto& set = set_;
  bool stands = std::any_of(set.begin(), set.end(),
                            [&](const LogMember& each) { return each.number == zone.number; });
  return stands ? Status() : Status(Code::kUnavailable, "its disk failed the new epoch");
}

Status ReplicatedLog::Stop(Code code, const std::string& why) {
  Status status(code, why);
  MutexLock lock(&mutex_);
  Code later = options_.quorum == 1 ? Code::kReadOnly : Code::kQuorumLost;
  stopped_ = Status(later, "the store is read-only until it is reopened: " + why);
  return status;
}

std::vector<int> ReplicatedLog::set() const {
  MutexLock lock(&mutex_);
  std::vector<int> out;
  for (const LogMember& zone : set_) out.push_back(zone.number);
  return out;
}

std::optional<Status> ReplicatedLog::stopped() const {
  MutexLock lock(&mutex_);
  return stopped_;
}

void ReplicatedLog::Trim() {
  if (stopped_ || busy()) return;
  uint32_t segment = format::SegmentOf(tail_.end);
  uint32_t used = OffsetOf(tail_.end);
  auto trim = [segment, used](ZoneLog& log) { return log.Trim(segment, used); };
  (void)OnAll(set_, trim, Patience::kDeadline);
}

}  // namespace strongroom::log
