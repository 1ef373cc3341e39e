// One store from its making on: processes that open it, work on it, and end well or badly.
#include <algorithm>

#include "sim/simulation.h"
#include "sim/workload.h"

namespace strongroom::sim {

using io::CrashStyle;
using io::SimEnv;
using io::SimFault;
using testing::Random;

namespace {

constexpr uint64_t kOperations = 200;  // Of one seed, at least.
constexpr size_t kImagesHeld = 256;
constexpr uint64_t kCompactEvery = 8;  // Groups of operations.
constexpr uint64_t kPlenty = uint64_t{1} << 40;

constexpr Hazard kOfAMachine[] = {Hazard::kFail,    Hazard::kHang,  Hazard::kSlow,
                                  Hazard::kNoSpace, Hazard::kLie,   Hazard::kMisdirect,
                                  Hazard::kStray,   Hazard::kRefuse};
// With a single zone these take what nobody can give back, or time without end.
bool NeedsOthers(Hazard hazard) {
  return hazard != Hazard::kFail && hazard != Hazard::kSlow && hazard != Hazard::kNoSpace;
}

}  // namespace

class Simulation::Life {
 public:
  Life(Simulation* simulation, uint64_t seed)
      : all_(simulation), random_(seed), workload_(seed * 1'000'000 + 1) {
    now_.zone_count = random_.Below(3) == 0 ? 1 : 3;
    for (size_t zone = 1; zone <= now_.zone_count; ++zone) {
      now_.disk.MakeDirectories(Store::ZonePath(zone));
    }
    now_.way = "seed " + std::to_string(seed);
    victim_ = three() ? 1 + random_.Below(3) : 1;
    all_->odds_.emplace(random_);
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
  bool three() const { return now_.zone_count == 3; }
  bool made() const { return !now_.bucket.wrapped.empty(); }
  std::string zone() const { return Store::ZonePath(victim_); }
  bool Strikes(Hazard hazard, uint64_t one_in) {
    return all_->odds_->Strike(hazard, one_in, random_);
  }
  // To the zone that is the sick one then.
  void Struck(Hazard hazard) {
    Happened(hazard);
    if (!three()) return;
    now_.sick = victim_;
    now_.caught_up = false;
  }
  void Happened(Hazard hazard) {
    all_->Count(hazard);
    now_.way += std::string(", ") + NameOf(hazard);
  }

  // The disk of now_ lives on: a process leaves what it wrote in the page cache, a power cut what
  // chance leaves of it.
  void RunProcess(std::vector<Image>* images) {
    const bool killed = made() && Strikes(Hazard::kKill, 3);
    const bool early = killed && random_.Below(3) == 0;
    if (made() && three()) ChangeZone();
    SimEnv env(&now_.disk, random_.Next());
    if (made()) {
      env.on_io = [&](io::SimIo kind, const std::string& path) { AtIo(kind, path, images); };
    }
    // While it opens, half of the time: an open has some fifty calls that change a disk.
    if (early) env.CrashAtIo(1 + random_.Below(60));
    size_t groups = 5 + random_.Below(15);
    Status ran = env.Run([&] { Work(env, groups, killed && !early); });
    if (!ran.ok()) all_->Find(&all_->figures_.failed_open, 1, now_, ran.ToString());
    if (env.syncs_retried() > 0) {
      all_->Find(&all_->figures_.lost, 1, now_, "a sync that had failed was tried again");
    }
    all_->Trace(env.TraceHash());
    if (now_.disk.IsHidden(zone())) now_.disk.Show(zone());
    if (!killed) return;
    Happened(Hazard::kKill);
    if (!Strikes(Hazard::kPowerCut, 2)) return;
    Happened(Hazard::kPowerCut);
    now_.disk.Crash(random_, static_cast<CrashStyle>(random_.Below(5)));
  }

  // Nothing that is drawn here, nor how often, may hang on what was judged before.
  void AtIo(io::SimIo kind, const std::string& path, std::vector<Image>* images) {
    const uint64_t drawn = random_.Next();
    if (drawn % all_->crash_every_ != 0 || images->size() >= kImagesHeld) return;
    Random chance(drawn);
    std::string where = std::string("before ") + io::NameOf(kind) + " " + path;
    if (IsKilledAt(kind, chance)) return all_->Kill(now_, where, images);
    all_->PowerCut(now_, where, chance, images);
  }

  // Before the process begins: what happened to a zone while nobody looked.
  void ChangeZone() {
    const bool rots = Strikes(Hazard::kRot, 12), goes = Strikes(Hazard::kVanish, 12);
    const bool ages = Strikes(Hazard::kOlder, 12) && older_.has_value();
    if (rots) {
      Rot(&now_.disk, zone(), random_);
      now_.rotten = true;
      Struck(Hazard::kRot);
    }
    if (ages) {
      now_.disk.ReplaceTree(zone(), *older_, zone());
      Struck(Hazard::kOlder);
    }
    if (!older_ || random_.Below(4) == 0) older_ = now_.disk;
    if (goes) {
      now_.disk.Hide(zone());
      Struck(Hazard::kVanish);
    }
  }

  void Work(SimEnv& env, size_t groups, bool killed) {
    auto opened = Store::Open(&env, now_.zone_count, &now_.bucket);
    if (env.IsCrashed()) return;
    if (!opened.ok()) {
      return all_->Find(&all_->figures_.failed_open, 1, now_, opened.status().ToString());
    }
    Store& store = **opened;
    auto rows = all_->Compare(env, store, now_, {});
    if (!rows) return;
    SettlePending(&now_.model, *rows);
    now_.caught_up = !now_.rotten && store.IsWhole();
    for (size_t group = 0; group < groups && !stopped_; ++group) {
      if (full_ > 0 && --full_ == 0) LimitSpace({});
      Disturb(env);
      if (killed && group + 1 == groups) env.CrashAtIo(env.IoCount() + 1 + random_.Below(12));
      RunGroup(env, store);
    }
    stopped_ = false;
    full_ = 0;
    LimitSpace({});
    if (!killed) store.Close();
  }

  // Each zone has this much left; nothing: as much as anybody wants.
  void LimitSpace(std::optional<uint64_t> left) {
    for (size_t zone = 1; zone <= now_.zone_count; ++zone) {
      const std::string path = Store::ZonePath(zone);
      if (now_.disk.IsHidden(path)) continue;
      now_.disk.SetCapacity(path, kPlenty);
      if (!left) continue;
      now_.disk.SetCapacity(path, kPlenty - now_.disk.FreeBytes(path) + *left);
    }
  }

  void Disturb(SimEnv& env) {
    for (Hazard hazard : kOfAMachine) {
      if (!Strikes(hazard, 200) || (!three() && NeedsOthers(hazard))) continue;
      env.AddFault(*FaultOf(hazard, zone(), random_));
      Struck(hazard);
      now_.rotten |= hazard == Hazard::kLie || hazard == Hazard::kMisdirect;
    }
    if (Strikes(Hazard::kFull, 80)) {
      full_ = 1 + random_.Below(3);
      LimitSpace(random_.Below(64 << 10));
      Happened(Hazard::kFull);
    }
    if (Strikes(Hazard::kClock, 40)) {
      env.StepWallClock(static_cast<int64_t>(random_.Below(1ull << 42)) - (1ll << 41));
      Happened(Hazard::kClock);
    }
    if (three() && Strikes(Hazard::kRot, 120) && !now_.disk.IsHidden(zone())) {
      Rot(&now_.disk, zone(), random_);
      now_.rotten = true;
      Struck(Hazard::kRot);
    }
    if (three() && Strikes(Hazard::kVanish, 120) && !now_.disk.IsHidden(zone())) {
      now_.disk.Hide(zone());
      Struck(Hazard::kVanish);
    }
  }

  // A few transactions at once, on rows of their own each.
  void RunGroup(SimEnv& env, Store& store) {
    now_.model.moved_on = true;
    std::vector<std::unique_ptr<io::Thread>> threads;
    for (const Changes& changes : workload_.Draw(now_.model, random_)) {
      threads.push_back(env.StartThread("client", [this, &store, changes] {
        now_.model.Begin(changes);
        Answer(changes, store.Commit(changes));
      }));
    }
    // Beside them, or after.
    if (random_.Below(kCompactEvery) == 0) {
      threads.push_back(env.StartThread("compact", [&store] { (void)store.Compact(); }));
    }
    for (auto& thread : threads) thread->Join();
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
    // The source of a copy went meanwhile, or an upload, or the disks are full: the store goes on.
    const bool goes_on = status.Is(Code::kPreconditionFailed) || status.Is(Code::kNotFound) ||
                         status.Is(Code::kNoSpace);
    stopped_ |= !goes_on;
  }

  Simulation* const all_;
  // What is judged on the way draws no number from here: a seed takes the same way, whatever of
  // what it left was known before.
  Random random_;
  Image now_;
  Workload workload_;
  size_t victim_ = 1;
  std::optional<io::SimDisk> older_;  // The same disks, some processes ago.
  uint64_t done_ = 0;
  bool stopped_ = false;
  uint64_t full_ = 0;  // For so many groups of transactions there is no space left.
};

void Simulation::RunSeed(uint64_t seed, uint64_t most) {
  ++figures_.seeds;
  most_ = most;
  const uint64_t before = figures_.trace;
  figures_.trace = seed;
  Life(this, seed).Run();
  figures_.seed_trace = figures_.trace;
  figures_.trace = io::MixHash(before, figures_.seed_trace);
}

}  // namespace strongroom::sim
