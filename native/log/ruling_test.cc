// Which epoch rules and who must be healed, as a table of evidence and verdicts.
#include "log/ruling.h"

#include "base/testing.h"

namespace strongroom::log {

namespace {

aead::Id IdOf(char zone) {
  aead::Id id{};
  id[0] = static_cast<uint8_t>(zone);
  return id;
}

// A zone that holds epoch `number` (0: none) with the set given as letters. `fork` makes the record
// another one of the same number.
ZoneEvidence Zone(char name, uint64_t reserved, uint64_t number, const char* set,
                  uint8_t fork = 0) {
  ZoneEvidence zone;
  zone.zone_id = IdOf(name);
  zone.epochs_reserved = reserved;
  if (number == 0) return zone;
  EpochMark mark;
  mark.number = number;
  mark.segment = static_cast<uint32_t>(number);
  mark.position.epoch = number;
  mark.position.chain[0] = static_cast<uint8_t>(number);
  mark.position.chain[1] = fork;
  for (; *set; ++set) mark.payload.set.push_back(IdOf(*set));
  zone.highest = mark;
  return zone;
}

ZoneEvidence Joining(ZoneEvidence zone) {
  zone.counts = false;
  return zone;
}

struct Row {
  const char* name;
  std::vector<ZoneEvidence> zones;
  size_t quorum;
  Code code;  // kOk: the verdict below.
  uint64_t epoch = 0;
  std::vector<size_t> members = {};
  std::vector<size_t> stale = {};
  uint64_t next = 0;
};

const Row kRows[] = {
    {"a new store",
     {Zone('a', 1, 0, ""), Zone('b', 1, 0, ""), Zone('c', 1, 0, "")},
     2, Code::kOk, 0, {0, 1, 2}, {}, 1},
    {"all agree",
     {Zone('a', 1001, 1, "abc"), Zone('b', 1001, 1, "abc"), Zone('c', 1001, 1, "abc")},
     2, Code::kOk, 1, {0, 1, 2}, {}, 1001},
    {"the highest rules, whoever it left out is stale",
     {Zone('a', 1001, 1, "abc"), Zone('b', 1001, 2, "bc"), Zone('c', 1001, 2, "bc")},
     2, Code::kOk, 2, {1, 2}, {0}, 1001},
    {"one member of the set is enough, with a stale one",
     {Zone('a', 1001, 1, "abc"), Zone('c', 1001, 2, "bc")},
     2, Code::kOk, 2, {1}, {0}, 1001},
    {"a record that reached one zone only still rules",
     {Zone('a', 2001, 1001, "ab"), Zone('b', 2001, 1, "abc")},
     2, Code::kOk, 1001, {0, 1}, {}, 2001},
    {"a reservation on one zone is enough to skip its numbers",
     {Zone('a', 5001, 1, "abc"), Zone('b', 1001, 1, "abc")},
     2, Code::kOk, 1, {0, 1}, {}, 5001},
    {"numbers past the reservation are spent too",
     {Zone('a', 10, 12, "ab"), Zone('b', 10, 12, "ab")},
     2, Code::kOk, 12, {0, 1}, {}, 13},
    {"one zone of three", {Zone('a', 1001, 1, "abc")}, 2, Code::kQuorumLost},
    {"one of one", {Zone('a', 1001, 1, "a")}, 1, Code::kOk, 1, {0}, {}, 1001},
    {"a replacement that is not whole does not count",
     {Zone('a', 1001, 1, "abc"), Joining(Zone('d', 1001, 1, "abc"))},
     2, Code::kQuorumLost},
    {"nor does it rule, or vote on numbers",
     {Zone('a', 1001, 1, "abc"), Zone('b', 1001, 1, "abc"), Joining(Zone('d', 9001, 7, "d"))},
     2, Code::kOk, 1, {0, 1}, {2}, 1001},
    {"two records of one epoch number",
     {Zone('a', 1001, 1, "abc"), Zone('b', 1001, 1, "abc", 9), Zone('c', 1001, 1, "abc")},
     2, Code::kRolledBack},
    {"an older epoch cannot fork the ruling one",
     {Zone('a', 1001, 1, "abc", 9), Zone('b', 1001, 2, "bc"), Zone('c', 1001, 2, "bc")},
     2, Code::kOk, 2, {1, 2}, {0}, 1001},
    {"nobody of the ruling set is here",
     {Zone('a', 1001, 3, "xy"), Zone('b', 1001, 1, "abc")},
     2, Code::kQuorumLost},
};

}  // namespace

TEST(Ruling, FollowsTheTable) {
  for (const Row& row : kRows) {
    auto verdict = Rule(row.zones, row.quorum);
    Code code = verdict.ok() ? Code::kOk : verdict.status().code();
    if (code != row.code) strongroom::testing::Fail(__FILE__, __LINE__, row.name);
    if (!verdict.ok() || code != row.code) continue;
    bool same = (verdict->epoch ? verdict->epoch->number : 0) == row.epoch &&
                verdict->members == row.members && verdict->stale == row.stale &&
                verdict->next_epoch == row.next;
    if (!same) strongroom::testing::Fail(__FILE__, __LINE__, row.name);
  }
}

// Whatever two zones of three a serving epoch's reservation reached, the next open skips it.
TEST(Ruling, NeverGivesANumberThatTwoZonesReserved) {
  strongroom::testing::Random random(strongroom::testing::Seed());
  for (int round = 0; round < 1000; ++round) {
    uint64_t reserved[3] = {1, 1, 1};
    uint64_t served = 0;
    for (int open = 0; open < 8; ++open) {
      size_t missing = random.Below(4);
      std::vector<ZoneEvidence> zones;
      for (size_t i = 0; i < 3; ++i) {
        if (i != missing) zones.push_back(Zone("abc"[i], reserved[i], 0, ""));
      }
      auto verdict = Rule(zones, 2);
      ASSERT_OK(verdict);
      EXPECT(verdict->next_epoch > served);
      bool crashes = random.Below(2) == 0;
      size_t reached = 0;
      for (size_t i = 0; i < 3; ++i) {
        if (i == missing || (crashes && ++reached > 1)) continue;
        reserved[i] = verdict->next_epoch + 1000;
      }
      if (!crashes) served = verdict->next_epoch;
    }
  }
}

}  // namespace strongroom::log
