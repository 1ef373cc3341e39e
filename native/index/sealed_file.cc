// Sealed files: header, keys and nonces of all, pieces of those that are written once.
#include "index/sealed_file.h"

#include <algorithm>

namespace strongroom::index {

namespace {
constexpr char kMagic[9] = "SRINDEX";  // With its 00: eight bytes.
constexpr size_t kMagicSize = 8;
constexpr uint16_t kVersion = 1;
constexpr uint8_t kLastPiece = 1;

// One system call per 64 KiB instead of one per piece.
constexpr size_t kWriteOutSize = 64 * 1024;
// Pieces read at once: a block is two; an index or filter block of a table is more.
constexpr size_t kRunPieces = 4;

std::array<uint8_t, aead::kNonceSize> Nonce(uint64_t number, uint8_t flags) {
  std::array<uint8_t, aead::kNonceSize> nonce{};
  StoreBig64(nonce.data() + 3, number);
  nonce[11] = flags;
  return nonce;
}

SecretBytes FileKey(const Sealing& sealing, const Salt& salt) {
  SecretBytes extracted(32), key(aead::kKeySize);
  aead::HkdfExtractSha256(salt, sealing.index_key.span(), extracted.span());
  aead::HkdfExpandSha256(extracted.span(), AsBytes("strongroom index file"), key.span());
  return key;
}

Bytes Aad(const Sealing& sealing, const FileHeader& header, const std::string& name) {
  Bytes aad(kHeaderSize);
  EncodeHeader(header, aad.data());
  ByteWriter writer(&aad);
  writer.Raw(sealing.store_id);
  writer.Raw(sealing.zone_id);
  writer.Raw(AsBytes(name));
  return aad;
}
}  // namespace

void EncodeHeader(const FileHeader& header, uint8_t* out) {
  memset(out, 0, kHeaderSize);
  memcpy(out, kMagic, kMagicSize);
  StoreLittle(out + 8, kVersion);
  StoreLittle(out + 10, static_cast<uint16_t>(header.kind));
  memcpy(out + 16, header.salt.data(), header.salt.size());
}

Result<FileHeader> DecodeHeader(ByteSpan bytes, FileKind kind) {
  FileHeader header;
  header.kind = kind;
  if (bytes.size() < kHeaderSize) return Status(Code::kCorruption, "shorter than its header");
  memcpy(header.salt.data(), bytes.data() + 16, header.salt.size());
  // An index of another version is derived state as well: dropped and built anew, never converted.
  uint8_t expected[kHeaderSize];
  EncodeHeader(header, expected);
  if (memcmp(expected, bytes.data(), kHeaderSize) != 0) {
    return Status(Code::kCorruption, "no sealed file of this kind and version");
  }
  return header;
}

PieceCipher::PieceCipher(const Sealing& sealing, const FileHeader& header, const std::string& name)
    : key_(FileKey(sealing, header.salt)), aad_(Aad(sealing, header, name)) {}

aead::GcmKey PieceCipher::Take() const {
  {
    MutexLock lock(&mutex_);
    if (!idle_.empty()) {
      aead::GcmKey gcm = std::move(idle_.back());
      idle_.pop_back();
      return gcm;
    }
  }
  return aead::GcmKey(key_.span());
}

void PieceCipher::GiveBack(aead::GcmKey gcm) const {
  MutexLock lock(&mutex_);
  idle_.push_back(std::move(gcm));
}

void PieceCipher::Seal(uint64_t number, uint8_t flags, ByteSpan plain, uint8_t* out) {
  aead::GcmKey gcm = Take();
  gcm.Seal(Nonce(number, flags), aad_, plain, out);
  GiveBack(std::move(gcm));
}

Status PieceCipher::Open(uint64_t number, uint8_t flags, ByteSpan sealed, uint8_t* out) const {
  aead::GcmKey gcm = Take();
  Status status = gcm.Open(Nonce(number, flags), aad_, sealed, out);
  GiveBack(std::move(gcm));
  return status;
}

SealedWriter::SealedWriter(const Sealing& sealing, const Salt& salt, const std::string& name,
                           std::unique_ptr<io::File> file, Failures* failures)
    : name_(name),
      cipher_(sealing, {FileKind::kOnce, salt}, name),
      file_(std::move(file)),
      failures_(failures),
      sealed_(kHeaderSize) {
  plain_.reserve(kPieceSize);
  EncodeHeader({FileKind::kOnce, salt}, sealed_.data());
}

leveldb::Status SealedWriter::Append(const leveldb::Slice& data) {
  CHECK(!finished_) << "a file that is written once grows after its end";
  ByteSpan rest = AsBytes({data.data(), data.size()});
  while (status_.ok() && !rest.empty()) {
    // A full piece waits for the next byte, because only then it is known not to be the last.
    if (plain_.size() == kPieceSize) SealPiece(false);
    ByteSpan taken = rest.first(std::min(rest.size(), kPieceSize - plain_.size()));
    plain_.insert(plain_.end(), taken.begin(), taken.end());
    rest = rest.subspan(taken.size());
    if (sealed_.size() >= kWriteOutSize) status_ = WriteOut();
  }
  return failures_->Write(status_);
}

void SealedWriter::SealPiece(bool last) {
  size_t at = sealed_.size();
  sealed_.resize(at + plain_.size() + aead::kTagSize);
  cipher_.Seal(piece_number_++, last ? kLastPiece : 0, plain_, sealed_.data() + at);
  plain_.clear();
}

Status SealedWriter::WriteOut() {
  Status status = file_->WriteAt(offset_, sealed_);
  offset_ += sealed_.size();
  sealed_.clear();
  return status.With(name_);
}

Status SealedWriter::Finish() {
  finished_ = true;
  SealPiece(true);
  if (Status status = WriteOut(); !status.ok()) return status;
  // Crash before this line: the file is garbage that nothing names; the next open removes it.
  return file_->Sync().With(name_);
}

leveldb::Status SealedWriter::Sync() {
  if (!finished_ && status_.ok()) status_ = Finish();
  return failures_->Write(status_);
}

leveldb::Status SealedWriter::Close() { return Sync(); }

Result<std::unique_ptr<SealedReader>> SealedReader::Open(const Sealing& sealing,
                                                         const std::string& name,
                                                         std::unique_ptr<io::File> file,
                                                         Failures* failures) {
  Result<io::FileInfo> info = file->Info();
  if (!info.ok()) return info.status().With(name);
  uint8_t bytes[kHeaderSize];
  Result<size_t> read = file->ReadAt(0, bytes);
  if (!read.ok()) return read.status().With(name);
  Result<FileHeader> header = DecodeHeader(ByteSpan(bytes, *read), FileKind::kOnce);
  if (!header.ok()) return header.status().With(name);
  if (info->size < kHeaderSize + aead::kTagSize) {
    return Status(Code::kCorruption, name + ": shorter than one piece");
  }
  uint64_t sealed_size = info->size - kHeaderSize;
  uint64_t rest = sealed_size % kSealedPieceSize;
  if (rest != 0 && rest < aead::kTagSize) {
    return Status(Code::kCorruption, name + ": cut inside a tag");
  }
  return std::unique_ptr<SealedReader>(
      new SealedReader(sealing, *header, name, std::move(file), sealed_size, failures));
}

SealedReader::SealedReader(const Sealing& sealing, const FileHeader& header,
                           const std::string& name, std::unique_ptr<io::File> file,
                           uint64_t sealed_size, Failures* failures)
    : header_(header),
      name_(name),
      cipher_(sealing, header, name),
      file_(std::move(file)),
      piece_count_((sealed_size + kSealedPieceSize - 1) / kSealedPieceSize),
      plain_size_(sealed_size - piece_count_ * aead::kTagSize),
      failures_(failures) {}

leveldb::Status SealedReader::Read(uint64_t offset, size_t n, leveldb::Slice* result,
                                   char* scratch) const {
  *result = leveldb::Slice(scratch, 0);
  Status status = ReadPlain(offset, {reinterpret_cast<uint8_t*>(scratch), n});
  if (!status.ok()) return failures_->Read(status.With(name_));
  *result = leveldb::Slice(scratch, n);
  return leveldb::Status::OK();
}

Status SealedReader::ReadPlain(uint64_t offset, MutableByteSpan out) const {
  if (offset > plain_size_ || out.size() > plain_size_ - offset) {
    return Status(Code::kCorruption, "shorter than the manifest says");
  }
  size_t copied = CopyFromLast(offset, out);
  out = out.subspan(copied);
  offset += copied;
  while (!out.empty()) {
    uint64_t first = offset / kPieceSize;
    uint64_t last = (offset + out.size() - 1) / kPieceSize;
    size_t pieces = static_cast<size_t>(std::min<uint64_t>(last - first + 1, kRunPieces));
    size_t size = static_cast<size_t>(
        std::min<uint64_t>(out.size(), (first + pieces) * kPieceSize - offset));
    Status status = ReadRun(first, pieces, offset, out.first(size));
    if (!status.ok()) return status;
    out = out.subspan(size);
    offset += size;
  }
  return Status();
}

// Opens `pieces` pieces from number `first` on and copies what lies at `offset` of the plaintext.
Status SealedReader::ReadRun(uint64_t first, size_t pieces, uint64_t offset,
                             MutableByteSpan out) const {
  uint8_t sealed[kRunPieces * kSealedPieceSize];
  uint8_t plain[kPieceSize];
  size_t sealed_size =
      (pieces - 1) * kSealedPieceSize + SizeOfPiece(first + pieces - 1) + aead::kTagSize;
  uint64_t at = kHeaderSize + first * kSealedPieceSize;
  Result<size_t> read = file_->ReadAt(at, {sealed, sealed_size});
  if (!read.ok()) return read.status();
  if (*read != sealed_size) return Status(Code::kCorruption, "cut while it was open");
  size_t skip = static_cast<size_t>(offset - first * kPieceSize);
  for (size_t i = 0; i < pieces; ++i) {
    size_t size = SizeOfPiece(first + i);
    size_t taken = std::min(size - skip, out.size());
    // A piece that is wanted whole needs no copy. Elsewhere nothing unverified reaches the caller.
    uint8_t* to = taken == size ? out.data() : plain;
    uint8_t flags = first + i + 1 == piece_count_ ? kLastPiece : 0;
    Status status = cipher_.Open(first + i, flags,
                                 {sealed + i * kSealedPieceSize, size + aead::kTagSize}, to);
    if (!status.ok()) return status;
    if (to == plain) memcpy(out.data(), plain + skip, taken);
    out = out.subspan(taken);
    if (out.empty() && skip + taken < size) {
      MutexLock lock(&last_mutex_);
      last_number_ = first + i;
      last_plain_.assign(plain, plain + size);
    }
    skip = 0;
  }
  return Status();
}

// Copies what the last piece holds of `out`; returns how much that is.
size_t SealedReader::CopyFromLast(uint64_t offset, MutableByteSpan out) const {
  MutexLock lock(&last_mutex_);
  if (offset / kPieceSize != last_number_) return 0;
  size_t skip = static_cast<size_t>(offset % kPieceSize);
  if (skip >= last_plain_.size()) return 0;
  size_t size = std::min(out.size(), last_plain_.size() - skip);
  memcpy(out.data(), last_plain_.data() + skip, size);
  return size;
}

size_t SealedReader::SizeOfPiece(uint64_t number) const {
  return static_cast<size_t>(std::min<uint64_t>(kPieceSize, plain_size_ - number * kPieceSize));
}

leveldb::Status SequentialReader::Read(size_t n, leveldb::Slice* result, char* scratch) {
  n = static_cast<size_t>(std::min<uint64_t>(n, file_->plain_size() - offset_));
  leveldb::Status status = file_->Read(offset_, n, result, scratch);
  if (status.ok()) offset_ += n;
  return status;
}

leveldb::Status SequentialReader::Skip(uint64_t n) {
  offset_ += std::min(n, file_->plain_size() - offset_);
  return leveldb::Status::OK();
}

}  // namespace strongroom::index
