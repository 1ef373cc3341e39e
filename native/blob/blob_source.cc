// Opens files on their zones' threads and believes nothing in them before it is checked.
#include "blob/blob_source.h"

#include <utility>

#include "format/segment.h"
#include "hash/crc64.h"

namespace strongroom::blob {

namespace {

bool SameHeader(const aead::SealHeader& a, const aead::SealHeader& b) {
  uint8_t left[aead::kSealHeaderSize], right[aead::kSealHeaderSize];
  aead::EncodeSealHeader(a, left);
  aead::EncodeSealHeader(b, right);
  return memcmp(left, right, sizeof left) == 0;
}

}  // namespace

BlobSource::BlobSource(std::shared_ptr<BlobContext> context, const Name& name,
                       const format::BlobShape& shape, SecretBytes dek,
                       const placement::Placement& placement,
                       std::shared_ptr<const erasure::ReedSolomon> code, CellZones zones)
    : context_(std::move(context)),
      name_(name),
      shape_(shape),
      placement_(placement),
      code_(std::move(code)),
      zones_(std::move(zones)),
      dek_(std::move(dek)),
      key_status_(Code::kUnavailable, "no zone has the blob's preamble") {
  for (size_t i = 0; i < zones_.size(); ++i) sides_.push_back(std::make_unique<Side>());
}

placement::ZoneMask BlobSource::Present() const {
  placement::ZoneMask mask = 0;
  for (size_t i = 0; i < zones_.size(); ++i) {
    if (zones_[i]) mask |= placement::ZoneMask{1} << i;
  }
  return mask;
}

placement::ZoneMask BlobSource::Promising() const {
  placement::ZoneMask mask = 0;
  uint64_t now = 0;
  for (size_t i = 0; i < zones_.size(); ++i) {
    if (!zones_[i] || !zones_[i]->healthy.load() || sides_[i]->bad.load()) continue;
    if (const uint64_t until = sides_[i]->slow_until.load(); until != 0) {
      if (now == 0) now = context_->env->MonotonicNanos();
      if (now < until) continue;
    }
    mask |= placement::ZoneMask{1} << i;
  }
  return mask;
}

void BlobSource::MarkSlow(int position) {
  side(position).slow_until.store(context_->env->MonotonicNanos() + context_->zone_deadline_nanos);
  Report(CellTrouble::Kind::kSlow, position, -1, "no answer in time");
}

Status BlobSource::MarkBad(int position, CellTrouble::Kind kind, Status why) {
  if (!side(position).bad.exchange(true)) Report(kind, position, -1, why.ToString());
  return why;
}

Result<std::shared_ptr<io::File>> BlobSource::OpenFile(int position) {
  {
    MutexLock lock(&mutex_);
    if (side(position).file) return side(position).file;
  }
  MutexLock opening(&side(position).opening);
  {
    MutexLock lock(&mutex_);
    if (side(position).file) return side(position).file;
  }
  const CellZone& zone = *zones_[static_cast<size_t>(position)];
  auto opened = zone.env->Open(BlobPath(zone.path, name_.blob_id, name_.placement), {});
  if (!opened.ok()) {
    const bool missing = opened.status().Is(Code::kNotFound);
    return MarkBad(position, missing ? CellTrouble::Kind::kMissing : CellTrouble::Kind::kFailed,
                   opened.status());
  }
  std::shared_ptr<io::File> file = std::move(*opened);
  TRY(LookAtPreamble(position, file.get()));
  MutexLock lock(&mutex_);
  side(position).file = file;
  return file;
}

// A preamble that is rotten does not condemn the cells behind it: they have checksums and tags of
// their own, and another zone tells the key. A file of another blob is no file of ours.
Status BlobSource::LookAtPreamble(int position, io::File* file) {
  Bytes block(format::kBlobPreambleSize);
  auto size = file->ReadAt(0, block);
  if (!size.ok()) return MarkBad(position, CellTrouble::Kind::kFailed, size.status());
  auto preamble = format::DecodeBlobPreamble(ByteSpan(block).first(*size));
  if (preamble.status().Is(Code::kUnsupportedFormat)) {
    return MarkBad(position, CellTrouble::Kind::kFailed, preamble.status());
  }
  if (!preamble.ok()) {
    Report(CellTrouble::Kind::kRot, position, -1, preamble.status().message());
    MutexLock lock(&mutex_);
    if (!header_) key_status_ = preamble.status();
    return {};
  }
  const aead::SealHeader& header = preamble->header;
  if (header.store_id != name_.store_id || header.blob_id != name_.blob_id ||
      preamble->placement != name_.placement || preamble->k != shape_.k ||
      preamble->m != shape_.m || header.chunk_size != shape_.chunk_size) {
    return MarkBad(position, CellTrouble::Kind::kRot,
                   Status(Code::kCorruption, "the file belongs to another blob"));
  }
  return LearnKey(position, *preamble);
}

Status BlobSource::LearnKey(int position, const format::BlobPreamble& preamble) {
  bool tampered;
  {
    MutexLock lock(&mutex_);
    if (header_) {
      tampered = !SameHeader(*header_, preamble.header);
    } else {
      auto cipher = aead::ChunkCipher::ForOpening(dek_.span(), preamble.header);
      tampered = !cipher.ok();
      if (cipher.ok()) {
        first_ = std::move(*cipher);
        header_ = preamble.header;
        dek_ = SecretBytes();
      }
      key_status_ = cipher.status();
    }
  }
  if (tampered) {
    Report(CellTrouble::Kind::kTampered, position, -1, "the seal header is not the blob's");
  }
  return {};
}

void BlobSource::DropFiles() {
  std::vector<std::shared_ptr<io::File>> files;
  {
    MutexLock lock(&mutex_);
    for (auto& side : sides_) files.push_back(std::move(side->file));
  }
  for (size_t i = 0; i < files.size(); ++i) {
    if (files[i]) zones_[i]->cells->Post([file = std::move(files[i])]() mutable { file.reset(); });
  }
}

bool BlobSource::CheckCell(int position, uint64_t stripe, int cell, ByteSpan with_checksum) {
  const size_t size = with_checksum.size() - format::kCellTrailerSize;
  const uint64_t number = shape_.CellNumber(stripe, cell);
  const uint64_t seed = format::CellCrcSeed(name_.blob_id, name_.placement, number);
  if (hash::Crc64(with_checksum.first(size), seed) ==
      LoadLittle<uint64_t>(with_checksum.data() + size)) {
    return true;
  }
  Report(CellTrouble::Kind::kRot, position, static_cast<int64_t>(number), "checksum wrong");
  return false;
}

void BlobSource::Report(CellTrouble::Kind kind, int position, int64_t cell,
                        std::string what) const {
  if (!context_->on_trouble) return;
  context_->on_trouble({kind, zone(position)->number, name_.blob_id, name_.placement, cell,
                        std::move(what), shape_});
}

void BlobSource::ReportTampered(uint64_t stripe, int cell) const {
  Report(CellTrouble::Kind::kTampered, placement_.zone_of(cell),
         static_cast<int64_t>(shape_.CellNumber(stripe, cell)), "checksum right, tag wrong");
}

std::optional<aead::ChunkCipher> BlobSource::TakeCipher() {
  MutexLock lock(&mutex_);
  if (!first_) return std::nullopt;
  if (ciphers_.empty()) return first_->Clone();
  std::optional<aead::ChunkCipher> cipher = std::move(ciphers_.back());
  ciphers_.pop_back();
  return cipher;
}

void BlobSource::GiveCipher(std::optional<aead::ChunkCipher> cipher) {
  if (!cipher) return;
  MutexLock lock(&mutex_);
  ciphers_.push_back(std::move(*cipher));
}

Status BlobSource::key_status() {
  MutexLock lock(&mutex_);
  return key_status_;
}

}  // namespace strongroom::blob
