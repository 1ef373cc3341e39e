#include "sim/model.h"

#include <algorithm>

#include "base/testing.h"

namespace strongroom::sim {

Bytes BytesOf(const Body& body) { return testing::Random(body.id).Take(body.size); }

namespace {

bool Touches(const Changes& changes, const std::string& key) {
  return std::any_of(changes.begin(), changes.end(),
                     [&](const Change& change) { return change.key == key; });
}

void Erase(std::vector<Changes>* pending, const Changes& changes) {
  auto same = [&](const Changes& each) { return each.front().key == changes.front().key; };
  pending->erase(std::find_if(pending->begin(), pending->end(), same));
}

std::optional<Body> At(const Rows& rows, const std::string& key) {
  auto found = rows.find(key);
  return found == rows.end() ? std::nullopt : std::optional(found->second);
}

// Judges one row that no pending transaction touches.
void Judge(const Model& model, const std::string& key, const std::optional<Body>& is,
           Findings* findings) {
  std::optional<Body> must = At(model.settled, key);
  if (is == must) return;
  auto& count = must ? findings->lost : findings->resurrected;
  ++count;
  if (findings->first.empty()) {
    findings->first = "row " + key + " holds body " + std::to_string(is ? is->id : 0) + " for " +
                      std::to_string(must ? must->id : 0);
  }
}

}  // namespace

void Model::Settle(const Changes& changes) {
  Erase(&pending, changes);
  for (const Change& change : changes) {
    if (change.body) settled[change.key] = *change.body;
    if (!change.body) settled.erase(change.key);
  }
}

void Model::Forget(const Changes& changes) { Erase(&pending, changes); }

Findings Compare(const Model& model, const Rows& found) {
  Findings findings;
  auto pending = [&](const std::string& key) {
    return std::any_of(model.pending.begin(), model.pending.end(),
                       [&](const Changes& changes) { return Touches(changes, key); });
  };
  for (const auto& [key, body] : model.settled) {
    if (!pending(key)) Judge(model, key, At(found, key), &findings);
  }
  for (const auto& [key, body] : found) {
    bool known = model.settled.count(key) != 0 || pending(key);
    if (!known) Judge(model, key, body, &findings);
  }
  for (const Changes& changes : model.pending) {
    auto all = [&](auto is) { return std::all_of(changes.begin(), changes.end(), is); };
    bool whole = all([&](const Change& c) { return At(found, c.key) == c.body; });
    bool absent =
        all([&](const Change& c) { return At(found, c.key) == At(model.settled, c.key); });
    if (whole || absent) continue;
    ++findings.torn;
    if (findings.first.empty()) findings.first = "half of a transaction on " + changes.front().key;
  }
  return findings;
}

}  // namespace strongroom::sim
