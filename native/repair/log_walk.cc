#include "repair/log_walk.h"

#include "repair/asking.h"

namespace strongroom::repair {

LogWalk::LogWalk(io::Env* env, std::shared_ptr<const log::RecordSeal> seal,
                 std::vector<LogSource> zones, uint64_t deadline_nanos,
                 const format::Position& from)
    : env_(env),
      seal_(std::move(seal)),
      zones_(std::move(zones)),
      deadline_nanos_(deadline_nanos),
      position_(from) {}

Result<std::optional<log::LogEntry>> LogWalk::Next() {
  Status failure;
  // Each zone is asked once for each record, from the one that answered last on.
  for (size_t tried = 0; tried < zones_.size(); ++tried) {
    const LogSource& source = zones_[zone_];
    if (!reader_) {
      reader_ = std::make_shared<log::LogReader>(source.log.get(), seal_.get(), position_,
                                                 log::LogReader::Source::kCached);
    }
    auto found = std::make_shared<std::optional<log::LogEntry>>();
    // What a stuck thread still touches goes with it.
    auto read = [found, reader = reader_, log = source.log, seal = seal_]() -> Status {
      TRY_ASSIGN(*found, reader->Next());
      return {};
    };
    Status status = AskOne(env_, source.threads, read, deadline_nanos_);
    if (status.ok() && *found) {
      position_ = (*found)->position;
      return std::move(*found);
    }
    if (!status.ok()) failure = status;
    reader_ = nullptr;
    zone_ = (zone_ + 1) % zones_.size();
  }
  if (!failure.ok()) return failure;
  return std::optional<log::LogEntry>();
}

std::vector<WalkedFrames> LogWalk::Frames(const log::LogEntry& entry) {
  const size_t size = entry.header.record_offset - format::kBatchHeaderSize;
  const uint32_t segment = format::SegmentOf(entry.position.location);
  const uint64_t offset = format::OffsetOf(entry.position.location) + format::kBatchHeaderSize;
  std::vector<std::shared_ptr<Bytes>> read;
  std::vector<Question> questions;
  for (const LogSource& source : zones_) {
    read.push_back(std::make_shared<Bytes>(size));
    questions.push_back({source.threads, [log = source.log, out = read.back(), segment, offset] {
                           auto got = log->Read(segment, offset, *out);
                           if (got.ok()) out->resize(*got);
                           return got.status();
                         }});
  }
  auto answers = Ask(env_, std::move(questions), deadline_nanos_);
  std::vector<WalkedFrames> out;
  for (size_t i = 0; i < zones_.size(); ++i) {
    out.push_back({zones_[i].number, answers[i], {}});
    if (answers[i].ok()) out.back().bytes = std::move(*read[i]);
  }
  return out;
}

Result<ByteSpan> AgreedFrame(const std::vector<WalkedFrames>& copies, size_t at,
                             const format::BlobReference& blob, std::vector<FrameTrouble>* found) {
  const size_t size = format::BlobFrameSize(blob.size);
  std::optional<ByteSpan> agreed;
  for (const WalkedFrames& copy : copies) {
    if (!copy.status.ok() && !log::IsAbsent(copy.status)) {
      // It may hold the only good one: nothing is decided without it.
      return copy.status.With("zone " + std::to_string(copy.zone));
    }
    Status sound(Code::kCorruption, "the frame is not there");
    ByteSpan frame;
    if (at <= copy.bytes.size() && size <= copy.bytes.size() - at) {
      frame = ByteSpan(copy.bytes).subspan(at, size);
      sound = format::CheckBlobFrame(frame);
      auto head = format::DecodeBlobFrame(frame);
      bool named =
          head.ok() && head->header.blob_id == blob.id && head->plaintext_size == blob.size;
      if (sound.ok() && !named) sound = Status(Code::kCorruption, "another blob stands there");
    }
    if (!sound.ok()) {
      found->push_back({copy.zone, sound});
      continue;
    }
    if (agreed && !std::equal(agreed->begin(), agreed->end(), frame.begin(), frame.end())) {
      Status forged(Code::kTampered, "the zones hold different frames of blob " + ToHex(blob.id) +
                                         ", all with right checksums");
      found->push_back({copy.zone, forged});
      return forged;
    }
    agreed = frame;
  }
  if (!agreed) return Status(Code::kCorruption, "no zone holds a sound frame of a live row");
  return *agreed;
}

}  // namespace strongroom::repair
