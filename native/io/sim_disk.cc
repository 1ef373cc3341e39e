// The calls of a file system over inodes in memory.
#include "io/sim_disk.h"

#include <algorithm>
#include <deque>

#include "base/check.h"

namespace strongroom::io {

namespace {

constexpr uint64_t kBlockSize = 4096;
constexpr uint64_t kUnlimitedBytes = uint64_t{1} << 40;
constexpr int kLinksMax = 8;
constexpr uint64_t kRemovalsPerDrop = 64;

uint64_t InBlocks(uint64_t size) { return (size + kBlockSize - 1) / kBlockSize * kBlockSize; }

Status Absent(const std::string& path) { return Status(Code::kNotFound, path + ": not found"); }

}  // namespace

bool SimDisk::IsBelow(const std::string& path, const std::string& folder) {
  if (folder == "/" || path == folder) return true;
  return path.size() > folder.size() && path.compare(0, folder.size(), folder) == 0 &&
         path[folder.size()] == '/';
}

std::string SimDisk::JoinPath(const std::string& folder, const std::string& name) {
  return folder == "/" ? "/" + name : folder + "/" + name;
}

std::deque<std::string> SimDisk::SplitPath(const std::string& path) {
  std::deque<std::string> parts;
  size_t begin = 0;
  while (begin <= path.size()) {
    size_t end = std::min(path.find('/', begin), path.size());
    if (end > begin) parts.push_back(path.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

SimDisk::SimDisk() : inodes_(kRoot) { Add(SimInode(SimInode::Kind::kFolder)); }

SimDisk::SimDisk(const SimDisk& other)
    : inodes_(other.inodes_),
      hidden_(other.hidden_),
      capacities_(other.capacities_),
      next_change_(other.next_change_),
      removals_(other.removals_) {}

SimDisk& SimDisk::operator=(const SimDisk& other) {
  inodes_ = other.inodes_;
  opens_.clear();  // Files are open on the disk that they were opened on.
  hidden_ = other.hidden_;
  capacities_ = other.capacities_;
  next_change_ = other.next_change_;
  removals_ = other.removals_;
  return *this;
}

SimInode& SimDisk::Mutable(Number number) {
  std::shared_ptr<SimInode>& inode = inodes_[number];
  if (inode.use_count() > 1) inode = std::make_shared<SimInode>(*inode);
  return *inode;
}

SimDisk::Number SimDisk::Add(SimInode inode) {
  inodes_.push_back(std::make_shared<SimInode>(std::move(inode)));
  return inodes_.size() - 1;
}

// ---- Names.

Result<SimDisk::Found> SimDisk::Find(const std::string& path, bool follow_last) const {
  struct Step {
    std::string name;
    Number inode;
  };
  std::vector<Step> way;
  std::deque<std::string> rest = SplitPath(path);
  int links = 0;
  while (!rest.empty()) {
    std::string name = std::move(rest.front());
    rest.pop_front();
    if (name == ".") continue;
    if (name == "..") {
      if (!way.empty()) way.pop_back();
      continue;
    }
    Number folder = way.empty() ? kRoot : way.back().inode;
    if (folder == 0) return Absent(path);
    if (!IsDirectory(folder)) return Status(Code::kIo, path + ": not a folder on the way");
    auto found = At(folder).names.find(name);
    Number inode = found == At(folder).names.end() ? 0 : found->second;
    if (inode != 0 && At(inode).kind == SimInode::Kind::kLink && (follow_last || !rest.empty())) {
      if (++links > kLinksMax) return Status(Code::kIo, path + ": too many links");
      const std::string& target = At(inode).target;
      if (target[0] == '/') way.clear();
      std::deque<std::string> parts = SplitPath(target);
      rest.insert(rest.begin(), parts.begin(), parts.end());
      continue;
    }
    way.push_back({std::move(name), inode});
  }
  Found at;
  for (const Step& step : way) at.path += "/" + step.name;
  if (IsHidden(at.path)) return Absent(path);
  if (way.empty()) {
    at.path = "/";
    at.inode = kRoot;
    return at;
  }
  at.inode = way.back().inode;
  at.name = way.back().name;
  at.folder = way.size() == 1 ? kRoot : way[way.size() - 2].inode;
  return at;
}

SimDisk::Found SimDisk::Existing(const std::string& path) const {
  auto found = Find(path);
  CHECK(found.ok() && found->inode != 0) << path;
  return *found;
}

bool SimDisk::IsHidden(const std::string& path) const {
  return std::any_of(hidden_.begin(), hidden_.end(),
                     [&](const std::string& folder) { return IsBelow(path, folder); });
}

void SimDisk::ChangeName(Number folder, SimNameChange change) {
  SimInode& inode = Mutable(folder);
  if (change.inode == 0) {
    inode.names.erase(change.name);
  } else {
    inode.names[change.name] = change.inode;
  }
  inode.name_changes.push_back(std::move(change));
}

Result<SimDisk::Number> SimDisk::CreateFile(const Found& at) {
  if (at.inode != 0) return Status(Code::kExists, at.path + ": exists");
  Number number = Add(SimInode(SimInode::Kind::kFile));
  ChangeName(at.folder, {next_change_++, at.name, number, number});
  return number;
}

Status SimDisk::CreateDirectory(const Found& at) {
  if (at.inode != 0) return Status(Code::kExists, at.path + ": exists");
  Number number = Add(SimInode(SimInode::Kind::kFolder));
  ChangeName(at.folder, {next_change_++, at.name, number, number});
  return {};
}

Status SimDisk::Rename(const Found& from, const Found& to) {
  if (from.inode == 0) return Absent(from.path);
  if (from.inode == to.inode) return {};
  if (IsBelow(to.path, from.path)) return Status(Code::kIo, to.path + ": into itself");
  if (to.inode != 0) {
    if (IsDirectory(to.inode) != IsDirectory(from.inode)) {
      return Status(Code::kIo, to.path + ": a folder is not replaced by a file, nor the reverse");
    }
    if (!At(to.inode).names.empty()) return Status(Code::kIo, to.path + ": not empty");
    Unlink(to.inode);
  }
  uint64_t id = next_change_++;
  bool between = from.folder != to.folder;
  ChangeName(from.folder, {id, from.name, 0, from.inode, between});
  ChangeName(to.folder, {id, to.name, from.inode, from.inode, between});
  return {};
}

Status SimDisk::Remove(const Found& at) {
  if (at.inode == 0) return Absent(at.path);
  if (at.folder == 0) return Status(Code::kIo, "the root stays");
  if (!At(at.inode).names.empty()) return Status(Code::kIo, at.path + ": not empty");
  Unlink(at.inode);
  ChangeName(at.folder, {next_change_++, at.name, 0, at.inode});
  return {};
}

void SimDisk::Unlink(Number number) {
  --Mutable(number).links;
  ++removals_;
}

Result<std::vector<DirectoryEntry>> SimDisk::List(const Found& at) const {
  if (at.inode == 0) return Absent(at.path);
  if (!IsDirectory(at.inode)) return Status(Code::kIo, at.path + ": not a folder");
  std::vector<DirectoryEntry> entries;
  for (const auto& [name, number] : At(at.inode).names) {
    if (!IsHidden(JoinPath(at.path, name))) entries.push_back({name, IsDirectory(number)});
  }
  return entries;
}

FileInfo SimDisk::Info(Number inode) const {
  FileInfo info;
  info.size = At(inode).cached.size();
  info.links = At(inode).links;
  info.device = 1;
  info.inode = inode;
  info.is_directory = IsDirectory(inode);
  return info;
}

bool SimDisk::IsDirectory(Number inode) const {
  return At(inode).kind == SimInode::Kind::kFolder;
}

void SimDisk::SyncDirectory(Number folder, uint64_t moment) {
  const auto& changes = At(folder).name_changes;
  if (changes.empty()) return;
  bool between = std::any_of(changes.begin(), changes.end(), [&](const SimNameChange& change) {
    return change.between_folders && change.id < moment;
  });
  if (between) {
    // A rename between folders is whole, also when only one of them is synced: the journal writes
    // out all that came before it.
    MakeAllNamesDurable(moment);
  } else {
    Mutable(folder).SyncNames(moment);
  }
  if (removals_ >= kRemovalsPerDrop) DropUnreachable();
}

void SimDisk::MakeAllNamesDurable(uint64_t moment) {
  for (Number number = kRoot; number < inodes_.size(); ++number) {
    if (inodes_[number] == nullptr || At(number).name_changes.empty()) continue;
    Mutable(number).SyncNames(moment);
  }
}

// ---- Bytes.

size_t SimDisk::Read(Number file, uint64_t offset, MutableByteSpan out) const {
  return At(file).cached.Read(offset, out);
}

size_t SimDisk::ReadPastCache(Number file, uint64_t offset, MutableByteSpan out) const {
  // Only after a failed sync does the cache show anything else.
  if (!At(file).is_astray) return Read(file, offset, out);
  return At(file).PastCache().Read(offset, out);
}

void SimDisk::Write(Number file, uint64_t offset, ByteSpan data) {
  if (data.empty()) return;
  SimInode& inode = Mutable(file);
  inode.cached.Write(offset, data);
  inode.changes.push_back(
      {next_change_++, offset, std::make_shared<const Bytes>(data.begin(), data.end())});
}

void SimDisk::SetSize(Number file, uint64_t size) {
  if (At(file).cached.size() == size) return;
  SimInode& inode = Mutable(file);
  inode.cached.Resize(size);
  inode.changes.push_back({next_change_++, size, nullptr});
}

void SimDisk::Sync(Number file, uint64_t moment) {
  if (!At(file).changes.empty()) Mutable(file).SyncBytes(moment);
}

void SimDisk::FailSync(Number file, testing::Random& random) {
  Mutable(file).LeaveToChance(random);
}

void SimDisk::Closed(Number file) {
  auto open = opens_.find(file);
  if (open != opens_.end() && --open->second == 0) opens_.erase(open);
}

Status SimDisk::CheckSpace(Number file, const std::string& path, uint64_t size) const {
  uint64_t old = InBlocks(At(file).cached.size());
  if (InBlocks(size) <= old || InBlocks(size) - old <= FreeBytes(path)) return {};
  return Status(Code::kNoSpace, path + ": no space left");
}

uint64_t SimDisk::FreeBytes(const std::string& path) const {
  uint64_t free_bytes = kUnlimitedBytes;
  for (const auto& [folder, capacity] : capacities_) {
    if (!IsBelow(path, folder)) continue;
    uint64_t used = UsedBytes(Existing(folder).inode);
    free_bytes = std::min(free_bytes, capacity > used ? capacity - used : 0);
  }
  return free_bytes;
}

uint64_t SimDisk::UsedBytes(Number number) const {
  uint64_t used = InBlocks(At(number).cached.size());
  for (const auto& [name, child] : At(number).names) used += UsedBytes(child);
  return used;
}

}  // namespace strongroom::io
