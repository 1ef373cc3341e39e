// What a sync moves to the platter, and what chance moves there when there was none.
#include "io/sim_inode.h"

#include <algorithm>

namespace strongroom::io {

namespace {

// What a disk writes whole or not at all.
constexpr size_t kSectorSize = 512;

bool ReachesPlatter(testing::Random& random, uint64_t in_four) { return random.Below(4) < in_four; }

// Writes the sectors of `change` for which `survives(i)` holds. Where the new size is lost, what
// lies past the old one is lost with it; where only the bytes are, zeros (or old bytes) stand in
// their place.
template <typename Survives>
void ApplyPart(SimImage* image, const SimChange& change, bool size_survives, Survives survives) {
  if (change.data == nullptr) {
    if (size_survives) image->Resize(change.offset);
    return;
  }
  if (size_survives && change.end() > image->size()) image->Resize(change.end());
  uint64_t end = std::min(change.end(), image->size());
  size_t sector = 0;
  for (uint64_t at = change.offset; at < end; ++sector) {
    uint64_t next = std::min((at / kSectorSize + 1) * kSectorSize, end);
    if (survives(sector)) {
      image->Write(at, ByteSpan(*change.data).subspan(at - change.offset, next - at));
    }
    at = next;
  }
}

void ApplyWhole(SimImage* image, const SimChange& change) {
  if (change.data == nullptr) {
    image->Resize(change.offset);
  } else {
    image->Write(change.offset, *change.data);
  }
}

// The first changes, and of the next one its first sectors, its last, or all but some in the
// middle: what looks whole at both ends.
void ApplyBeginning(SimImage* image, const std::vector<SimChange>& changes,
                    testing::Random& random) {
  size_t whole = random.Below(changes.size());
  for (size_t i = 0; i < whole; ++i) ApplyWhole(image, changes[i]);
  const SimChange& torn = changes[whole];
  size_t sectors = (torn.end() - torn.offset) / kSectorSize + 1;
  size_t cut = random.Below(sectors + 1);
  size_t until = cut + 1 + random.Below(sectors);
  uint64_t part = random.Below(4);
  ApplyPart(image, torn, random.Below(2) == 0, [&](size_t sector) {
    if (part == 0) return sector >= cut;
    return sector < cut || (part == 1 && sector >= until);
  });
}

// Any sectors of any changes; sizes up to some moment, because the journal keeps those in order.
void ApplySubset(SimImage* image, const std::vector<SimChange>& changes, testing::Random& random) {
  size_t sizes = random.Below(changes.size() + 1);
  uint64_t in_four = 1 + random.Below(3);
  for (size_t i = 0; i < changes.size(); ++i) {
    bool whole = random.Below(2) == 0;
    bool survives = ReachesPlatter(random, in_four);
    ApplyPart(image, changes[i], i < sizes,
              [&](size_t) { return whole ? survives : ReachesPlatter(random, in_four); });
  }
}

}  // namespace

void SimInode::SyncBytes(uint64_t moment) {
  if (changes.empty()) return;
  if (changes.back().id < moment) {
    // All of them: the pages as they are now, which costs nothing.
    bool resized = false;
    for (const SimChange& change : changes) resized |= change.data == nullptr;
    if (resized) {
      durable = cached;
    } else {
      durable.Resize(cached.size());
      for (const SimChange& change : changes) {
        durable.SharePages(cached, change.offset, change.data->size());
      }
    }
    changes.clear();
    return;
  }
  auto end = std::find_if(changes.begin(), changes.end(),
                          [&](const SimChange& change) { return change.id >= moment; });
  for (auto it = changes.begin(); it != end; ++it) ApplyWhole(&durable, *it);
  changes.erase(changes.begin(), end);
}

void SimInode::SyncNames(uint64_t moment) {
  auto end = std::find_if(name_changes.begin(), name_changes.end(),
                          [&](const SimNameChange& change) { return change.id >= moment; });
  for (auto it = name_changes.begin(); it != end; ++it) {
    if (it->inode == 0) {
      durable_names.erase(it->name);
    } else {
      durable_names[it->name] = it->inode;
    }
  }
  name_changes.erase(name_changes.begin(), end);
}

SimImage SimInode::PastCache() const {
  SimImage image = durable;
  for (const SimChange& change : changes) ApplyWhole(&image, change);
  return image;
}

void SimInode::LeaveToChance(testing::Random& random) {
  if (!changes.empty()) {
    is_astray = true;
    switch (random.Below(4)) {
      case 0:
        break;
      case 1:
        durable = cached;
        break;
      case 2:
        ApplyBeginning(&durable, changes, random);
        break;
      case 3:
        ApplySubset(&durable, changes, random);
        break;
    }
  }
  changes.clear();
}

}  // namespace strongroom::io
