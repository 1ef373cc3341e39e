#include "sim/anatomy.h"

#include <algorithm>

#include "blob/cell_zone.h"
#include "format/blob_file.h"
#include "format/segment.h"
#include "placement/placement.h"

namespace strongroom::sim {

namespace {

constexpr size_t kSlotSize = 4096;
constexpr size_t kSlotHead = 24;
constexpr size_t kSegmentHeaderUsed = 56;
constexpr size_t kPreambleUsed = 128;

bool EndsWith(const std::string& text, const std::string& end) {
  return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

class Dissection {
 public:
  Dissection(const Specimen& specimen, const io::SimDisk& disk) : of_(specimen), disk_(disk) {}

  std::vector<Part> Run() {
    for (size_t zone = 1; zone <= of_.zone_count(); ++zone) {
      for (const auto& file : disk_.Files(Specimen::ZonePath(zone))) {
        path_ = file.path;
        bytes_ = disk_.ReadDurable(path_);
        if (EndsWith(path_, "/superblock")) Superblock();
        if (EndsWith(path_, ".seg")) Segment();
        if (path_.find("/blob/") != std::string::npos) BlobFile(zone - 1);
        if (path_.find("/index/") != std::string::npos) Add(Organ::kIndexFile, 0, bytes_.size());
      }
    }
    return std::move(parts_);
  }

 private:
  void Add(Organ organ, uint64_t begin, uint64_t end) {
    if (begin < end) parts_.push_back({organ, path_, begin, end, 0});
  }

  void Superblock() {
    for (size_t at = 0; at + kSlotHead <= bytes_.size(); at += kSlotSize) {
      uint32_t size = LoadLittle<uint32_t>(&bytes_[at + 12]);
      if (size != 0) Add(Organ::kSlot, at, std::min(at + kSlotHead + size, bytes_.size()));
    }
  }

  void Segment() {
    auto header = format::DecodeSegmentHeader(bytes_);
    if (!header.ok()) return;
    Add(Organ::kSegmentHeader, 0, kSegmentHeaderUsed);
    for (size_t at = format::kBlock; at + format::kBlock <= bytes_.size();) {
      ByteSpan rest = ByteSpan(bytes_).subspan(at);
      auto batch = format::DecodeBatchHeader(rest, header->id, static_cast<uint32_t>(at));
      if (!batch.ok()) break;
      Add(Organ::kBatchHeader, at, at + format::kBatchHeaderSize);
      size_t record = at + batch->record_offset;
      for (size_t frame = at + format::kBatchHeaderSize; frame < record;) frame = Frame(frame);
      Add(Organ::kRecord, record, record + batch->record_size);
      at += batch->size;
    }
  }

  // Where the next one begins.
  size_t Frame(size_t at) {
    auto frame = format::DecodeBlobFrame(ByteSpan(bytes_).subspan(at));
    CHECK(frame.ok()) << "a specimen is whole";
    size_t end = at + format::BlobFrameSize(frame->plaintext_size);
    CHECK(format::ChunkCount(frame->plaintext_size) == 1) << "a specimen's small blobs are";
    Add(Organ::kFrameHead, at, at + format::kBlobFrameHeaderSize);
    Add(Organ::kFrameCell, at + format::kBlobFrameHeaderSize, end);
    return end;
  }

  void BlobFile(size_t zone) {
    auto preamble = format::DecodeBlobPreamble(bytes_);
    CHECK(preamble.ok()) << "a specimen is whole";
    auto is = [&](const Item& item) { return item.blob.id == preamble->header.blob_id; };
    auto item = std::find_if(of_.items().begin(), of_.items().end(), is);
    Add(Organ::kPreamble, 0, kPreambleUsed);
    if (item == of_.items().end()) return;
    format::BlobShape shape{preamble->header.chunk_size, preamble->k, preamble->m, item->blob.size};
    auto placement = placement::Placement::Create(
        {preamble->k, preamble->m}, static_cast<int>(of_.zone_count()), item->blob.id);
    CHECK(placement.ok());
    int position = static_cast<int>(zone);
    format::CellRun run{placement->first_cell(position), placement->cells_in(position)};
    for (uint64_t stripe = 0; stripe < shape.stripes(); ++stripe) {
      for (int cell = run.first; cell < run.first + run.count; ++cell) {
        if ((shape.stored(stripe) >> cell & 1) == 0) continue;
        uint64_t at = shape.CellOffset(run, stripe, cell);
        Add(Organ::kCell, at, at + shape.cell_size(stripe) + format::kCellTrailerSize);
        const uint64_t number = shape.CellNumber(stripe, cell);
        parts_.back().crc_seed = format::CellCrcSeed(item->blob.id, preamble->placement, number);
      }
    }
  }

  const Specimen& of_;
  const io::SimDisk& disk_;
  std::string path_;
  Bytes bytes_;
  std::vector<Part> parts_;
};

}  // namespace

const char* NameOf(Organ organ) {
  switch (organ) {
    case Organ::kSlot:
      return "superblock slot";
    case Organ::kSegmentHeader:
      return "segment header";
    case Organ::kBatchHeader:
      return "batch header";
    case Organ::kFrameHead:
      return "head of a small blob";
    case Organ::kFrameCell:
      return "chunk of a small blob";
    case Organ::kRecord:
      return "record";
    case Organ::kPreamble:
      return "preamble";
    case Organ::kCell:
      return "cell";
    case Organ::kIndexFile:
      return "index file";
  }
  return "?";
}

std::vector<Part> Dissect(const Specimen& specimen, const io::SimDisk& disk) {
  return Dissection(specimen, disk).Run();
}

}  // namespace strongroom::sim
