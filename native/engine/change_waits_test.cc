// Who waits hears of changes under its own prefix, once, and of the end.
#include "engine/change_waits.h"

#include "base/testing.h"

namespace strongroom::engine {

namespace {

std::vector<Effect> EffectsOn(std::initializer_list<std::string> keys) {
  std::vector<Effect> effects;
  for (const std::string& key : keys) {
    effects.emplace_back();
    effects.back().key = Bytes(key.begin(), key.end());
  }
  return effects;
}

struct Waits {
  std::shared_ptr<ChangeWaits> all = std::make_shared<ChangeWaits>();
  std::map<std::string, int> heard;
  std::shared_ptr<void> Await(const std::string& name, const std::string& under) {
    return all->Await(Bytes(under.begin(), under.end()), [this, name] { ++heard[name]; });
  }
};

}  // namespace

TEST(ChangeWaits, HearOfTheirOwnRowsOnceAndOfNoOthers) {
  Waits waits;
  auto one = waits.Await("one", "ea"), same = waits.Await("same", "ea");
  auto other = waits.Await("other", "eb"), longer = waits.Await("longer", "ea5");
  waits.all->Tell(EffectsOn({"e", "o", "ec1", "e5", "bea"}));
  EXPECT(waits.heard.empty());
  waits.all->Tell(EffectsOn({"oa", "ea1", "ea2"}));
  EXPECT_EQ(waits.heard, (std::map<std::string, int>{{"one", 1}, {"same", 1}}));
  EXPECT(waits.all->any());
  waits.all->Tell(EffectsOn({"ea", "ea5"}));
  EXPECT_EQ(waits.heard["longer"], 1);
  EXPECT_EQ(waits.heard["one"], 1);
  waits.all->Tell(EffectsOn({"eb"}));  // The row of that very key, too.
  EXPECT_EQ(waits.heard["other"], 1);
  EXPECT(!waits.all->any());
}

TEST(ChangeWaits, WhoLetsGoHearsNothing) {
  Waits waits;
  auto stays = waits.Await("stays", "ea"), goes = waits.Await("goes", "ea");
  goes = nullptr;
  waits.all->Tell(EffectsOn({"ea1"}));
  EXPECT_EQ(waits.heard, (std::map<std::string, int>{{"stays", 1}}));
  stays = nullptr;
  auto only = waits.Await("only", "ea");
  only = nullptr;
  EXPECT(!waits.all->any());
}

TEST(ChangeWaits, TheEndEndsThemAllAndLaterOnesAtOnce) {
  Waits waits;
  auto one = waits.Await("one", "ea"), other = waits.Await("other", "b");
  waits.all->End();
  auto late = waits.Await("late", "ea");
  waits.all->Tell(EffectsOn({"ea1", "b"}));
  EXPECT_EQ(waits.heard, (std::map<std::string, int>{{"one", 1}, {"other", 1}, {"late", 1}}));
}

TEST(ChangeWaits, AWaitMayBeginInTheCallThatEndsAnother) {
  auto all = std::make_shared<ChangeWaits>();
  std::shared_ptr<void> next;
  bool heard = false;
  auto first = all->Await({'e'}, [&] { next = all->Await({'e'}, [&] { heard = true; }); });
  all->Tell(EffectsOn({"e1"}));
  EXPECT(!heard);
  all->Tell(EffectsOn({"e2"}));
  EXPECT(heard);
}

}  // namespace strongroom::engine
