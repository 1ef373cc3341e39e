// Blocks that a disk refuses are found one by one, so that one bad sector costs one batch.
#include "repair/log_zone.h"

#include <algorithm>

#include "repair/quarantine.h"

namespace strongroom::repair {

using format::kBlock;

void ReadSegment(log::ZoneLog& log, uint32_t segment, uint64_t offset, size_t size,
                 SegmentView* view) {
  auto got = log.ReadDirect(segment, offset, &view->bytes, size);
  if (got.ok()) {
    view->size = *got;
    return;
  }
  if (got.status().Is(Code::kNotFound)) {
    view->status = got.status();
    return;
  }
  view->bytes.Resize(size);
  memset(view->bytes.data(), 0, size);
  AlignedBytes block;
  bool any = false;
  for (size_t at = 0; at < size; at += kBlock) {
    auto piece = log.ReadDirect(segment, offset + at, &block, kBlock);
    if (piece.ok() && *piece == 0) break;
    view->size = at + (piece.ok() ? *piece : kBlock);
    any |= piece.ok();
    view->holes |= !piece.ok();
    if (piece.ok()) memcpy(view->bytes.data() + at, block.data(), *piece);
  }
  if (any) return;
  view->status = got.status();
  view->size = 0;
}

namespace {

Result<std::unique_ptr<io::File>> OpenOrCreate(const LogZone& zone, const SegmentPatch& patch) {
  const std::string path = zone.log->path(patch.segment.number);
  auto file = zone.env->Open(path, {io::OpenMode::kReadWrite, /*direct=*/true});
  if (!file.status().Is(Code::kNotFound)) return file;
  if (!patch.may_create) {
    return Status(Code::kPreconditionFailed, "the segment's file is gone");
  }
  return zone.env->Open(path, {io::OpenMode::kCreate, /*direct=*/true});
}

// Whether the file is, or was, the segment meant. One without a sound header may be.
Status IsMeant(io::File* file, const format::SegmentHeader& segment) {
  AlignedBytes block(kBlock);
  auto got = file->ReadAt(0, block.span());
  if (!got.ok()) return {};
  auto header = format::DecodeSegmentHeader(ByteSpan(block.data(), *got));
  if (header.status().Is(Code::kUnsupportedFormat)) return header.status();
  if (!header.ok() || header->id == segment.id) return {};
  return Status(Code::kPreconditionFailed, "another segment has this name");
}

// What is written: the patch, and around what is wrong in it whatever lies there. Where the disk
// does not give that, the patch's.
AlignedBytes Around(const SegmentPatch& patch, ByteSpan old, const std::vector<bool>& had) {
  AlignedBytes out(patch.bytes.size());
  memcpy(out.data(), patch.bytes.data(), out.size());
  if (patch.wrong_size == 0) return out;
  for (size_t i = 0; i < had.size(); ++i) {
    if (had[i]) memcpy(out.data() + i * kBlock, old.data() + i * kBlock, kBlock);
  }
  memcpy(out.data() + patch.wrong_from, patch.bytes.data() + patch.wrong_from, patch.wrong_size);
  return out;
}

// A copy, for the file itself goes on. What the disk does not give is zeros in it. Returns what is
// to be written.
Result<AlignedBytes> CopyAside(const LogZone& zone, const SegmentPatch& patch, io::File* file) {
  AlignedBytes old(patch.bytes.size());
  memset(old.data(), 0, old.size());
  std::vector<bool> had(old.size() / kBlock);
  size_t size = 0;
  for (size_t at = 0; at < old.size(); at += kBlock) {
    AlignedBytes block(kBlock);
    auto got = file->ReadAt(patch.offset + at, block.span());
    if (!got.ok() || *got == 0) continue;
    memcpy(old.data() + at, block.data(), *got);
    had[at / kBlock] = *got == kBlock;
    size = at + *got;
  }
  AlignedBytes next = Around(patch, old.span(), had);
  if (size == 0) return next;
  TRY(CopyToQuarantine(
      zone.env, zone.path,
      format::SegmentName(patch.segment.number) + "@" + std::to_string(patch.offset), patch.found,
      old.span().first(size)));
  return next;
}

Status ProveIt(const LogZone& zone, const SegmentPatch& patch, ByteSpan written) {
  AlignedBytes back;
  TRY_ASSIGN(size_t got,
             zone.log->ReadDirect(patch.segment.number, patch.offset, &back, written.size()));
  const bool same = got == written.size() && memcmp(back.data(), written.data(), got) == 0;
  return same ? Status() : Status(Code::kCorruption, "what was written is not what is read");
}

}  // namespace

Status PatchSegment(const LogZone& zone, const SegmentPatch& patch) {
  TRY_ASSIGN(auto file, OpenOrCreate(zone, patch));
  TRY(IsMeant(file.get(), patch.segment));
  TRY_ASSIGN(AlignedBytes next, CopyAside(zone, patch, file.get()));
  TRY(file->WriteAt(patch.offset, next.span()));
  TRY(file->Sync());
  TRY(zone.env->SyncDirectory(zone.log->folder()));  // It may have been made here.
  return ProveIt(zone, patch, next.span());
}

}  // namespace strongroom::repair
