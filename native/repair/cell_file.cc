// Whole blocks are read in one call; only when the disk refuses them is each cell asked for by
// itself, so that one bad sector costs one cell.
#include "repair/cell_file.h"

#include <algorithm>

#include "erasure/reed_solomon.h"
#include "format/segment.h"
#include "hash/crc64.h"

namespace strongroom::repair {

namespace {

constexpr uint64_t kReadAtOnce = 1u << 20;

constexpr CellMask Bit(int cell) { return CellMask{1} << cell; }
constexpr uint64_t BlockOf(uint64_t offset) { return offset / format::kBlock * format::kBlock; }

bool AllZero(ByteSpan bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](uint8_t b) { return b == 0; });
}

Status Wrong(const std::string& path, const char* what) {
  return Status(Code::kCorruption, path + ": " + what);
}

}  // namespace

CellFile::CellFile(const BlobAtRest& blob, const format::CellRun& run, io::Env* env,
                   std::string path)
    : blob_(blob), run_(run), env_(env), path_(std::move(path)) {}

uint64_t CellFile::StripesAtOnce(const BlobAtRest& blob) {
  const uint64_t stripe = static_cast<uint64_t>(blob.shape.k + blob.shape.m) *
                          (blob.shape.chunk_size + aead::kTagSize + format::kCellTrailerSize);
  return std::max<uint64_t>(1, kReadAtOnce / stripe);
}

Status CellFile::Open() {
  TRY_ASSIGN(file_, env_->Open(path_, {io::OpenMode::kRead, /*direct=*/true}));
  TRY(LookAtPreamble());
  TRY_ASSIGN(io::FileInfo info, file_->Info());
  const uint64_t size = blob_.shape.FileSize(run_);
  if (info.size < size) return Wrong(path_, "cut short");
  if (info.size > size) return Wrong(path_, "longer than its blob");
  // What fills up the last block is read by nobody, and still not what was written.
  const uint64_t end = CellEnd(blob_.shape.stripes() - 1, run_.first + run_.count - 1);
  AlignedBytes last(static_cast<size_t>(size - BlockOf(end)));
  if (last.size() == 0) return {};
  TRY_ASSIGN(size_t got, ReadInOpen(BlockOf(end), size, last.data()));
  if (got < last.size()) return Wrong(path_, "cut short");
  return AllZero(last.span().subspan(end % format::kBlock)) ? Status()
                                                            : Wrong(path_, "bytes behind its end");
}

Status CellFile::LookAtPreamble() {
  AlignedBytes block(format::kBlobPreambleSize);
  TRY_ASSIGN(size_t got, ReadInOpen(0, format::kBlobPreambleSize, block.data()));
  auto decoded = format::DecodeBlobPreamble(ByteSpan(block.span()).first(got));
  if (!decoded.ok()) return decoded.status().With(path_);
  const aead::SealHeader& header = decoded->header;
  if (header.store_id != blob_.store_id || header.blob_id != blob_.blob_id ||
      decoded->placement != blob_.placement || decoded->k != blob_.shape.k ||
      decoded->m != blob_.shape.m || header.chunk_size != blob_.shape.chunk_size) {
    return Wrong(path_, "belongs to another blob");
  }
  preamble_ = *decoded;
  const Bytes whole = format::EncodeBlobPreamble(*decoded);
  const bool same = got == whole.size() && memcmp(whole.data(), block.data(), got) == 0;
  return same ? Status() : Wrong(path_, "bytes behind its preamble");
}

uint64_t CellFile::CellEnd(uint64_t stripe, int cell) const {
  return blob_.shape.CellOffset(run_, stripe, cell + 1);
}

// Less than asked for where the file ends.
Result<size_t> CellFile::ReadBlocks(uint64_t offset, uint64_t end, uint8_t* out) const {
  return file_->ReadAt(offset, {out, static_cast<size_t>(end - offset)});
}

Result<size_t> CellFile::ReadInOpen(uint64_t offset, uint64_t end, uint8_t* out) {
  TRY_ASSIGN(size_t got, ReadBlocks(offset, end, out));
  bytes_read_ += got;
  return got;
}

template <typename Visit>
void CellFile::EachCell(const Haul& haul, Visit visit) const {
  for (size_t i = 0; i < haul.stripes.size(); ++i) {
    const uint64_t number = haul.first + i;
    const CellMask stored = blob_.shape.stored(number);
    for (int cell = run_.first; cell < run_.first + run_.count; ++cell) {
      if (stored & Bit(cell)) visit(i, number, cell);
    }
  }
}

std::shared_ptr<Haul> CellFile::Read(uint64_t first, uint64_t count) const {
  auto haul = std::make_shared<Haul>();
  haul->first = first;
  haul->stripes.resize(static_cast<size_t>(count));
  if (!file_) return haul;
  const uint64_t base = BlockOf(blob_.shape.CellOffset(run_, first, run_.first));
  const uint64_t end = CellEnd(first + count - 1, run_.first + run_.count - 1);
  haul->memory.Resize(static_cast<size_t>(format::RoundUp(end - base, format::kBlock)));
  auto got = ReadBlocks(base, base + haul->memory.size(), haul->memory.data());
  if (got.ok()) {
    haul->bytes += *got;
    Judge(haul.get(), base, *got);
  } else {
    haul->unread = got.status();
    ReadCells(haul.get(), base);
  }
  return haul;
}

void CellFile::Judge(Haul* haul, uint64_t base, uint64_t have) const {
  EachCell(*haul, [&](size_t i, uint64_t number, int cell) {
    if (CellEnd(number, cell) - base > have) return;
    const uint64_t at = blob_.shape.CellOffset(run_, number, cell) - base;
    JudgeCell(&haul->stripes[i], number, cell, haul->memory.data() + at);
  });
}

void CellFile::JudgeCell(Haul::Stripe* stripe, uint64_t number, int cell,
                         const uint8_t* bytes) const {
  const size_t size = blob_.shape.cell_size(number);
  const uint64_t seed =
      format::CellCrcSeed(blob_.blob_id, blob_.placement, blob_.shape.CellNumber(number, cell));
  if (hash::Crc64({bytes, size}, seed) == LoadLittle<uint64_t>(bytes + size)) {
    stripe->sound |= Bit(cell);
    stripe->cells[cell] = bytes;
  } else {
    stripe->rotten |= Bit(cell);
  }
}

// The blocks of two cells overlap, and a read that fails leaves anything: each cell is read beside
// the others and moved to its place only when it was had.
void CellFile::ReadCells(Haul* haul, uint64_t base) const {
  AlignedBytes blocks;
  EachCell(*haul, [&](size_t i, uint64_t number, int cell) {
    const uint64_t at = blob_.shape.CellOffset(run_, number, cell);
    const uint64_t end = CellEnd(number, cell), from = BlockOf(at);
    blocks.Resize(static_cast<size_t>(format::RoundUp(end, format::kBlock) - from));
    auto got = ReadBlocks(from, from + blocks.size(), blocks.data());
    if (!got.ok()) {
      haul->unread = got.status();
      return;
    }
    haul->bytes += *got;
    if (from + *got < end) return;
    uint8_t* place = haul->memory.data() + (at - base);
    memcpy(place, blocks.data() + (at - from), static_cast<size_t>(end - at));
    JudgeCell(&haul->stripes[i], number, cell, place);
  });
}

}  // namespace strongroom::repair
