// The engine over real folders: what callers hear when zones work, fail, hang, rot or come back.
#include "engine/engine.h"

#include "base/testing.h"
#include "engine/blob_pins.h"
#include "engine/engine_testing.h"

namespace strongroom::engine {

namespace {

// Flips a byte in every segment of a zone, everywhere that holds `sealed` bytes of a batch.
void RotSegments(const std::string& zone, uint64_t from, uint64_t to) {
  io::Env* env = io::PosixEnv();
  auto entries = env->List(zone + "/log");
  ASSERT_OK(entries);
  for (const auto& entry : *entries) {
    auto file = env->Open(zone + "/log/" + entry.name, {io::OpenMode::kReadWrite, false});
    ASSERT_OK(file);
    for (uint64_t at = from; at < to; at += 64) {
      uint8_t byte;
      auto got = (*file)->ReadAt(at, {&byte, 1});
      if (!got.ok() || *got == 0) break;
      byte ^= 0x40;
      EXPECT_OK((*file)->WriteAt(at, {&byte, 1}));
    }
  }
}

}  // namespace

TEST(Engine, WhatIsCommittedIsThereAfterAReopenOnOneZoneAndOnThree) {
  for (size_t zones : {1, 3}) {
    World world(zones);
    ASSERT_OK(world.Open());
    EXPECT_OK(world.PutOne("a", "first"));
    EXPECT_OK(world.PutOne("a", "second"));
    EXPECT_OK(world.PutOne("b", std::string(200'000, 'x')));
    EXPECT_OK(world.PutOne("c", ""));
    EXPECT_OK(world.Remove("c"));
    for (int round = 0; round < 3; ++round) {
      auto a = world.Get("a");
      ASSERT_OK(a);
      EXPECT_EQ(*a, "second");
      auto b = world.Get("b");
      ASSERT_OK(b);
      EXPECT_EQ(b->size(), size_t{200'000});
      EXPECT_CODE(world.Get("c"), Code::kNotFound);
      world.Reopen();
    }
  }
}

TEST(Engine, ChecksSeeWhatTheBatchBeforeThemWrote) {
  World world(3);
  ASSERT_OK(world.Open());
  // All in flight together: they meet in few batches, so each must see the ones before.
  struct Counter {
    std::atomic<int> won{0}, lost{0}, other{0}, left{50};
    io::Completion all;
  };
  auto counter = std::make_shared<Counter>();
  for (int i = 0; i < 50; ++i) {
    Transaction transaction;
    transaction.checks.push_back({Bytes{'k'}, 0});  // Absent.
    transaction.effects.push_back(world.Put("k", std::to_string(i)));
    world.engine->Commit(std::move(transaction), [counter](Result<Committed> result) {
      bool lost = result.status().Is(Code::kPreconditionFailed);
      ++(result.ok() ? counter->won : lost ? counter->lost : counter->other);
      if (--counter->left == 0) counter->all.Set(Status());
    });
  }
  EXPECT_OK(counter->all.Wait(kPatience));
  EXPECT_EQ(counter->won.load(), 1);
  EXPECT_EQ(counter->lost.load(), 49);
}

TEST(Engine, ARangeThatMustBeEmptyIsOneOnlyWhenNothingInFlightFillsIt) {
  World world(3);
  ASSERT_OK(world.Open());
  auto claim = [&](const char* row) {
    Transaction transaction;
    transaction.ranges.push_back({Bytes{'r', '/'}, Bytes{'r', '0'}, 0});
    transaction.effects.push_back(world.Put(row, "claimed"));
    return world.Commit(std::move(transaction));
  };
  EXPECT_OK(claim("first"));
  EXPECT_OK(world.PutOne("r/1", "row"));
  EXPECT_CODE(claim("second"), Code::kPreconditionFailed);
  EXPECT_OK(world.Remove("r/1"));
  EXPECT_OK(claim("third"));
}

TEST(Engine, AZoneWhoseSyncFailsIsExpelledAndNobodyHearsAnError) {
  for (int zone : {1, 2, 3}) {
    World world(3);
    ASSERT_OK(world.Open());
    EXPECT_OK(world.PutOne("before", "1"));
    world.fail = true;
    world.broken = zone;
    EXPECT_OK(world.PutOne("during", "2"));
    EXPECT_OK(world.PutOne("after", "3"));
    EXPECT_EQ(world.Count(Event::Kind::kZoneExpelled), size_t{1});
    EXPECT_EQ(world.engine->status().zones[zone - 1].in_set, false);
    world.Heal();
    world.Reopen();  // The stale zone is made equal and counts again.
    EXPECT_EQ(world.engine->status().zones[zone - 1].in_set, true);
    for (const char* row : {"before", "during", "after"}) EXPECT_OK(world.Get(row));
  }
}

// The story: a disk neither answers nor fails. The log, the cells and the index of that zone hang,
// the serving one's included; every call goes on without it once the deadline has passed.
TEST(Engine, AZoneThatHangsStopsNobody) {
  for (int zone : {1, 2, 3}) {
    World world(3);
    ASSERT_OK(world.Open());
    for (int i = 0; i < 20; ++i) EXPECT_OK(world.PutOne("k" + std::to_string(i), "body"));
    world.hang = true;
    world.broken = zone;
    for (int i = 0; i < 20; ++i) EXPECT_OK(world.Get("k" + std::to_string(i)));
    for (int i = 0; i < 5; ++i) EXPECT_OK(world.PutOne("more" + std::to_string(i), "body"));
    for (int i = 0; i < 5; ++i) EXPECT_OK(world.Get("more" + std::to_string(i)));
    EXPECT_EQ(world.engine->status().zones[zone - 1].in_set, false);
    world.Heal();
    world.engine->Close();
  }
}

TEST(Engine, TwoZonesThatFailLeaveTheBatchUnknownAndTheStoreReadOnly) {
  World world(3);
  ASSERT_OK(world.Open());
  EXPECT_OK(world.PutOne("a", "1"));
  // Below both z1 and z2, by the sync of every folder and file there.
  world.env.fault = [](const std::string& operation, const std::string& path, uint64_t) {
    bool two = path.find("/z1") != std::string::npos || path.find("/z2") != std::string::npos;
    return two && operation == "sync" ? Status(Code::kIo, "gone") : Status();
  };
  EXPECT_CODE(world.PutOne("b", "2"), Code::kUnknown);
  EXPECT_CODE(world.PutOne("c", "3"), Code::kQuorumLost);
  EXPECT_OK(world.Get("a"));
  world.env.fault = nullptr;
  world.Reopen();
  EXPECT_OK(world.Get("a"));
  EXPECT_OK(world.PutOne("d", "4"));
}

TEST(Engine, OnOneZoneAFailedSyncMakesTheStoreReadOnlyUntilItIsReopened) {
  World world(1);
  ASSERT_OK(world.Open());
  EXPECT_OK(world.PutOne("a", "1"));
  world.fail = true;
  world.broken = 1;
  EXPECT_CODE(world.PutOne("b", "2"), Code::kUnknown);
  EXPECT_CODE(world.PutOne("c", "3"), Code::kReadOnly);
  EXPECT_OK(world.Get("a"));
  world.Heal();
  world.Reopen();
  EXPECT_OK(world.PutOne("d", "4"));
  EXPECT_OK(world.Get("a"));
}

TEST(Engine, ARottenFrameIsReadFromAnotherZone) {
  World world(3);
  ASSERT_OK(world.Open());
  std::string body(100'000, 'q');
  EXPECT_OK(world.PutOne("a", body));
  // Behind the epoch batch (4096..8192) and the batch's header: cells only.
  for (size_t zone : {1, 2}) RotSegments(world.Path(zone), 8192 + 400, 8192 + 60'000);
  auto a = world.Get("a");
  ASSERT_OK(a);
  EXPECT(*a == body);
  RotSegments(world.Path(3), 8192 + 400, 8192 + 60'000);
  EXPECT_CODE(world.Get("a"), Code::kCorruption);
  EXPECT(world.Count(Event::Kind::kRot) >= 1);
}

// The story: an object that no disk gave was said to be corrupt, and each disk to be full of rot.
TEST(Engine, WhatADiskDoesNotReadIsNotRot) {
  for (size_t zones : {1, 3}) {
    World world(zones);
    ASSERT_OK(world.Open());
    EXPECT_OK(world.PutOne("a", std::string(100'000, 'q')));
    world.env.fault = [](const std::string& operation, const std::string& path, uint64_t) {
      const bool log = path.find("/log/") != std::string::npos;
      return log && operation == "read" ? Status(Code::kIo, "no such sector") : Status();
    };
    EXPECT_CODE(world.Get("a"), Code::kIo);
    EXPECT_EQ(world.Count(Event::Kind::kRot), size_t{0});
    world.env.fault = nullptr;
    EXPECT_OK(world.Get("a"));
  }
}

// The story: a get asks for an object under a bucket that its caller knows at one revision. While
// it reads, the bucket changes, and then the object comes to be: under the new rules only.
TEST(Engine, AGetServesNoRowOfAfterItsCheckChanged) {
  World world(1);
  ASSERT_OK(world.Open());
  EXPECT_OK(world.PutOne("a", "", std::string(16'000, 'm')));
  EXPECT_OK(world.PutOne("bucket", "open"));
  EXPECT_OK(world.PutOne("z", "", std::string(16'000, 'm')));
  world.Reopen();  // Rows are in tables now, the bucket's in a block that the open did not read.
  auto reading = std::make_shared<io::Completion>(), changed = std::make_shared<io::Completion>();
  std::atomic<int> reads{0};
  world.env.fault = [&](const std::string&, const std::string& path, uint64_t) -> Status {
    if (path.find("/index/") == std::string::npos || !path.ends_with(".ldb")) return {};
    if (reads.fetch_add(1) > 0) return {};
    reading->Set(Status());
    return changed->Wait(kPatience);
  };
  auto answer = std::make_shared<io::Completion>();
  GetRequest request;
  request.key = Bytes{'o'};
  request.check = Check{Bytes{'b', 'u', 'c', 'k', 'e', 't'}, 2};
  world.engine->Get(std::move(request), [answer](Result<std::optional<Found>> result) {
    bool served = result.ok() && *result;
    answer->Set(served ? Status() : Status(Code::kNotFound, "absent, or refused"));
  });
  EXPECT_OK(reading->Wait(kPatience));
  EXPECT_OK(world.PutOne("bucket", "closed"));
  EXPECT_OK(world.PutOne("o", "for others"));
  changed->Set(Status());
  EXPECT_CODE(answer->Wait(kPatience), Code::kNotFound);
  world.env.fault = nullptr;
}

TEST(Engine, LosesNothingWithAllIndexesDeleted) {
  World world(3);
  ASSERT_OK(world.Open());
  for (int i = 0; i < 200; ++i) EXPECT_OK(world.PutOne("k" + std::to_string(i), "v"));
  EXPECT_OK(world.Remove("k7"));
  world.engine->Close();
  world.engine = nullptr;
  for (size_t zone : {1, 2, 3}) {
    EXPECT_OK(index::Index::Destroy(io::PosixEnv(), world.Path(zone) + "/index"));
  }
  ASSERT_OK(world.Open());
  for (int i = 0; i < 200; ++i) {
    auto found = world.Get("k" + std::to_string(i));
    if (i == 7) {
      EXPECT_CODE(found, Code::kNotFound);
    } else {
      EXPECT_OK(found);
    }
  }
}

// The story: the disks fill up under the indexes, which write tables long after the commits. What
// was stored stays readable, the next puts hear that the disk is full, removing goes on, also
// after a reopen; and once there is room the store takes puts as before.
TEST(Engine, AFullDiskUnderTheIndexesEndsNeitherReadsNorRemovals) {
  for (size_t zones : {1, 3}) {
    World world(zones);
    world.write_buffer_size = 64 << 10;
    ASSERT_OK(world.Open());
    EXPECT_OK(world.PutOne("a", "1"));
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
    for (int round = 0; round < 2; ++round) {
      EXPECT_OK(world.Get("a"));
      EXPECT_OK(world.Get("k2"));
      EXPECT_OK(world.Remove("k" + std::to_string(round)));
      EXPECT_CODE(world.Get("k" + std::to_string(round)), Code::kNotFound);
      EXPECT_CODE(world.PutOne("more", "3"), Code::kNoSpace);
      world.Reopen();
    }
    full = false;
    while (world.PutOne("more", "3").Is(Code::kNoSpace)) io::PosixEnv()->SleepMicros(10'000);
    EXPECT_OK(world.Get("more"));
    EXPECT_CODE(world.Get("k1"), Code::kNotFound);
    world.engine->Close();
  }
}

TEST(Engine, AnOpenWithoutAnyIndexFailsWithItsReason) {
  World world(1);
  ASSERT_OK(world.Open());
  EXPECT_OK(world.PutOne("a", "1"));
  world.engine->Close();
  world.engine = nullptr;
  world.env.fault = [](const std::string&, const std::string& path, uint64_t) {
    bool index = path.find("/index/") != std::string::npos;
    return index ? Status(Code::kIo, "the disk fails") : Status();
  };
  EXPECT_CODE(world.Open(), Code::kIo);
  // And nothing was dropped for it.
  EXPECT_OK(io::PosixEnv()->Stat(world.Path(1) + "/index/CURRENT"));
  world.env.fault = nullptr;
  ASSERT_OK(world.Open());
  EXPECT_OK(world.Get("a"));
}

TEST(Engine, AWrongRootKeyOpensNothingAndLetsGoOfTheZones) {
  World world(3);
  ASSERT_OK(world.Open());
  world.engine->Close();
  auto options = world.Options();
  options.root_key = SecretBytes(AsBytes("another key, of just 32 bytes!!!"));
  EXPECT_CODE(Engine::Open(std::move(options), nullptr), Code::kWrongKey);
  EXPECT_OK(world.Open());
}

TEST(Engine, RefusesWhatCouldNeverBeCommitted) {
  World world(1);
  ASSERT_OK(world.Open());
  EXPECT_CODE(world.Commit({}), Code::kInvalidArgument);
  EXPECT_CODE(world.PutOne("", "no key"), Code::kInvalidArgument);
  EXPECT_CODE(world.PutOne(std::string(1101, 'k'), "long key"), Code::kInvalidArgument);
  // Where every index keeps its own place: a log that held it could never be replayed.
  EXPECT_CODE(world.PutOne(std::string(1, '\0'), "reserved key"), Code::kInvalidArgument);
  Transaction twice;
  twice.effects.push_back(world.Put("a", "1"));
  twice.effects.push_back(world.Put("a", "2"));
  EXPECT_CODE(world.Commit(std::move(twice)), Code::kInvalidArgument);
  world.Reopen();
  OpenOptions wordy = World(1).Options();
  wordy.root_hint = Bytes(513, 'h');
  EXPECT_CODE(Engine::Open(std::move(wordy), nullptr), Code::kInvalidArgument);
  world.engine->Close();
  EXPECT_CODE(world.PutOne("a", "closed"), Code::kClosed);
  EXPECT_CODE(world.Get("a"), Code::kClosed);
}

// ── Blobs that several rows name

namespace {

size_t BlobFiles(const std::string& zone) {
  size_t files = 0;
  auto folders = io::PosixEnv()->List(zone + "/blob");
  if (!folders.ok()) return 0;
  for (const auto& folder : *folders) {
    auto entries = io::PosixEnv()->List(zone + "/blob/" + folder.name);
    if (entries.ok()) files += entries->size();
  }
  return files;
}

void Until(const std::function<bool()>& holds) {
  for (int i = 0; i < 10'000 && !holds(); ++i) io::PosixEnv()->SleepMicros(1000);
  EXPECT(holds());
}

NamedBlob WriteLarge(World& world, size_t size) {
  auto blob = world.engine->WriteBlob(*world.kek, 0, {});
  EXPECT_OK(blob.status());
  Bytes bytes(size, 7);
  const ByteSpan parts[] = {bytes};
  auto taken = blob->writer->Offer(parts, true, [] {});
  EXPECT(taken.ok() && *taken);
  auto done = std::make_shared<io::Completion>();
  auto out = std::make_shared<NamedBlob>(NamedBlob{blob->reference, true, blob->placement, 0});
  blob->writer->Finish([done, out, &world](Result<blob::BlobDone> result) {
    if (result.ok()) {
      world.engine->BlobWritten(*result);
      out->reference.size = result->size;
      out->reference.crc64 = result->crc64;
      out->zones = result->zones_written;
    }
    done->Set(result.status());
  });
  EXPECT_OK(done->Wait(kPatience));
  return *out;
}

Effect Naming(const char* row, const NamedBlob& blob) {
  Effect effect;
  effect.key = Bytes(row, row + strlen(row));
  effect.named = blob;
  return effect;
}

Transaction Of(Effect effect) {
  Transaction transaction;
  transaction.effects.push_back(std::move(effect));
  return transaction;
}

}  // namespace

TEST(Engine, TheFilesOfASharedBlobGoWithTheLastRowThatNamesIt) {
  World world(3);
  ASSERT_OK(world.Open());
  NamedBlob blob = WriteLarge(world, 400'000);
  EXPECT_OK(world.Commit(Of(Naming("a", blob))));
  // The same blob cannot be born twice.
  EXPECT_CODE(world.Commit(Of(Naming("b", blob))), Code::kPreconditionFailed);
  blob.fresh = false;
  EXPECT_OK(world.Commit(Of(Naming("b", blob))));
  EXPECT_OK(world.Commit(Of(Naming("c", blob))));
  EXPECT_OK(world.Remove("a"));
  world.Reopen();
  EXPECT_OK(world.PutOne("b", "overwritten"));
  EXPECT_EQ(BlobFiles(world.Path(1)), size_t{1});
  EXPECT_OK(world.Get("c").status());
  EXPECT_OK(world.Remove("c"));
  for (size_t zone = 1; zone <= 3; ++zone) {
    Until([&] { return BlobFiles(world.Path(zone)) == 0; });
  }
  EXPECT_CODE(world.Commit(Of(Naming("d", blob))), Code::kPreconditionFailed);
}

// Two zones are enough to read a blob, but not for it to be acknowledged.
TEST(Engine, ABlobIsCommittedOnlyWhereEveryZoneOfTheSetHoldsIt) {
  World world(3);
  ASSERT_OK(world.Open());
  NamedBlob blob = WriteLarge(world, 400'000);
  EXPECT_EQ(blob.zones, placement::ZoneMask{7});
  const std::string name = "/blob/" + ToHex(ByteSpan(blob.reference.id).first(1)) + "/" +
                           ToHex(blob.reference.id) + ".0";
  // What one zone lacks is made from what the others hold, before anything is committed.
  EXPECT_OK(io::PosixEnv()->Remove(world.Path(2) + name));
  blob.zones = 5;
  EXPECT_OK(world.Commit(Of(Naming("a", blob))));
  EXPECT_OK(io::PosixEnv()->Stat(world.Path(2) + name).status());
  // One zone's cells make no other's.
  blob = WriteLarge(world, 400'000);
  const std::string other = "/blob/" + ToHex(ByteSpan(blob.reference.id).first(1)) + "/" +
                            ToHex(blob.reference.id) + ".0";
  for (size_t zone : {2, 3}) EXPECT_OK(io::PosixEnv()->Remove(world.Path(zone) + other));
  blob.zones = 1;
  EXPECT_CODE(world.Commit(Of(Naming("b", blob))), Code::kUnavailable);
  EXPECT_CODE(world.Get("b").status(), Code::kNotFound);
}

// The paths come from a list that was sorted anew; one zone may be away as well.
TEST(Engine, ZonesGivenInAnotherOrderServeAsBefore) {
  World world(3);
  ASSERT_OK(world.Open());
  EXPECT_OK(world.Commit(Of(Naming("large", WriteLarge(world, 700'000)))));
  world.engine->Close();
  world.engine = nullptr;
  auto open_as = [&](std::vector<size_t> order) {
    OpenOptions options = world.Options();
    options.zones.clear();
    for (size_t zone : order) options.zones.push_back(world.Path(zone));
    auto opened = Engine::Open(std::move(options), [](const Event&) {});
    ASSERT_OK(opened);
    world.engine = *opened;
    EngineStatus status = world.engine->status();
    for (size_t i = 0; i < 3; ++i) {
      EXPECT_EQ(status.zones[i].number, static_cast<int>(i) + 1);
      if (order[i] != 9) EXPECT_EQ(status.zones[order[i] - 1].path, world.Path(order[i]));
    }
    EXPECT_OK(world.ReadLarge("large", 700'000));
    EXPECT_EQ(status.rot_found, uint64_t{0});
    world.engine->Close();
    world.engine = nullptr;
  };
  open_as({3, 1, 2});
  open_as({2, 3, 1});
  open_as({3, 9, 1});
  open_as({1, 2, 3});
}

TEST(Engine, EventsLieInTheOrderOfTheCommitsAlsoAfterAReopen) {
  for (size_t zones : {1, 3}) {
    World world(zones);
    ASSERT_OK(world.Open());
    auto event = [](const std::string& body) {
      return EventRow{Bytes{'e'}, 7, Bytes(body.begin(), body.end())};
    };
    auto removal = [](const std::string& row) {
      Effect effect;
      effect.key = Bytes(row.begin(), row.end());
      effect.remove = true;
      return effect;
    };
    Transaction first;
    first.effects.push_back(world.Put("oa", "four"));
    first.effects.back().event = event("put");
    EXPECT_OK(world.Commit(std::move(first)));
    uint64_t sequence = world.engine->status().sequence;
    // Both in one commit: what is not there is not removed.
    Transaction second;
    second.effects = {removal("oa"), removal("onone")};
    for (Effect& effect : second.effects) effect.event = event("removed");
    EXPECT_OK(world.Commit(std::move(second)));
    auto key = [](uint64_t at, uint8_t place) {
      std::string key = "e";
      for (int shift = 56; shift >= 0; shift -= 8) key.push_back(static_cast<char>(at >> shift));
      return key + std::string("\0\0\0", 3) + static_cast<char>(place);
    };
    for (bool reopened : {false, true}) {
      if (reopened) world.Reopen();
      EXPECT_OK(world.Get(key(sequence, 0)).status());
      EXPECT_OK(world.Get(key(sequence + 1, 0)).status());
      EXPECT(world.Get(key(sequence + 1, 1)).status().Is(Code::kNotFound));
      EXPECT(world.Get(key(sequence, 1)).status().Is(Code::kNotFound));
    }
    Transaction bad;
    bad.effects.push_back(world.Put("ob", "x"));
    bad.effects.back().event = EventRow{Bytes(65, 'e'), 7, {}};
    EXPECT(world.Commit(std::move(bad)).Is(Code::kInvalidArgument));
  }
}

TEST(Engine, WhoWaitsForAChangeReadsItOnceItIsTold) {
  World world(1);
  ASSERT_OK(world.Open());
  auto await = [&](io::Completion* told) {
    return world.engine->AwaitChange({'e', 'a'}, [told] { told->Set(Status()); });
  };
  io::Completion event, closed;
  auto wait = await(&event);
  EXPECT_OK(world.PutOne("oa", "quiet"));
  EXPECT_OK(world.PutOne("eb", "of another"));
  Transaction tells;
  tells.effects.push_back(world.Put("ob", "four"));
  tells.effects.back().event = EventRow{{'e', 'a'}, 7, {}};
  uint64_t sequence = world.engine->status().sequence + 1;
  EXPECT(!event.Wait(1).ok());  // Not yet.
  EXPECT_OK(world.Commit(std::move(tells)));
  EXPECT_OK(event.Wait(kPatience));
  std::string key = "ea";
  for (int shift = 56; shift >= 0; shift -= 8) key.push_back(static_cast<char>(sequence >> shift));
  EXPECT_OK(world.Get(key + std::string(4, '\0')).status());
  wait = await(&closed);
  world.engine->Close();
  EXPECT_OK(closed.Wait(kPatience));
  io::Completion late;
  wait = await(&late);
  EXPECT_OK(late.Wait(kPatience));
}

TEST(Engine, NobodyElseWritesCountingRows) {
  World world(1);
  ASSERT_OK(world.Open());
  aead::Id id{};
  for (const Bytes& key :
       {format::CountedKey(format::BlobKind::kLarge, id),
        format::CountedKey(format::BlobKind::kParts, id), format::DoomedKey(id)}) {
    Effect effect;
    effect.key = key;
    EXPECT_CODE(world.Commit(Of(std::move(effect))), Code::kInvalidArgument);
  }
}

// The list's last row goes, and the store is closed before all its parts are: the next open goes
// on.
TEST(Engine, PartsThatWereLeftBehindGoAtTheNextOpen) {
  World world(3);
  ASSERT_OK(world.Open());
  PartsKeyRef parts = world.engine->CreateParts();
  NamedBlob list{world.engine->NameParts(*world.kek, *parts, 0, 0), true, {}, 0};
  EXPECT_OK(world.Commit(Of(Naming("list", list))));
  constexpr uint64_t kParts = 700;
  for (uint64_t from = 0; from < kParts; from += 100) {
    Transaction transaction;
    for (uint64_t i = from; i < from + 100; ++i) {
      Effect effect;
      effect.key = format::PartKey(parts->id(), i);
      effect.small = world.engine->SealPart(*parts, AsBytes("part"));
      transaction.effects.push_back(std::move(effect));
    }
    EXPECT_OK(world.Commit(std::move(transaction)));
  }
  EXPECT_OK(world.Remove("list"));
  world.Reopen();
  auto stands = [&](const Bytes& key) {
    return !world.Get(std::string(AsString(key))).status().Is(Code::kNotFound);
  };
  Until([&] { return !stands(format::DoomedKey(parts->id())); });
  for (uint64_t i = 0; i < kParts; i += 50) EXPECT(!stands(format::PartKey(parts->id(), i)));
}

TEST(BlobPins, ABlobGoesWithItsLastReader) {
  std::vector<aead::Id> removed;
  auto pins = std::make_shared<BlobPins>([&](const GoneBlob& blob) { removed.push_back(blob.id); });
  GoneBlob blob;
  blob.id[0] = 1;
  auto first = pins->Pin(blob.id), second = pins->Pin(blob.id);
  pins->Unreferenced(blob);
  first = nullptr;
  EXPECT(removed.empty());
  second = nullptr;
  EXPECT_EQ(removed.size(), size_t{1});
  pins->Unreferenced(blob);
  EXPECT_EQ(removed.size(), size_t{2});
}

}  // namespace strongroom::engine
