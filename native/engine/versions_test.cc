// Rows that stay beside the one that stands: nothing of them is lost, and each is found under the
// key that its version gives it.
#include <algorithm>
#include <map>

#include "engine/engine_testing.h"
#include "io/posix_env.h"

namespace strongroom::engine {

namespace {

std::string Standing(const std::string& text) {
  return "o" + text + std::string(1, '\0') + std::string(8, '\xff');
}
std::string Kept(const std::string& text, uint64_t version) {
  const std::string standing = Standing(text);
  const Bytes key = format::VersionKey(AsBytes(standing), version);
  return std::string(AsString(key));
}

Bytes BytesOf(const std::string& text) { return Bytes(text.begin(), text.end()); }

struct Versions : World {
  explicit Versions(size_t zones) : World(zones) {}

  Effect Next(const std::string& text, const std::string& body) {
    Effect effect = Put(Standing(text), body, "of " + body.substr(0, 5));
    effect.keep_old = true;
    return effect;
  }
  // The revision, or 0.
  uint64_t CommitNow(std::vector<Effect> effects, std::vector<Check> checks = {}) {
    Transaction transaction;
    transaction.effects = std::move(effects);
    transaction.checks = std::move(checks);
    auto answer = std::make_shared<blob::Awaited<Result<Committed>>>();
    engine->Commit(std::move(transaction),
                   [answer](Result<Committed> result) { answer->Set(result); });
    auto committed = answer->Get();
    EXPECT_OK(committed);
    return committed.ok() ? committed->revision : 0;
  }
  uint64_t PutNext(const std::string& text, const std::string& body) {
    return CommitNow({Next(text, body)});
  }
  std::optional<format::IndexRow> RowOf(const std::string& key) {
    auto answer = std::make_shared<blob::Awaited<Result<std::optional<Found>>>>();
    GetRequest request;
    request.key = Bytes(key.begin(), key.end());
    engine->Get(std::move(request),
                [answer](Result<std::optional<Found>> result) { answer->Set(std::move(result)); });
    auto found = answer->Get();
    EXPECT_OK(found);
    if (!found.ok() || !*found) return std::nullopt;
    found_.push_back(std::move(**found));
    return found_.back().row();
  }
  std::string BodyOf(const std::string& key) {
    auto body = Get(key);
    return body.ok() ? *body : body.status().ToString();
  }
  Status CompactNow() {
    auto done = std::make_shared<io::Completion>();
    engine->Compact([done](Status status) { done->Set(std::move(status)); });
    return done->Wait(kPatience);
  }
  void DropIndexes() {
    for (size_t zone = 1; zone <= count; ++zone) {
      auto entries = io::PosixEnv()->List(Path(zone) + "/index");
      ASSERT_OK(entries);
      for (const auto& entry : *entries) {
        EXPECT_OK(io::PosixEnv()->Remove(Path(zone) + "/index/" + entry.name));
      }
    }
  }
  // `look` now, after a reopen, and after one without indexes.
  void Everywhere(const std::function<void()>& look) {
    look();
    Reopen();
    look();
    engine->Close();
    engine = nullptr;
    DropIndexes();
    ASSERT_OK(Open());
    look();
  }

  std::vector<Found> found_;  // What rows point into.
};

}  // namespace

TEST(Versions, WhatStoodIsKeptUnderItsVersion) {
  for (size_t zones : {1, 3}) {
    Versions world(zones);
    ASSERT_OK(world.Open());
    const uint64_t one = world.PutNext("a", "one"), two = world.PutNext("a", "two");
    const uint64_t three = world.PutNext("a", std::string(100'000, '3'));
    world.Everywhere([&] {
      EXPECT_EQ(world.BodyOf(Standing("a")).size(), size_t{100'000});
      EXPECT_EQ(world.BodyOf(Kept("a", two)), "two");
      EXPECT_EQ(world.BodyOf(Kept("a", one)), "one");
      EXPECT_CODE(world.Get(Kept("a", three)), Code::kNotFound);
      const auto row = world.RowOf(Kept("a", one));
      ASSERT(row);
      EXPECT_EQ(row->revision, one);
      EXPECT_EQ(AsString(row->row.body), "of one");
    });
  }
}

TEST(Versions, OfPutsAllAtOnceEachIsKept) {
  Versions world(3);
  ASSERT_OK(world.Open());
  constexpr int kPuts = 60;
  struct Shared {
    Mutex mutex;
    std::map<uint64_t, std::string> bodies;
    std::atomic<int> left{kPuts};
    io::Completion all;
  };
  auto shared = std::make_shared<Shared>();
  for (int i = 0; i < kPuts; ++i) {
    // Another key between, which must not wait for anybody.
    const std::string text = i % 3 == 2 ? "b" : "a", body = text + std::to_string(i);
    Transaction transaction;
    transaction.effects.push_back(world.Next(text, body));
    world.engine->Commit(std::move(transaction), [shared, body](Result<Committed> result) {
      EXPECT_OK(result);
      {
        MutexLock lock(&shared->mutex);
        if (result.ok()) shared->bodies[result->revision] = body;
      }
      if (--shared->left == 0) shared->all.Set(Status());
    });
  }
  EXPECT_OK(shared->all.Wait(kPatience));
  EXPECT_EQ(shared->bodies.size(), size_t{kPuts});
  std::map<std::string, uint64_t> newest;
  for (const auto& [revision, body] : shared->bodies) newest[body.substr(0, 1)] = revision;
  world.Everywhere([&] {
    for (const auto& [revision, body] : shared->bodies) {
      const std::string text = body.substr(0, 1);
      const bool stands = newest[text] == revision;
      EXPECT_EQ(world.BodyOf(stands ? Standing(text) : Kept(text, revision)), body);
    }
  });
}

TEST(Versions, AMarkerTakesTheRowsPlace) {
  Versions world(3);
  ASSERT_OK(world.Open());
  const uint64_t one = world.PutNext("a", "one");
  auto mark = [&] {
    Effect gone;
    gone.key = BytesOf(Standing("a"));
    gone.remove = gone.keep_old = true;
    Effect marker;
    marker.key = BytesOf(Kept("a", 0));
    marker.versioned = true;
    marker.body = Bytes{'m'};
    return world.CommitNow({std::move(gone), std::move(marker)});
  };
  const uint64_t first = mark(), second = mark();
  world.Everywhere([&] {
    EXPECT_CODE(world.Get(Standing("a")), Code::kNotFound);
    EXPECT_EQ(world.BodyOf(Kept("a", one)), "one");
    for (uint64_t marker : {first, second}) {
      EXPECT_EQ(world.RowOf(Kept("a", marker))->revision, marker);
      EXPECT_EQ(AsString(world.RowOf(Kept("a", marker))->row.body), "m");
    }
  });
}

// What stood is removed for good, and the version before it stands again: with its revision.
TEST(Versions, AVersionStandsAgain) {
  Versions world(3);
  ASSERT_OK(world.Open());
  EXPECT_OK(world.PutLarge(Standing("a"), Bytes(600'000, 7)));
  const uint64_t one = world.RowOf(Standing("a"))->revision;
  const uint64_t two = world.PutNext("a", "two");
  Effect again;
  again.key = BytesOf(Standing("a"));
  again.from = BytesOf(Kept("a", one));
  world.CommitNow({again}, {{again.key, two}, {*again.from, one}});
  world.Everywhere([&] {
    EXPECT_EQ(world.RowOf(Standing("a"))->revision, one);
    EXPECT_OK(world.ReadLarge(Standing("a"), 600'000));
    EXPECT(!world.RowOf(Kept("a", one)));
    EXPECT(!world.RowOf(Kept("a", two)));
  });
  Transaction gone;
  gone.effects.push_back(again);
  EXPECT_CODE(world.Commit(std::move(gone)), Code::kPreconditionFailed);
}

// A removal gives space back, also one after which the version behind it stands.
TEST(Versions, OneStandsAgainWhileTheDisksAreFull) {
  Versions world(3);
  world.write_buffer_size = 64 << 10;
  ASSERT_OK(world.Open());
  const uint64_t one = world.PutNext("a", "one"), two = world.PutNext("a", "two");
  std::atomic<bool> full{true};
  world.env.fault = [&](const std::string& operation, const std::string& path, uint64_t) {
    bool index = path.find("/index/") != std::string::npos;
    return index && full && operation == "write" ? Status(Code::kNoSpace, "full") : Status();
  };
  Status put;
  for (int i = 0; i < 100 && put.ok(); ++i) {
    put = world.PutOne("k" + std::to_string(i), "body", std::string(16'000, 'm'));
  }
  EXPECT_CODE(put, Code::kNoSpace);
  Effect again;
  again.key = BytesOf(Standing("a"));
  again.from = BytesOf(Kept("a", one));
  EXPECT(world.CommitNow({again}, {{again.key, two}, {*again.from, one}}) > two);
  EXPECT_EQ(world.BodyOf(Standing("a")), "one");
  full = false;
  world.engine->Close();
}

// Its body changes, its blob and version stay: so it is found where it was looked for.
TEST(Versions, ARowWrittenAnewKeepsItsVersion) {
  Versions world(1);
  ASSERT_OK(world.Open());
  const uint64_t one = world.PutNext("a", "one");
  auto rewrite = [&](const std::string& row, uint64_t revision, const char* body) {
    Effect effect;
    effect.key = BytesOf(row);
    effect.keep = true;
    effect.body = BytesOf(body);
    return world.CommitNow({effect}, {{effect.key, revision}});
  };
  const uint64_t tagged = rewrite(Standing("a"), one, "tagged");
  EXPECT(tagged > one);
  EXPECT_EQ(world.RowOf(Standing("a"))->row.version, one);
  world.PutNext("a", "two");
  const uint64_t again = rewrite(Kept("a", one), tagged, "tagged again");
  world.Everywhere([&] {
    EXPECT_EQ(world.BodyOf(Kept("a", one)), "one");
    EXPECT_EQ(world.RowOf(Kept("a", one))->revision, again);
    EXPECT_EQ(world.RowOf(Kept("a", one))->row.version, one);
    EXPECT_EQ(AsString(world.RowOf(Kept("a", one))->row.body), "tagged again");
    EXPECT(!world.RowOf(Kept("a", tagged)));
  });
}

// A large blob lives as long as any version names it.
TEST(Versions, TheFilesOfAVersionGoWithItAlone) {
  Versions world(3);
  ASSERT_OK(world.Open());
  EXPECT_OK(world.PutLarge(Standing("a"), Bytes(600'000, 7)));
  const uint64_t one = world.RowOf(Standing("a"))->revision;
  world.PutNext("a", "two");
  auto files = [&] {
    size_t found = 0;
    auto folders = io::PosixEnv()->List(world.Path(1) + "/blob");
    for (const auto& folder : *folders) {
      found += io::PosixEnv()->List(world.Path(1) + "/blob/" + folder.name)->size();
    }
    return found;
  };
  world.Everywhere([&] { EXPECT_OK(world.ReadLarge(Kept("a", one), 600'000)); });
  EXPECT_EQ(files(), size_t{1});
  EXPECT_OK(world.Remove(Kept("a", one)));
  for (int i = 0; i < 10'000 && files() != 0; ++i) io::PosixEnv()->SleepMicros(1000);
  EXPECT_EQ(files(), size_t{0});
}

// The frame of a kept row stays where it was written, under the key that it had then: who compacts
// must not take it for gone. Then the log alone must tell the same.
TEST(Versions, CompactionCarriesWhatIsKept) {
  for (size_t zones : {1, 3}) {
    Versions world(zones);
    ASSERT_OK(world.Open());
    std::map<std::string, std::string> bodies;
    std::map<std::string, std::vector<uint64_t>> versions;
    auto put = [&](const std::string& text, size_t size) {
      const std::string body = text + std::string(size, static_cast<char>('a' + size % 26));
      const uint64_t revision = world.PutNext(text, body);
      if (!versions[text].empty()) {
        const uint64_t before = versions[text].back();
        bodies[Kept(text, before)] = bodies[Standing(text)];
      }
      bodies[Standing(text)] = body;
      versions[text].push_back(revision);
    };
    for (int round = 0; round < 3; ++round) {
      for (int i = 0; i < 12; ++i) {
        put("key" + std::to_string(i % 4), 1000 + 37 * static_cast<size_t>(i + round));
      }
      for (int i = 0; i < 40; ++i) {
        EXPECT_OK(world.PutOne("x" + std::to_string(i % 2), std::string(200'000, 'x')));
      }
      // One that stands goes for good, and the one before it stands again.
      const std::string text = "key" + std::to_string(round);
      const std::vector<uint64_t>& all = versions[text];
      const uint64_t last = all.back(), before = all[all.size() - 2];
      Effect again;
      again.key = BytesOf(Standing(text));
      again.from = BytesOf(Kept(text, before));
      world.CommitNow({again}, {{again.key, last}, {*again.from, before}});
      bodies[Standing(text)] = bodies[Kept(text, before)];
      bodies.erase(Kept(text, before));
      versions[text].pop_back();
      ASSERT_OK(world.CompactNow());
      EXPECT_EQ(world.engine->status().log.blocked, "");
      world.Everywhere([&] {
        for (const auto& [key, body] : bodies) EXPECT(world.BodyOf(key) == body);
      });
    }
    EXPECT(world.engine->status().log.segments <= 3);
  }
}

// What is kept counts towards no limit of the call that keeps it: together it may be more than a
// batch can hold, and nobody could read that.
TEST(Versions, WhatIsKeptMakesNoBatchThatNobodyReads) {
  Versions world(3);
  ASSERT_OK(world.Open());
  constexpr int kRows = 400, kCalls = 8;
  const std::string large(60'000, 'm');
  auto name = [](int i) { return "row " + std::to_string(i); };
  for (int i = 0; i < kRows; ++i) {
    ASSERT_OK(world.PutOne(Standing(name(i)), "body", large));
  }
  auto removal = [&](int from, int to) {
    Transaction transaction;
    for (int i = from; i < to; ++i) {
      Effect gone;
      gone.key = BytesOf(Standing(name(i)));
      gone.remove = gone.keep_old = true;
      transaction.effects.push_back(std::move(gone));
    }
    return transaction;
  };
  EXPECT_CODE(world.Commit(removal(0, kRows)), Code::kInvalidArgument);
  EXPECT_EQ(world.BodyOf(Standing(name(0))), "body");
  // Each of them is little, and all of them meet.
  std::vector<std::shared_ptr<io::Completion>> calls;
  for (int call = 0; call < kCalls; ++call) {
    calls.push_back(std::make_shared<io::Completion>());
    const int each = kRows / kCalls;
    world.engine->Commit(removal(call * each, (call + 1) * each),
                         [done = calls.back()](Result<Committed> r) { done->Set(r.status()); });
  }
  for (auto& call : calls) EXPECT_OK(call->Wait(kPatience));
  EXPECT_OK(world.PutOne("behind", "them"));
  world.Everywhere([&] {
    EXPECT_EQ(world.BodyOf("behind"), "them");
    for (int i = 0; i < kRows; i += 57) EXPECT_CODE(world.Get(Standing(name(i))), Code::kNotFound);
  });
}

TEST(Versions, OnlyAnObjectsRowsAreVersions) {
  Versions world(1);
  ASSERT_OK(world.Open());
  const uint64_t one = world.PutNext("a", "one");
  world.PutNext("a", "two");
  auto refuse = [&](std::vector<Effect> effects) {
    Transaction transaction;
    transaction.effects = std::move(effects);
    EXPECT_CODE(world.Commit(std::move(transaction)), Code::kInvalidArgument);
  };
  Effect effect = world.Put("x", "no object");
  effect.keep_old = true;
  refuse({effect});
  effect = world.Put(Kept("a", 5), "a version");
  effect.keep_old = true;
  refuse({effect});
  effect = world.Put(Standing("a"), "no version");
  effect.versioned = true;
  refuse({effect});
  effect = world.Put(Kept("a", 5), "a number of its own");
  effect.versioned = true;
  refuse({effect});
  effect = world.Put(Kept("a", 5), "no number");
  refuse({effect});
  effect = {};
  effect.key = BytesOf(Standing("b"));
  effect.from = BytesOf(Kept("a", one));
  refuse({effect});  // Of another object.
  effect.key = BytesOf(Standing("a"));
  Effect twice;
  twice.key = *effect.from;
  twice.remove = true;
  refuse({effect, twice});  // It would be moved and removed.
  effect.small = world.engine->SealSmall(*world.kek, AsBytes("bytes"));
  refuse({effect});
  EXPECT_EQ(world.BodyOf(Standing("a")), "two");
  EXPECT_EQ(world.BodyOf(Kept("a", one)), "one");
}

}  // namespace strongroom::engine
