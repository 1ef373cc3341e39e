#include "log/log_reader.h"

#include <algorithm>

#include "hash/xxh64.h"

namespace strongroom::log {

using format::kBlock;
using format::OffsetOf;
using format::SegmentOf;

namespace {
constexpr size_t kWindow = 256 * 1024;

}  // namespace

Result<LogEntry> OpenRecord(const RecordSeal& seal, const format::SegmentHeader& segment,
                            uint32_t offset, const format::BatchHeader& header, ByteSpan sealed) {
  if (sealed.size() != header.record_size || hash::Xxh64(sealed) != header.record_checksum) {
    return Status(Code::kNotFound, "the record is torn");
  }
  Bytes aad = format::RecordAad(seal.store_id, segment.id, offset, header.epoch,
                                header.first_sequence);
  TRY_ASSIGN(Bytes opened, aead::XaesOpenBytes(seal.key.span(), aad, sealed));
  LogEntry entry;
  entry.header = header;
  TRY_ASSIGN(entry.record, format::DecodeRecord(std::move(opened)));
  const uint64_t location = format::Location(segment.number, offset);
  entry.position = {header.epoch, entry.record.last_sequence(), location, location + header.size,
                    hash::Sha256(sealed)};
  return entry;
}

bool Follows(const LogEntry& entry, const format::Position& before) {
  return entry.record.head.chain_before == before.chain &&
         entry.record.head.first_sequence == before.sequence + 1 &&
         entry.position.epoch >= before.epoch;
}

LogReader::LogReader(ZoneLog* log, const RecordSeal* seal, format::Position position, Source source)
    : log_(log), seal_(seal), position_(position), source_(source) {}

// At most `size` bytes at `offset`, fewer at the end of the segment. Valid until the next call.
Result<ByteSpan> LogReader::Window(uint32_t segment, uint64_t offset, size_t size) {
  bool inside = segment == window_segment_ && offset >= window_offset_ &&
                offset + size <= window_offset_ + window_size_;
  if (!inside) {
    uint64_t start = offset / kBlock * kBlock;
    size_t wanted = format::RoundUp(std::max(kWindow, size + (offset - start)), kBlock);
    window_segment_ = segment;
    window_offset_ = start;
    window_size_ = 0;
    if (source_ == Source::kDirect) {
      TRY_ASSIGN(window_size_, log_->ReadDirect(segment, start, &window_, wanted));
    } else {
      window_.Resize(wanted);
      TRY_ASSIGN(window_size_, log_->Read(segment, start, window_.span()));
    }
  }
  uint64_t skip = offset - window_offset_;
  if (skip >= window_size_) return ByteSpan();
  return ByteSpan(window_.data() + skip, std::min<size_t>(size, window_size_ - skip));
}

Result<LogEntry> LogReader::Load(uint32_t segment, uint32_t offset) {
  if (header_segment_ != segment || segment == 0) {
    TRY_ASSIGN(header_, log_->Header(segment));
    header_segment_ = segment;
  }
  LogEntry entry;
  TRY_ASSIGN(ByteSpan head, Window(segment, offset, format::kBatchHeaderSize));
  TRY_ASSIGN(entry.header, format::DecodeBatchHeader(head, header_.id, offset));
  const format::BatchHeader& h = entry.header;
  TRY_ASSIGN(ByteSpan sealed, Window(segment, offset + h.record_offset, h.record_size));
  return OpenRecord(*seal_, header_, offset, h, sealed);
}

Result<std::optional<LogEntry>> LogReader::Next() {
  if (position_.location != 0) {
    auto here = Load(SegmentOf(position_.location), OffsetOf(position_.end));
    if (here.ok() && Follows(*here, position_)) {
      position_ = here->position;
      return std::optional<LogEntry>(std::move(*here));
    }
    if (!here.ok() && !IsAbsent(here.status())) return here.status();
  }
  // Those that are known first: a walk over many segments would list them all for each.
  TRY_ASSIGN(auto known, FirstIn(segments_));
  if (known) return known;
  TRY_ASSIGN(segments_, log_->Segments());
  return FirstIn(segments_);
}

// The next record, at the beginning of one of these segments.
Result<std::optional<LogEntry>> LogReader::FirstIn(const std::vector<uint32_t>& segments) {
  uint32_t here = SegmentOf(position_.location);
  for (auto it = std::upper_bound(segments.begin(), segments.end(), here); it != segments.end();
       ++it) {
    auto first = Load(*it, kBlock);
    if (first.ok() && Follows(*first, position_)) {
      position_ = first->position;
      return std::optional<LogEntry>(std::move(*first));
    }
    if (!first.ok() && !IsAbsent(first.status())) return first.status();
  }
  return std::optional<LogEntry>();
}

Result<LogEntry> LogReader::At(uint64_t location) {
  return Load(SegmentOf(location), OffsetOf(location));
}

Status LogReader::CheckBlobs(const LogEntry& entry) {
  uint32_t segment = SegmentOf(entry.position.location);
  uint64_t start = OffsetOf(entry.position.location);
  uint32_t at = format::kBatchHeaderSize;
  while (at < entry.header.record_offset) {
    TRY_ASSIGN(ByteSpan head, Window(segment, start + at, format::kBlobFrameHeaderSize));
    TRY_ASSIGN(format::BlobFrame frame, format::DecodeBlobFrame(head));
    size_t size = format::BlobFrameSize(frame.plaintext_size);
    if (size > entry.header.record_offset - at) {
      return Status(Code::kCorruption, "a blob frame runs over its batch");
    }
    TRY_ASSIGN(ByteSpan whole, Window(segment, start + at, size));
    TRY(format::CheckBlobFrame(whole));
    at += static_cast<uint32_t>(size);
  }
  return {};
}

}  // namespace strongroom::log
