// Flips: single bits of a specimen's files, turned over one at a time. After each the store is
// opened and every row and byte is compared; what was opened is opened a second time where the
// first open found something, for it may have healed the wrong way.
//
//   three zones   a flip costs nothing: every byte is right
//   one zone      a flip costs a typed error where that byte is needed, and nothing else: a record
//                 that was acknowledged is rot and never cut off, but for the last batch, which a
//                 crash may have torn as well
#pragma once

#include <functional>
#include <string>

#include "sim/anatomy.h"

namespace strongroom::sim {

struct FlipFigures {
  uint64_t flips = 0;
  uint64_t healed = 0;   // Everything is right: healed, read around, or another copy was asked.
  uint64_t noticed = 0;  // Of these: an event told of it.
  uint64_t typed_errors = 0;  // What the byte carried is refused, all else is right.
  uint64_t last_batch = 0;    // One zone: the last batch was taken for torn.
  uint64_t unused = 0;        // In bytes that say nothing.
  uint64_t silent = 0;        // A wrong byte or row, given out for a right one.
  uint64_t lost = 0;          // Refused or missing, though that byte does not carry it.
  uint64_t bad() const { return silent + lost; }
};

class Flips {
 public:
  // `tell` hears of each finding.
  Flips(const Specimen* specimen, std::function<void(const std::string&)> tell);
  // Of all files of all zones, one behind the other.
  uint64_t bytes() const { return bytes_; }
  void Flip(uint64_t byte, int bit);
  const FlipFigures& figures() const { return figures_; }

 private:
  struct Site {
    std::string path;
    uint64_t offset = 0;
    const Part* part = nullptr;  // Null: the byte says nothing.
  };
  Site SiteOf(uint64_t byte) const;
  bool IsLast(const Site& site) const;
  bool Carries(const Site& site, const Item& item) const;
  bool IsFairPrice(const Site& site, const Reading& reading) const;
  void Judge(const Site& site, int bit, const Reading& reading);
  void Find(uint64_t* count, const Site& site, int bit, const Reading& reading);

  const Specimen& of_;
  const std::function<void(const std::string&)> tell_;
  const std::vector<io::SimDisk::FileEntry> files_;
  const std::vector<Part> parts_;
  uint64_t bytes_ = 0;
  FlipFigures figures_;
};

}  // namespace strongroom::sim
