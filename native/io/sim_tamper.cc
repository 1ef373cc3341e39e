// What tests do to a simulated disk behind the product's back: zones that go, come back and rot.
#include "base/check.h"
#include "io/sim_disk.h"

namespace strongroom::io {

void SimDisk::PlaceDurably(const Found& at, Number inode) {
  SimInode& folder = Mutable(at.folder);
  std::erase_if(folder.name_changes,
                [&](const SimNameChange& change) { return change.name == at.name; });
  for (SimNames* names : {&folder.names, &folder.durable_names}) {
    if (inode == 0) {
      names->erase(at.name);
    } else {
      (*names)[at.name] = inode;
    }
  }
}

void SimDisk::MakeDirectories(const std::string& path) {
  std::string at;
  for (const std::string& part : SplitPath(path)) {
    at += "/" + part;
    Found found = *Find(at);
    if (found.inode == 0) PlaceDurably(found, Add(SimInode(SimInode::Kind::kFolder)));
  }
}

void SimDisk::MakeLink(const std::string& path, const std::string& target) {
  SimInode link = SimInode(SimInode::Kind::kLink);
  link.target = target;
  PlaceDurably(*Find(path, false), Add(std::move(link)));
}

void SimDisk::Hide(const std::string& path) { hidden_.push_back(Existing(path).path); }

void SimDisk::Show(const std::string& path) { std::erase(hidden_, path); }

void SimDisk::RemoveTree(const std::string& path) {
  Found at = Existing(path);
  std::vector<bool> gone = Reachable(at.inode);
  PlaceDurably(at, 0);
  for (Number number = kRoot + 1; number < inodes_.size(); ++number) {
    if (gone[number]) Mutable(number).links = 0;
  }
  ++removals_;
}

void SimDisk::ReplaceTree(const std::string& path, const SimDisk& source, const std::string& from) {
  Number copy = CopyTree(source, source.Existing(from).inode);
  Found at = *Find(path);
  if (at.inode != 0) RemoveTree(path);
  PlaceDurably(at, copy);
}

SimDisk::Number SimDisk::CopyTree(const SimDisk& source, Number from) {
  SimInode copy = source.At(from);
  copy.links = 1;
  copy.durable = copy.cached;
  copy.changes.clear();
  copy.name_changes.clear();
  for (auto& [name, number] : copy.names) number = CopyTree(source, number);
  copy.durable_names = copy.names;
  return Add(std::move(copy));
}

void SimDisk::Exchange(const std::string& a, const std::string& b) {
  Found x = Existing(a), y = Existing(b);
  PlaceDurably(x, y.inode);
  PlaceDurably(y, x.inode);
}

void SimDisk::SetCapacity(const std::string& path, uint64_t bytes) {
  capacities_[Existing(path).path] = bytes;
}

std::vector<SimDisk::FileEntry> SimDisk::Files(const std::string& path) const {
  std::vector<FileEntry> files;
  Found at = Existing(path);
  CollectFiles(at.inode, at.path, &files);
  return files;
}

void SimDisk::CollectFiles(Number folder, const std::string& path,
                           std::vector<FileEntry>* out) const {
  for (const auto& [name, number] : At(folder).names) {
    std::string at = JoinPath(path, name);
    switch (At(number).kind) {
      case SimInode::Kind::kFile: out->push_back({at, At(number).cached.size()}); break;
      case SimInode::Kind::kFolder: CollectFiles(number, at, out); break;
      case SimInode::Kind::kLink: break;
    }
  }
}

Bytes SimDisk::ReadDurable(const std::string& path) const {
  const SimImage& image = At(Existing(path).inode).durable;
  Bytes out(image.size());
  image.Read(0, out);
  return out;
}

void SimDisk::Overwrite(const std::string& path, uint64_t offset, ByteSpan data) {
  SimInode& file = Mutable(Existing(path).inode);
  file.cached.Write(offset, data);
  file.durable.Write(offset, data);
}

void SimDisk::FlipBit(const std::string& path, uint64_t bit) {
  SimInode& file = Mutable(Existing(path).inode);
  for (SimImage* image : {&file.cached, &file.durable}) {
    uint8_t byte = 0;
    if (image->Read(bit / 8, MutableByteSpan(&byte, 1)) == 0) continue;
    byte ^= static_cast<uint8_t>(1 << bit % 8);
    image->Write(bit / 8, ByteSpan(&byte, 1));
  }
}

void SimDisk::Resize(const std::string& path, uint64_t size) {
  SimInode& file = Mutable(Existing(path).inode);
  file.cached.Resize(size);
  file.durable.Resize(size);
}

uint64_t SimDisk::DurableHash() const { return HashOf(kRoot); }

uint64_t SimDisk::HashOf(Number number) const {
  const SimInode& inode = At(number);
  if (inode.kind == SimInode::Kind::kFile) return inode.durable.Hash();
  uint64_t hash = MixHash(static_cast<uint64_t>(inode.kind) + 10, AsBytes(inode.target));
  for (const auto& [name, child] : inode.durable_names) {
    hash = MixHash(MixHash(hash, AsBytes(name)), HashOf(child));
  }
  return hash;
}

}  // namespace strongroom::io
