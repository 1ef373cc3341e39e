// One coordinator, Run: from record to record; each is found in some zone, and then looked for in
// all of them.
#include "repair/log_verifier.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "repair/asking.h"
#include "repair/batch_truth.h"

namespace strongroom::repair {

namespace {

using format::kBlock;
using format::OffsetOf;
using format::SegmentOf;

constexpr size_t kWindow = 1 << 20;

std::string PlaceName(uint32_t segment, uint64_t offset) {
  return format::SegmentName(segment) + " at " + std::to_string(offset);
}

class LogWalk {
 public:
  LogWalk(const LogOrder& order, const Pace& pace, const OnFinding& on_finding, Tally* tally)
      : order_(order),
        pace_(pace),
        on_finding_(on_finding),
        tally_(tally),
        position_(order.extent.origin()),
        views_(order.zones.size()),
        out_(order.zones.size()),
        runs_(order.zones.size()) {}

  Status Run() {
    Status status = Walk();
    for (size_t zone = 0; zone < runs_.size(); ++zone) {
      Status closed = Close(zone);
      if (status.ok()) status = closed;
    }
    return status;
  }

 private:
  // Findings of one kind in one segment of one zone, and what is to be written for them.
  struct RunOfFindings {
    format::SegmentHeader segment;
    FindingKind kind = FindingKind::kRotten;
    uint64_t first = 0;  // Offset of the first one.
    uint64_t count = 0, healed = 0;
    uint64_t at = 0;  // Where `right` belongs, which makes `waiting` of them good.
    Bytes right;
    uint64_t waiting = 0;
    std::string why;  // Why not all are healed.
  };

  Status Walk() {
    TRY(List());
    while (position_.chain != order_.tail.chain) {
      TRY_ASSIGN(auto truth, Next());
      if (!truth) {
        on_finding_({FindingKind::kMissing,
                     0,
                     false,
                     {},
                     "no zone has the record behind " +
                         PlaceName(SegmentOf(position_.location), OffsetOf(position_.location))});
        return {};
      }
      TRY(Compare(*truth));
      position_ = truth->entry().position;
    }
    return {};
  }

  // Which segments there are, in any zone.
  Status List() {
    auto lists = std::make_shared<std::vector<Result<std::vector<uint32_t>>>>(
        order_.zones.size(), Status(Code::kUnavailable, "not asked"));
    TRY(AskAll([lists](size_t zone, log::ZoneLog& log) { (*lists)[zone] = log.Segments(); }));
    for (size_t zone = 0; zone < lists->size(); ++zone) {
      if (out_[zone] || !(*lists)[zone].ok()) continue;
      for (uint32_t segment : *(*lists)[zone]) {
        if (segment >= order_.extent.first_segment) segments_.insert(segment);  // Else left over.
      }
    }
    return {};
  }

  // The record behind position_: where that ends, or first in a later segment.
  Result<std::optional<BatchTruth>> Next() {
    if (position_.location != 0) {
      TRY_ASSIGN(auto here, TruthAt(SegmentOf(position_.location), OffsetOf(position_.end)));
      if (here) return here;
    }
    const auto begin = segments_.upper_bound(SegmentOf(position_.location));
    for (auto it = begin; it != segments_.end() && *it <= SegmentOf(order_.tail.location); ++it) {
      TRY_ASSIGN(auto first, FirstOf(*it));
      if (!first) continue;
      TRY(CompareHeaders());
      return first;
    }
    return std::optional<BatchTruth>();
  }

  // The first record of a segment, under whichever zone's header.
  Result<std::optional<BatchTruth>> FirstOf(uint32_t segment) {
    TRY(Fetch(segment, 0, kWindow));
    std::vector<format::SegmentHeader> headers;
    for (const auto& view : views_) {
      if (!view) continue;
      auto header = format::DecodeSegmentHeader(view->From(0).first(std::min(view->size, kBlock)));
      if (header.ok() && header->number == segment) headers.push_back(*header);
    }
    for (const auto& header : headers) {
      header_ = header;
      TRY_ASSIGN(auto first, TruthAt(segment, kBlock));
      if (first) return first;
    }
    return std::optional<BatchTruth>();
  }

  Result<std::optional<BatchTruth>> TruthAt(uint32_t segment, uint32_t offset) {
    size_t size = format::kBatchHeaderSize;
    for (;;) {
      TRY(Cover(segment, offset, size));
      const size_t told = BatchTruth::SizeIn(Copies(offset), header_, offset);
      if (told <= size) break;
      size = told;
    }
    auto truth = BatchTruth::Find(*order_.seal, header_, offset, Copies(offset), position_);
    if (!truth.ok()) return std::optional<BatchTruth>();
    return std::optional<BatchTruth>(std::move(*truth));
  }

  // What each zone has from there on, in the window.
  BatchTruth::Copies Copies(uint32_t offset) const {
    BatchTruth::Copies copies;
    for (const auto& view : views_) {
      copies.push_back(view ? view->From(static_cast<size_t>(offset - offset_)) : ByteSpan());
    }
    return copies;
  }

  Status Cover(uint32_t segment, uint64_t offset, size_t size) {
    const bool inside =
        segment == segment_ && offset >= offset_ && offset + size <= offset_ + size_;
    if (inside) return {};
    return Fetch(segment, offset, format::RoundUp(std::max(kWindow, size), kBlock));
  }

  Status Fetch(uint32_t segment, uint64_t offset, size_t size) {
    std::vector<std::shared_ptr<SegmentView>> views;
    for (size_t i = 0; i < views_.size(); ++i) views.push_back(std::make_shared<SegmentView>());
    TRY(AskAll([views, segment, offset, size](size_t zone, log::ZoneLog& log) {
      ReadSegment(log, segment, offset, size, views[zone].get());
    }));
    uint64_t bytes = 0;
    for (size_t i = 0; i < views_.size(); ++i) {
      views_[i] = out_[i] ? nullptr : views[i];
      if (views_[i]) bytes += views_[i]->size;
    }
    segment_ = segment;
    offset_ = offset;
    size_ = size;
    tally_->bytes += bytes;
    return Pass(bytes);
  }

  // ---------------------------------------------------------------- Comparing and healing

  Status Compare(const BatchTruth& truth) {
    const uint64_t offset = OffsetOf(truth.entry().position.location);
    ++tally_->records;
    tally_->cells += truth.cells() * views_.size();
    if (truth.lost()) {
      on_finding_({FindingKind::kRotten,
                   0,
                   false,
                   {},
                   "no zone has all blob frames of " + PlaceName(segment_, offset)});
    }
    for (size_t zone = 0; zone < views_.size(); ++zone) {
      if (!views_[zone]) continue;
      const auto wrong = truth.Judge(zone);
      if (wrong) TRY(Found(zone, Unread(zone, *wrong), offset, truth.bytes(), truth.known()));
    }
    return {};
  }

  // The headers of the segment that was just fetched from its beginning.
  Status CompareHeaders() {
    const Bytes right = format::EncodeSegmentHeader(header_);
    for (size_t zone = 0; zone < views_.size(); ++zone) {
      if (!views_[zone]) continue;
      const ByteSpan has = views_[zone]->From(0).first(std::min(views_[zone]->size, kBlock));
      if (has.size() == kBlock && memcmp(has.data(), right.data(), kBlock) == 0) continue;
      const auto kind = has.size() < kBlock ? FindingKind::kMissing : FindingKind::kRotten;
      TRY(Found(zone, Unread(zone, kind), 0, right, true));
    }
    return {};
  }

  FindingKind Unread(size_t zone, FindingKind kind) const {
    const SegmentView& view = *views_[zone];
    const bool refused = view.holes || !(view.status.ok() || view.status.Is(Code::kNotFound));
    return refused ? FindingKind::kUnreadable : kind;
  }

  Status Found(size_t zone, FindingKind kind, uint64_t offset, ByteSpan right, bool known) {
    RunOfFindings& run = runs_[zone];
    if (run.count != 0 && (run.segment.number != segment_ || run.kind != kind)) TRY(Close(zone));
    if (run.count == 0) {
      run.segment = header_;
      run.first = offset;
      run.kind = kind;
    }
    ++run.count;
    if (!known) run.why = "no zone proves what is right";
    if (!known || !order_.heal) return {};
    const bool joins = run.at + run.right.size() == offset && run.right.size() < kWindow;
    if (!run.right.empty() && !joins) TRY(HealRun(zone));
    if (run.right.empty()) run.at = offset;
    run.right.insert(run.right.end(), right.begin(), right.end());
    ++run.waiting;
    return {};
  }

  Status HealRun(size_t zone) {
    RunOfFindings& run = runs_[zone];
    if (run.right.empty()) return {};
    LeaveThoseThatAreOut();
    Status healed = out_[zone] ? Status(Code::kUnavailable, "the zone is out of the set")
                               : Heal(order_.zones[zone], run);
    if (healed.Is(Code::kTimedOut) || healed.Is(Code::kClosed)) out_[zone] = true;
    // Set aside, written, read back.
    const uint64_t bytes = 3 * run.right.size(), batches = std::exchange(run.waiting, 0);
    run.right.clear();
    if (healed.ok()) {
      run.healed += batches;
    } else if (healed.Is(Code::kPreconditionFailed) && !IsLast(run.segment)) {
      run.count -= batches;  // By now it is another segment's place, or nobody's.
    } else {
      run.why = healed.message();
    }
    return Pass(bytes);
  }

  // A last segment whose file is gone is not made here: the next append finds that out, and the
  // zone has lost more than a file then.
  bool IsLast(const format::SegmentHeader& segment) const {
    return segment.number == SegmentOf(order_.tail.end);
  }

  Status Heal(const LogZone& zone, const RunOfFindings& run) const {
    auto patch = std::make_shared<SegmentPatch>();
    patch->segment = run.segment;
    patch->offset = run.at;
    patch->bytes.Resize(run.right.size());
    memcpy(patch->bytes.data(), run.right.data(), run.right.size());
    patch->found = NameOf(run.kind);
    patch->may_create = !IsLast(run.segment);
    return AskOne(
        order_.env, zone.log_thread, [zone, patch] { return PatchSegment(zone, *patch); },
        order_.patience_nanos);
  }

  // Heals what waits, and tells of it.
  Status Close(size_t zone) {
    Status status = HealRun(zone);
    RunOfFindings run = std::exchange(runs_[zone], {});
    if (run.count == 0) return status;
    const std::string name = format::SegmentName(run.segment.number);
    std::string what = run.first == 0 ? "the beginning of " + name
                                      : "batch in " + PlaceName(run.segment.number, run.first);
    if (run.count > 1) what += " and " + std::to_string(run.count - 1) + " more";
    const bool healed = run.healed == run.count;
    if (order_.heal && !healed) what += "; not healed: " + run.why;
    on_finding_({run.kind, order_.zones[zone].number, healed, {}, what});
    return status;
  }

  // ---------------------------------------------------------------- Asking the zones

  Status Pass(uint64_t bytes) const {
    if (!pace_ || pace_(bytes)) return {};
    return Status(Code::kCancelled, "verification was stopped");
  }

  void LeaveThoseThatAreOut() {
    if (!order_.counts) return;
    for (size_t i = 0; i < out_.size(); ++i) {
      if (!order_.counts(order_.zones[i].number)) out_[i] = true;
    }
  }

  // A zone that does not answer is out from then on, and told of once.
  Status AskAll(const std::function<void(size_t zone, log::ZoneLog& log)>& work) {
    LeaveThoseThatAreOut();
    std::vector<Question> questions;
    std::vector<size_t> asked;
    for (size_t i = 0; i < order_.zones.size(); ++i) {
      if (out_[i]) continue;
      questions.push_back({order_.zones[i].readers, [work, i, log = order_.zones[i].log] {
                             work(i, *log);
                             return Status();
                           }});
      asked.push_back(i);
    }
    const std::vector<Status> answers =
        Ask(order_.env, std::move(questions), order_.patience_nanos);
    Status last(Code::kUnavailable, "no zone can be asked");
    bool any = false;
    for (size_t i = 0; i < asked.size(); ++i) {
      any |= answers[i].ok();
      if (answers[i].ok()) continue;
      out_[asked[i]] = true;
      last = answers[i];
      on_finding_({FindingKind::kUnreadable,
                   order_.zones[asked[i]].number,
                   false,
                   {},
                   "the zone does not answer: " + last.message()});
    }
    return any ? Status() : last;
  }

  const LogOrder& order_;
  const Pace& pace_;
  const OnFinding& on_finding_;
  Tally* const tally_;
  format::Position position_;
  std::set<uint32_t> segments_;
  // The window: `size_` bytes from `offset_` of segment_, of each zone.
  uint32_t segment_ = 0;
  format::SegmentHeader header_;
  uint64_t offset_ = 0;
  size_t size_ = 0;
  std::vector<std::shared_ptr<SegmentView>> views_;  // Null: the zone is out.
  std::vector<bool> out_;
  std::vector<RunOfFindings> runs_;
};

}  // namespace

Status VerifyLog(const LogOrder& order, const Pace& pace, const OnFinding& on_finding,
                 Tally* tally) {
  return LogWalk(order, pace, on_finding, tally).Run();
}

}  // namespace strongroom::repair
