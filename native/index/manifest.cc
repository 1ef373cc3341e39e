// The manifest: sealing at each sync, opening up to the first piece that is not whole.
#include "index/manifest.h"

#include <algorithm>

namespace strongroom::index {

namespace {
constexpr uint8_t kBeginsSync = 1;
constexpr uint8_t kSalts = 2;
constexpr size_t kFrameSize = 4;
constexpr size_t kSaltEntrySize = 8 + sizeof(Salt);

Bytes Encode(const std::vector<SaltList::Entry>& entries) {
  Bytes out;
  ByteWriter writer(&out);
  for (const SaltList::Entry& entry : entries) {
    writer.U64(entry.table);
    writer.Raw(entry.salt);
  }
  return out;
}
}  // namespace

void SaltList::Add(const Entry& entry) {
  MutexLock lock(&mutex_);
  known_[entry.table] = {entry.salt, false};
}

void SaltList::Remove(uint64_t table) {
  MutexLock lock(&mutex_);
  known_.erase(table);
}

std::optional<Salt> SaltList::Find(uint64_t table) const {
  MutexLock lock(&mutex_);
  auto at = known_.find(table);
  if (at == known_.end()) return std::nullopt;
  return at->second.salt;
}

void SaltList::BeginManifest(const std::set<uint64_t>& standing) {
  MutexLock lock(&mutex_);
  std::erase_if(known_, [&](const auto& entry) { return !standing.contains(entry.first); });
  for (auto& [table, known] : known_) known.named = false;
}

std::vector<SaltList::Entry> SaltList::TakeUnnamed() {
  MutexLock lock(&mutex_);
  std::vector<Entry> out;
  for (auto& [table, known] : known_) {
    if (!known.named) out.push_back({table, known.salt});
    known.named = true;
  }
  return out;
}

ManifestWriter::ManifestWriter(const Sealing& sealing, const Salt& salt, const std::string& name,
                               const std::string& folder, std::unique_ptr<io::File> file,
                               io::Env* env, SaltList* salts, Failures* failures)
    : name_(name),
      folder_(folder),
      cipher_(sealing, {FileKind::kManifest, salt}, name),
      file_(std::move(file)),
      env_(env),
      salts_(salts),
      failures_(failures),
      sealed_(kHeaderSize) {
  EncodeHeader({FileKind::kManifest, salt}, sealed_.data());
}

leveldb::Status ManifestWriter::Append(const leveldb::Slice& data) {
  ByteSpan bytes = AsBytes({data.data(), data.size()});
  plain_.insert(plain_.end(), bytes.begin(), bytes.end());
  return failures_->Write(status_);
}

leveldb::Status ManifestWriter::Sync() {
  // No edit may stand that rests on a read which failed, whatever LevelDB made of it.
  if (status_.ok()) status_ = failures_->reading();
  if (status_.ok()) status_ = SyncAll();
  return failures_->Write(status_);
}

leveldb::Status ManifestWriter::Close() {
  if (plain_.empty()) return failures_->Write(status_);
  return Sync();
}

Status ManifestWriter::SyncAll() {
  // The tables that the edit names, and this manifest, must stand before the edit does. Their bytes
  // were synced when they were finished; this makes their names durable.
  if (Status status = env_->SyncDirectory(folder_); !status.ok()) return status.With(folder_);
  begins_sync_ = kBeginsSync;
  SealAll(kSalts, Encode(salts_->TakeUnnamed()));
  SealAll(0, plain_);
  plain_.clear();
  Status status = file_->WriteAt(offset_, sealed_);
  offset_ += sealed_.size();
  sealed_.clear();
  if (!status.ok()) return status.With(name_);
  // Crash before this line: the edit is there whole, or it ends the manifest where it tore. After:
  // it is durable, and what it replaced may go.
  return file_->Sync().With(name_);
}

void ManifestWriter::SealAll(uint8_t flags, ByteSpan plain) {
  // A list of salts is never split inside an entry.
  size_t step = flags == kSalts ? kPieceSize / kSaltEntrySize * kSaltEntrySize : kPieceSize;
  while (!plain.empty()) {
    ByteSpan piece = plain.first(std::min(plain.size(), step));
    plain = plain.subspan(piece.size());
    uint8_t piece_flags = flags | begins_sync_;
    begins_sync_ = 0;
    size_t at = sealed_.size();
    sealed_.resize(at + kFrameSize + piece.size() + aead::kTagSize);
    StoreLittle(sealed_.data() + at, static_cast<uint16_t>(piece.size()));
    sealed_[at + 2] = piece_flags;
    sealed_[at + 3] = 0;
    cipher_.Seal(piece_number_++, piece_flags, piece, sealed_.data() + at + kFrameSize);
  }
}

Result<std::unique_ptr<ManifestReader>> ManifestReader::Open(const Sealing& sealing,
                                                             const std::string& name,
                                                             std::unique_ptr<io::File> file,
                                                             SaltList* salts, Failures* failures) {
  Result<io::FileInfo> info = file->Info();
  if (!info.ok()) return info.status().With(name);
  uint8_t bytes[kHeaderSize];
  Result<size_t> read = file->ReadAt(0, bytes);
  if (!read.ok()) return read.status().With(name);
  Result<FileHeader> header = DecodeHeader(ByteSpan(bytes, *read), FileKind::kManifest);
  if (!header.ok()) return header.status().With(name);
  return std::unique_ptr<ManifestReader>(new ManifestReader(sealing, *header, name, std::move(file),
                                                            info->size, salts, failures));
}

ManifestReader::ManifestReader(const Sealing& sealing, const FileHeader& header,
                               const std::string& name, std::unique_ptr<io::File> file,
                               uint64_t size, SaltList* salts, Failures* failures)
    : name_(name),
      cipher_(sealing, header, name),
      file_(std::move(file)),
      size_(size),
      salts_(salts),
      failures_(failures) {}

// LevelDB takes a short read for the end of the file: only the end may give one.
leveldb::Status ManifestReader::Read(size_t n, leveldb::Slice* result, char* scratch) {
  size_t filled = 0;
  while (filled < n && !ended_) {
    if (taken_ == piece_.plain.size()) {
      if (Status status = NextPiece(); !status.ok()) return failures_->Read(status.With(name_));
      continue;
    }
    size_t size = std::min(n - filled, piece_.plain.size() - taken_);
    memcpy(scratch + filled, piece_.plain.data() + taken_, size);
    filled += size;
    taken_ += size;
  }
  *result = leveldb::Slice(scratch, filled);
  return leveldb::Status::OK();
}

leveldb::Status ManifestReader::Skip(uint64_t) {
  return leveldb::Status::NotSupported("a manifest is read from its first byte");
}

Status ManifestReader::NextPiece() {
  Result<Piece> piece = ReadPiece(piece_number_, offset_);
  if (!piece.ok()) return piece.status();
  piece_ = std::move(*piece);
  taken_ = 0;
  if (!piece_.whole) {
    ended_ = true;
    piece_.plain.clear();
    Result<bool> later = LaterSyncFollows(piece_number_ + 1, piece_.end);
    if (!later.ok()) return later.status();
    if (*later) return Status(Code::kTampered, "a piece before the last sync does not open");
    return Status();
  }
  offset_ = piece_.end;
  ++piece_number_;
  return piece_.flags & kSalts ? LearnSalts() : Status();
}

Status ManifestReader::LearnSalts() {
  ByteReader reader(piece_.plain);
  while (reader.remaining() >= kSaltEntrySize) {
    SaltList::Entry entry;
    entry.table = reader.U64();
    reader.Into(entry.salt);
    salts_->Add(entry);
  }
  bool done = reader.Done();
  piece_.plain.clear();
  return done ? Status() : Status(Code::kCorruption, "a list of salts does not end with an entry");
}

Result<ManifestReader::Piece> ManifestReader::ReadPiece(uint64_t number, uint64_t offset) const {
  Piece piece;
  uint8_t sealed[kFrameSize + kSealedPieceSize];
  size_t wanted = static_cast<size_t>(std::min<uint64_t>(sizeof(sealed), size_ - offset));
  Result<size_t> read = file_->ReadAt(offset, {sealed, wanted});
  if (!read.ok()) return read.status();
  if (*read < kFrameSize) return piece;
  size_t size = LoadLittle<uint16_t>(sealed);
  piece.flags = sealed[2];
  if (size == 0 || size > kPieceSize || sealed[3] != 0) return piece;
  size_t frame_size = kFrameSize + size + aead::kTagSize;
  if (frame_size > *read) return piece;
  piece.end = offset + frame_size;
  piece.plain.resize(size);
  Status status = cipher_.Open(number, piece.flags, {sealed + kFrameSize, size + aead::kTagSize},
                               piece.plain.data());
  piece.whole = status.ok();
  return piece;
}

Result<bool> ManifestReader::LaterSyncFollows(uint64_t number, uint64_t offset) const {
  while (offset != 0) {  // 0: the frame makes no sense, so where the next one starts is unknown.
    Result<Piece> piece = ReadPiece(number, offset);
    if (!piece.ok()) return piece.status();
    if (!piece->whole) return false;
    if (piece->flags & kBeginsSync) return true;
    offset = piece->end;
    ++number;
  }
  return false;
}

}  // namespace strongroom::index
