// Each zone's own threads open, read and judge; the answers are put together here.
#include "repair/blob_survey.h"

#include <utility>

#include "repair/asking.h"

namespace strongroom::repair {

namespace {

constexpr placement::ZoneMask Bit(int position) { return placement::ZoneMask{1} << position; }

bool SameHeader(const aead::SealHeader& a, const aead::SealHeader& b) {
  uint8_t left[aead::kSealHeaderSize], right[aead::kSealHeaderSize];
  aead::EncodeSealHeader(a, left);
  aead::EncodeSealHeader(b, right);
  return memcmp(left, right, sizeof left) == 0;
}

}  // namespace

Result<std::unique_ptr<BlobSurvey>> BlobSurvey::Create(std::shared_ptr<blob::BlobContext> context,
                                                       const BlobAtRest& blob,
                                                       blob::CellZones zones, ByteSpan dek) {
  if (!blob.shape.Valid()) return Status(Code::kInvalidArgument, "no blob is of this shape");
  const placement::Geometry geometry{blob.shape.k, blob.shape.m};
  TRY_ASSIGN(placement::Placement placement,
             placement::Placement::Create(geometry, static_cast<int>(zones.size()), blob.blob_id));
  TRY_ASSIGN(auto code, erasure::ReedSolomon::Create(geometry.k, geometry.m));
  return std::unique_ptr<BlobSurvey>(
      new BlobSurvey(std::move(context), blob, std::move(zones), dek, placement, std::move(code)));
}

BlobSurvey::BlobSurvey(std::shared_ptr<blob::BlobContext> context, const BlobAtRest& blob,
                       blob::CellZones zones, ByteSpan dek, const placement::Placement& placement,
                       std::shared_ptr<const erasure::ReedSolomon> code)
    : context_(std::move(context)),
      blob_(blob),
      zones_(std::move(zones)),
      dek_(dek),
      placement_(placement),
      code_(std::move(code)),
      files_(zones_.size()),
      status_(zones_.size(), Status(Code::kUnavailable, "the zone was not asked")),
      hauls_(zones_.size()) {}

std::shared_ptr<CellFile> BlobSurvey::NewFile(int position, std::string path) const {
  return std::make_shared<CellFile>(blob_, run(position), zone(position).env, std::move(path));
}

BlobSurvey::~BlobSurvey() {
  for (int i = 0; i < zones(); ++i) Drop(i, std::move(files_[At(i)]));
}

// A close may hang in a dead disk as well: on the zone's threads.
void BlobSurvey::Drop(int position, std::shared_ptr<CellFile> file) const {
  if (file) zone(position).cells->Post([file = std::move(file)]() mutable { file.reset(); });
}

void BlobSurvey::Keep(int position, std::shared_ptr<CellFile> file, const Status& answer) {
  status_[At(position)] = answer;
  Drop(position, std::move(files_[At(position)]));
  // Who is not back yet may still be at it.
  const bool back = !answer.Is(Code::kTimedOut) && !answer.Is(Code::kClosed);
  const bool open = back && file->is_open();
  if (back) bytes_read_ += file->bytes_read();
  if (open) {
    files_[At(position)] = std::move(file);
  } else {
    Drop(position, std::move(file));
  }
}

void BlobSurvey::OpenHealthy(placement::ZoneMask target) {
  placement::ZoneMask healthy = target, all = 0;
  for (int i = 0; i < zones(); ++i) {
    if (!zones_[At(i)]) continue;
    all |= Bit(i);
    if (zones_[At(i)]->healthy.load()) healthy |= Bit(i);
  }
  Open(healthy);
  if (!Recoverable(readable() & ~target)) Open(all & ~healthy);
}

void BlobSurvey::Open(placement::ZoneMask zones) {
  std::vector<Question> questions;
  std::vector<int> asked;
  std::vector<std::shared_ptr<CellFile>> files;
  for (int i = 0; i < this->zones(); ++i) {
    if ((zones & Bit(i)) == 0 || !zones_[At(i)]) continue;
    auto file = NewFile(i, blob::BlobPath(zone(i).path, blob_.blob_id, blob_.placement));
    questions.push_back({zone(i).cells, [file] { return file->Open(); }});
    asked.push_back(i);
    files.push_back(std::move(file));
  }
  const std::vector<Status> answers =
      Ask(context_->env, std::move(questions), context_->patience_nanos);
  for (size_t i = 0; i < asked.size(); ++i) Keep(asked[i], std::move(files[i]), answers[i]);
}

Status BlobSurvey::OpenAt(int position, const std::string& path) {
  auto file = NewFile(position, path);
  Status answer = AskOne(
      context_->env, zone(position).cells, [file] { return file->Open(); },
      context_->patience_nanos);
  Keep(position, std::move(file), answer);
  return answer;
}

placement::ZoneMask BlobSurvey::readable() const {
  placement::ZoneMask mask = 0;
  for (int i = 0; i < zones(); ++i) {
    if (files_[At(i)]) mask |= Bit(i);
  }
  return mask;
}

Status BlobSurvey::Settle() {
  const bool keyed = !dek_.empty();
  bool seen = false;
  for (const auto& file : files_) {
    if (!file || !file->preamble()) continue;
    seen = true;
    if (keyed && !preamble_) {
      auto cipher = aead::ChunkCipher::ForOpening(dek_.span(), file->preamble()->header);
      if (!cipher.ok()) continue;
      cipher_ = std::move(*cipher);
      preamble_ = file->preamble();
    } else if (!preamble_) {
      preamble_ = file->preamble();
    } else if (!keyed && !SameHeader(preamble_->header, file->preamble()->header)) {
      return Status(Code::kTampered, "the zones do not agree on the blob's seal header");
    }
  }
  if (!seen) return Status(Code::kUnavailable, "no zone has the blob's preamble");
  if (!preamble_) return Status(Code::kTampered, "no zone has a seal header that the key fits");
  truth_ = std::make_unique<StripeTruth>(blob_.shape, *code_, cipher_ ? &*cipher_ : nullptr);
  return {};
}

bool BlobSurvey::HasOtherPreamble(int position) const {
  const auto& file = files_[At(position)];
  return file && file->preamble() && !SameHeader(preamble_->header, file->preamble()->header);
}

void BlobSurvey::Read(placement::ZoneMask zones, uint64_t first, uint64_t count) {
  std::vector<Question> questions;
  std::vector<int> asked;
  std::vector<std::shared_ptr<std::shared_ptr<Haul>>> boxes;
  for (int i = 0; i < this->zones(); ++i) {
    hauls_[At(i)] = nullptr;
    if ((zones & readable() & Bit(i)) == 0) continue;
    auto box = std::make_shared<std::shared_ptr<Haul>>();
    questions.push_back({zone(i).cells, [file = files_[At(i)], box, first, count] {
                           *box = file->Read(first, count);
                           return Status();
                         }});
    asked.push_back(i);
    boxes.push_back(std::move(box));
  }
  const std::vector<Status> answers =
      Ask(context_->env, std::move(questions), context_->patience_nanos);
  for (size_t i = 0; i < asked.size(); ++i) {
    if (answers[i].ok()) {
      hauls_[At(asked[i])] = *boxes[i];
      bytes_read_ += (*boxes[i])->bytes;
    } else {
      status_[At(asked[i])] = answers[i];
      Drop(asked[i], std::move(files_[At(asked[i])]));
    }
  }
}

CellMask BlobSurvey::Due(int position, uint64_t stripe) const {
  return placement_.cells_of(Bit(position)) & blob_.shape.stored(stripe);
}

Status BlobSurvey::FindTruth(uint64_t stripe) {
  const uint8_t* cells[erasure::kCellsMax] = {};
  for (const auto& haul : hauls_) {
    if (!haul || stripe < haul->first || stripe - haul->first >= haul->stripes.size()) continue;
    const Haul::Stripe& had = haul->stripes[static_cast<size_t>(stripe - haul->first)];
    for (int c = 0; c < erasure::kCellsMax; ++c) {
      if (had.cells[c] != nullptr) cells[c] = had.cells[c];
    }
  }
  return truth_->Find(stripe, cells);
}

}  // namespace strongroom::repair
