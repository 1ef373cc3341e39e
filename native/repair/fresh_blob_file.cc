#include "repair/fresh_blob_file.h"

#include <utility>

#include "base/aligned.h"
#include "format/segment.h"
#include "hash/crc64.h"
#include "repair/asking.h"

namespace strongroom::repair {

namespace {
constexpr size_t kWriteAtOnce = 1u << 20;
}  // namespace

FreshBlobFile::FreshBlobFile(blob::BlobContext* context, const blob::CellZone& zone,
                             const BlobAtRest& blob, uint64_t size, const std::string& suffix)
    : context_(context),
      threads_(zone.cells),
      blob_id_(blob.blob_id),
      placement_(blob.placement),
      size_(size),
      file_(std::make_shared<blob::ZoneFile>(zone, blob.blob_id, blob.placement, size, suffix)) {
  image_.reserve(kWriteAtOnce + aead::kSealedChunkSize + format::kBlock);
  image_.resize(format::kBlobPreambleSize);
}

Status FreshBlobFile::Add(ByteSpan bytes) {
  image_.insert(image_.end(), bytes.begin(), bytes.end());
  return image_.size() >= kWriteAtOnce ? Flush() : Status();
}

Status FreshBlobFile::AddCell(ByteSpan cell, uint64_t number) {
  const uint64_t seed = format::CellCrcSeed(blob_id_, placement_, number);
  uint8_t checksum[format::kCellTrailerSize];
  StoreLittle<uint64_t>(checksum, hash::Crc64(cell, seed));
  TRY(Add(cell));
  return Add(checksum);
}

Status FreshBlobFile::Finish(const format::BlobPreamble& preamble) {
  image_.resize(format::RoundUp(image_.size(), format::kBlock));
  TRY(Flush());
  const Bytes block = format::EncodeBlobPreamble(preamble);
  TRY(Write(0, block));
  return AskZone([file = file_, size = size_] { return file->Finish(size); });
}

void FreshBlobFile::Remove(const Status& why) {
  file_->Doom();
  const auto remove = [file = file_] {
    file->Remove();
    return Status();
  };
  if (why.Is(Code::kTimedOut)) {
    threads_->Post(remove);
  } else {
    (void)AskZone(remove);
  }
}

Status FreshBlobFile::Flush() {
  const size_t whole = image_.size() / format::kBlock * format::kBlock;
  if (whole == 0) return {};
  TRY(Write(std::exchange(written_, written_ + whole), ByteSpan(image_).first(whole)));
  image_.erase(image_.begin(), image_.begin() + static_cast<long>(whole));
  return {};
}

// A copy: a thread that is stuck in the write keeps it.
Status FreshBlobFile::Write(uint64_t offset, ByteSpan bytes) {
  auto blocks = std::make_shared<AlignedBytes>(bytes.size());
  memcpy(blocks->data(), bytes.data(), bytes.size());
  return AskZone([file = file_, blocks, offset] { return file->Append(offset, blocks->span()); });
}

Status FreshBlobFile::AskZone(std::function<Status()> work) {
  return AskOne(context_->env, threads_, std::move(work), context_->patience_nanos);
}

}  // namespace strongroom::repair
