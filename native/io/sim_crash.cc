// What a power loss leaves of a simulated disk: of each file's bytes, and of the names.
#include <algorithm>
#include <set>

#include "base/check.h"
#include "io/sim_disk.h"

namespace strongroom::io {

namespace {

bool KeepsBytes(CrashStyle style) {
  return style == CrashStyle::kKeepAll || style == CrashStyle::kKeepBytes;
}
bool KeepsNames(CrashStyle style) {
  return style == CrashStyle::kKeepAll || style == CrashStyle::kKeepNames;
}

// Which name changes survive by chance. A rename is one change. Whatever survives brings with it
// the earlier changes of the same inode: without them it would stand in two places at once, which
// no file system with a journal does.
std::set<uint64_t> Survivors(std::vector<SimNameChange> changes, testing::Random& random) {
  std::sort(changes.begin(), changes.end(),
            [](const SimNameChange& a, const SimNameChange& b) { return a.id > b.id; });
  const uint64_t in_eight = 1 + random.Below(7);
  std::set<uint64_t> survivors, decided;
  std::set<SimDisk::Number> brought;
  for (const SimNameChange& change : changes) {
    bool by_chance = decided.insert(change.id).second && random.Below(8) < in_eight;
    if (!by_chance && brought.count(change.subject) == 0) continue;
    survivors.insert(change.id);
    brought.insert(change.subject);
  }
  return survivors;
}

}  // namespace

void SimDisk::Crash(testing::Random& random, CrashStyle style, const std::string& prefix) {
  const bool everything = prefix == "/";
  std::vector<bool> affected = everything ? Present() : Reachable(Existing(prefix).inode);
  for (Number number = 1; number < inodes_.size(); ++number) {
    // What is as it should be stays shared with the copies of this disk.
    if (!affected[number] || (At(number).changes.empty() && !At(number).is_astray)) continue;
    SimInode& file = Mutable(number);
    if (style == CrashStyle::kRandom) {
      file.LeaveToChance(random);
    } else if (KeepsBytes(style)) {
      file.SyncBytes(UINT64_MAX);
    }
    file.changes.clear();
    file.is_astray = false;
    file.cached = file.durable;
  }
  if (CrashNames(affected, random, style)) CountLinks();
  if (!everything) return;
  opens_.clear();
  if (removals_ > 0) DropUnreachable();
}

// False: there was nothing to decide.
bool SimDisk::CrashNames(const std::vector<bool>& affected, testing::Random& random,
                         CrashStyle style) {
  std::vector<Number> folders;
  std::vector<SimNameChange> all;
  for (Number number = 1; number < inodes_.size(); ++number) {
    if (!affected[number] || At(number).name_changes.empty()) continue;
    folders.push_back(number);
    const auto& changes = At(number).name_changes;
    all.insert(all.end(), changes.begin(), changes.end());
  }
  std::set<uint64_t> survivors;
  if (style == CrashStyle::kRandom) survivors = Survivors(std::move(all), random);
  for (Number number : folders) {
    SimInode& folder = Mutable(number);
    if (!KeepsNames(style)) {
      std::erase_if(folder.name_changes, [&](const SimNameChange& change) {
        return survivors.count(change.id) == 0;
      });
    }
    folder.SyncNames(UINT64_MAX);
    folder.names = folder.durable_names;
  }
  removals_ += folders.size();
  return !folders.empty();
}

std::vector<bool> SimDisk::Present() const {
  std::vector<bool> present(inodes_.size());
  for (Number number = kRoot; number < inodes_.size(); ++number) {
    present[number] = inodes_[number] != nullptr;
  }
  return present;
}

// By any name that a reader sees, or a crash may bring back.
std::vector<bool> SimDisk::Reachable(Number from) const {
  std::vector<bool> seen(inodes_.size());
  std::vector<Number> next = {from};
  auto visit = [&](Number number) {
    if (number == 0 || seen[number]) return;
    seen[number] = true;
    next.push_back(number);
  };
  seen[from] = true;
  while (!next.empty()) {
    const SimInode& inode = At(next.back());
    next.pop_back();
    for (const auto& [name, number] : inode.names) visit(number);
    for (const auto& [name, number] : inode.durable_names) visit(number);
    for (const SimNameChange& change : inode.name_changes) visit(change.inode);
  }
  return seen;
}

void SimDisk::CountLinks() {
  std::vector<uint64_t> links(inodes_.size());
  for (const auto& inode : inodes_) {
    if (inode == nullptr) continue;
    for (const auto& [name, number] : inode->names) ++links[number];
  }
  for (Number number = kRoot + 1; number < inodes_.size(); ++number) {
    if (inodes_[number] == nullptr || inodes_[number]->links == links[number]) continue;
    Mutable(number).links = links[number];
  }
}

void SimDisk::DropUnreachable() {
  removals_ = 0;
  std::vector<bool> seen = Reachable(kRoot);
  for (Number number = kRoot + 1; number < inodes_.size(); ++number) {
    if (!seen[number] && opens_.count(number) == 0) inodes_[number] = nullptr;
  }
}

}  // namespace strongroom::io
