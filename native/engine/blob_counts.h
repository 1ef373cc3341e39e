// BlobCounts: what one transaction does to the numbers of rows that name its large blobs and lists
// of parts. Pure: the committer asks, and adds what it answers to the transaction.
//
//   a row begins to name it: +1      a row ceases to name it: -1      nobody deletes one by name
//   0 references: a blob's counting row goes; a list's becomes its doomed row, so that whoever
//   opens the store next goes on removing its parts
#pragma once

#include <map>
#include <optional>
#include <vector>

#include "engine/engine.h"

namespace strongroom::engine {

class BlobCounts {
 public:
  void Take(const format::BlobReference& old);  // The row named it before this transaction.
  void Give(const NamedBlob& named);            // The row names it after this transaction.

  // How the counting row stands before the transaction. Null: there is none.
  using Standing = std::function<const format::Counted*(const Bytes& key)>;
  // Appends the counting rows' effects, and what no row names any more.
  void Settle(const Standing& standing, std::vector<Effect>* effects,
              std::vector<GoneBlob>* gone) const;

 private:
  struct Change {
    GoneBlob blob;
    int64_t delta = 0;
    bool fresh = false;
    uint64_t size = 0;  // Of a fresh one.
  };
  Change& Of(const format::BlobReference& blob);
  std::map<std::pair<bool, aead::Id>, Change> changes_;  // A list or not, and its id.
};

}  // namespace strongroom::engine
