// BatchTruth: what one batch of the log must be, put together from the zones' copies of it. Pure.
//
//   batch = header ‖ blob frame* ‖ sealed record ‖ zeros
//
// The record is proven by its seal and by the chain. A blob frame is only checked: two copies that
// differ under right checksums are tampering, and without the blob's key nobody can say whose, so
// that part is unknown and nothing is healed with it. One rotten copy here and another there do not
// matter as long as each part is sound somewhere.
#pragma once

#include <optional>
#include <vector>

#include "log/log_reader.h"
#include "repair/finding.h"

namespace strongroom::repair {

class BatchTruth {
 public:
  // From where the batch stands on, by zone; a copy may be shorter than the batch, or empty.
  using Copies = std::vector<ByteSpan>;

  // The longest batch that any copy's header tells of; 0: none has a sound one. So much of each
  // copy is needed below.
  static size_t SizeIn(const Copies& copies, const format::SegmentHeader& segment, uint32_t offset);

  // The record that stands there and follows `before`, from whichever copies. kNotFound.
  static Result<BatchTruth> Find(const log::RecordSeal& seal, const format::SegmentHeader& segment,
                                 uint32_t offset, const Copies& copies,
                                 const format::Position& before);

  const log::LogEntry& entry() const { return entry_; }
  size_t size() const { return bytes_.size(); }
  size_t cells() const { return cells_; }
  ByteSpan bytes() const { return bytes_; }
  // Every part is known: `bytes` may be written.
  bool known() const { return unknown_.empty(); }
  // What is wrong with the copy of one zone; nothing: it is the truth as far as that is known.
  std::optional<FindingKind> Judge(size_t zone) const;
  // Parts that no zone has sound.
  bool lost() const { return lost_; }

 private:
  struct Range {
    size_t begin = 0, end = 0;
  };
  void AddFrames(const Copies& copies);
  size_t AddFrame(const Copies& copies, size_t at);
  bool Differs(ByteSpan copy) const;

  log::LogEntry entry_;
  Bytes bytes_;
  std::vector<ByteSpan> copies_;
  std::vector<Status> records_;  // What each copy's own record is, under the true header.
  std::vector<bool> contradicts_;
  std::vector<Range> unknown_;
  size_t cells_ = 0;
  bool lost_ = false;
};

}  // namespace strongroom::repair
