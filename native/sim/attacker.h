// Attacker: somebody who can write to the disks of a specimen, knows the format, and has no key. He
// can make every checksum right again, for none of them needs one.
//
//   deed   swap, reorder, duplicate, truncate, extend, roll back, ... of one thing in a zone
//   thing  from a sealed chunk to a whole zone
//   mends  the checksums, places and names around it are made to fit
//   reach  one zone, or every zone alike
#pragma once

#include <string>
#include <vector>

#include "sim/anatomy.h"

namespace strongroom::sim {

enum class Thing {
  kChunk,       // Of a large blob: sealed, without its CRC64.
  kCell,        // The same with its CRC64, or parity.
  kSmallChunk,  // Of a small blob, with its CRC64.
  kFrame,       // A whole small blob: an object, one of its versions, or a part.
  kBlobFile,    // A zone's file of a large blob: an object or a part.
  kRecord,
  kBatch,  // A record and the small blobs before it.
  kSegment,
  kSlot,        // Of a superblock.
  kSuperblock,  // Both.
  kTable,
  kManifest,
  kIndex,  // The whole folder.
  kZone,   // The whole folder.
};
constexpr Thing kThings[] = {
    Thing::kChunk,  Thing::kCell,     Thing::kSmallChunk, Thing::kFrame, Thing::kBlobFile,
    Thing::kRecord, Thing::kBatch,    Thing::kSegment,    Thing::kSlot,  Thing::kSuperblock,
    Thing::kTable,  Thing::kManifest, Thing::kIndex,      Thing::kZone};
enum class Deed {
  kSwap,        // Two of them.
  kReorder,     // Three of them, in a circle.
  kDuplicate,   // One over another.
  kTruncate,    // The file ends where it begins; a folder or file is removed.
  kExtend,      // A copy of it behind the end of its file.
  kRollBack,    // As it was after an earlier life.
  kTransplant,  // The one at the same place of another zone.
  kForeign,     // One of another store, whose root key is the same.
};
constexpr Deed kDeeds[] = {Deed::kSwap,   Deed::kReorder,  Deed::kDuplicate,  Deed::kTruncate,
                           Deed::kExtend, Deed::kRollBack, Deed::kTransplant, Deed::kForeign};
enum class Reach { kOneZone, kEveryZone };

struct Attack {
  Deed deed;
  Thing thing;
  bool mends = false;
  Reach reach = Reach::kOneZone;
  std::string Name() const;
  // Some make no sense: a whole folder has no checksum of its own.
  bool Exists() const;
};

class Attacker {
 public:
  // Both are to have as many zones.
  Attacker(const Specimen* specimen, const Specimen* foreign);
  // Carries it out, on things that `seed` chooses. False: there is nothing that it could be done
  // to, or nothing has changed.
  bool Act(const Attack& attack, uint64_t seed, io::SimDisk* disk) const;

 private:
  struct Unit {
    std::string path;             // A file, or a folder.
    uint64_t begin = 0, end = 0;  // In the file.
    bool whole = false, folder = false;
  };
  using Units = std::vector<Unit>;
  Units Find(const Specimen& of, const std::vector<Part>& parts, Thing thing, size_t zone) const;
  bool ActOn(const Attack& attack, size_t zone, testing::Random dice, io::SimDisk* disk) const;
  bool Put(const Unit& to, const io::SimDisk& from_disk, const Unit& from, io::SimDisk* disk) const;
  void Mend(const Unit& unit, io::SimDisk* disk) const;

  const Specimen& of_;
  const Specimen& foreign_;
  const std::vector<Part> parts_, foreign_parts_;
};

}  // namespace strongroom::sim
