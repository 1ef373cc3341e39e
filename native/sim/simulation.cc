// What a crash left: made, opened, compared, and crashed again.
#include "sim/simulation.h"

#include <algorithm>

namespace strongroom::sim {

using io::CrashStyle;
using io::SimEnv;
using io::SimFault;
using testing::Random;

namespace {

constexpr int kDepthMax = 3;
constexpr size_t kImagesHeld = 512;

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

void SettlePending(Model* model, const Rows& rows) {
  for (const Changes& changes : std::vector<Changes>(model->pending)) {
    bool stands = std::all_of(changes.begin(), changes.end(), [&](const Change& change) {
      auto found = rows.find(change.key);
      return change.body ? found != rows.end() && found->second == *change.body
                         : found == rows.end();
    });
    stands ? model->Settle(changes) : model->Forget(changes);
  }
  // An epoch's record stands behind them.
  model->before.clear();
}

bool IsKilledAt(io::SimIo kind, Random& random) {
  return random.Below(kind == io::kIoSync ? 3 : 24) == 0;
}

void Simulation::PowerCut(Image image, const std::string& where, Random& random,
                          std::vector<Image>* out) {
  CrashStyle style = kStyles[random.Below(std::size(kStyles))];
  image.disk.Crash(random, style);
  ++figures_.states;
  image.way += ", crash " + where + " (" + std::to_string(static_cast<int>(style)) + ")";
  image.hash = io::MixHash(image.disk.DurableHash(), HashOf(image.model));
  if (seen_.insert(image.hash).second) out->push_back(std::move(image));
}

// Not a state of its own: what is durable was not decided yet. The crashes of its opening are.
void Simulation::Kill(Image image, const std::string& where, std::vector<Image>* out) {
  Count(Hazard::kKill);
  image.killed = true;
  image.way += ", killed " + where;
  image.hash = io::MixHash(image.disk.DurableHash(), image.disk.Moment());
  image.hash = 0x6b696c6c ^ io::MixHash(image.hash, HashOf(image.model));
  out->push_back(std::move(image));
}

void Simulation::JudgeAll(std::vector<Image>* images) {
  for (size_t i = 0; i < images->size() && !IsFull() && figures_.bad() == 0; ++i) {
    Image image = std::move((*images)[i]);
    bool again = image.depth < kDepthMax && images->size() - i < kImagesHeld;
    Judge(image, again ? images : nullptr);
  }
}

// One call in so many of an image's opening is crashed at: fewer, the deeper it was found, and more
// where a process died, since that is where two crashes meet.
uint64_t Simulation::CrashAgainEvery(const Image& image) const {
  if (image.killed) return crash_every_ / 2 + 1;
  return (7 * crash_every_ / 2 + 1) << std::min(image.depth, 2);
}

// Whatever it draws comes from the image: it is judged alike wherever it turns up.
void Simulation::Judge(const Image& image, std::vector<Image>* again) {
  Random dice(image.hash);
  Image now = image;
  figures_.distinct += !image.killed;
  SimEnv env(&now.disk, dice.Next());
  for (size_t zone = 1; zone <= now.zone_count; ++zone) {
    // Whoever opens a store on full disks makes room first.
    if (!now.disk.IsHidden(Store::ZonePath(zone))) {
      now.disk.SetCapacity(Store::ZonePath(zone), uint64_t{1} << 40);
    }
  }
  Allowance allowed = Afflict(&now, &env, dice);
  // With two zones struck, or the only one, nothing is to be said of what follows.
  if (allowed.large || allowed.all) again = nullptr;
  if (again != nullptr) {
    env.on_io = [&, every = CrashAgainEvery(image)](io::SimIo kind, const std::string& path) {
      uint64_t drawn = dice.Next();
      if (drawn % every != 0) return;
      Random chance(drawn);
      Image next = now;
      ++next.depth;
      next.killed = false;
      const std::string where = "again before " + std::string(io::NameOf(kind)) + " " + path;
      if (image.killed && IsKilledAt(kind, chance)) return Kill(std::move(next), where, again);
      PowerCut(std::move(next), where, chance, again);
    };
  }
  Status ran = env.Run([&] { Open(env, now, allowed, dice, again); });
  if (!ran.ok()) Find(&figures_.failed_open, 1, now, ran.ToString());
  Trace(image.hash);
  Trace(env.TraceHash());
}

void Simulation::Open(SimEnv& env, Image& now, const Allowance& allowed, Random& dice,
                      std::vector<Image>* again) {
  auto store = Store::Open(&env, now.zone_count, &now.bucket);
  if (!store.ok()) {
    if (allowed.all) return void(++figures_.typed);
    return Find(&figures_.failed_open, 1, now, store.status().ToString());
  }
  auto rows = Compare(env, **store, now, allowed);
  env.on_io = nullptr;  // What comes now was told to the world, and is another story.
  if (rows && again != nullptr && dice.Below(4) == 0) {
    SettlePending(&now.model, *rows);
    GoOn(now, dice, again);
  }
  // Most processes end without a word; those in a life that do not are closed there.
  if (dice.Below(4) != 0) env.Crash();
  (*store)->Close();
}

// What was read stays, whatever happens next.
void Simulation::GoOn(Image now, Random& dice, std::vector<Image>* again) {
  ++now.depth;
  now.killed = false;
  if (dice.Below(3) == 0) return Kill(std::move(now), "after it was read", again);
  PowerCut(std::move(now), "after it was read", dice, again);
}

// What an image suffers beside the crash.
Simulation::Allowance Simulation::Afflict(Image* now, SimEnv* env, Random& dice) {
  const bool three = now->zone_count == 3;
  const size_t victim = !three ? 1 : now->sick != 0 ? now->sick : 1 + dice.Below(3);
  const std::string zone = Store::ZonePath(victim);
  auto strike = [&](Hazard hazard, const std::string& what) {
    Count(hazard);
    now->way += ", " + what + " " + zone;
    now->sick = victim;
    now->caught_up = false;
    return Allowance{false, !three};
  };
  const bool was_away = now->disk.IsHidden(zone);
  if (was_away && dice.Below(2) == 0) {
    now->disk.Show(zone);
    now->way += ", back is " + zone;
  } else if (was_away) {
    return {};
  }
  if (three && odds_->Strike(Hazard::kAway, 4, dice)) {
    // Since it was made equal, a zone that was struck may take the place of another.
    const bool other = now->caught_up && !now->rotten && dice.Below(2) == 0;
    const size_t away = other ? 1 + victim % 3 : victim;
    now->disk.Hide(Store::ZonePath(away));
    if (!other) return strike(Hazard::kAway, "without");
    Count(Hazard::kAway);
    now->way += ", without " + Store::ZonePath(away) + " in place of " + zone;
    return {true, false};
  }
  if (odds_->Strike(Hazard::kRot, 12, dice)) {
    Rot(&now->disk, zone, dice);
    now->rotten = true;
    return strike(Hazard::kRot, "rot in");
  }
  for (Hazard hazard : {Hazard::kStray, Hazard::kRefuse}) {
    if (!odds_->Strike(hazard, 16, dice)) continue;
    SimFault fault = *FaultOf(hazard, zone, dice);
    fault.skip = dice.Below(30);
    env->AddFault(fault);
    return strike(hazard, NameOf(hazard) + std::string(" in"));
  }
  return {};
}

std::optional<Rows> Simulation::Compare(const SimEnv& env, Store& store, const Image& image,
                                        const Allowance& allowed) {
  auto account = store.ReadAll();
  // The process died while it read, at a call of the store's own threads: nobody was told anything.
  if (env.IsCrashed()) return {};
  if (!account.ok() && allowed.all) return void(++figures_.typed), std::nullopt;
  if (!account.ok()) {
    Find(&figures_.lost, 1, image, account.status().ToString());
    return {};
  }
  bool unseen = false;
  for (const Account::Refusal& refusal : account->refusals) {
    const bool allow = allowed.all || (allowed.large && refusal.large);
    unseen |= refusal.list;
    figures_.typed += allow;
    if (!allow) {
      Find(&figures_.lost, 1, image, "row " + refusal.key + ": " + refusal.why.ToString());
    }
  }
  if (!account->wrong.empty()) {
    Find(&figures_.silent, 1, image, "wrong bytes of row " + account->wrong);
  }
  if (unseen) return {};
  Findings findings = sim::Compare(image.model, account->rows, allowed.all);
  Find(&figures_.lost, findings.lost, image, findings.first);
  Find(&figures_.torn, findings.torn, image, findings.first);
  Find(&figures_.resurrected, findings.resurrected, image, findings.first);
  if (figures_.bad() > 0) return {};
  return std::move(account->rows);
}

void Simulation::Find(uint64_t* count, uint64_t by, const Image& image, const std::string& what) {
  if (by == 0) return;
  *count += by;
  if (tell_) tell_(what + "\n  by " + image.way);
}

}  // namespace strongroom::sim
