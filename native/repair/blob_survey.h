// BlobSurvey: the files of one large blob in all zones at once, walked stripe by stripe: what each
// zone has, and what is true.
//
// For one thread, which waits for the disks. A zone that does not answer within the patience of the
// context is left out from then on: it counts as one that cannot be read.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "base/secret_bytes.h"
#include "blob/cell_zone.h"
#include "placement/placement.h"
#include "repair/cell_file.h"
#include "repair/stripe_truth.h"

namespace strongroom::repair {

class BlobSurvey {
 public:
  // `dek` empty: not at hand. kInvalidArgument: geometry and zones do not fit.
  static Result<std::unique_ptr<BlobSurvey>> Create(std::shared_ptr<blob::BlobContext> context,
                                                    const BlobAtRest& blob, blob::CellZones zones,
                                                    ByteSpan dek);

  ~BlobSurvey();

  const BlobAtRest& blob() const { return blob_; }
  const blob::CellZone& zone(int position) const { return *zones_[At(position)]; }
  int zones() const { return placement_.zones(); }
  format::CellRun run(int position) const {
    return {placement_.first_cell(position), placement_.cells_in(position)};
  }
  bool has_key() const { return cipher_.has_value(); }

  // Opens the file of each zone in the mask.
  void Open(placement::ZoneMask zones);
  // Those of the healthy zones and of `target`; of the others where they are too few without it.
  void OpenHealthy(placement::ZoneMask target = 0);
  // One more look at a zone, at another path. What CellFile::Open says of it.
  Status OpenAt(int position, const std::string& path);
  // What is wrong with the zone's file as a whole: CellFile::Open; kUnavailable where it was not
  // opened, kTimedOut once the zone has not answered.
  const Status& file(int position) const { return status_[At(position)]; }
  // Zones whose file can be read, and whether they hold k cells of each stripe.
  placement::ZoneMask readable() const;
  bool Recoverable(placement::ZoneMask zones) const { return placement_.Recoverable(zones); }

  // Of the files that are open: the preamble that the key commits to, or that all agree on.
  // kUnavailable: none has one. kTampered: no agreement, or the key fits none of them.
  Status Settle();
  const format::BlobPreamble& preamble() const { return *preamble_; }
  // After Settle: this zone's preamble is another one.
  bool HasOtherPreamble(int position) const;
  bool HasPreamble(int position) const {
    return files_[At(position)] && files_[At(position)]->preamble();
  }

  // Reads stripes [first, first + count) in the zones of the mask that can be read.
  void Read(placement::ZoneMask zones, uint64_t first, uint64_t count);
  // Of the zones read last; null where one was not.
  const Haul* haul(int position) const { return hauls_[At(position)].get(); }
  uint64_t TakeBytesRead() { return std::exchange(bytes_read_, 0); }
  // Stored cells of the stripe that the zone must hold.
  CellMask Due(int position, uint64_t stripe) const;

  // What the stripe is, by the cells that were read: StripeTruth::Find. Needs Settle for the key.
  Status FindTruth(uint64_t stripe);
  const StripeTruth& truth() const { return *truth_; }

 private:
  BlobSurvey(std::shared_ptr<blob::BlobContext> context, const BlobAtRest& blob,
             blob::CellZones zones, ByteSpan dek, const placement::Placement& placement,
             std::shared_ptr<const erasure::ReedSolomon> code);
  static size_t At(int position) { return static_cast<size_t>(position); }
  std::shared_ptr<CellFile> NewFile(int position, std::string path) const;
  void Keep(int position, std::shared_ptr<CellFile> file, const Status& answer);
  void Drop(int position, std::shared_ptr<CellFile> file) const;

  const std::shared_ptr<blob::BlobContext> context_;
  const BlobAtRest blob_;
  const blob::CellZones zones_;
  SecretBytes dek_;
  const placement::Placement placement_;
  const std::shared_ptr<const erasure::ReedSolomon> code_;
  std::vector<std::shared_ptr<CellFile>> files_;  // By position; null: not opened, or left out.
  std::vector<Status> status_;
  std::vector<std::shared_ptr<Haul>> hauls_;
  std::optional<format::BlobPreamble> preamble_;
  std::optional<aead::ChunkCipher> cipher_;
  std::unique_ptr<StripeTruth> truth_;
  uint64_t bytes_read_ = 0;
};

}  // namespace strongroom::repair
