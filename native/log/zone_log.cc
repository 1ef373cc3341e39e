#include "log/zone_log.h"

#include <set>

#include "base/bugs.h"
#include "log/log_switch.h"

namespace strongroom::log {

namespace {
constexpr size_t kReadersMax = 64;
constexpr size_t kCopyStep = 1 << 20;
constexpr size_t kCompareStep = 256 * 1024;
// Copies are synced so often that no single sync is slow: whoever waits has a deadline for each.
constexpr uint64_t kSyncStep = 4 << 20;
}  // namespace

ZoneLog::ZoneLog(io::Env* env, const std::string& zone_path, const char* folder)
    : ZoneLog(env, zone_path + "/" + folder, std::string()) {}

ZoneLog::ZoneLog(io::Env* env, std::string folder, std::string beneath)
    : env_(env), folder_(std::move(folder)), beneath_(std::move(beneath)) {}

std::shared_ptr<ZoneLog> ZoneLog::Switched(io::Env* env, const std::string& zone_path) {
  return std::shared_ptr<ZoneLog>(new ZoneLog(env, zone_path + "/" + kNextLog, zone_path + "/log"));
}

std::string ZoneLog::path(uint32_t segment) const {
  return folder_ + "/" + format::SegmentName(segment);
}

Result<std::vector<uint32_t>> ZoneLog::Segments() const {
  std::set<uint32_t> out;
  for (const std::string& folder : {folder_, beneath_}) {
    if (folder.empty()) continue;
    TRY_ASSIGN(auto entries, env_->List(folder));
    for (const auto& entry : entries) {
      uint32_t number;
      if (format::ParseSegmentName(entry.name, &number)) out.insert(number);
    }
  }
  return std::vector<uint32_t>(out.begin(), out.end());
}

Result<format::SegmentHeader> ZoneLog::Header(uint32_t segment) {
  Bytes block(format::kBlock);
  TRY_ASSIGN(size_t size, Read(segment, 0, block));
  TRY_ASSIGN(auto header, format::DecodeSegmentHeader(ByteSpan(block).first(size)));
  if (header.number != segment) return Status(Code::kCorruption, "segment under a wrong name");
  return header;
}

Result<std::unique_ptr<io::File>> ZoneLog::OpenReader(uint32_t segment, bool direct) const {
  auto file = env_->Open(path(segment), {io::OpenMode::kRead, direct});
  if (file.ok() || beneath_.empty() || !file.status().Is(Code::kNotFound)) return file;
  return env_->Open(beneath_ + "/" + format::SegmentName(segment), {io::OpenMode::kRead, direct});
}

Result<std::shared_ptr<io::File>> ZoneLog::Reader(uint32_t segment) {
  {
    MutexLock lock(&mutex_);
    auto found = readers_.find(segment);
    if (found != readers_.end()) return found->second;
  }
  TRY_ASSIGN(auto opened, OpenReader(segment, false));
  std::shared_ptr<io::File> file = std::move(opened);
  MutexLock lock(&mutex_);
  // The oldest segments are the least likely to be read next; correctness does not hang on it.
  if (readers_.size() >= kReadersMax) readers_.erase(readers_.begin());
  readers_[segment] = file;
  return file;
}

Result<size_t> ZoneLog::Read(uint32_t segment, uint64_t offset, MutableByteSpan out) {
  TRY_ASSIGN(auto file, Reader(segment));
  return file->ReadAt(offset, out);
}

Result<size_t> ZoneLog::ReadCached(uint32_t segment, uint64_t offset, MutableByteSpan out) {
  TRY_ASSIGN(auto file, Reader(segment));
  return file->ReadCachedAt(offset, out);
}

Result<size_t> ZoneLog::ReadDirect(uint32_t segment, uint64_t offset, AlignedBytes* window,
                                   size_t size) {
  CHECK(offset % format::kBlock == 0 && size % format::kBlock == 0);
  window->Resize(size);
  TRY_ASSIGN(auto file, OpenReader(segment, true));
  return file->ReadAt(offset, window->span());
}

Status ZoneLog::Create(const format::SegmentHeader& header, uint64_t size) {
  std::string name = path(header.number);
  TRY_ASSIGN(auto file, env_->Open(name, {io::OpenMode::kReplace, true}));
  Status status = file->Allocate(size);
  AlignedBytes block(format::kBlock);
  if (status.ok()) {
    Bytes bytes = format::EncodeSegmentHeader(header);
    memcpy(block.data(), bytes.data(), bytes.size());
    status = file->WriteAt(0, block.span());
  }
  if (status.ok()) status = file->Sync();
  // Crash before the folder is synced: the segment may be missing or empty; nobody needs it yet.
  if (status.ok() && !STRONGROOM_BUG("no-directory-fsync")) status = env_->SyncDirectory(folder_);
  if (!status.ok()) {
    (void)env_->Remove(name);
    return status.With("create segment");
  }
  Forget(header.number);
  writer_ = {header.number, size, std::move(file)};
  return {};
}

Status ZoneLog::OpenWriter(uint32_t segment) {
  if (writer_.file && writer_.segment == segment) return {};
  TRY_ASSIGN(auto file, env_->Open(path(segment), {io::OpenMode::kReadWrite, true}));
  TRY_ASSIGN(auto info, file->Info());
  const uint64_t size = info.size;
  if (expected_ && expected_->number == segment) {
    // Through this very handle: another may still show the file that stood here before.
    AlignedBytes block(format::kBlock);
    TRY_ASSIGN(size_t got, file->ReadAt(0, block.span()));
    auto header = format::DecodeSegmentHeader(ByteSpan(block.data(), got));
    if (!header.ok() || header->id != expected_->id) {
      return Status(Code::kUnavailable, "the segment was replaced under us");
    }
    if (size < expected_size_) return Status(Code::kUnavailable, "the segment was truncated");
  }
  writer_ = {segment, size, std::move(file)};
  return {};
}

void ZoneLog::Expect(const format::SegmentHeader& header, uint64_t size) {
  expected_ = header;
  expected_size_ = size;
}

Status ZoneLog::Append(uint32_t segment, uint32_t offset, ByteSpan batch) {
  TRY(OpenWriter(segment));
  TRY(writer_.file->WriteAt(offset, batch));
  // A failure here is never retried: the kernel may have dropped the pages and marked them clean.
  // Crash before it returns: the batch is here whole, torn or not at all; recovery decides.
  Status synced = STRONGROOM_BUG("ack-before-sync") ? Status() : writer_.file->Sync();
  if (STRONGROOM_BUG("retried-fsync") && !synced.ok()) synced = writer_.file->Sync();
  TRY(synced);
  if (STRONGROOM_BUG("moved-folder-unnoticed")) return {};
  TRY_ASSIGN(auto info, writer_.file->Info());
  if (info.links == 0) return Status(Code::kUnavailable, "the segment was deleted under us");
  if (info.size < writer_.size) return Status(Code::kUnavailable, "the segment was truncated");
  auto named = env_->Stat(path(segment));
  if (!named.ok() || named->inode != info.inode) {
    return Status(Code::kUnavailable, "the zone's folder was moved or replaced under us");
  }
  return {};
}

Status ZoneLog::Trim(uint32_t segment, uint32_t used) {
  TRY(OpenWriter(segment));
  TRY(writer_.file->Truncate(used));
  writer_.size = used;
  // Crash before it returns: the zeros are there or not; both read as the end of the log.
  return writer_.file->Sync();
}

Status ZoneLog::CopyWhole(ZoneLog& source, uint32_t segment, uint64_t to, const Pace& pace) {
  std::string temporary = path(segment) + ".copy";
  TRY_ASSIGN(auto file, env_->Open(temporary, {io::OpenMode::kReplace, false}));
  Bytes step(kCopyStep);
  for (uint64_t at = 0; at < to;) {
    size_t size = static_cast<size_t>(std::min<uint64_t>(kCopyStep, to - at));
    TRY_ASSIGN(size_t got, source.Read(segment, at, MutableByteSpan(step).first(size)));
    if (got == 0) break;
    if (pace) TRY(pace(got));
    TRY(file->WriteAt(at, ByteSpan(step).first(got)));
    at += got;
    if (at % kSyncStep < got) TRY(file->Sync());
  }
  TRY(file->Sync());
  TRY(env_->Rename(temporary, path(segment)));
  Forget(segment);
  // Crash before it returns: the old segment or the new one stands under the name, never a mix.
  return env_->SyncDirectory(folder_);
}

Status ZoneLog::CopyFrom(ZoneLog& source, uint32_t segment, uint64_t from, uint64_t to,
                         const Pace& pace) {
  TRY_ASSIGN(auto theirs, source.Header(segment));
  auto ours = Header(segment);
  if (!ours.ok() && !IsAbsent(ours.status())) return ours.status();
  if (!ours.ok() || ours->id != theirs.id) return CopyWhole(source, segment, to, pace);
  TRY_ASSIGN(auto file, env_->Open(path(segment), {io::OpenMode::kReadWrite, false}));
  Bytes step(kCompareStep);
  AlignedBytes held;
  uint64_t unsynced = 0;
  uint64_t at = from;
  while (at < to) {
    size_t size = static_cast<size_t>(std::min<uint64_t>(kCompareStep, to - at));
    TRY_ASSIGN(size_t got, source.Read(segment, at, MutableByteSpan(step).first(size)));
    if (got == 0) break;
    if (pace) TRY(pace(got));
    ByteSpan bytes = ByteSpan(step).first(got);
    // Past the page cache, which shows what a failed sync has lost.
    TRY_ASSIGN(size_t have, ReadDirect(segment, at, &held, kCompareStep));
    bool equal = have >= got && memcmp(held.data(), bytes.data(), got) == 0;
    // Most of it is zeros never written, here as there.
    if (!equal) {
      TRY(file->WriteAt(at, bytes));
      unsynced += got;
    }
    if (unsynced >= kSyncStep) {
      TRY(file->Sync());
      unsynced = 0;
    }
    at += got;
  }
  TRY_ASSIGN(auto info, file->Info());
  if (info.size > at) TRY(file->Truncate(at));  // What the source does not have is no truth.
  Forget(segment);
  return file->Sync();
}

Status ZoneLog::CutAfter(uint32_t segment, uint32_t end) {
  Forget(segment);
  TRY_ASSIGN(auto file, env_->Open(path(segment), {io::OpenMode::kReadWrite, false}));
  TRY_ASSIGN(auto info, file->Info());
  if (info.size <= end) return {};
  TRY(file->Truncate(end));
  return file->Sync();
}

Status ZoneLog::Remove(uint32_t segment) {
  Forget(segment);
  TRY(env_->Remove(path(segment)));
  return env_->SyncDirectory(folder_);
}

Status ZoneLog::RemoveBelow(uint32_t first) {
  TRY_ASSIGN(auto segments, Segments());
  for (uint32_t segment : segments) {
    if (segment >= first) break;
    Forget(segment);
    // Crash before the folder is synced: any of them may be back. Nobody reads them for truth.
    TRY(env_->Remove(path(segment)));
  }
  return env_->SyncDirectory(folder_);
}

Status ZoneLog::SyncAll() {
  TRY_ASSIGN(auto segments, Segments());
  for (uint32_t segment : segments) {
    TRY_ASSIGN(auto file, env_->Open(path(segment), {io::OpenMode::kReadWrite, false}));
    TRY(file->Sync());
  }
  return env_->SyncDirectory(folder_);
}

void ZoneLog::ForgetFiles() {
  writer_ = {};
  expected_.reset();
  MutexLock lock(&mutex_);
  readers_.clear();
}

void ZoneLog::Forget(uint32_t segment) {
  if (writer_.segment == segment) writer_ = {};
  MutexLock lock(&mutex_);
  readers_.erase(segment);
}

}  // namespace strongroom::log
