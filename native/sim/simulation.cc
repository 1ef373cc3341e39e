#include "sim/simulation.h"

#include <algorithm>

namespace strongroom::sim {

using io::CrashStyle;
using io::SimDisk;
using io::SimEffect;
using io::SimEnv;
using io::SimFault;
using testing::Random;

namespace {

constexpr uint64_t kOperations = 200;  // Of one seed, at least.
constexpr size_t kKeys = 20;           // Few, so that rows are written over and come back.
constexpr size_t kAtOnce = 4;
constexpr uint64_t kCrashAgainEvery = 24;  // As the constructor's, while an image is opened.
constexpr size_t kImagesHeld = 256;

constexpr CrashStyle kStyles[] = {
    CrashStyle::kLoseAll, CrashStyle::kKeepAll, CrashStyle::kKeepNames, CrashStyle::kKeepBytes,
    CrashStyle::kRandom,  CrashStyle::kRandom,  CrashStyle::kRandom,    CrashStyle::kRandom};

uint64_t HashOf(const Model& model) {
  uint64_t hash = 1;
  auto mix = [&](const std::string& key, uint64_t id) {
    hash = io::MixHash(io::MixHash(hash, AsBytes(key)), id);
  };
  for (const auto& [key, body] : model.settled) mix(key, body.id);
  for (const auto& changes : model.pending) {
    for (const auto& change : changes) mix(change.key, change.body ? change.body->id : 0);
  }
  return hash;
}

}  // namespace

// One store from its making on: processes that open it, work on it, and end well or badly.
class Simulation::Life {
 public:
  Life(Simulation* simulation, uint64_t seed) : all_(simulation), random_(seed) {
    now_.zone_count = random_.Below(4) == 0 ? 1 : 3;
    for (size_t zone = 1; zone <= now_.zone_count; ++zone) {
      now_.disk.MakeDirectories(Store::ZonePath(zone));
    }
    now_.way = "seed " + std::to_string(seed);
    next_body_ = seed * 1'000'000 + 1;
  }

  void Run() {
    while (done_ < kOperations && !all_->IsFull()) {
      std::vector<Image> images;
      RunProcess(&images);
      all_->JudgeAll(&images);
      if (all_->figures_.bad() > 0) return;
    }
  }

 private:
  // The disk of now_ lives on: a process leaves what it wrote in the page cache, a power cut what
  // chance leaves of it.
  void RunProcess(std::vector<Image>* images) {
    SimEnv env(&now_.disk, random_.Next());
    bool made = !now_.bucket.wrapped.empty();
    if (made) {
      env.on_io = [&](io::SimIo kind, const std::string& path) {
        if (random_.Below(all_->crash_every_) != 0 || images->size() >= kImagesHeld) return;
        all_->Capture(now_, std::string(io::NameOf(kind)) + " " + path, random_, images);
      };
    }
    bool killed = made && random_.Below(3) == 0;
    size_t groups = 5 + random_.Below(15);
    Status ran = env.Run([&] { Work(env, groups, killed); });
    if (!ran.ok()) all_->Find(&all_->figures_.failed_open, 1, now_, ran.ToString());
    if (!killed) return;
    now_.way += ", killed";
    if (random_.Below(2) == 0) return;
    now_.way += ", power cut";
    now_.disk.Crash(random_, kStyles[random_.Below(std::size(kStyles))]);
  }

  void Work(SimEnv& env, size_t groups, bool killed) {
    auto store = Store::Open(&env, now_.zone_count, &now_.bucket);
    if (!store.ok()) {
      return all_->Find(&all_->figures_.failed_open, 1, now_, store.status().ToString());
    }
    if (!Settle(**store)) return;
    for (size_t group = 0; group < groups; ++group) {
      if (now_.zone_count == 3 && random_.Below(30) == 0) BreakAZone(env);
      if (killed && group + 1 == groups) env.CrashAtIo(env.IoCount() + 1 + random_.Below(12));
      RunGroup(env, **store);
      if (stopped_) break;
    }
    stopped_ = false;
    if (!killed) (*store)->Close();
  }

  // What became of the transactions that nobody heard of: from now on it stays so.
  bool Settle(Store& store) {
    std::optional<Rows> rows = all_->Compare(store, now_);
    if (!rows) return false;
    for (const Changes& changes : std::vector<Changes>(now_.model.pending)) {
      bool stands = std::all_of(changes.begin(), changes.end(), [&](const Change& change) {
        auto found = rows->find(change.key);
        return change.body ? found != rows->end() && found->second == *change.body
                           : found == rows->end();
      });
      stands ? now_.model.Settle(changes) : now_.model.Forget(changes);
    }
    return true;
  }

  void BreakAZone(SimEnv& env) {
    if (!now_.intact) return;
    now_.intact = false;
    now_.way += ", a zone fails";
    SimEffect effect = random_.Below(4) == 0 ? SimEffect::kHang : SimEffect::kFail;
    SimFault fault{effect, Store::ZonePath(1 + random_.Below(3)), io::kIoSync | io::kIoWrite};
    fault.skip = random_.Below(4);
    fault.count = 1 + random_.Below(3);
    env.AddFault(fault);
  }

  // A few transactions at once, on rows of their own each.
  void RunGroup(SimEnv& env, Store& store) {
    std::vector<size_t> keys(kKeys);
    for (size_t i = 0; i < kKeys; ++i) keys[i] = i;
    for (size_t i = kKeys; i > 1; --i) std::swap(keys[i - 1], keys[random_.Below(i)]);
    size_t taken = 0;
    std::vector<std::unique_ptr<io::Thread>> threads;
    for (size_t i = 0; i < 1 + random_.Below(kAtOnce); ++i) {
      Changes changes;
      size_t rows = random_.Below(4) == 0 ? 2 + random_.Below(3) : 1;
      for (size_t row = 0; row < rows; ++row) changes.push_back(NewChange(keys[taken++]));
      threads.push_back(env.StartThread("client", [this, &store, changes] {
        now_.model.Begin(changes);
        Answer(changes, store.Commit(changes));
      }));
    }
    for (auto& thread : threads) thread->Join();
  }

  Change NewChange(size_t key) {
    Change change;
    change.key = "k" + std::to_string(key);
    if (random_.Below(4) == 0) return change;
    if (random_.Below(6) == 0 && Copy(&change)) return change;
    uint32_t size = 0;
    switch (random_.Below(6)) {
      case 0:
        size = static_cast<uint32_t>(random_.Below(3));
        break;
      case 1:
        size = kLargeFrom + static_cast<uint32_t>(random_.Below(60'000));
        break;
      case 2:
        size = static_cast<uint32_t>(random_.Below(kLargeFrom));
        break;
      default:
        size = static_cast<uint32_t>(random_.Below(3000));
        break;
    }
    change.body = Body{next_body_++, size};
    return change;
  }

  // Of a large body that stands: another row that names it.
  bool Copy(Change* change) {
    std::vector<std::string> large;
    for (const auto& [key, body] : now_.model.settled) {
      if (body.size >= kLargeFrom) large.push_back(key);
    }
    if (large.empty()) return false;
    change->copy_of = large[random_.Below(large.size())];
    change->body = now_.model.settled[change->copy_of];
    return true;
  }

  void Answer(const Changes& changes, const Status& status) {
    ++done_;
    ++all_->figures_.operations;
    if (status.ok()) {
      ++all_->figures_.acked;
      return now_.model.Settle(changes);
    }
    // It may stand; the next open tells.
    bool unknown = status.Is(Code::kUnknown) || status.Is(Code::kClosed);
    if (!unknown) now_.model.Forget(changes);
    // The source of a copy went meanwhile: that says nothing against the store.
    stopped_ |= !status.Is(Code::kPreconditionFailed) && !status.Is(Code::kNotFound);
  }

  Simulation* const all_;
  // What is judged on the way draws no number from here: a seed takes the same way, whatever of
  // what it left was known before.
  Random random_;
  Image now_;
  uint64_t next_body_;
  uint64_t done_ = 0;
  bool stopped_ = false;
};

void Simulation::RunSeed(uint64_t seed, uint64_t most) {
  ++figures_.seeds;
  most_ = most;
  Life(this, seed).Run();
}

void Simulation::Capture(Image image, const std::string& where, Random& random,
                         std::vector<Image>* out) {
  CrashStyle style = kStyles[random.Below(std::size(kStyles))];
  image.disk.Crash(random, style);
  ++figures_.states;
  image.way += ", crash before " + where + " (" + std::to_string(static_cast<int>(style)) + ")";
  image.hash = io::MixHash(image.disk.DurableHash(), HashOf(image.model));
  if (seen_.insert(image.hash).second) out->push_back(std::move(image));
}

void Simulation::JudgeAll(std::vector<Image>* images) {
  for (size_t i = 0; i < images->size() && !IsFull() && figures_.bad() == 0; ++i) {
    Image image = std::move((*images)[i]);
    // The power may go again while it is opened; not for ever.
    bool once = image.way.find(", again") == std::string::npos;
    Judge(image, once && images->size() < 2 * kImagesHeld ? images : nullptr);
    ++figures_.distinct;
  }
}

// Whatever it draws comes from the image: it is judged alike wherever it turns up.
void Simulation::Judge(const Image& image, std::vector<Image>* again) {
  Random dice(image.hash);
  Image now = image;
  bool one_away = now.intact && now.zone_count == 3 && dice.Below(3) == 0;
  const std::string missing = one_away ? Store::ZonePath(1 + dice.Below(3)) : "";
  if (one_away) {
    now.way += ", without " + missing;
    now.disk.Hide(missing);
  }
  SimEnv env(&now.disk, dice.Next());
  if (again != nullptr) {
    env.on_io = [&](io::SimIo kind, const std::string& path) {
      if (dice.Below(kCrashAgainEvery) != 0) return;
      Image next = now;
      next.way += ", again";
      next.intact = now.intact && !one_away;
      if (one_away) next.disk.Show(missing);
      Capture(std::move(next), std::string(io::NameOf(kind)) + " " + path, dice, again);
    };
  }
  Status ran = env.Run([&] {
    auto store = Store::Open(&env, now.zone_count, &now.bucket);
    if (!store.ok()) return Find(&figures_.failed_open, 1, now, store.status().ToString());
    (void)Compare(**store, now);
    env.on_io = nullptr;  // What comes now was told to the world, and is another story.
    (*store)->Close();
  });
  if (!ran.ok()) Find(&figures_.failed_open, 1, now, ran.ToString());
}

std::optional<Rows> Simulation::Compare(Store& store, const Image& image) {
  std::string wrong;
  auto rows = store.ReadAll(&wrong);
  if (!rows.ok()) {
    Find(&figures_.lost, 1, image, rows.status().ToString());
    return {};
  }
  if (!wrong.empty()) Find(&figures_.silent, 1, image, "wrong bytes of row " + wrong);
  Findings findings = sim::Compare(image.model, *rows);
  Find(&figures_.lost, findings.lost, image, findings.first);
  Find(&figures_.torn, findings.torn, image, findings.first);
  Find(&figures_.resurrected, findings.resurrected, image, findings.first);
  if (!wrong.empty() || findings.all() > 0) return {};
  return std::move(*rows);
}

void Simulation::Find(uint64_t* count, uint64_t by, const Image& image, const std::string& what) {
  if (by == 0) return;
  *count += by;
  if (tell_) tell_(what + "\n  by " + image.way);
}

}  // namespace strongroom::sim
