#include "sim/model.h"

#include <algorithm>
#include <charconv>
#include <set>

#include "base/testing.h"

namespace strongroom::sim {

Bytes BytesOf(const Body& body) {
  testing::Random dice{body.id};
  Bytes out(body.size);
  size_t at = 0;
  for (; at + 8 <= out.size(); at += 8) StoreLittle(out.data() + at, dice.Next());
  for (uint64_t rest = dice.Next(); at < out.size(); ++at, rest >>= 8) {
    out[at] = static_cast<uint8_t>(rest);
  }
  return out;
}

std::string PartName(uint64_t list, uint64_t position) {
  return "L" + std::to_string(list) + "/" + std::to_string(position);
}

bool IsPart(const std::string& key, uint64_t* list, uint64_t* position) {
  if (key[0] != 'L') return false;
  const char* slash = key.data() + key.find('/');
  std::from_chars(key.data() + 1, slash, *list);
  std::from_chars(slash + 1, key.data() + key.size(), *position);
  return true;
}

std::string VersionName(const std::string& key, const Body& body) {
  return key + "#" + std::to_string(body.id);
}

bool HasVersions(const std::string& key) {
  return key[0] == 'w' && key.find('#') == std::string::npos;
}

bool IsVersion(const std::string& key, std::string* of, uint64_t* body) {
  const size_t at = key.find('#');
  if (key[0] != 'w' || at == std::string::npos) return false;
  *of = key.substr(0, at);
  std::from_chars(key.data() + at + 1, key.data() + key.size(), *body);
  return true;
}

namespace {

using Value = std::optional<Body>;

void Erase(std::vector<Changes>* pending, const Changes& changes) {
  auto same = [&](const Changes& each) { return each.front().key == changes.front().key; };
  pending->erase(std::find_if(pending->begin(), pending->end(), same));
}

Value At(const Rows& rows, const std::string& key) {
  auto found = rows.find(key);
  return found == rows.end() ? std::nullopt : std::optional(found->second);
}

// One look at rows that were found.
class Comparison {
 public:
  Comparison(const Model& model, const Rows& found, bool last_may_go)
      : model_(model), found_(found), last_may_go_(last_may_go) {
    for (const auto& [key, body] : found) {
      if (body.list) named_.insert(body.id);
    }
    for (const Changes& changes : model.pending) {
      for (const Change& change : changes) pending_.insert(change.key);
    }
  }

  Findings Run() {
    for (const auto& [key, body] : model_.settled) JudgeRow(key);
    for (const auto& [key, body] : found_) {
      if (model_.settled.count(key) == 0) JudgeRow(key);
    }
    for (const Changes& changes : model_.pending) JudgeTransaction(changes);
    return findings_;
  }

 private:
  // One row that no pending transaction touches.
  void JudgeRow(const std::string& key) {
    if (pending_.count(key) != 0 || IsOutOfSight(key)) return;
    if (IsSettled(key)) return;
    Value is = At(found_, key), must = At(model_.settled, key);
    Tell(must ? &findings_.lost : &findings_.resurrected,
         "row " + key + " holds body " + std::to_string(is ? is->id : 0) + " for " +
             std::to_string(must ? must->id : 0));
  }

  void JudgeTransaction(const Changes& changes) {
    auto all = [&](auto is) { return std::all_of(changes.begin(), changes.end(), is); };
    bool whole = all([&](const Change& c) { return At(found_, c.key) == c.body; });
    bool absent = all([&](const Change& c) { return IsOutOfSight(c.key) || IsSettled(c.key); });
    if (whole || absent) return;
    Tell(&findings_.torn, "half of a transaction on " + changes.front().key);
  }

  // As it was settled last, or, where that may go, before.
  bool IsSettled(const std::string& key) const {
    Value is = At(found_, key);
    auto before = model_.before.find(key);
    bool gone = last_may_go_ && before != model_.before.end() && is == before->second;
    return gone || is == At(model_.settled, key);
  }

  bool IsOutOfSight(const std::string& key) const {
    uint64_t list = 0, position = 0;
    return IsPart(key, &list, &position) && named_.count(list) == 0;
  }

  void Tell(uint64_t* count, const std::string& what) {
    ++*count;
    if (findings_.first.empty()) findings_.first = what;
  }

  const Model& model_;
  const Rows& found_;
  const bool last_may_go_;
  std::set<uint64_t> named_;  // Lists that a row names.
  std::set<std::string> pending_;
  Findings findings_;
};

}  // namespace

void Model::Settle(const Changes& changes) {
  Erase(&pending, changes);
  if (moved_on) before.clear();
  moved_on = false;
  for (const Change& change : changes) {
    before.try_emplace(change.key, At(settled, change.key));
    if (change.body) settled[change.key] = *change.body;
    if (!change.body) settled.erase(change.key);
  }
}

void Model::Forget(const Changes& changes) { Erase(&pending, changes); }

Findings Compare(const Model& model, const Rows& found, bool last_may_go) {
  return Comparison(model, found, last_may_go).Run();
}

}  // namespace strongroom::sim
