// Counts what is wrong in each zone stripe by stripe, and tells it of the file as a whole.
#include "repair/blob_verifier.h"

#include <algorithm>
#include <bit>
#include <map>
#include <utility>

#include "repair/blob_survey.h"

namespace strongroom::repair {

namespace {

constexpr placement::ZoneMask Bit(int position) { return placement::ZoneMask{1} << position; }

FindingKind KindOf(const Status& file) {
  switch (file.code()) {
    case Code::kNotFound:
      return FindingKind::kMissing;
    case Code::kCorruption:
      return FindingKind::kRotten;
    case Code::kTampered:
      return FindingKind::kTampered;
    default:
      return FindingKind::kUnreadable;
  }
}

class BlobWalk {
 public:
  BlobWalk(const std::shared_ptr<blob::BlobContext>& context, const BlobOrder& order,
           const Pace& pace, const OnFinding& on_finding, Tally* tally,
           std::unique_ptr<BlobSurvey> survey)
      : context_(context),
        order_(order),
        pace_(pace),
        on_finding_(on_finding),
        tally_(tally),
        survey_(std::move(survey)),
        zones_(order.zones.size()) {}

  Status Run() {
    placement::ZoneMask expected = 0;
    for (size_t i = 0; i < order_.zones.size(); ++i) {
      if (order_.zones[i] && order_.zones[i]->healthy.load()) expected |= Bit(static_cast<int>(i));
    }
    survey_->Open(expected);
    expected_ = expected;
    const Status settled = survey_->Settle();
    LookAtFiles(settled);
    Status status = settled.ok() ? Walk() : Status();
    survey_ = nullptr;  // Its files go before they are healed.
    Tell(status.ok() && order_.heal && settled.ok());
    return status;
  }

 private:
  struct Wrong {
    uint64_t cells = 0;  // 0: the file as a whole.
    std::string what;
  };
  using WrongOfZone = std::map<FindingKind, Wrong>;

  std::string Name() const {
    return ToHex(order_.blob.blob_id) + "." + std::to_string(order_.blob.placement);
  }

  void LookAtFiles(const Status& settled) {
    for (int i = 0; i < survey_->zones(); ++i) {
      if ((expected_ & Bit(i)) == 0) continue;
      const Status& file = survey_->file(i);
      if (!file.ok()) zones_[At(i)][KindOf(file)].what = file.message();
      if (settled.ok() && survey_->HasOtherPreamble(i)) {
        zones_[At(i)][FindingKind::kTampered].what = "another seal header";
      }
    }
    if (!settled.ok()) nobody_[KindOf(settled)].what = settled.message();
  }

  Status Walk() {
    const uint64_t end = order_.blob.shape.stripes();
    const uint64_t step = CellFile::StripesAtOnce(order_.blob);
    for (uint64_t first = 0; first < end; first += step) {
      const uint64_t count = std::min(step, end - first);
      survey_->Read(expected_, first, count);
      const uint64_t bytes = survey_->TakeBytesRead();
      tally_->bytes += bytes;
      for (uint64_t stripe = first; stripe < first + count; ++stripe) LookAt(stripe);
      if (pace_ && !pace_(bytes)) return Status(Code::kCancelled, "verification was stopped");
    }
    return {};
  }

  void LookAt(uint64_t stripe) {
    for (int i = 0; i < survey_->zones(); ++i) {
      if ((expected_ & Bit(i)) != 0) LookAtZone(i, stripe);
    }
    const Status truth = survey_->FindTruth(stripe);
    CellMask lying = survey_->truth().lying();
    for (int i = 0; i < survey_->zones(); ++i) {
      const CellMask mine = lying & survey_->Due(i, stripe);
      if (mine != 0) Count(i, FindingKind::kTampered, mine, "checksum right, tag wrong");
    }
    if (truth.ok()) return;
    Wrong& wrong =
        nobody_[truth.Is(Code::kTampered) ? FindingKind::kTampered : FindingKind::kRotten];
    ++wrong.cells;
    wrong.what = truth.message();
  }

  void LookAtZone(int i, uint64_t stripe) {
    const CellMask due = survey_->Due(i, stripe);
    const Haul* haul = survey_->haul(i);
    if (haul == nullptr) {
      // The file as a whole is told of already, unless the zone fell silent on the way.
      if (zones_[At(i)].empty()) zones_[At(i)][KindOf(survey_->file(i))].what = "no answer";
      return;
    }
    const Haul::Stripe& had = haul->stripes[static_cast<size_t>(stripe - haul->first)];
    tally_->cells += static_cast<uint64_t>(std::popcount(due));
    Count(i, FindingKind::kRotten, had.rotten, "checksum wrong");
    const CellMask absent = due & ~had.sound & ~had.rotten;
    const bool refused = !haul->unread.ok();
    Count(i, refused ? FindingKind::kUnreadable : FindingKind::kMissing, absent,
          refused ? haul->unread.message() : "the file ends before them");
  }

  void Count(int i, FindingKind kind, CellMask cells, const std::string& what) {
    if (cells == 0) return;
    Wrong& wrong = zones_[At(i)][kind];
    wrong.cells += static_cast<uint64_t>(std::popcount(cells));
    if (wrong.what.empty()) wrong.what = what;
  }

  void Tell(bool heal) {
    for (size_t i = 0; i < zones_.size(); ++i) {
      if (zones_[i].empty()) continue;
      const Status healed =
          heal ? Heal(static_cast<int>(i)) : Status(Code::kUnavailable, "not asked to heal");
      for (const auto& [kind, wrong] : zones_[i]) {
        std::string what = Describe(wrong);
        if (order_.heal && !healed.ok()) what += "; not healed: " + healed.message();
        on_finding_({kind, order_.zones[i]->number, healed.ok(), {}, what});
      }
    }
    for (const auto& [kind, wrong] : nobody_) {
      const std::string stripes =
          wrong.cells == 0 ? "" : std::to_string(wrong.cells) + " stripes of ";
      on_finding_({kind, 0, false, {}, stripes + "blob " + Name() + ": " + wrong.what});
    }
  }

  std::string Describe(const Wrong& wrong) const {
    const std::string cells = wrong.cells == 0 ? "" : std::to_string(wrong.cells) + " cells of ";
    return cells + "blob " + Name() + ": " + wrong.what;
  }

  Status Heal(int target) {
    HealOrder heal;
    heal.blob = order_.blob;
    heal.zones = order_.zones;
    heal.target = target;
    if (!order_.dek.empty()) heal.dek = order_.dek.Clone();
    return HealBlob(context_, heal, pace_).status();
  }

  static size_t At(int position) { return static_cast<size_t>(position); }

  const std::shared_ptr<blob::BlobContext>& context_;
  const BlobOrder& order_;
  const Pace& pace_;
  const OnFinding& on_finding_;
  Tally* const tally_;
  std::unique_ptr<BlobSurvey> survey_;
  placement::ZoneMask expected_ = 0;
  std::vector<WrongOfZone> zones_;  // By position.
  WrongOfZone nobody_;              // What no zone can be named for: stripes, not cells.
};

}  // namespace

Status VerifyBlob(const std::shared_ptr<blob::BlobContext>& context, const BlobOrder& order,
                  const Pace& pace, const OnFinding& on_finding, Tally* tally) {
  TRY_ASSIGN(auto survey, BlobSurvey::Create(context, order.blob, order.zones, order.dek.span()));
  return BlobWalk(context, order, pace, on_finding, tally, std::move(survey)).Run();
}

}  // namespace strongroom::repair
