// One coordinator, Run: look, build, prove, install.
#include "repair/blob_healer.h"

#include <algorithm>
#include <utility>

#include "base/bugs.h"
#include "repair/asking.h"
#include "repair/blob_survey.h"
#include "repair/fresh_blob_file.h"
#include "repair/quarantine.h"

namespace strongroom::repair {

const char kHealingSuffix[] = ".healing";

namespace {

constexpr placement::ZoneMask Bit(int position) { return placement::ZoneMask{1} << position; }

using TroubleKind = blob::CellTrouble::Kind;

// Of a file as a whole.
TroubleKind KindOf(const Status& status) {
  switch (status.code()) {
    case Code::kNotFound:
      return TroubleKind::kMissing;
    case Code::kCorruption:
      return TroubleKind::kRot;
    case Code::kTampered:
      return TroubleKind::kTampered;
    case Code::kTimedOut:
      return TroubleKind::kSlow;
    default:
      return TroubleKind::kFailed;
  }
}

const char* NameOf(TroubleKind kind) {
  switch (kind) {
    case TroubleKind::kMissing:
      return "missing";
    case TroubleKind::kRot:
      return "rotten";
    case TroubleKind::kTampered:
      return "tampered";
    case TroubleKind::kFailed:
    case TroubleKind::kSlow:
      break;
  }
  return "unreadable";
}

// The two renames. Crash before the first, or after it in the quarantine's own steps: as before, or
// only the .healing file. Between them: the same. After the last sync: whole.
Result<std::string> Install(const blob::CellZone& zone, const BlobAtRest& blob,
                            const std::string& found) {
  const std::string path = blob::BlobPath(zone.path, blob.blob_id, blob.placement);
  auto set_aside = MoveToQuarantine(zone.env, zone.path, path, found);
  if (!set_aside.ok() && !set_aside.status().Is(Code::kNotFound)) return set_aside.status();
  Status named = zone.env->Rename(path + kHealingSuffix, path);
  if (!named.ok()) {
    if (set_aside.ok()) (void)zone.env->Rename(*set_aside, path);
    return named;
  }
  TRY(zone.env->SyncDirectory(blob::BlobFolder(zone.path, blob.blob_id)));
  return set_aside.ok() ? *set_aside : std::string();
}

class Healing {
 public:
  Healing(const std::shared_ptr<blob::BlobContext>& context, const HealOrder& order,
          const Pace& pace, std::unique_ptr<BlobSurvey> survey)
      : context_(context),
        order_(order),
        pace_(pace),
        survey_(std::move(survey)),
        step_(CellFile::StripesAtOnce(order.blob)),
        zone_(order.zones[static_cast<size_t>(order.target)]),
        path_(blob::BlobPath(zone_->path, order.blob.blob_id, order.blob.placement)) {}

  Result<HealOutcome> Run() {
    survey_->OpenHealthy(target());
    TRY(TargetsAnswer(survey_->file(order_.target)));
    TRY(survey_->Settle());
    TellOfOthers();
    TRY(Look(&outcome_.found));
    TRY(TargetsAnswer(outcome_.found));
    if (outcome_.found.Is(Code::kNotFound)) TRY(TakeUpWhatIsLeft());
    outcome_.was_whole = outcome_.found.ok();
    if (outcome_.was_whole || taken_up_) return outcome_;
    TRY(BuildAndProve());
    TRY(NameIt());
    return outcome_;
  }

 private:
  // What of a finding is no finding: nothing can be healed there now, or by this version.
  static Status TargetsAnswer(const Status& found) {
    const bool final =
        found.Is(Code::kTimedOut) || found.Is(Code::kClosed) || found.Is(Code::kUnsupportedFormat);
    return final ? found : Status();
  }

  void TellOfOthers() const {
    for (int i = 0; i < survey_->zones(); ++i) {
      if (i == order_.target || !order_.zones[static_cast<size_t>(i)]) continue;
      const Status& file = survey_->file(i);
      if (!file.ok() && !file.Is(Code::kUnavailable)) Tell(i, KindOf(file), -1, file.message());
      if (survey_->HasOtherPreamble(i)) {
        Tell(i, TroubleKind::kTampered, -1, "the seal header is not the blob's");
      }
    }
  }

  // `found`: what is wrong with the target's file as it is open now, or OK. Without the key it is
  // judged by itself; with it, by what all cells together say.
  Status Look(Status* found) {
    *found = survey_->file(order_.target);
    if (found->ok() && survey_->HasOtherPreamble(order_.target)) {
      *found = Status(Code::kTampered, "the seal header is not the blob's");
    }
    if (!found->ok()) return {};
    return EachStripe(survey_->has_key() ? survey_->readable() : target(), [&](uint64_t stripe) {
      if (found->ok()) *found = LookAt(stripe);
      return found->ok() ? Walk::kOn : Walk::kEnd;
    });
  }

  Status LookAt(uint64_t stripe) {
    const CellMask due = survey_->Due(order_.target, stripe);
    TRY(Soundness(order_.target, stripe));
    if (!survey_->has_key()) return {};
    // Too few cells to judge the others by, or no truth to be had: what lies has shown itself.
    (void)survey_->FindTruth(stripe);
    if ((survey_->truth().lying() & due) == 0) return {};
    return Status(Code::kTampered,
                  "checksum right, tag wrong, in stripe " + std::to_string(stripe));
  }

  // Whether all cells that the zone must hold of the stripe have right checksums.
  Status Soundness(int position, uint64_t stripe) const {
    const std::string where = " in stripe " + std::to_string(stripe);
    const Haul* haul = survey_->haul(position);
    if (haul == nullptr) return survey_->file(position);
    const Haul::Stripe& had = haul->stripes[static_cast<size_t>(stripe - haul->first)];
    if (had.rotten != 0) return Status(Code::kCorruption, "checksum wrong" + where);
    if (had.sound == survey_->Due(position, stripe)) return {};
    return haul->unread.ok() ? Status(Code::kCorruption, "cells missing" + where) : haul->unread;
  }

  // There is no file. A healing before this one may have come as far as between its two renames:
  // then what it had proven takes the name, and is looked at like any file. Only a file without a
  // preamble is surely half built.
  Status TakeUpWhatIsLeft() {
    const std::string left = path_ + kHealingSuffix;
    const Status opened = survey_->OpenAt(order_.target, left);
    if (opened.Is(Code::kNotFound)) return {};
    TRY(TargetsAnswer(opened));
    if (!survey_->HasPreamble(order_.target)) return {};
    Status found;
    TRY(Look(&found));
    TRY(TargetsAnswer(found));
    TRY(NameIt());
    taken_up_ = found.ok();
    if (!found.ok()) outcome_.found = found;
    return {};
  }

  // Before the new file is begun. REQUIRES: no healing has come as far as to need it.
  Status RemoveHalfBuilt() {
    return AskZone([env = zone_->env, left = path_ + kHealingSuffix] {
      Status removed = env->Remove(left);
      return removed.Is(Code::kNotFound) ? Status() : removed;
    });
  }

  Status BuildAndProve() {
    TRY(RemoveHalfBuilt());
    FreshBlobFile fresh(context_.get(), *zone_, order_.blob,
                        order_.blob.shape.FileSize(survey_->run(order_.target)), kHealingSuffix);
    Status status = Build(&fresh);
    if (status.ok() && !STRONGROOM_BUG("heal-without-reread")) status = Prove();
    if (!status.ok()) fresh.Remove(status);
    return status;
  }

  Status Build(FreshBlobFile* fresh) {
    // What lay there is a source like others.
    (void)survey_->OpenAt(order_.target, path_);
    Status status;
    TRY(EachStripe(survey_->readable(), [&](uint64_t stripe) {
      status = BuildStripe(stripe, fresh);
      return status.ok() ? Walk::kOn : Walk::kEnd;
    }));
    TRY(status);
    return fresh->Finish(survey_->preamble());
  }

  Status BuildStripe(uint64_t stripe, FreshBlobFile* fresh) {
    TellOfRot(stripe);
    Status status = survey_->FindTruth(stripe);
    TellOfLiars(stripe);
    TRY(status);
    return AddStripe(stripe, fresh);
  }

  Status AddStripe(uint64_t stripe, FreshBlobFile* fresh) {
    const BlobAtRest& blob = order_.blob;
    const size_t size = blob.shape.cell_size(stripe);
    const format::CellRun run = survey_->run(order_.target);
    for (int c = run.first; c < run.first + run.count; ++c) {
      if ((survey_->Due(order_.target, stripe) >> c & 1) == 0) continue;
      const ByteSpan cell{survey_->truth().cell(c), size};
      TRY(fresh->AddCell(cell, blob.shape.CellNumber(stripe, c)));
    }
    outcome_.bytes_written = fresh->written();
    return {};
  }

  // Past the page cache, after the sync: what the disk itself gives back.
  Status Prove() {
    Status found = survey_->OpenAt(order_.target, path_ + kHealingSuffix);
    if (found.ok() && survey_->HasOtherPreamble(order_.target)) {
      found = Status(Code::kCorruption, "another seal header");
    }
    if (found.ok()) {
      TRY(EachStripe(target(), [&](uint64_t stripe) {
        found = Soundness(order_.target, stripe);
        return found.ok() ? Walk::kOn : Walk::kEnd;
      }));
    }
    return found.With("what was written is not what is read");
  }

  Status NameIt() {
    auto lies_at = std::make_shared<std::string>();
    TRY(AskZone([zone = zone_, blob = order_.blob, lies_at,
                 found = NameOf(KindOf(outcome_.found))]() -> Status {
      TRY_ASSIGN(*lies_at, Install(*zone, blob, found));
      return {};
    }));
    outcome_.quarantined = *lies_at;
    return {};
  }

  enum class Walk { kOn, kEnd };
  // Reads the zones step by step and visits each stripe. kCancelled.
  template <typename Visit>
  Status EachStripe(placement::ZoneMask zones, Visit visit) {
    const uint64_t end = order_.blob.shape.stripes();
    for (uint64_t first = 0; first < end; first += step_) {
      const uint64_t count = std::min(step_, end - first);
      survey_->Read(zones, first, count);
      outcome_.bytes_read += survey_->TakeBytesRead();
      TRY(KeepPace());
      for (uint64_t stripe = first; stripe < first + count; ++stripe) {
        if (visit(stripe) == Walk::kEnd) return {};
      }
    }
    return {};
  }

  Status KeepPace() {
    const uint64_t moved = outcome_.bytes_read + outcome_.bytes_written;
    const uint64_t bytes = moved - std::exchange(moved_, moved);
    if (!pace_ || pace_(bytes)) return {};
    return Status(Code::kCancelled, "healing was stopped");
  }

  void TellOfRot(uint64_t stripe) const {
    for (int i = 0; i < survey_->zones(); ++i) {
      const Haul* haul = survey_->haul(i);
      if (haul == nullptr || i == order_.target) continue;
      const Haul::Stripe& had = haul->stripes[static_cast<size_t>(stripe - haul->first)];
      TellOfCells(i, stripe, had.rotten, TroubleKind::kRot, "checksum wrong");
    }
  }
  void TellOfLiars(uint64_t stripe) const {
    for (int i = 0; i < survey_->zones(); ++i) {
      const CellMask lying = survey_->truth().lying() & survey_->Due(i, stripe);
      TellOfCells(i, stripe, lying, TroubleKind::kTampered, "checksum right, tag wrong");
    }
  }
  void TellOfCells(int position, uint64_t stripe, CellMask cells, TroubleKind kind,
                   const char* what) const {
    for (int c = 0; cells != 0; ++c, cells >>= 1) {
      if ((cells & 1) == 0) continue;
      Tell(position, kind, static_cast<int64_t>(order_.blob.shape.CellNumber(stripe, c)), what);
    }
  }
  void Tell(int position, TroubleKind kind, int64_t cell, std::string what) const {
    if (!context_->on_trouble) return;
    context_->on_trouble({kind, survey_->zone(position).number, order_.blob.blob_id,
                          order_.blob.placement, cell, std::move(what), order_.blob.shape});
  }

  Status AskZone(std::function<Status()> work) const {
    return AskOne(context_->env, zone_->cells, std::move(work), context_->patience_nanos);
  }
  placement::ZoneMask target() const { return Bit(order_.target); }

  const std::shared_ptr<blob::BlobContext>& context_;
  const HealOrder& order_;
  const Pace& pace_;
  const std::unique_ptr<BlobSurvey> survey_;
  const uint64_t step_;
  const std::shared_ptr<blob::CellZone> zone_;
  const std::string path_;
  HealOutcome outcome_;
  uint64_t moved_ = 0;     // That pace_ has heard of.
  bool taken_up_ = false;  // What an earlier healing had proven has the blob's name.
};

// One healing of a blob in a zone at a time.
class Turn {
 public:
  Turn(blob::CellZone* zone, const aead::Id& blob_id) : zone_(zone), blob_id_(blob_id) {
    MutexLock lock(&zone_->healing_mutex);
    mine_ = zone_->healing.insert(blob_id_).second;
  }
  ~Turn() {
    MutexLock lock(&zone_->healing_mutex);
    if (mine_) zone_->healing.erase(blob_id_);
  }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;
  bool mine() const { return mine_; }

 private:
  blob::CellZone* const zone_;
  const aead::Id blob_id_;
  bool mine_;
};

}  // namespace

Result<HealOutcome> HealBlob(const std::shared_ptr<blob::BlobContext>& context,
                             const HealOrder& order, const Pace& pace) {
  TRY_ASSIGN(auto survey, BlobSurvey::Create(context, order.blob, order.zones, order.dek.span()));
  const auto target = static_cast<size_t>(order.target);
  if (target >= order.zones.size() || !order.zones[target]) {
    return Status(Code::kInvalidArgument, "no such zone");
  }
  const Turn turn(order.zones[target].get(), order.blob.blob_id);
  if (!turn.mine()) {
    return Status(Code::kUnavailable, "another healing of the blob is under way");
  }
  return Healing(context, order, pace, std::move(survey)).Run();
}

}  // namespace strongroom::repair
