// The manifest: LevelDB's list of live tables, and beside each of its edits the salts of the tables
// that the edit may name.
//
//   file   := header piece...                            header as in sealed_file.h, kind 2
//   piece  := size u16  flags u8  00  ciphertext[size] tag[16]       size 1..4096
//   flags  := 1 begins a sync  |  2 salts (else bytes of LevelDB's own stream)
//   salts  := { table number u64  salt[32] }...
//
// A piece's number in the nonce counts from 0 through the file, its flags are the nonce's flags.
//
// LevelDB appends to one manifest and syncs it at every edit for the life of the process. What has
// been appended is sealed at each Sync, the last piece short, and a sealed piece is never touched
// again: to fill it up would be to seal two contents under one nonce.
//
// Why salts. A table's number can come back: after a crash, and in any copy of this index made
// earlier. An older table under a repeated number is rightly sealed under its own salt, so it would
// open. The manifest therefore names the salt of each table, and a table whose header holds another
// is refused. The salts stand in the same sync as the edit, in front of it. Crash in between: the
// reader stops at the first piece that is not whole, so there is no edit without its salts; salts
// without their edit name tables that nothing refers to, and a later salt of the same number
// replaces them.
//
// An older manifest put back whole is an older state of the index: it lags, and replay makes it
// right.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "index/sealed_file.h"

namespace strongroom::index {

// SaltList: the salt that each table must have. Safe from several threads at once.
class SaltList {
 public:
  struct Entry {
    uint64_t table = 0;
    Salt salt{};
  };
  void Add(const Entry& entry);
  void Remove(uint64_t table);
  std::optional<Salt> Find(uint64_t table) const;

  // A new manifest begins: it has to name every table again. Only those in `standing` are kept, or
  // entries of tables that went in a crash would be handed on for ever.
  void BeginManifest(const std::set<uint64_t>& standing);
  // What the manifest does not name yet; from now on it counts as named.
  std::vector<Entry> TakeUnnamed();

 private:
  struct Known {
    Salt salt{};
    bool named = false;
  };
  mutable Mutex mutex_;
  std::map<uint64_t, Known> known_;
};

class ManifestWriter final : public leveldb::WritableFile {
 public:
  // `folder` holds the manifest and the tables.
  ManifestWriter(const Sealing& sealing, const Salt& salt, const std::string& name,
                 const std::string& folder, std::unique_ptr<io::File> file, io::Env* env,
                 SaltList* salts, Failures* failures);

  leveldb::Status Append(const leveldb::Slice& data) override;
  leveldb::Status Flush() override { return leveldb::Status::OK(); }
  leveldb::Status Sync() override;
  // The first manifest of a new index is closed without a Sync: syncs what is left.
  leveldb::Status Close() override;

 private:
  Status SyncAll();
  void SealAll(uint8_t flags, ByteSpan plain);

  std::string name_;
  std::string folder_;
  PieceCipher cipher_;
  std::unique_ptr<io::File> file_;
  io::Env* env_;
  SaltList* salts_;
  Failures* failures_;
  Bytes plain_;   // Appended since the last Sync.
  Bytes sealed_;
  uint8_t begins_sync_ = 0;
  uint64_t piece_number_ = 0;
  uint64_t offset_ = 0;
  Status status_;  // Once it is bad, nothing more is written.
};

// ManifestReader gives LevelDB its stream and the salts to the list.
//
// A piece that is not whole ends the file when nothing after it was synced later: that is what a
// crash during the last Sync leaves. Otherwise it is kTampered. An attacker can always cut the
// file; he gets an older state that lags.
class ManifestReader final : public leveldb::SequentialFile {
 public:
  static Result<std::unique_ptr<ManifestReader>> Open(const Sealing& sealing,
                                                      const std::string& name,
                                                      std::unique_ptr<io::File> file,
                                                      SaltList* salts, Failures* failures);
  leveldb::Status Read(size_t n, leveldb::Slice* result, char* scratch) override;
  leveldb::Status Skip(uint64_t n) override;

 private:
  struct Piece {
    bool whole = false;
    uint8_t flags = 0;
    Bytes plain;
    uint64_t end = 0;  // Where the next one starts.
  };

  ManifestReader(const Sealing& sealing, const FileHeader& header, const std::string& name,
                 std::unique_ptr<io::File> file, uint64_t size, SaltList* salts,
                 Failures* failures);
  Status NextPiece();
  Status LearnSalts();
  // Reads piece `number` at `offset`. `end` is set whenever the frame itself makes sense.
  Result<Piece> ReadPiece(uint64_t number, uint64_t offset) const;
  Result<bool> LaterSyncFollows(uint64_t number, uint64_t offset) const;

  std::string name_;
  PieceCipher cipher_;
  std::unique_ptr<io::File> file_;
  uint64_t size_;
  SaltList* salts_;
  Failures* failures_;
  uint64_t piece_number_ = 0;
  uint64_t offset_ = kHeaderSize;
  Piece piece_;
  size_t taken_ = 0;  // Of piece_.plain.
  bool ended_ = false;
};

}  // namespace strongroom::index
