// Sealed files: how every file of an index lies on disk, and the ones that are written once.
//
//   file   := header piece...
//   header := "SRINDEX" 00  version u16 = 1  kind u16  zero u32  salt[32]       (48 bytes)
//   piece  := ciphertext[n] tag[16]     n = 4096, in the last piece 1..4096 (0: an empty file)
//
//   file key = HKDF-SHA256(salt = salt, input = index key, info = "strongroom index file")
//   nonce    = piece number (11 bytes, big-endian) ‖ flags (1 byte; here 1 in the last piece)
//   AAD      = header ‖ store id ‖ zone id ‖ file name
//
// Kind 1, a table or CURRENT, is what this file writes and reads; kind 2, the manifest, is
// manifest.h. See docs/format/index.md.
//
// LevelDB hands out file numbers again after a crash, so a key made from the name would seal two
// contents under one nonce. Hence the fresh random salt of every file ever created. The name in the
// AAD keeps one file from standing in for another, the last-flag makes a cut or a tail visible.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "aead/aead.h"
#include "aead/chunk.h"
#include "base/bytes.h"
#include "base/secret_bytes.h"
#include "base/sync.h"
#include "index/failures.h"
#include "io/env.h"
#include "leveldb/env.h"

namespace strongroom::index {

// LevelDB reads blocks of about 4 KiB at odd offsets: a block touches two pieces at most.
constexpr size_t kPieceSize = 4096;
constexpr size_t kSealedPieceSize = kPieceSize + aead::kTagSize;
constexpr size_t kHeaderSize = 48;
constexpr size_t kIndexKeySize = 32;

using Salt = std::array<uint8_t, 32>;

enum class FileKind : uint16_t { kOnce = 1, kManifest = 2 };

struct FileHeader {
  FileKind kind = FileKind::kOnce;
  Salt salt{};
};
void EncodeHeader(const FileHeader& header, uint8_t* out);
// kCorruption when it is none of ours or of another kind.
Result<FileHeader> DecodeHeader(ByteSpan bytes, FileKind kind);

// What the files of one index have in common.
struct Sealing {
  aead::Id store_id{};
  aead::Id zone_id{};
  SecretBytes index_key;
};

// PieceCipher seals and opens the pieces of one file. Open is safe from several threads at once.
class PieceCipher {
 public:
  PieceCipher(const Sealing& sealing, const FileHeader& header, const std::string& name);

  // REQUIRES: no piece of this number was sealed before under this salt.
  void Seal(uint64_t number, uint8_t flags, ByteSpan plain, uint8_t* out);
  // kTampered when the tag is wrong.
  Status Open(uint64_t number, uint8_t flags, ByteSpan sealed, uint8_t* out) const;

 private:
  aead::GcmKey Take() const;
  void GiveBack(aead::GcmKey gcm) const;

  SecretBytes key_;
  Bytes aad_;
  mutable Mutex mutex_;
  // A context serves one thread at a time; as many stay here as threads have met in this file.
  mutable std::vector<aead::GcmKey> idle_;
};

// SealedWriter writes a file of kind 1, front to back. LevelDB syncs such a file once, when it is
// whole.
class SealedWriter final : public leveldb::WritableFile {
 public:
  SealedWriter(const Sealing& sealing, const Salt& salt, const std::string& name,
               std::unique_ptr<io::File> file, Failures* failures);

  leveldb::Status Append(const leveldb::Slice& data) override;
  // Called for every block of a table: a piece is sealed when it is full, not before.
  leveldb::Status Flush() override { return leveldb::Status::OK(); }
  leveldb::Status Sync() override;
  leveldb::Status Close() override;

 private:
  void SealPiece(bool last);
  Status WriteOut();
  Status Finish();

  std::string name_;
  PieceCipher cipher_;
  std::unique_ptr<io::File> file_;
  Failures* failures_;
  Bytes plain_;   // The piece that fills.
  Bytes sealed_;  // Sealed, not yet written.
  uint64_t piece_number_ = 0;
  uint64_t offset_ = 0;
  bool finished_ = false;
  Status status_;  // Once it is bad, nothing more is written.
};

// SealedReader reads a file of kind 1 at plaintext offsets. Safe from several threads at once.
class SealedReader final : public leveldb::RandomAccessFile {
 public:
  // kCorruption when the file is too short or no sealed file.
  static Result<std::unique_ptr<SealedReader>> Open(const Sealing& sealing, const std::string& name,
                                                    std::unique_ptr<io::File> file,
                                                    Failures* failures);

  // Opens into `scratch`: LevelDB caches no block that lies anywhere else. Reading past the end is
  // an error, for LevelDB knows the size of each table from its manifest.
  leveldb::Status Read(uint64_t offset, size_t n, leveldb::Slice* result,
                       char* scratch) const override;

  const Salt& salt() const { return header_.salt; }
  uint64_t plain_size() const { return plain_size_; }

 private:
  SealedReader(const Sealing& sealing, const FileHeader& header, const std::string& name,
               std::unique_ptr<io::File> file, uint64_t sealed_size, Failures* failures);
  Status ReadPlain(uint64_t offset, MutableByteSpan out) const;
  Status ReadRun(uint64_t first, size_t pieces, uint64_t offset, MutableByteSpan out) const;
  size_t CopyFromLast(uint64_t offset, MutableByteSpan out) const;
  size_t SizeOfPiece(uint64_t number) const;

  FileHeader header_;
  std::string name_;
  PieceCipher cipher_;
  std::unique_ptr<io::File> file_;
  uint64_t piece_count_;
  uint64_t plain_size_;
  Failures* failures_;
  // The piece in which the read before this one ended. A walk over a table begins its next block
  // there, and would open every piece twice.
  mutable Mutex last_mutex_;
  mutable uint64_t last_number_ = UINT64_MAX;
  mutable Bytes last_plain_;
};

// SequentialReader reads a file of kind 1 from front to back: CURRENT.
class SequentialReader final : public leveldb::SequentialFile {
 public:
  explicit SequentialReader(std::unique_ptr<SealedReader> file) : file_(std::move(file)) {}
  leveldb::Status Read(size_t n, leveldb::Slice* result, char* scratch) override;
  leveldb::Status Skip(uint64_t n) override;

 private:
  std::unique_ptr<SealedReader> file_;
  uint64_t offset_ = 0;
};

}  // namespace strongroom::index
