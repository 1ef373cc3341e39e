// Whole blocks around the frame are read, since whole blocks are written.
#include "repair/frame_verifier.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "repair/asking.h"

namespace strongroom::repair {

namespace {

using format::kBlock;

class FrameWalk {
 public:
  FrameWalk(const FrameOrder& order, const OnFinding& on_finding, Tally* tally)
      : order_(order),
        on_finding_(on_finding),
        tally_(tally),
        segment_(format::SegmentOf(order.location)),
        offset_(format::OffsetOf(order.location)),
        begin_(offset_ / kBlock * kBlock),
        frame_(format::BlobFrameSize(order.size)),
        size_(format::RoundUp(offset_ - begin_ + frame_, kBlock)) {}

  Status Run() {
    TRY(Read());
    std::vector<std::pair<size_t, FindingKind>> wrong;
    std::optional<size_t> right;
    for (size_t i = 0; i < views_.size(); ++i) {
      const auto kind = Judge(*views_[i]);
      if (kind) wrong.emplace_back(i, *kind);
      if (!kind && !right) right = i;
    }
    for (auto [zone, kind] : wrong) Tell(zone, kind, right);
    return {};
  }

 private:
  // The beginning of the segment as well: its header says whose place it is.
  Status Read() {
    std::vector<Question> questions;
    for (const LogZone& zone : order_.zones) {
      auto view = std::make_shared<SegmentView>();
      auto head = std::make_shared<SegmentView>();
      questions.push_back({zone.readers, [log = zone.log, view, head, segment = segment_,
                                          begin = begin_, size = size_] {
                             ReadSegment(*log, segment, 0, kBlock, head.get());
                             ReadSegment(*log, segment, begin, size, view.get());
                             return Status();
                           }});
      views_.push_back(view);
      heads_.push_back(head);
    }
    const auto answers = Ask(order_.env, std::move(questions), order_.patience_nanos);
    for (size_t i = 0; i < answers.size(); ++i) {
      if (answers[i].Is(Code::kClosed)) return answers[i];
      if (!answers[i].ok()) {
        views_[i] = heads_[i] = std::make_shared<SegmentView>();
        views_[i]->status = answers[i];
      }
      tally_->bytes += views_[i]->size;
      tally_->cells += format::ChunkCount(order_.size);
    }
    return {};
  }

  ByteSpan FrameIn(const SegmentView& view) const {
    const ByteSpan from = view.From(static_cast<size_t>(offset_ - begin_));
    return from.first(std::min(from.size(), frame_));
  }

  // Nothing: it is what was sealed.
  std::optional<FindingKind> Judge(const SegmentView& view) const {
    if (!view.status.ok() && !view.status.Is(Code::kNotFound)) return FindingKind::kUnreadable;
    const ByteSpan frame = FrameIn(view);
    if (frame.size() < frame_) return FindingKind::kMissing;
    const Status opened = Open(frame);
    if (opened.ok()) return std::nullopt;
    if (view.holes) return FindingKind::kUnreadable;
    return opened.Is(Code::kTampered) ? FindingKind::kTampered : FindingKind::kRotten;
  }

  Status Open(ByteSpan frame) const {
    TRY_ASSIGN(format::BlobFrame head, format::DecodeBlobFrame(frame));
    if (head.header.blob_id != order_.blob_id || head.plaintext_size != order_.size ||
        head.header.store_id != order_.store_id || head.header.chunk_size != aead::kChunkSize) {
      return Status(Code::kCorruption, "another blob stands there");
    }
    TRY_ASSIGN(auto cipher, aead::ChunkCipher::ForOpening(order_.dek.span(), head.header));
    Bytes plaintext(aead::kChunkSize);
    for (size_t i = 0; i < format::ChunkCount(order_.size); ++i) {
      TRY(format::OpenBlobFrameChunk(head, frame, cipher, i, plaintext.data()));
    }
    return {};
  }

  void Tell(size_t zone, FindingKind kind, std::optional<size_t> right) {
    Status healed(Code::kUnavailable, right ? "not asked to heal" : "no zone has it right");
    if (right && order_.heal) healed = Heal(zone, kind, *right);
    std::string what = "blob " + ToHex(order_.blob_id) + " in " + format::SegmentName(segment_) +
                       " at " + std::to_string(offset_);
    if (order_.heal && !healed.ok()) what += "; not healed: " + healed.message();
    on_finding_({kind, order_.zones[zone].number, healed.ok(), {}, what});
  }

  // The frame is put right; what else is wrong in its blocks is the log's walk to find. Where the
  // zone has no blocks of its own, those of the zone that is right.
  Status Heal(size_t zone, FindingKind kind, size_t right) const {
    auto header = format::DecodeSegmentHeader(heads_[right]->From(0));
    if (!header.ok()) return header.status();
    const SegmentView& source = *views_[right];
    if (source.size < size_ || source.holes)
      return Status(Code::kUnavailable, "blocks are missing");
    auto patch = std::make_shared<SegmentPatch>();
    patch->segment = *header;
    patch->offset = begin_;
    patch->bytes.Resize(size_);
    memcpy(patch->bytes.data(), source.bytes.data(), size_);
    patch->wrong_from = static_cast<size_t>(offset_ - begin_);
    patch->wrong_size = frame_;
    patch->found = NameOf(kind);
    return AskOne(
        order_.env, order_.zones[zone].log_thread,
        [target = order_.zones[zone], patch] { return PatchSegment(target, *patch); },
        order_.patience_nanos);
  }

  const FrameOrder& order_;
  const OnFinding& on_finding_;
  Tally* const tally_;
  const uint32_t segment_, offset_;
  const uint64_t begin_;
  const size_t frame_, size_;
  std::vector<std::shared_ptr<SegmentView>> views_, heads_;
};

}  // namespace

Status VerifyFrame(const FrameOrder& order, const OnFinding& on_finding, Tally* tally) {
  return FrameWalk(order, on_finding, tally).Run();
}

}  // namespace strongroom::repair
