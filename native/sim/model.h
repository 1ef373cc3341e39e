// The model: what a store must hold, kept as a map. The oracle of the simulation.
//
//   settled   rows whose callers were told
//   pending   transactions that were handed over and not answered yet: each is there whole, or not
//   before    what the rows held that were settled last: with a single zone, rot in the last batch
//             cannot be told from a write that was torn
//
//   "k3"      a row, with bytes or with a list of parts      "u2"   an upload: it names a list
//   "w3"      a row whose versions stay    "w3#17"  one of them that does not stand, by its body
//   "L17/4"   part 4 of list 17. Parts are seen through the rows that name their list: of a list
//             that no row names any more nothing is said, its parts go in their own time
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"

namespace strongroom::sim {

// The body of a row, by the number that its bytes are made from; of a list of parts, the list's
// number, and how often it has grown.
struct Body {
  uint64_t id = 0;
  uint32_t size = 0;
  bool list = false;
  bool operator==(const Body&) const = default;
};
Bytes BytesOf(const Body& body);

using Rows = std::map<std::string, Body>;

std::string PartName(uint64_t list, uint64_t position);
std::string VersionName(const std::string& key, const Body& body);
bool HasVersions(const std::string& key);  // A row of which versions stay.
// Of one that does not stand: whose it is, and its body's number.
bool IsVersion(const std::string& key, std::string* of, uint64_t* body);
bool IsPart(const std::string& key, uint64_t* list, uint64_t* position);

struct Change {
  std::string key;
  std::optional<Body> body;  // Nothing: the row is removed.
  // The row whose large body, or list, this one names too. Empty: a body, or list, of its own.
  std::string copy_of{};
  std::string named_by{};  // Of a part: a row that names its list, in the store or beside it here.
  bool keeps = false;      // What stood under the key stays as a version.
  std::string from{};      // The version that stands again.
  bool follows = false;    // From a change beside it here: the store is not asked for it.
};
using Changes = std::vector<Change>;  // Of one transaction.

struct Model {
  Rows settled;
  std::vector<Changes> pending;  // Their keys are all different.
  std::map<std::string, std::optional<Body>> before;
  bool moved_on = false;  // What is settled next stands behind all that `before` tells of.

  void Begin(const Changes& changes) { pending.push_back(changes); }
  // The caller of the transaction was told that it stands.
  void Settle(const Changes& changes);
  // The caller was told that nothing was done.
  void Forget(const Changes& changes);
};

// What is wrong with rows that were found. Each is a number of rows, or transactions.
struct Findings {
  uint64_t lost = 0;         // Acknowledged, and not there, or an older one is.
  uint64_t torn = 0;         // Half of a transaction.
  uint64_t resurrected = 0;  // Removed, and there again.
  std::string first;         // What was found first, for whoever reads it.
  uint64_t all() const { return lost + torn + resurrected; }
};
// `last_may_go`: what was settled last may be as it was before.
Findings Compare(const Model& model, const Rows& found, bool last_may_go = false);

}  // namespace strongroom::sim
