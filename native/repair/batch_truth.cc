// Part by part: header and record first, then each frame from a copy that checks.
#include "repair/batch_truth.h"

#include <algorithm>
#include <utility>

namespace strongroom::repair {

namespace {

ByteSpan Part(ByteSpan copy, size_t at, size_t size) {
  return copy.size() < at || copy.size() - at < size ? ByteSpan() : copy.subspan(at, size);
}

bool Same(ByteSpan a, ByteSpan b) {
  return a.size() == b.size() && (a.empty() || memcmp(a.data(), b.data(), a.size()) == 0);
}

bool AllZero(ByteSpan bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](uint8_t b) { return b == 0; });
}

}  // namespace

size_t BatchTruth::SizeIn(const Copies& copies, const format::SegmentHeader& segment,
                          uint32_t offset) {
  size_t size = 0;
  for (ByteSpan copy : copies) {
    auto header = format::DecodeBatchHeader(copy, segment.id, offset);
    if (header.ok()) size = std::max<size_t>(size, header->size);
  }
  return size;
}

Result<BatchTruth> BatchTruth::Find(const log::RecordSeal& seal,
                                    const format::SegmentHeader& segment, uint32_t offset,
                                    const Copies& copies, const format::Position& before) {
  for (ByteSpan has_header : copies) {
    auto header = format::DecodeBatchHeader(has_header, segment.id, offset);
    if (!header.ok()) continue;
    BatchTruth truth;
    bool found = false;
    for (ByteSpan copy : copies) {
      ByteSpan sealed = Part(copy, header->record_offset, header->record_size);
      // Equal copies are opened once.
      if (found &&
          Same(sealed,
               ByteSpan(truth.bytes_).subspan(header->record_offset, header->record_size))) {
        truth.records_.push_back(Status());
        continue;
      }
      auto entry = log::OpenRecord(seal, segment, offset, *header, sealed);
      const bool follows = entry.ok() && log::Follows(*entry, before);
      truth.records_.push_back(entry.ok() && !follows ? Status(Code::kRolledBack, "another record")
                                                      : entry.status());
      if (!follows || found) continue;
      found = true;
      truth.entry_ = std::move(*entry);
      truth.bytes_.assign(header->size, 0);
      format::EncodeBatchHeader(*header, truth.bytes_.data());
      std::copy(sealed.begin(), sealed.end(), truth.bytes_.begin() + header->record_offset);
    }
    if (!found) continue;
    truth.copies_ = copies;
    truth.contradicts_.resize(copies.size());
    truth.AddFrames(copies);
    return truth;
  }
  return Status(Code::kNotFound, "no zone has a record there that follows");
}

void BatchTruth::AddFrames(const Copies& copies) {
  const size_t end = entry_.header.record_offset;
  size_t at = format::kBatchHeaderSize;
  while (at < end) {
    const size_t size = AddFrame(copies, at);
    if (size == 0) {
      // No copy tells how long the frame is: neither it nor those behind it can be found.
      unknown_.push_back({at, end});
      lost_ = true;
      return;
    }
    at += size;
  }
}

// Returns the frame's size, 0 when no copy has a sound head.
size_t BatchTruth::AddFrame(const Copies& copies, size_t at) {
  const size_t left = entry_.header.record_offset - at;
  size_t size = 0, chosen_votes = 0;
  ByteSpan chosen;
  bool differ = false;
  std::vector<ByteSpan> sound(copies.size());
  for (size_t i = 0; i < copies.size(); ++i) {
    auto head = format::DecodeBlobFrame(Part(copies[i], at, format::kBlobFrameHeaderSize));
    if (!head.ok()) continue;
    const size_t claimed = format::BlobFrameSize(head->plaintext_size);
    if (claimed > left) continue;
    size = size == 0 ? claimed : size;
    const ByteSpan frame = Part(copies[i], at, claimed);
    // Equal copies are checked once.
    const auto same =
        std::find_if(sound.begin(), sound.begin() + static_cast<long>(i),
                     [&](ByteSpan other) { return !other.empty() && Same(other, frame); });
    if (same == sound.begin() + static_cast<long>(i) && !format::CheckBlobFrame(frame).ok())
      continue;
    sound[i] = frame;
    const auto votes = static_cast<size_t>(std::count_if(
        sound.begin(), sound.end(), [&](ByteSpan other) { return Same(other, frame); }));
    differ |= !chosen.empty() && !Same(chosen, frame);
    if (votes > chosen_votes)
      std::tie(chosen, chosen_votes, size) = std::tuple(frame, votes, claimed);
  }
  if (chosen.empty()) {
    if (size != 0) unknown_.push_back({at, at + size});
    lost_ |= size != 0;
    return size;
  }
  cells_ += format::ChunkCount((*format::DecodeBlobFrame(chosen)).plaintext_size);
  std::copy(chosen.begin(), chosen.end(), bytes_.begin() + static_cast<long>(at));
  if (differ) {
    unknown_.push_back({at, at + size});
    for (size_t i = 0; i < copies.size(); ++i) {
      // The odd one out, or each of them where there is none.
      if (!sound[i].empty() && (chosen_votes == 1 || !Same(sound[i], chosen))) {
        contradicts_[i] = true;
      }
    }
  }
  return size;
}

bool BatchTruth::Differs(ByteSpan copy) const {
  if (copy.size() < bytes_.size()) return true;
  size_t at = 0;
  for (const Range& range : unknown_) {
    if (memcmp(copy.data() + at, bytes_.data() + at, range.begin - at) != 0) return true;
    at = range.end;
  }
  return memcmp(copy.data() + at, bytes_.data() + at, bytes_.size() - at) != 0;
}

std::optional<FindingKind> BatchTruth::Judge(size_t zone) const {
  const ByteSpan copy = copies_[zone].first(std::min(copies_[zone].size(), bytes_.size()));
  if (contradicts_[zone]) return FindingKind::kTampered;
  if (copy.size() == bytes_.size()) {
    for (const Range& range : unknown_) {
      if (!format::CheckBlobFrame(copy.subspan(range.begin, range.end - range.begin)).ok()) {
        return FindingKind::kRotten;
      }
    }
  }
  if (!Differs(copy)) return std::nullopt;
  if (copy.size() < bytes_.size() || AllZero(copy)) return FindingKind::kMissing;
  if (records_[zone].Is(Code::kTampered)) return FindingKind::kTampered;
  if (records_[zone].Is(Code::kRolledBack)) return FindingKind::kStale;
  return FindingKind::kRotten;
}

}  // namespace strongroom::repair
