// The oracle itself: what it takes for right, and that it finds each kind of wrong.
#include "sim/model.h"

#include "base/testing.h"

namespace strongroom::sim {

namespace {

// Rows a and b are settled; a transaction on c and d, one of which is there, is not answered yet.
Model Example() {
  Model model;
  Changes settled = {{"a", Body{1, 10}}, {"b", Body{2, 0}}, {"c", Body{3, 5}}};
  model.Begin(settled);
  model.Settle(settled);
  model.Begin({{"c", Body{4, 7}}, {"d", Body{5, 1}}});
  return model;
}
Rows Before() { return {{"a", {1, 10}}, {"b", {2, 0}}, {"c", {3, 5}}}; }
Rows After() { return {{"a", {1, 10}}, {"b", {2, 0}}, {"c", {4, 7}}, {"d", {5, 1}}}; }

}  // namespace

TEST(Model, TakesATransactionThatNobodyHeardOfWholeOrNotAtAll) {
  EXPECT_EQ(Compare(Example(), Before()).all(), uint64_t{0});
  EXPECT_EQ(Compare(Example(), After()).all(), uint64_t{0});
}

TEST(Model, FindsWhatIsLostTornAndResurrected) {
  Rows lost = Before(), older = Before(), torn = Before(), back = After(), other = After();
  lost.erase("a");
  older["b"] = Body{9, 0};
  torn["d"] = Body{5, 1};
  back["gone"] = Body{7, 1};
  other["d"] = Body{6, 1};
  EXPECT_EQ(Compare(Example(), lost).lost, uint64_t{1});
  EXPECT_EQ(Compare(Example(), older).lost, uint64_t{1});
  EXPECT_EQ(Compare(Example(), torn).torn, uint64_t{1});
  EXPECT_EQ(Compare(Example(), back).resurrected, uint64_t{1});
  EXPECT_EQ(Compare(Example(), other).torn, uint64_t{1});
  EXPECT(!Compare(Example(), lost).first.empty());
}

TEST(Model, ARemovedRowThatIsThereIsResurrected) {
  Model model = Example();
  Changes changes = {{"a", std::nullopt}};
  model.Begin(changes);
  EXPECT_EQ(Compare(model, Before()).all(), uint64_t{0});
  model.Settle(changes);
  EXPECT_EQ(Compare(model, Before()).resurrected, uint64_t{1});
  model.Begin({{"b", std::nullopt}});
  model.Forget({{"b", std::nullopt}});
  Rows without = Before();
  without.erase("a");
  EXPECT_EQ(Compare(model, without).all(), uint64_t{0});
}

// Upload u holds list 7 with one part; it becomes row a, or is given up.
TEST(Model, SeesPartsThroughTheRowsThatNameTheirList) {
  Model model;
  Changes begun = {{"u", Body{7, 0, true}}};
  Changes part = {{PartName(7, 3), Body{8, 5}, "", "u"}};
  for (const Changes& changes : {begun, part}) {
    model.Begin(changes);
    model.Settle(changes);
  }
  Rows upload = {{"u", {7, 0, true}}, {"L7/3", {8, 5}}};
  EXPECT_EQ(Compare(model, upload).all(), uint64_t{0});
  EXPECT_EQ(Compare(model, {{"u", {7, 0, true}}}).lost, uint64_t{1});
  model.Begin({{"u", std::nullopt}, {"a", Body{7, 0, true}, "u"}});
  EXPECT_EQ(Compare(model, upload).all(), uint64_t{0});
  EXPECT_EQ(Compare(model, {{"a", {7, 0, true}}, {"L7/3", {8, 5}}}).all(), uint64_t{0});
  EXPECT_EQ(Compare(model, {{"a", {7, 0, true}}}).lost, uint64_t{1});
  EXPECT_EQ(Compare(model, {}).torn, uint64_t{1});
  model.Settle(Changes(model.pending.front()));
  model.Begin({{"a", std::nullopt}});
  EXPECT_EQ(Compare(model, {}).all(), uint64_t{0});
}

TEST(Model, GivesUpWhatWasSettledLastOnlyWhereAskedTo) {
  Model model = Example();
  model.Settle(Changes(model.pending.front()));
  model.before.clear();
  Changes changes = {{"a", Body{9, 1}}};
  model.Begin(changes);
  model.Settle(changes);
  EXPECT_EQ(Compare(model, After()).lost, uint64_t{1});
  EXPECT_EQ(Compare(model, After(), true).all(), uint64_t{0});
  // Also of a row that a transaction in flight would change next.
  Model next = model;
  next.Begin({{"a", Body{10, 1}}});
  EXPECT_EQ(Compare(next, After()).torn, uint64_t{1});
  EXPECT_EQ(Compare(next, After(), true).all(), uint64_t{0});
  // Until the next one is told, that batch is the last.
  model.moved_on = true;
  EXPECT_EQ(Compare(model, After(), true).all(), uint64_t{0});
  Rows older = Before();
  EXPECT(Compare(model, older, true).lost > 0);
}

}  // namespace strongroom::sim
