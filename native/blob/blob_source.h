// BlobSource: one blob as its readers see it: where its cells are, which zones are worth asking,
// and the key that opens them, learned from the first preamble that the DEK commits to.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <vector>

#include "base/secret_bytes.h"
#include "blob/cell_zone.h"
#include "erasure/reed_solomon.h"
#include "format/blob_file.h"
#include "placement/placement.h"

namespace strongroom::blob {

class BlobSource : public std::enable_shared_from_this<BlobSource> {
 public:
  struct Name {
    aead::Id store_id{};
    aead::Id blob_id{};
    uint16_t placement = 0;
  };
  BlobSource(std::shared_ptr<BlobContext> context, const Name& name, const format::BlobShape& shape,
             SecretBytes dek, const placement::Placement& placement,
             std::shared_ptr<const erasure::ReedSolomon> code, CellZones zones);
  ~BlobSource() { DropFiles(); }

  const std::shared_ptr<BlobContext>& context() const { return context_; }
  const format::BlobShape& shape() const { return shape_; }
  const placement::Placement& placement() const { return placement_; }
  const erasure::ReedSolomon& code() const { return *code_; }
  const std::shared_ptr<CellZone>& zone(int position) const {
    return zones_[static_cast<size_t>(position)];
  }
  format::CellRun run(int position) const {
    return {placement_.first_cell(position), placement_.cells_in(position)};
  }

  // Zones to ask: those that promise an answer, or all that are there.
  placement::ZoneMask Promising() const;
  placement::ZoneMask Present() const;
  // It did not answer in time: not asked for a while, unless it must be.
  void MarkSlow(int position);

  // On the zone's threads only. Opens the file at the first call and looks at its preamble.
  Result<std::shared_ptr<io::File>> OpenFile(int position);
  // The zone is asked last from now on. Reported once per reader; gives `why` back.
  Status MarkBad(int position, CellTrouble::Kind kind, Status why);
  // Closes the files, on their zones' threads.
  void DropFiles();

  // One cell's bytes without their checksum. False: rot, which is reported.
  bool CheckCell(int position, uint64_t stripe, int cell, ByteSpan with_checksum);
  void Report(CellTrouble::Kind kind, int position, int64_t cell, std::string what) const;
  void ReportTampered(uint64_t stripe, int cell) const;

  // A cipher for one thread, to be given back; none while no preamble is known, see key_status().
  std::optional<aead::ChunkCipher> TakeCipher();
  void GiveCipher(std::optional<aead::ChunkCipher> cipher);
  Status key_status();

 private:
  struct Side {
    Mutex opening;                   // Held while the disk works: only by the zone's own threads.
    std::atomic<bool> bad{false};    // No file, or one that cannot be read.
    std::atomic<uint64_t> slow_until{0};
    std::shared_ptr<io::File> file;  // Guarded by mutex_.
  };
  Side& side(int position) { return *sides_[static_cast<size_t>(position)]; }
  Status LookAtPreamble(int position, io::File* file);
  Status LearnKey(int position, const format::BlobPreamble& preamble);

  const std::shared_ptr<BlobContext> context_;
  const Name name_;
  const format::BlobShape shape_;
  const placement::Placement placement_;
  const std::shared_ptr<const erasure::ReedSolomon> code_;
  const CellZones zones_;
  std::vector<std::unique_ptr<Side>> sides_;

  Mutex mutex_;  // Guards all below, and each side's file.
  SecretBytes dek_;
  Status key_status_;
  std::optional<aead::SealHeader> header_;
  std::optional<aead::ChunkCipher> first_;     // Cloned, never used.
  std::vector<aead::ChunkCipher> ciphers_;     // At rest.
};

}  // namespace strongroom::blob
