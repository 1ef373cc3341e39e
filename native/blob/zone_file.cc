// Reserve ahead, write whole blocks, sync now and then, sync the name at the end.
#include "blob/zone_file.h"

#include <algorithm>

#include "base/bugs.h"
#include "format/segment.h"

namespace strongroom::blob {

namespace {

// As much again as is needed already, between these.
constexpr uint64_t kReserveMin = 1u << 20;
constexpr uint64_t kReserveMax = 32u << 20;
// Of a size that is announced, at once: an announcement may be wrong, and costs no more than this.
constexpr uint64_t kReserveKnown = 256u << 20;
// A file system without direct access gathers what is written: so much of it may be left for the
// last sync, which has to end within the zone's deadline.
constexpr uint64_t kUnsyncedMax = 128u << 20;

}  // namespace

ZoneFile::ZoneFile(const CellZone& zone, const aead::Id& blob_id, uint16_t placement,
                   uint64_t expected_size, const std::string& suffix)
    : env_(zone.env),
      folder_(BlobFolder(zone.path, blob_id)),
      path_(BlobPath(zone.path, blob_id, placement) + suffix),
      expected_size_(expected_size) {}

Status ZoneFile::Append(uint64_t offset, ByteSpan blocks) {
  TRY(Prepare(offset + blocks.size()));
  std::shared_ptr<io::File> file;
  bool sync;
  {
    MutexLock lock(&mutex_);
    file = file_;
    unsynced_ += blocks.size();
    sync = unsynced_ > kUnsyncedMax;
    if (sync) unsynced_ = 0;
  }
  Status written = file->WriteAt(offset, blocks);
  // Crash after this: nothing yet, the blob has no row. A failed sync is never tried again; the
  // zone is out.
  if (written.ok() && sync) written = file->Sync();
  file.reset();
  if (doomed_.load()) Remove();
  return written;
}

// Creates the file when it is not there, and sees that it has space up to `end`.
Status ZoneFile::Prepare(uint64_t end) {
  MutexLock lock(&mutex_);
  if (doomed_.load()) return Status(Code::kCancelled, "the blob was given up");
  if (!file_) {
    auto opened = env_->Open(path_, {io::OpenMode::kCreate, /*direct=*/true});
    if (!opened.ok()) return opened.status();
    file_ = std::move(*opened);
    ours_ = true;
  }
  return Reserve(end);
}

Status ZoneFile::Reserve(uint64_t end) {
  if (end <= reserved_) return {};
  uint64_t wanted = end + std::clamp(end, kReserveMin, kReserveMax);
  if (end <= expected_size_) wanted = std::min(expected_size_, end + kReserveKnown);
  wanted = format::RoundUp(wanted, format::kBlock);
  Status reserved = file_->Allocate(wanted);
  if (reserved.Is(Code::kNoSpace) && wanted > end) {
    wanted = end;  // The disk is nearly full: what is needed now may still fit.
    reserved = file_->Allocate(wanted);
  }
  if (reserved.ok()) reserved_ = wanted;
  return reserved;
}

Status ZoneFile::Finish(uint64_t size) {
  MutexLock lock(&mutex_);
  if (!file_) return Status(Code::kIo, "blob file was not written: " + path_);
  if (reserved_ > size) TRY(file_->Truncate(size));
  // Crash before this line: any part of the file is on disk, and no row names it.
  if (!STRONGROOM_BUG("blob-committed-unsynced")) TRY(file_->Sync());
  TRY_ASSIGN(io::FileInfo info, file_->Info());
  if (info.links == 0 || info.size != size) {
    return Status(Code::kUnavailable, "somebody else removed or cut " + path_);
  }
  file_.reset();
  if (STRONGROOM_BUG("blob-without-its-name")) return {};
  // Crash before this line: the bytes are on disk, their name may be gone. After: the blob stands
  // in this zone.
  return env_->SyncDirectory(folder_);
}

// Crash in here: the file is there or not; no row names it, so the sweep of a later open takes it.
void ZoneFile::Remove() {
  MutexLock lock(&mutex_);
  file_.reset();
  if (!ours_) return;
  ours_ = false;
  (void)env_->Remove(path_);
}

}  // namespace strongroom::blob
