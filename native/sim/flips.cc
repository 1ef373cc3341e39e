#include "sim/flips.h"

#include <algorithm>

#include "blob/cell_zone.h"
#include "format/segment.h"

namespace strongroom::sim {

namespace {

bool IsDamage(const Status& status) {
  return status.Is(Code::kCorruption) || status.Is(Code::kTampered);
}

bool Holds(const Part& part, const std::string& path, uint64_t offset) {
  return part.path == path && part.begin <= offset && offset < part.end;
}

}  // namespace

Flips::Flips(const Specimen* specimen, std::function<void(const std::string&)> tell)
    : of_(*specimen),
      tell_(std::move(tell)),
      files_(of_.disk().Files("/")),
      parts_(Dissect(of_, of_.disk())) {
  for (const auto& file : files_) bytes_ += file.size;
}

Flips::Site Flips::SiteOf(uint64_t byte) const {
  auto file = files_.begin();
  for (; byte >= file->size; ++file) byte -= file->size;
  auto holds = [&](const Part& part) { return Holds(part, file->path, byte); };
  auto part = std::find_if(parts_.begin(), parts_.end(), holds);
  return {file->path, byte, part == parts_.end() ? nullptr : &*part};
}

void Flips::Flip(uint64_t byte, int bit) {
  Site site = SiteOf(byte);
  io::SimDisk disk = of_.disk();
  disk.FlipBit(site.path, site.offset * 8 + static_cast<uint64_t>(bit));
  ++figures_.flips;
  Reading reading = of_.Read(&disk, byte * 8 + static_cast<uint64_t>(bit));
  Judge(site, bit, reading);
  if (reading.IsRight() && reading.findings == 0) return;
  // An index that was damaged is made anew; whatever else was at fault is healed, or as it was.
  Reading again = of_.Read(&disk, byte);
  bool index = site.part != nullptr && site.part->organ == Organ::kIndexFile;
  bool fair = again.IsRight() || (!index && IsFairPrice(site, again));
  if (!fair) Find(&figures_.lost, site, bit, again);
}

// Is it in the last batch of all? In one zone nobody can tell its rot from a crash while it was
// written.
bool Flips::IsLast(const Site& site) const {
  if (site.part == nullptr) return false;
  bool log = site.part->organ == Organ::kRecord || site.part->organ == Organ::kBatchHeader;
  auto later = [&](const Part& part) {
    return part.organ == Organ::kBatchHeader &&
           (part.path > site.path || (part.path == site.path && part.begin > site.offset));
  };
  return log && std::none_of(parts_.begin(), parts_.end(), later);
}

// Does the byte belong to this item's blob?
bool Flips::Carries(const Site& site, const Item& item) const {
  if (format::IsLarge(item.blob.kind)) {
    std::string file = blob::BlobPath("", item.blob.id, item.placement.number);
    return site.path.size() > file.size() &&
           site.path.compare(site.path.size() - file.size(), file.size(), file) == 0;
  }
  if (!format::IsSmall(item.blob.kind)) return false;
  uint64_t location = item.blob.location;
  std::string file = "/log/" + format::SegmentName(format::SegmentOf(location));
  uint64_t begin = format::OffsetOf(location);
  return site.path == Specimen::ZonePath(1) + file && begin <= site.offset &&
         site.offset < begin + format::BlobFrameSize(item.blob.size);
}

// With one zone: is nothing refused but what needs that byte?
bool Flips::IsFairPrice(const Site& site, const Reading& reading) const {
  if (of_.zone_count() > 1 || site.part == nullptr) return false;
  const Organ organ = site.part->organ;
  if (!reading.opened.ok()) {
    bool log = organ == Organ::kSegmentHeader || organ == Organ::kBatchHeader ||
               organ == Organ::kRecord || organ == Organ::kFrameHead || organ == Organ::kFrameCell;
    return log && IsDamage(reading.opened);
  }
  for (size_t i = 0; i < reading.fates.size(); ++i) {
    const Item& item = of_.items()[i];
    switch (reading.fates[i]) {
      case Fate::kRight:
        break;
      case Fate::kWrong:
        return false;
      case Fate::kMissing:
        if (!IsLast(site) || &item != &of_.last()) return false;
        break;
      case Fate::kRefused:
        if (organ == Organ::kIndexFile) break;
        if (!Carries(site, item) || !IsDamage(reading.whys[i])) return false;
    }
  }
  return reading.scanned.ok() || organ == Organ::kIndexFile;
}

void Flips::Judge(const Site& site, int bit, const Reading& reading) {
  if (reading.strangers > 0 || reading.Count(Fate::kWrong) > 0) {
    return Find(&figures_.silent, site, bit, reading);
  }
  if (reading.IsRight()) {
    ++(site.part != nullptr ? figures_.healed : figures_.unused);
    if (site.part != nullptr && reading.findings > 0) ++figures_.noticed;
    return;
  }
  if (!IsFairPrice(site, reading)) return Find(&figures_.lost, site, bit, reading);
  ++(reading.Count(Fate::kMissing) > 0 ? figures_.last_batch : figures_.typed_errors);
}

void Flips::Find(uint64_t* count, const Site& site, int bit, const Reading& reading) {
  ++*count;
  if (!tell_) return;
  std::string what = "bit " + std::to_string(bit) + " of byte " + std::to_string(site.offset) +
                     " of " + site.path + " (" +
                     (site.part == nullptr ? "unused" : NameOf(site.part->organ)) + ")";
  what += of_.Tell(reading);
  tell_(what);
}

}  // namespace strongroom::sim
