// Specimen: a small store at rest in which everything occurs that lies on a disk, and the judge of
// what an open makes of it once somebody was at the disk.
//
//   three lives, each an epoch   two buckets; small, large and empty bodies, several stripes, a
//   copy,
//                                parts of a list, rows without a body; some written over, some
//                                removed; a checkpoint, and one row after it
//   Read                         opens whatever is left, reads all of it, tells row by row
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/engine.h"
#include "io/sim_env.h"

namespace strongroom::sim {

// A row of a specimen and what it must give.
struct Item {
  size_t bucket = 0;
  Bytes key, body, content;
  std::string name;             // For whoever reads a finding.
  Bytes list;                   // Of a part: the key of the row that names its list.
  format::BlobReference blob;   // As the row names it.
  format::Placement placement;  // Of a large one.
  Bytes image;                  // The row itself, as the index keeps it.
};

enum class Fate { kRight, kRefused, kMissing, kWrong };

struct Reading {
  Status opened;             // Why nothing could be read.
  std::vector<Fate> fates;   // By item.
  std::vector<Status> whys;  // Of the refused ones.
  Status scanned;            // Why the rows could not be listed.
  size_t strangers =
      0;  // Rows that nobody wrote, or that were removed; rows that say another thing.
  size_t findings = 0;  // Events that tell of damage.
  size_t Count(Fate fate) const;
  bool IsRight() const;
};

class Specimen {
 public:
  // With large blobs in 4+2 on three zones, in 1+0 on one.
  static Result<Specimen> Make(size_t zone_count, uint64_t seed);
  static std::string ZonePath(size_t zone) { return "/z" + std::to_string(zone); }

  const io::SimDisk& disk() const { return disk_; }
  // The disks as they were at rest after each life; the last one is disk().
  const std::vector<io::SimDisk>& lives() const { return lives_; }
  const std::vector<Item>& items() const { return items_; }
  size_t zone_count() const { return zone_count_; }
  // The only row that the very last batch wrote.
  const Item& last() const { return items_.back(); }

  // A process that opens what lies on the disk, reads all of it, and closes. Whoever demands the
  // checkpoint takes a store without it for one that did not open: kRolledBack.
  enum class Demand { kNothing, kCheckpoint };
  Reading Read(io::SimDisk* disk, uint64_t seed, Demand demand = Demand::kNothing) const;
  // What is not as it must be, a line each.
  std::string Tell(const Reading& reading) const;

 private:
  class Life;
  engine::OpenOptions Options(io::SimEnv* env) const;
  Status Live(io::SimEnv* env, size_t life);
  Status Record(io::SimEnv* env);

  size_t zone_count_ = 3;
  io::SimDisk disk_;
  std::vector<io::SimDisk> lives_;
  std::vector<Item> items_;
  std::vector<Bytes> wrapped_;  // The buckets' keys.
  engine::Checkpoint checkpoint_;
};

}  // namespace strongroom::sim
