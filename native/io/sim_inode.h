// SimInode: one file or folder of a simulated disk, as readers see it, as the platter has it, and
// the changes between the two, in order.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/testing.h"
#include "io/sim_image.h"

namespace strongroom::io {

using SimInodeNumber = uint64_t;  // 0: none.

// A write, or (without data) a new size.
struct SimChange {
  uint64_t id;
  uint64_t offset;  // Of the write, or the new size.
  std::shared_ptr<const Bytes> data;

  uint64_t end() const { return offset + (data ? data->size() : 0); }
};

// One name in one folder now means another inode, or none.
struct SimNameChange {
  uint64_t id;               // Both sides of a rename carry one id.
  std::string name;
  SimInodeNumber inode;      // 0: the name is gone.
  SimInodeNumber subject;    // What was created, moved or removed.
  bool between_folders = false;
};

using SimNames = std::map<std::string, SimInodeNumber>;

struct SimInode {
  enum class Kind { kFile, kFolder, kLink };
  explicit SimInode(Kind kind) : kind(kind) {}
  Kind kind;
  uint64_t links = 1;  // How many cached names lead here.

  SimImage cached;
  SimImage durable;
  std::vector<SimChange> changes;
  bool is_astray = false;  // A sync failed: the images differ although no change is pending.

  SimNames names;
  SimNames durable_names;
  std::vector<SimNameChange> name_changes;

  std::string target;  // Of a link.

  // Everything before `moment` reaches the platter.
  void SyncBytes(uint64_t moment);
  void SyncNames(uint64_t moment);
  // What a read past the page cache finds: pages that are not written yet go to the platter first.
  SimImage PastCache() const;
  // Some of the changes reach the platter, by chance; all are forgotten. Readers see what they saw.
  void LeaveToChance(testing::Random& random);
};

}  // namespace strongroom::io
