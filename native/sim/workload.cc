#include "sim/workload.h"

#include <algorithm>

#include "sim/store.h"

namespace strongroom::sim {

using testing::Random;

namespace {

constexpr size_t kKeys = 20;  // Few, so that rows are written over and come back.
constexpr size_t kUploads = 4;
constexpr size_t kVersioned = 4;
constexpr size_t kVersionsMax = 6;
constexpr uint64_t kPartsMax = 8;
constexpr size_t kAtOnce = 4;

uint32_t DrawSize(Random& random) {
  switch (random.Below(6)) {
    case 0:
      return static_cast<uint32_t>(random.Below(3));
    case 1:
      return kLargeFrom + static_cast<uint32_t>(random.Below(60'000));
    case 2:
      return static_cast<uint32_t>(random.Below(kLargeFrom));
    default:
      return static_cast<uint32_t>(random.Below(3000));
  }
}

}  // namespace

// The transactions of one moment, and the rows that none of them has taken yet.
class Workload::Group {
 public:
  Group(const Model& model, Random& random, uint64_t* next)
      : settled_(model.settled), random_(random), next_(*next) {
    for (size_t i = 0; i < kKeys; ++i) keys_.push_back("k" + std::to_string(i));
    for (size_t i = kKeys; i > 1; --i) std::swap(keys_[i - 1], keys_[random_.Below(i)]);
    for (size_t i = 0; i < kUploads; ++i) uploads_.push_back("u" + std::to_string(i));
    for (size_t i = kUploads; i > 1; --i) std::swap(uploads_[i - 1], uploads_[random_.Below(i)]);
    for (size_t i = 0; i < kVersioned; ++i) versioned_.push_back("w" + std::to_string(i));
    for (size_t i = kVersioned; i > 1; --i) {
      std::swap(versioned_[i - 1], versioned_[random_.Below(i)]);
    }
  }

  Changes Next() {
    switch (random_.Below(16)) {
      case 0:
      case 1:
        return Rows(2 + random_.Below(3));
      case 2:
        return RemoveMany();
      case 3:
      case 4:
      case 5:
        return Upload();
      case 6:
        return Append();
      case 7:
      case 8:
      case 9:
      case 10:
        return Versions();
      default:
        return Rows(1);
    }
  }

 private:
  std::string Take(std::vector<std::string>* from) {
    std::string taken = from->back();
    from->pop_back();
    return taken;
  }
  const Body* At(const std::string& key) const {
    auto found = settled_.find(key);
    return found == settled_.end() ? nullptr : &found->second;
  }

  Changes Rows(size_t count) {
    Changes changes;
    for (size_t i = 0; i < count; ++i) changes.push_back(Row(Take(&keys_)));
    return changes;
  }

  Change Row(std::string key) {
    Change change{std::move(key), std::nullopt};
    if (random_.Below(4) == 0) return change;
    if (random_.Below(6) == 0 && Copy(&change)) return change;
    change.body = Body{next_++, DrawSize(random_)};
    return change;
  }

  // Of a large body, or a list: another row that names it.
  bool Copy(Change* change) {
    std::vector<std::string> sources;
    for (const auto& [key, body] : settled_) {
      if (key[0] == 'k' && (body.list || body.size >= kLargeFrom)) sources.push_back(key);
    }
    if (sources.empty()) return false;
    change->copy_of = sources[random_.Below(sources.size())];
    change->body = *At(change->copy_of);
    return true;
  }

  Changes RemoveMany() {
    Changes changes;
    for (size_t i = 0; i < 6; ++i) changes.push_back({Take(&keys_), std::nullopt});
    return changes;
  }

  // The next step of an upload: begun, a part in any order and again, put together, given up.
  Changes Upload() {
    std::string upload = Take(&uploads_);
    const Body* stands = At(upload);
    if (!stands) return {{upload, Body{next_++, 0, true}}};
    const uint64_t list = stands->id;
    switch (random_.Below(8)) {
      case 0:
        return {{upload, std::nullopt}};
      case 1:
        return {{upload, std::nullopt}, {Take(&keys_), Body{list, 0, true}, upload}};
      default:
        Change part{PartName(list, 1 + random_.Below(kPartsMax)), Body{next_++, DrawSize(random_)}};
        part.named_by = upload;
        return {part};
    }
  }

  // A row that grows, by a part of its list. A plain one in its place is written over.
  Changes Append() {
    std::string key = Take(&keys_);
    const Body* stands = At(key);
    bool grows = stands && stands->list && stands->size > 0 && stands->size < kPartsMax;
    Body list = grows ? *stands : Body{next_++, 0, true};
    Change part{PartName(list.id, 1000 + list.size), Body{next_++, DrawSize(random_)}};
    part.named_by = key;
    ++list.size;
    return {{key, list, grows ? key : ""}, part};
  }

  // The next version of a row, a removal that keeps what stood, one that stands again, one that
  // goes for good.
  Changes Versions() {
    const std::string key = Take(&versioned_);
    const Body* stands = At(key);
    std::vector<std::string> kept;
    for (auto it = settled_.lower_bound(key + "#"); it != settled_.end(); ++it) {
      if (!it->first.starts_with(key + "#")) break;
      kept.push_back(it->first);
    }
    const uint64_t way = random_.Below(6);
    if (!kept.empty() && (way == 0 || kept.size() >= kVersionsMax)) {
      return {{kept[random_.Below(kept.size())], std::nullopt}};
    }
    if (!kept.empty() && way == 1) {
      const std::string& again = kept[random_.Below(kept.size())];
      Change stand{key, *At(again)}, left{again, std::nullopt};
      stand.from = again;
      left.follows = true;
      return {stand, left};
    }
    Change next{key, std::nullopt};
    next.keeps = true;
    if (!stands || way != 2) next.body = Body{next_++, DrawSize(random_)};
    if (!stands) return {next};
    Change stays{VersionName(key, *stands), *stands};
    stays.follows = true;
    return {next, stays};
  }

  const sim::Rows& settled_;
  Random& random_;
  uint64_t& next_;
  std::vector<std::string> keys_, uploads_, versioned_;
};

std::vector<Changes> Workload::Draw(const Model& model, Random& random) {
  Group group(model, random, &next_);
  std::vector<Changes> out;
  const size_t count = 1 + random.Below(kAtOnce);
  // Of 20 rows four transactions may want 24: one removal of many at most.
  while (out.size() < count) {
    out.push_back(group.Next());
    if (out.back().size() > 4) break;
  }
  return out;
}

}  // namespace strongroom::sim
