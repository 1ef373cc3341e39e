// LogReader: walks the records of one zone's log in the order of the chain.
//
// A batch is the next one when it stands where the last one ended, or first in a later segment,
// opens under the record key, and names the hash of the last sealed record. Whatever does not link
// is neither truth nor rot here: recovery (recovery.h) decides what it is.
#pragma once

#include <optional>

#include "format/record.h"
#include "log/zone_log.h"

namespace strongroom::log {

// Opens and makes records. Shared by all zones of a store.
struct RecordSeal {
  aead::Id store_id{};
  uint32_t generation = 0;
  SecretBytes key;
  RecordSeal Clone() const { return {store_id, generation, key.Clone()}; }
};

struct LogEntry {
  format::Position position;
  format::BatchHeader header;
  format::Record record;
};

// Opens the sealed record of a batch that stands at `offset` of the segment. kNotFound: its
// checksum is wrong. kTampered: that is right and the tag is wrong.
Result<LogEntry> OpenRecord(const RecordSeal& seal, const format::SegmentHeader& segment,
                            uint32_t offset, const format::BatchHeader& header, ByteSpan sealed);
// Whether it is the record that follows `before`.
bool Follows(const LogEntry& entry, const format::Position& before);

class LogReader {
 public:
  enum class Source { kCached, kDirect };  // kDirect: past the page cache, as recovery must.
  // Walks from after `position` (the default one: from the first record).
  LogReader(ZoneLog* log, const RecordSeal* seal, format::Position position, Source source);

  // The next record, or nothing at the end of what links. kTampered when a record's checksum is
  // right and its tag wrong.
  Result<std::optional<LogEntry>> Next();
  const format::Position& position() const { return position_; }
  // The record at `location`, whatever comes before it. kNotFound when there is no sound one.
  Result<LogEntry> At(uint64_t location);
  // Checks the cells of a batch without a key. kCorruption: torn or rotten.
  Status CheckBlobs(const LogEntry& entry);

 private:
  Result<ByteSpan> Window(uint32_t segment, uint64_t offset, size_t size);
  Result<LogEntry> Load(uint32_t segment, uint32_t offset);
  Result<std::optional<LogEntry>> FirstIn(const std::vector<uint32_t>& segments);

  ZoneLog* const log_;
  const RecordSeal* const seal_;
  format::Position position_;
  const Source source_;
  std::vector<uint32_t> segments_;  // As last listed, ascending.
  AlignedBytes window_;
  uint32_t window_segment_ = 0;
  uint64_t window_offset_ = 0;
  size_t window_size_ = 0;
  uint32_t header_segment_ = 0;
  format::SegmentHeader header_;
};

}  // namespace strongroom::log
