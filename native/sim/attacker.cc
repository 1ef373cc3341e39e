#include "sim/attacker.h"

#include <algorithm>

#include "format/blob_file.h"
#include "format/segment.h"
#include "hash/crc64.h"
#include "hash/xxh64.h"

namespace strongroom::sim {

namespace {

constexpr size_t kSlotSize = 4096;

const char* NameOf(Thing thing) {
  switch (thing) {
    case Thing::kChunk:
      return "chunks";
    case Thing::kCell:
      return "cells";
    case Thing::kSmallChunk:
      return "chunks of small blobs";
    case Thing::kFrame:
      return "small blobs";
    case Thing::kBlobFile:
      return "blob files";
    case Thing::kRecord:
      return "records";
    case Thing::kBatch:
      return "batches";
    case Thing::kSegment:
      return "segments";
    case Thing::kSlot:
      return "superblock slots";
    case Thing::kSuperblock:
      return "superblocks";
    case Thing::kTable:
      return "index tables";
    case Thing::kManifest:
      return "manifests";
    case Thing::kIndex:
      return "whole indexes";
    case Thing::kZone:
      return "whole zones";
  }
  return "?";
}

const char* NameOf(Deed deed) {
  switch (deed) {
    case Deed::kSwap:
      return "swap";
    case Deed::kReorder:
      return "reorder";
    case Deed::kDuplicate:
      return "duplicate";
    case Deed::kTruncate:
      return "truncate at";
    case Deed::kExtend:
      return "extend by";
    case Deed::kRollBack:
      return "roll back";
    case Deed::kTransplant:
      return "take from another zone";
    case Deed::kForeign:
      return "take from another store";
  }
  return "?";
}

bool IsFolder(Thing thing) { return thing == Thing::kIndex || thing == Thing::kZone; }
bool IsWholeFile(Thing thing) {
  return thing == Thing::kBlobFile || thing == Thing::kSegment || thing == Thing::kSuperblock ||
         thing == Thing::kTable || thing == Thing::kManifest;
}
bool HasChecksum(Thing thing) {
  return !IsFolder(thing) && thing != Thing::kTable && thing != Thing::kManifest;
}

void Store64(Bytes* bytes, uint64_t at, uint64_t value) { StoreLittle(bytes->data() + at, value); }
uint64_t Xxh64Of(const Bytes& bytes, uint64_t begin, uint64_t size, uint64_t seed = 0) {
  return hash::Xxh64(ByteSpan(bytes).subspan(begin, size), seed);
}

bool IsThere(const io::SimDisk& disk, const std::string& path) {
  auto found = disk.Find(path);
  return found.ok() && found->inode != 0;
}

void MendSlot(uint64_t at, Bytes* bytes) {
  const uint32_t size = LoadLittle<uint32_t>(bytes->data() + at + 12);
  if (at + kSlotSize > bytes->size() || size > kSlotSize - 24) return;
  const uint64_t seed = LoadLittle<uint64_t>(bytes->data() + at + 8);
  Store64(bytes, at + 16, Xxh64Of(*bytes, at + 24, size, seed));
}

// Of the small blobs in [at, end), one behind the other.
void MendFrames(size_t at, size_t end, Bytes* bytes) {
  while (at + format::kBlobFrameHeaderSize <= end) {
    Store64(bytes, at + 104, Xxh64Of(*bytes, at, 104));
    auto frame = format::DecodeBlobFrame(ByteSpan(*bytes).subspan(at));
    if (!frame.ok()) return;
    const size_t size = format::BlobFrameSize(frame->plaintext_size);
    if (size > end - at || format::ChunkCount(frame->plaintext_size) != 1) return;
    const size_t crc = at + size - format::kCellTrailerSize;
    const size_t cell = at + format::kBlobFrameHeaderSize;
    Store64(bytes, crc,
            hash::Crc64(ByteSpan(*bytes).subspan(cell, crc - cell),
                        format::CellCrcSeed(frame->header.blob_id, 0, 0)));
    at += size;
  }
}

void MendSegment(const std::string& path, Bytes* bytes) {
  if (bytes->size() < format::kBlock) return;
  uint32_t number = 0;
  format::ParseSegmentName(path.substr(path.rfind('/') + 1), &number);
  StoreLittle(bytes->data() + 12, number);
  Store64(bytes, 48, Xxh64Of(*bytes, 0, 48));
  for (size_t at = format::kBlock; at + format::kBlock <= bytes->size(); at += format::kBlock) {
    if (AsString(ByteSpan(*bytes).subspan(at, 8)) != "SRBATCH1") continue;
    uint8_t* header = bytes->data() + at;
    std::copy_n(bytes->data() + 16, 16, header + 8);
    StoreLittle(header + 24, static_cast<uint32_t>(at));
    const uint64_t record = at + LoadLittle<uint32_t>(header + 32);
    const uint64_t size = LoadLittle<uint32_t>(header + 36);
    if (record + size <= bytes->size()) {
      MendFrames(at + format::kBatchHeaderSize, record, bytes);
      Store64(bytes, at + 64, Xxh64Of(*bytes, record, size));
    }
    Store64(bytes, at + 72, Xxh64Of(*bytes, at, 72));
  }
}

void Replace(io::SimDisk* disk, const std::string& path, ByteSpan bytes) {
  disk->Resize(path, 0);
  disk->Overwrite(path, 0, bytes);
}

}  // namespace

std::string Attack::Name() const {
  return std::string(NameOf(deed)) + " " + NameOf(thing) + (mends ? ", all checksums right" : "") +
         (reach == Reach::kEveryZone ? ", in every zone" : "");
}

bool Attack::Exists() const { return !mends || (HasChecksum(thing) && deed != Deed::kTruncate); }

Attacker::Attacker(const Specimen* specimen, const Specimen* foreign)
    : of_(*specimen),
      foreign_(*foreign),
      parts_(Dissect(of_, of_.disk())),
      foreign_parts_(Dissect(foreign_, foreign_.disk())) {}

Attacker::Units Attacker::Find(const Specimen& of, const std::vector<Part>& parts, Thing thing,
                               size_t zone) const {
  const std::string root = Specimen::ZonePath(zone);
  Units out;
  if (thing == Thing::kZone) return {{root, 0, 0, true, true}};
  if (thing == Thing::kIndex) return {{root + "/index", 0, 0, true, true}};
  if (IsWholeFile(thing)) {
    for (const auto& file : of.disk().Files(root)) {
      const std::string& path = file.path;
      bool is = thing == Thing::kBlobFile     ? path.find("/blob/") != std::string::npos
                : thing == Thing::kSegment    ? path.ends_with(".seg")
                : thing == Thing::kSuperblock ? path.ends_with("/superblock")
                : thing == Thing::kTable
                    ? path.ends_with(".ldb")
                    : path.find("/MANIFEST-") != std::string::npos || path.ends_with("/CURRENT");
      if (is) out.push_back({path, 0, file.size, true, false});
    }
    return out;
  }
  for (size_t i = 0; i < parts.size(); ++i) {
    const Part& part = parts[i];
    if (!io::SimDisk::IsBelow(part.path, root)) continue;
    Unit unit{part.path, part.begin, part.end, false, false};
    switch (thing) {
      case Thing::kChunk:
        if (part.organ != Organ::kCell) continue;
        unit.end -= format::kCellTrailerSize;
        break;
      case Thing::kCell:
        if (part.organ != Organ::kCell) continue;
        break;
      case Thing::kSmallChunk:
        if (part.organ != Organ::kFrameCell) continue;
        break;
      case Thing::kFrame:
        if (part.organ != Organ::kFrameHead) continue;
        unit.end = parts[i + 1].end;
        break;
      case Thing::kRecord:
        if (part.organ != Organ::kRecord) continue;
        break;
      case Thing::kBatch: {
        if (part.organ != Organ::kBatchHeader) continue;
        size_t last = i;
        while (parts[last].organ != Organ::kRecord) ++last;
        unit.end = format::RoundUp(parts[last].end, format::kBlock);
        break;
      }
      default:
        if (part.organ != Organ::kSlot) continue;
        unit.end = part.begin + kSlotSize;
        break;
    }
    out.push_back(std::move(unit));
  }
  return out;
}

bool Attacker::Act(const Attack& attack, uint64_t seed, io::SimDisk* disk) const {
  const uint64_t before = disk->DurableHash();
  testing::Random dice(seed);
  const size_t zone = 1 + dice.Below(of_.zone_count());
  // The same choices in each: the logs are equal.
  const testing::Random choices(dice.Next());
  bool done = false;
  for (size_t each = 1; each <= of_.zone_count(); ++each) {
    if (attack.reach == Reach::kOneZone && each != zone) continue;
    done |= ActOn(attack, each, choices, disk);
  }
  return done && disk->DurableHash() != before;
}

bool Attacker::ActOn(const Attack& attack, size_t zone, testing::Random dice,
                     io::SimDisk* disk) const {
  const Units units = Find(of_, parts_, attack.thing, zone);
  if (units.empty()) return false;
  const io::SimDisk whole = *disk;  // As it is before the deed.
  std::vector<Unit> chosen;
  for (size_t i = 0; i < 3; ++i) chosen.push_back(units[dice.Below(units.size())]);
  const Unit& first = chosen[0];
  bool done = false;
  std::vector<Unit> touched{first};
  switch (attack.deed) {
    case Deed::kSwap:
      if (IsFolder(attack.thing)) {
        // With the one of the next zone.
        const Unit next = Find(of_, parts_, attack.thing, zone % of_.zone_count() + 1)[0];
        if (next.path == first.path) return false;
        disk->Exchange(first.path, next.path);
        return true;
      }
      done = Put(first, whole, chosen[1], disk) && Put(chosen[1], whole, first, disk);
      touched.push_back(chosen[1]);
      break;
    case Deed::kReorder:
      done = Put(first, whole, chosen[1], disk) && Put(chosen[1], whole, chosen[2], disk) &&
             Put(chosen[2], whole, first, disk);
      touched = chosen;
      break;
    case Deed::kDuplicate:
      done = Put(first, whole, chosen[1], disk);
      break;
    case Deed::kTruncate:
      if (first.whole && (first.folder || dice.Below(2) == 0)) {
        disk->RemoveTree(first.path);
        return true;
      }
      disk->Resize(first.path, first.whole ? dice.Below(first.end + 1) : first.begin);
      return true;
    case Deed::kExtend: {
      if (first.folder) return false;
      const Unit& source = chosen[1];
      Bytes bytes = whole.ReadDurable(source.path);
      const uint64_t end = whole.ReadDurable(first.path).size();
      Unit to{first.path, end, end + (source.end - source.begin), false, false};
      disk->Overwrite(first.path, end, ByteSpan(bytes).subspan(source.begin, to.end - to.begin));
      touched = {to};
      done = true;
      break;
    }
    case Deed::kRollBack: {
      const io::SimDisk& earlier = of_.lives()[dice.Below(of_.lives().size() - 1)];
      if (!IsThere(earlier, first.path)) return false;
      done = Put(first, earlier, first, disk);
      break;
    }
    case Deed::kTransplant: {
      if (of_.zone_count() == 1) return false;
      const size_t other = (zone - 1 + 1 + dice.Below(of_.zone_count() - 1)) % of_.zone_count();
      Unit source = first;
      const std::string root = Specimen::ZonePath(zone);
      source.path = Specimen::ZonePath(other + 1) + first.path.substr(root.size());
      if (!IsThere(whole, source.path)) return false;
      done = Put(first, whole, source, disk);
      break;
    }
    case Deed::kForeign: {
      const Units theirs = Find(foreign_, foreign_parts_, attack.thing, zone);
      if (theirs.empty()) return false;
      done = Put(first, foreign_.disk(), theirs[dice.Below(theirs.size())], disk);
      break;
    }
  }
  if (attack.mends) {
    for (const Unit& unit : touched) Mend(unit, disk);
  }
  return done;
}

// The bytes of `from` in the place of `to`; of two sizes as much as fits.
bool Attacker::Put(const Unit& to, const io::SimDisk& from_disk, const Unit& from,
                   io::SimDisk* disk) const {
  if (to.folder) {
    disk->ReplaceTree(to.path, from_disk, from.path);
    return true;
  }
  Bytes bytes = from_disk.ReadDurable(from.path);
  if (from.begin >= bytes.size()) return false;
  ByteSpan source = ByteSpan(bytes).subspan(from.begin);
  if (to.whole) {
    Replace(disk, to.path, source);
    return true;
  }
  const uint64_t size =
      std::min({to.end - to.begin, from.end - from.begin, static_cast<uint64_t>(source.size())});
  disk->Overwrite(to.path, to.begin, source.first(size));
  return true;
}

// Makes every checksum right that covers a byte of `unit`, and the places and names that stand
// beside them.
void Attacker::Mend(const Unit& unit, io::SimDisk* disk) const {
  if (!IsThere(*disk, unit.path)) return;
  Bytes bytes = disk->ReadDurable(unit.path);
  if (unit.path.ends_with(".seg")) {
    MendSegment(unit.path, &bytes);
  } else {
    const Bytes whole = of_.disk().ReadDurable(unit.path);
    for (const Part& part : parts_) {
      if (part.path != unit.path || part.end > bytes.size()) continue;
      if (part.organ == Organ::kSlot) MendSlot(part.begin, &bytes);
      if (part.organ == Organ::kPreamble) {
        // Under the name of the file that is expected here.
        if (unit.whole) std::copy_n(whole.begin(), part.end, bytes.begin());
        Store64(&bytes, 120, Xxh64Of(bytes, 0, 120));
      }
      if (part.organ == Organ::kCell) {
        const uint64_t size = part.size() - format::kCellTrailerSize;
        const ByteSpan sealed = ByteSpan(bytes).subspan(part.begin, size);
        Store64(&bytes, part.begin + size, hash::Crc64(sealed, part.crc_seed));
      }
    }
  }
  Replace(disk, unit.path, bytes);
}

}  // namespace strongroom::sim
