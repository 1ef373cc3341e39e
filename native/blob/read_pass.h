// ReadPass: one piece of plaintext, from the plan to verified bytes in a slab or a landing.
//
//   Fetch   every zone reads its cells, checks and opens them: the end, if nothing is missing
//   Mend    stripes whose loss was planned for: rebuild from the k cells that were kept
//   Rescue  one stripe after the other: all cells that can be had, every choice of them
//
// A zone's thread reads into its own scratch and touches the slab only under a claim, so a thread
// that is stuck in a dead disk holds no slab, and a late one cannot write into the next reader's.
// With a landing, whole chunks are opened where they are wanted, and the slab is the room to
// rebuild in. A landing that was revoked ends the pass with kClosed.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "blob/blob_reader.h"
#include "blob/blob_source.h"
#include "blob/errands.h"
#include "blob/landing.h"

namespace strongroom::blob {

class ReadPass : public std::enable_shared_from_this<ReadPass> {
 public:
  // Reads [offset, end), which touches at most the stripes that one piece may have. `landing`:
  // null, or as long as the piece.
  ReadPass(std::shared_ptr<BlobSource> source, uint64_t offset, uint64_t end,
           std::shared_ptr<Landing> landing, BlobReader::Done done);
  ~ReadPass();
  void Run(SlabRef slab);

 private:
  struct CellJob;
  struct Stripe;
  class Visit;
  using Haul = std::vector<CellJob>;  // What one zone is to bring, and did.

  void LayStripes();
  void PlanStripes();
  void AddJobs(Stripe* stripe, uint32_t cells, bool open, bool keep);
  void Fetch(std::function<bool(const Errands&)> enough, void (*next)(ReadPass*));
  void Merge(const Errands& errands, const std::vector<std::shared_ptr<Haul>>& hauls);
  void OnFetched();
  void OnCodec(void (*task)(ReadPass*));
  void Mend();
  void MendOne(Stripe* stripe, aead::ChunkCipher& cipher);
  void RescueNext();
  void RescueOne();
  Status TryRescue(Stripe* stripe);
  Landing* target() const { return direct_ ? landing_.get() : nullptr; }
  uint8_t* Output(uint64_t stripe, int cell) const;
  uint8_t* Room(size_t size);
  uint32_t Virtual(const Stripe& stripe) const;
  Status Worst(const Status& last) const;
  void Finish(Status status);

  const std::shared_ptr<BlobSource> source_;
  const uint64_t offset_, end_;
  const std::shared_ptr<Landing> landing_;
  const bool direct_;  // Every chunk lies in the landing whole.
  BlobReader::Done done_;
  SlabRef slab_;
  size_t used_ = 0;                                // Of the slab.
  std::vector<std::unique_ptr<uint8_t[]>> extra_;  // For what does not fit beside the plaintext.
  std::vector<Stripe> stripes_;
  size_t rescued_ = 0;                             // The stripe that Rescue is at.
  std::vector<std::shared_ptr<Haul>> hauls_;       // By position, for the fetch to come.
  bool degraded_ = false;
  bool rotten_ = false, tampered_ = false;         // What was met on the way.
  bool silent_ = false, closed_ = false;
};

}  // namespace strongroom::blob
