// A zone's log that holds what we never write, or that somebody changed: the walk ends, and what it
// gives out was sealed, in its order.
#include "base/testing_fuzz.h"
#include "format/format_testing.h"
#include "hash/xxh64.h"
#include "io/held_testing.h"
#include "log/log_reader.h"

namespace strongroom::log {
namespace {

using format::kBatchHeaderSize;
using format::kBlock;
using testing::FuzzRecipe;

constexpr int kStepsMax = 8;
constexpr size_t kPayloadMax = 2000;
const char kZone[] = "/zone";

const RecordSeal& TheSeal() {
  static const RecordSeal seal{format::kExampleStore, 1,
                               SecretBytes(ByteSpan(format::kExampleRecordKey))};
  return seal;
}

enum Step : uint8_t { kCommit, kRecord, kSegment, kFlip, kCut, kHeader, kKinds };

// Writes the log that a recipe asks for, remembering every record that it sealed.
//
//   recipe = (step u8 ‖ what it needs)*
//   commit      transactions u8 ‖ frame (field)
//   record      link u8 ‖ record (field)      whatever it says, rightly sealed
//   segment     epoch u8
//   flip        segment u8 ‖ at u16 ‖ mask u8
//   cut         segment u8 ‖ at u16
//   header      segment u8 ‖ batch u8 ‖ at u8 ‖ value u8      of a batch, checksum mended
class LogWriter {
 public:
  explicit LogWriter(io::HeldEnv* env) : env_(env) { Segment(1); }

  void Run(FuzzRecipe* recipe) {
    for (int steps = 0; steps < kStepsMax && !recipe->ended(); ++steps) {
      switch (recipe->U8() % kKinds) {
        case kCommit:
          Commit(recipe);
          break;
        case kRecord:
          Record(recipe);
          break;
        case kSegment:
          Segment(1 + recipe->U8() % 4);
          break;
        case kFlip:
          Flip(recipe);
          break;
        case kCut:
          Cut(recipe);
          break;
        case kHeader:
          Header(recipe);
          break;
        default:
          break;
      }
    }
  }
  const std::vector<Bytes>& sealed() const { return sealed_; }
  uint32_t segments() const { return segment_; }

 private:
  Bytes& File(uint32_t number) {
    return env_->At(std::string(kZone) + "/log/" + format::SegmentName(number));
  }
  Bytes& Any(FuzzRecipe* recipe) { return File(1 + recipe->U8() % segment_); }

  void Segment(uint64_t epoch) {
    ++segment_;
    epoch_ = std::max(epoch_, epoch);
    format::SegmentHeader header{segment_, format::Counting<16>(static_cast<uint8_t>(segment_)),
                                 epoch_, 1};
    File(segment_) = format::EncodeSegmentHeader(header);
    id_ = header.id;
  }

  format::RecordHead Head() const {
    return {format::RecordKind::kCommit, epoch_, sequence_ + 1, chain_, 0, 0, {}};
  }

  void Commit(FuzzRecipe* recipe) {
    const size_t count = recipe->U8() % 4;
    const ByteSpan frame = recipe->Field();
    format::TransactionBytes effects{{{'k'}, Bytes(20)}, {{'d'}, std::nullopt}};
    Append(format::EncodeCommit(Head(), std::vector(count, effects)), frame);
    sequence_ += count;
  }

  void Record(FuzzRecipe* recipe) {
    const bool link = recipe->U8() & 1;
    const ByteSpan said = recipe->Field();
    Bytes record(said.begin(), said.end());
    if (link && record.size() >= format::kRecordHeadSize) {
      Bytes head;
      format::EncodeRecordHead(Head(), &head);
      std::copy(head.begin() + 1, head.end(), record.begin() + 1);
    }
    Append(record, {});
    auto decoded = format::DecodeRecord(record);
    if (decoded.ok()) sequence_ = decoded->last_sequence();
  }

  void Append(ByteSpan record, ByteSpan frame) {
    Bytes& file = File(segment_);
    if (file.size() % kBlock != 0) return;  // Cut meanwhile.
    frame = frame.first(std::min(frame.size(), kPayloadMax));
    const uint32_t offset = static_cast<uint32_t>(file.size());
    Bytes aad = format::RecordAad(TheSeal().store_id, id_, offset, epoch_, sequence_ + 1);
    Bytes sealed = aead::XaesSeal(TheSeal().key.span(), format::Counting<24>(0), aad, record);
    format::BatchHeader header;
    header.segment_id = id_;
    header.offset = offset;
    header.record_offset = static_cast<uint32_t>(kBatchHeaderSize + frame.size());
    header.record_size = static_cast<uint32_t>(sealed.size());
    header.size =
        static_cast<uint32_t>(format::RoundUp(header.record_offset + sealed.size(), kBlock));
    header.epoch = epoch_;
    header.first_sequence = sequence_ + 1;
    header.record_generation = 1;
    header.record_checksum = hash::Xxh64(sealed);
    file.resize(offset + header.size);
    format::EncodeBatchHeader(header, &file[offset]);
    std::copy(frame.begin(), frame.end(), &file[offset + kBatchHeaderSize]);
    std::copy(sealed.begin(), sealed.end(), &file[offset + header.record_offset]);
    chain_ = hash::Sha256(sealed);
    sealed_.emplace_back(record.begin(), record.end());
  }

  void Flip(FuzzRecipe* recipe) {
    Bytes& file = Any(recipe);
    const size_t at = recipe->U16();
    const uint8_t mask = recipe->U8();
    if (at < file.size()) file[at] ^= mask;
  }
  void Cut(FuzzRecipe* recipe) {
    Bytes& file = Any(recipe);
    file.resize(std::min<size_t>(file.size(), recipe->U16()));
  }
  void Header(FuzzRecipe* recipe) {
    Bytes& file = Any(recipe);
    const size_t from = kBlock * (1 + recipe->U8() % 4), at = recipe->U8() % (kBatchHeaderSize - 8);
    const uint8_t value = recipe->U8();
    if (from + kBatchHeaderSize > file.size()) return;
    file[from + at] = value;
    StoreLittle(&file[from + 72], hash::Xxh64(ByteSpan(file).subspan(from, 72)));
  }

  io::HeldEnv* const env_;
  uint32_t segment_ = 0;
  aead::Id id_{};
  uint64_t epoch_ = 0, sequence_ = 0;
  hash::Sha256Digest chain_{};
  std::vector<Bytes> sealed_;
};

std::vector<Bytes> Logs() {
  Bytes commits{kCommit, 2, 0, 0, kCommit, 1, 3, 0, 1, 2, 3, kSegment, 0, kCommit, 3, 0, 0};
  Bytes said = format::ExampleCommit();
  Bytes record{kRecord, 1};
  ByteWriter w(&record);
  w.U16(static_cast<uint16_t>(said.size()));
  w.Raw(said);
  aead::SealHeader header;
  auto cipher = aead::ChunkCipher::ForSealing(format::kExampleDek, &header);
  Bytes frame(format::BlobFrameSize(10)), framed{kCommit, 1};
  format::SealBlobFrame(header, cipher, Bytes(10), frame.data());
  ByteWriter f(&framed);
  f.U16(static_cast<uint16_t>(frame.size()));
  f.Raw(frame);
  Bytes flipped = commits;
  flipped.insert(flipped.end(), {kFlip, 0, 0, 16, 1, kCut, 1, 1, 17, kHeader, 0, 0, 24, 7});
  return {commits, record, framed, flipped};
}

void Walk(ZoneLog* log, LogReader::Source source, const LogWriter& writer) {
  LogReader reader(log, &TheSeal(), {}, source);
  size_t next = 0;
  for (uint64_t before = 0;;) {
    auto entry = reader.Next();
    if (!entry.ok() || !*entry) return;
    const LogEntry& found = **entry;
    EXPECT(found.position.location > before && found.position.end > found.position.location);
    before = found.position.location;
    // A record that was sealed, behind the one before.
    auto at = std::find(writer.sealed().begin() + static_cast<ptrdiff_t>(next),
                        writer.sealed().end(), found.record.bytes);
    EXPECT(at != writer.sealed().end());
    next = static_cast<size_t>(at - writer.sealed().begin()) + 1;
    (void)reader.CheckBlobs(found);
    EXPECT(reader.position() == found.position);
    EXPECT_OK(reader.At(before));
  }
}

}  // namespace

FUZZ(LogReader, Logs) {
  FuzzRecipe recipe(input);
  io::HeldEnv env;
  LogWriter writer(&env);
  writer.Run(&recipe);
  ZoneLog log(&env, kZone);
  Walk(&log, LogReader::Source::kCached, writer);
  Walk(&log, LogReader::Source::kDirect, writer);
  // Where a row of a hostile index says that a frame lies.
  LogReader anywhere(&log, &TheSeal(), {}, LogReader::Source::kCached);
  for (uint32_t segment = 1; segment <= writer.segments(); ++segment) {
    for (uint64_t at : {uint64_t{0}, uint64_t{kBlock + 1}, uint64_t{0xffffffff}}) {
      EXPECT(!anywhere.At(format::Location(segment, static_cast<uint32_t>(at))).ok());
    }
  }
}

}  // namespace strongroom::log
