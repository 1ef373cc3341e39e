// CellFile: the file of one large blob in one zone as it lies on the disk, read past the page cache
// a few stripes at a time, each cell judged by its checksum. Nothing in it is believed: what it
// should hold is told by the row.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/aligned.h"
#include "format/blob_file.h"
#include "io/env.h"

namespace strongroom::repair {

// A large blob as its row tells of it.
struct BlobAtRest {
  aead::Id store_id{};
  aead::Id blob_id{};
  uint16_t placement = 0;  // The n of <blob id>.<n>.
  format::BlobShape shape;
};

using CellMask = uint32_t;  // Bit c: cell c of a stripe.

// What a file gave of some stripes. A cell of the file's run that is neither sound nor rotten is
// not there, or the disk does not give it.
struct Haul {
  struct Stripe {
    CellMask sound = 0, rotten = 0;
    const uint8_t* cells[32] = {};  // Of the sound ones: L bytes each.
  };
  uint64_t first = 0;
  std::vector<Stripe> stripes;
  Status unread;  // The disk's last error.
  uint64_t bytes = 0;
  AlignedBytes memory;
};

class CellFile {
 public:
  CellFile(const BlobAtRest& blob, const format::CellRun& run, io::Env* env, std::string path);

  const std::string& path() const { return path_; }
  const format::CellRun& run() const { return run_; }

  // On the zone's threads. OK: it is there, of the right size, and its preamble is one of this
  // blob. kNotFound: no such file. kCorruption: something of it is wrong, its cells may be right.
  // Others: the disk's.
  Status Open();
  // After Open has answered: what it read,
  uint64_t bytes_read() const { return bytes_read_; }
  bool is_open() const { return file_ != nullptr; }
  const std::optional<format::BlobPreamble>& preamble() const { return preamble_; }

  // On the zone's threads, after Open. Never fails: what cannot be had is missing in the haul.
  std::shared_ptr<Haul> Read(uint64_t first, uint64_t count) const;
  // So many stripes make about a MiB of the file.
  static uint64_t StripesAtOnce(const BlobAtRest& blob);

 private:
  Status LookAtPreamble();
  Result<size_t> ReadBlocks(uint64_t offset, uint64_t end, uint8_t* out) const;
  Result<size_t> ReadInOpen(uint64_t offset, uint64_t end, uint8_t* out);
  void ReadCells(Haul* haul, uint64_t base) const;
  void Judge(Haul* haul, uint64_t base, uint64_t have) const;
  void JudgeCell(Haul::Stripe* stripe, uint64_t number, int cell, const uint8_t* bytes) const;
  template <typename Visit>
  void EachCell(const Haul& haul, Visit visit) const;
  uint64_t CellEnd(uint64_t stripe, int cell) const;

  const BlobAtRest blob_;
  const format::CellRun run_;
  io::Env* const env_;
  const std::string path_;
  std::shared_ptr<io::File> file_;
  std::optional<format::BlobPreamble> preamble_;
  uint64_t bytes_read_ = 0;
};

}  // namespace strongroom::repair
