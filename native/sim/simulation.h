// Simulation: a store lives on a simulated machine, which crashes at its calls, in every way that a
// disk allows; what each crash leaves is opened by the product's own recovery and compared, row by
// row and byte by byte, with the model.
//
//   seed -> zones, operations, hazards and their odds, the order of the threads     (life.cc)
//   at a call that changes the disk: image = the disk after a crash there + the model of that
//   moment
//   image -> open (a zone may be away or rot, the power may go again) -> compare -> what was read
//   stays, whatever the next crash leaves                                           (simulation.cc)
//
// One seed takes one way, step by step. A state is one distinct image: what all its zones hold
// durably, and what their store must hold.
#pragma once

#include <functional>
#include <string>
#include <unordered_set>
#include <vector>

#include "io/sim_env.h"
#include "sim/hazards.h"
#include "sim/store.h"

namespace strongroom::sim {

struct Figures {
  uint64_t states = 0, distinct = 0;  // Images that were made; that were judged.
  uint64_t seeds = 0, operations = 0, acked = 0;
  uint64_t lost = 0, torn = 0, resurrected = 0;
  uint64_t failed_open = 0;  // Refused, though at most one zone was away.
  uint64_t silent = 0;       // A wrong byte, given out for a right one.
  uint64_t typed = 0;  // Bodies and opens refused with an error, where no sound copy was left.
  HazardCounts hazards{};
  // Of every step that was taken, by all seeds and by the last one: equal for equal seeds.
  uint64_t trace = 0, seed_trace = 0;
  uint64_t bad() const { return lost + torn + resurrected + failed_open + silent; }
};

class Simulation {
 public:
  // `tell` hears of each finding: what was found, and the way that led there. One call in so many
  // that change the disk is crashed at.
  explicit Simulation(std::function<void(const std::string&)> tell, uint64_t crash_every = 8)
      : tell_(std::move(tell)), crash_every_(crash_every) {}

  // One store, for at least 200 operations, and everything that crashes left of it. Begins no image
  // any more once `most` distinct ones were judged, by this and earlier seeds.
  void RunSeed(uint64_t seed, uint64_t most);
  const Figures& figures() const { return figures_; }

 private:
  // What a restart finds.
  struct Image {
    io::SimDisk disk;
    Model model;
    Bucket bucket;
    size_t zone_count = 3;
    size_t sick = 0;         // The zone that hazards have struck, of three; 0: none yet.
    bool rotten = false;     // Its bytes are not to be trusted: no recovery reads all of them.
    bool caught_up = false;  // Since it was struck last its log was made equal.
    bool killed = false;     // The process only: the page cache still shows what it wrote.
    int depth = 0;           // How many crashes deep it was found while another image was opened.
    std::string way;         // How it came to be, for whoever reads a finding.
    uint64_t hash = 0;       // Of what all zones hold durably, and of the model.
  };
  // What an image that suffers more than a crash may refuse.
  struct Allowance {
    bool large = false;  // Bodies in files of their own.
    bool all = false;    // Anything, and what was settled last may be gone.
  };
  class Life;

  // The image that is left when the power goes, or only the process.
  void PowerCut(Image image, const std::string& where, testing::Random& random,
                std::vector<Image>* out);
  void Kill(Image image, const std::string& where, std::vector<Image>* out);
  uint64_t CrashAgainEvery(const Image& image) const;
  void JudgeAll(std::vector<Image>* images);
  void Judge(const Image& image, std::vector<Image>* again);
  void Open(io::SimEnv& env, Image& now, const Allowance& allowed, testing::Random& dice,
            std::vector<Image>* again);
  void GoOn(Image now, testing::Random& dice, std::vector<Image>* again);
  Allowance Afflict(Image* now, io::SimEnv* env, testing::Random& dice);
  // The rows, when they are right.
  std::optional<Rows> Compare(const io::SimEnv& env, Store& store, const Image& image,
                              const Allowance& allowed);
  void Find(uint64_t* count, uint64_t by, const Image& image, const std::string& what);
  void Count(Hazard hazard) { ++figures_.hazards[static_cast<size_t>(hazard)]; }
  void Trace(uint64_t value) { figures_.trace = io::MixHash(figures_.trace, value); }
  bool IsFull() const { return figures_.distinct >= most_; }

  const std::function<void(const std::string&)> tell_;
  const uint64_t crash_every_;
  Figures figures_;
  std::optional<Odds> odds_;  // Of the seed that runs.
  std::unordered_set<uint64_t> seen_;
  uint64_t most_ = 0;
};

// Before a sync more often than elsewhere: what a dead process leaves in the page cache is written,
// and no more than that.
bool IsKilledAt(io::SimIo kind, testing::Random& random);
// From now on the transactions that nobody heard of are as they were found.
void SettlePending(Model* model, const Rows& rows);

}  // namespace strongroom::sim
