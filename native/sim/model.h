// The model: what a store must hold, kept as a map. The oracle of the simulation.
//
//   settled   rows whose callers were told
//   pending   transactions that were handed over and not answered yet: each is there whole, or not
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"

namespace strongroom::sim {

// The body of a row, by the number that its bytes are made from.
struct Body {
  uint64_t id = 0;
  uint32_t size = 0;
  bool operator==(const Body&) const = default;
};
Bytes BytesOf(const Body& body);

using Rows = std::map<std::string, Body>;

struct Change {
  std::string key;
  std::optional<Body> body;  // Nothing: the row is removed.
  std::string copy_of;       // The row whose large body it shares; empty: a body of its own.
};
using Changes = std::vector<Change>;  // Of one transaction.

struct Model {
  Rows settled;
  std::vector<Changes> pending;  // Their keys are all different.

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
Findings Compare(const Model& model, const Rows& found);

}  // namespace strongroom::sim
