// What compaction must not do: lose what lives, bring back what was deleted, or show a reader
// anything but its row. Stores on simulated machines, crashed at each call while their logs are
// compacted, with old indexes and without any, with a zone away, rebuilt from each log alone.
#include <algorithm>

#include "base/testing.h"
#include "format/superblock.h"
#include "hash/crc64.h"
#include "log/catch_up.h"
#include "log/log_reader.h"
#include "repair/compact_policy.h"
#include "sim/world_testing.h"

namespace strongroom::sim {

using io::CrashStyle;
using io::SimDisk;
using io::SimEffect;
using io::SimEnv;
using io::SimFault;

namespace {

// Rows of every kind of past: overwritten, deleted, inserted again, copied and their source gone.
void Fill(World* world, int round, bool large = true) {
  world->Live([&](SimEnv&, Store& store) {
    const std::string r = std::to_string(round);
    world->Put(store, "stays" + r, 900);
    world->Put(store, "large" + r, large ? kLargeFrom + 5000 : 10);
    world->Put(store, "over", 700);
    world->Put(store, "gone", 300);
    if (large) world->Copy(store, "large" + r, "copy" + r);
    world->Remove(store, "large" + r);
  });
  world->Live([&](SimEnv&, Store& store) {
    world->Put(store, "over", 20'000);
    world->Remove(store, "gone");
    world->Put(store, "again", 100);
    world->Remove(store, "again");
    world->Put(store, "again", 60);
  });
}

std::vector<std::string> SegmentsOf(const SimDisk& disk, size_t zone) {
  std::vector<std::string> out;
  for (const auto& file : disk.Files(Store::ZonePath(zone) + "/log")) {
    if (file.path.ends_with(".seg")) out.push_back(file.path);
  }
  return out;
}

// Every row, with its body as it should be; `wrong`: a row whose body is another one.
Result<Rows> RowsOf(Store& store, std::string* wrong) {
  TRY_ASSIGN(Account account, store.ReadAll());
  *wrong = account.wrong;
  if (!account.refusals.empty()) return account.refusals.front().why;
  return std::move(account.rows);
}

void DropIndexes(SimDisk* disk, size_t zones) {
  for (size_t zone = 1; zone <= zones; ++zone) disk->RemoveTree(Store::ZonePath(zone) + "/index");
}

// Opens what a crash left and compares it with the model. What is wrong, or nothing.
std::string Judge(SimDisk disk, Bucket bucket, const Model& model, size_t zones, uint64_t seed) {
  std::string found;
  SimEnv env(&disk, seed);
  Status ran = env.Run([&] {
    auto store = Store::Open(&env, zones, &bucket);
    if (!store.ok()) return void(found = store.status().ToString());
    std::string wrong;
    auto rows = RowsOf(**store, &wrong);
    if (!rows.ok()) found = rows.status().ToString();
    if (!wrong.empty()) found = "wrong bytes of " + wrong;
    if (rows.ok() && Compare(model, *rows).all() > 0) found = Compare(model, *rows).first;
    if ((*store)->engine().status().rot_found > 0) found = "rot was reported";
    (*store)->Close();
  });
  return ran.ok() ? found : ran.ToString();
}

// What a zone's log says when it is walked from its beginning: row key to revision and row.
using LogRows = std::map<Bytes, std::pair<uint64_t, Bytes>>;
struct LogTold {
  LogRows rows;
  format::Extent extent;
};
Result<LogTold> TellLog(SimEnv* env, size_t zone) {
  const std::string path = Store::ZonePath(zone);
  TRY_ASSIGN(auto superblock, format::ReadSuperblock(env, path));
  Bytes root(AsBytes("0123456789abcdef0123456789abcdef").begin(),
             AsBytes("0123456789abcdef0123456789abcdef").end());
  TRY_ASSIGN(auto keys, format::OpenStoreKeys(root, superblock));
  log::RecordSeal seal{superblock.store_id, keys.record_generation, keys.record.Clone()};
  log::ZoneLog log(env, path);
  using Source = log::LogReader::Source;
  TRY_ASSIGN(auto mark, log::HighestEpoch(log, seal, Source::kCached));
  if (!mark) return Status(Code::kNotFound, "no epoch");
  LogTold out;
  log::LogReader to_tail(&log, &seal, mark->position, Source::kCached);
  TRY_ASSIGN(auto last, to_tail.At(mark->position.location));
  out.extent = last.record.head.extent;
  for (;;) {
    TRY_ASSIGN(auto entry, to_tail.Next());
    if (!entry) break;
    out.extent = entry->record.head.extent;
  }
  log::LogReader walk(&log, &seal, out.extent.origin(), Source::kCached);
  for (;;) {
    TRY_ASSIGN(auto entry, walk.Next());
    if (!entry) break;
    TRY(walk.CheckBlobs(*entry));
    uint64_t sequence = entry->record.head.first_sequence;
    for (const auto& effects : entry->record.transactions) {
      for (const auto& effect : effects) {
        Bytes key(effect.key.begin(), effect.key.end());
        out.rows.erase(key);
        if (!effect.row) continue;
        uint64_t revision = effect.carried != 0 ? effect.carried : sequence;
        out.rows[key] = {revision, Bytes(effect.row->begin(), effect.row->end())};
      }
      ++sequence;
    }
  }
  if (walk.position().chain != to_tail.position().chain) {
    return Status(Code::kCorruption, "the log does not lead from its beginning to its tail");
  }
  return out;
}

// The object rows of the model, by the key that they have in the log.
void ExpectTold(World& world, const LogTold& told) {
  Rows rows;
  for (const auto& [key, value] : told.rows) {
    if (key[0] != 'o') continue;
    auto row = format::DecodeRow(value.second);
    ASSERT_OK(row);
    const uint8_t* said = row->body.data();
    rows[std::string(key.begin() + 1, key.end())] = {LoadLittle<uint64_t>(said),
                                                     LoadLittle<uint32_t>(said + 8)};
  }
  EXPECT_EQ(Compare(world.model, rows).first, "");
}

// What the record head claims to live, counted anew.
uint64_t LiveBytes(const LogTold& told) {
  uint64_t live = 0;
  for (const auto& [key, value] : told.rows) {
    auto row = format::DecodeRow(value.second);
    CHECK(row.ok());
    live += key.size() + value.second.size();
    if (format::IsSmall(row->blob.kind)) live += format::BlobFrameSize(row->blob.size);
  }
  return live;
}

// Where the log of zone 1 begins.
uint32_t FirstSegment(World* world) {
  uint32_t first = 0;
  SimEnv env(&world->disk, 7);
  EXPECT_OK(env.Run([&] {
    auto told = TellLog(&env, 1);
    ASSERT_OK(told);
    first = told->extent.first_segment;
  }));
  return first;
}

}  // namespace

TEST(Compaction, WhatLivesIsCarriedAndTheRestGoes) {
  for (size_t zones : {1, 3}) {
    World world(zones);
    for (int round = 0; round < 4; ++round) Fill(&world, round);
    std::map<std::string, uint64_t> before;
    auto revisions = [&](Store& store) {
      std::map<std::string, uint64_t> out;
      for (const auto& [key, body] : world.model.settled) out[key] = *store.RevisionOf(key);
      return out;
    };
    EXPECT(SegmentsOf(world.disk, 1).size() >= 8);
    world.Live([&](SimEnv&, Store& store) {
      before = revisions(store);
      EXPECT_OK(store.Compact());
      EXPECT(revisions(store) == before);
      EXPECT_EQ(store.engine().status().log.blocked, "");
    });
    for (size_t zone = 1; zone <= zones; ++zone) {
      EXPECT(SegmentsOf(world.disk, zone).size() <= 2);
    }
    EXPECT_EQ(Judge(world.disk, world.bucket, world.model, zones, 99), "");
    SimDisk bare = world.disk;
    DropIndexes(&bare, zones);
    EXPECT_EQ(Judge(bare, world.bucket, world.model, zones, 99), "");
    SimEnv env(&world.disk, 7);
    EXPECT_OK(env.Run([&] {
      for (size_t zone = 1; zone <= zones; ++zone) {
        auto told = TellLog(&env, zone);
        ASSERT_OK(told);
        ExpectTold(world, *told);
        EXPECT_EQ(told->extent.live_bytes, LiveBytes(*told));
        EXPECT(told->extent.first_segment > 8);
        for (const auto& [key, revision] : before) {
          EXPECT_EQ(told->rows.at(Store::RowKey(key)).first, revision);
        }
      }
    }));
  }
}

// Every change to a disk, each kind of crash; what is left is opened with the indexes that stand
// there, with older ones, with none; with all zones and without any one of them.
TEST(Compaction, ACrashAtEachCallLosesNothingAndBringsNothingBack) {
  World world;
  for (int round = 0; round < 2; ++round) Fill(&world, round);
  const SimDisk old = world.disk;
  Fill(&world, 2);
  struct Image {
    SimDisk disk;
    std::string at;
  };
  std::vector<Image> images;
  world.Live([&](SimEnv& env, Store& store) {
    env.on_io = [&](io::SimIo kind, const std::string& path) {
      images.push_back({world.disk, std::string(io::NameOf(kind)) + " " + path});
    };
    EXPECT_OK(store.Compact());
    env.on_io = nullptr;
  });
  EXPECT(images.size() > 30);
  testing::Random random(testing::Seed());
  size_t opened = 0;
  for (Image& image : images) {
    for (int way = 0; way < 2; ++way) {
      SimDisk disk = image.disk;
      auto style = static_cast<CrashStyle>(random.Below(5));
      disk.Crash(random, style);
      uint64_t indexes = random.Below(3), away = random.Below(4);
      if (indexes == 1) DropIndexes(&disk, 3);
      for (size_t zone = 1; zone <= 3 && indexes == 2; ++zone) {
        const std::string index = Store::ZonePath(zone) + "/index";
        disk.ReplaceTree(index, old, index);
      }
      if (away > 0) disk.Hide(Store::ZonePath(away));
      std::string wrong = Judge(disk, world.bucket, world.model, 3, random.Next());
      ++opened;
      if (wrong.empty()) continue;
      testing::Fail(__FILE__, __LINE__,
                    wrong + " after a crash at " + image.at + ", style " +
                        std::to_string(static_cast<int>(style)) + ", indexes " +
                        std::to_string(indexes) + ", away " + std::to_string(away));
      return;
    }
  }
  printf("  %zu images, %zu opens\n", images.size(), opened);
}

// The story: overwrite, carry, delete, retire, rebuild; also with a re-insert between.
TEST(Compaction, ALogThatWasCompactedManyTimesIsRebuiltFromAnyZoneAlone) {
  World world;
  for (int round = 0; round < 12; ++round) {
    Fill(&world, round % 3);
    world.Live([&](SimEnv&, Store& store) {
      EXPECT_OK(store.Compact());
      world.Remove(store, "stays" + std::to_string(round % 3));
      if (round % 2 == 0) world.Remove(store, "over");
      EXPECT_OK(store.Compact());
      if (round % 4 == 0) world.Put(store, "over", 400);
    });
  }
  SimEnv env(&world.disk, 7);
  EXPECT_OK(env.Run([&] {
    std::optional<LogRows> first;
    for (size_t zone = 1; zone <= 3; ++zone) {
      auto told = TellLog(&env, zone);
      ASSERT_OK(told);
      ExpectTold(world, *told);
      EXPECT_EQ(told->extent.live_bytes, LiveBytes(*told));
      if (first) EXPECT(*first == told->rows);
      first = told->rows;
    }
  }));
  for (size_t away = 0; away <= 3; ++away) {
    SimDisk disk = world.disk;
    DropIndexes(&disk, 3);
    if (away > 0) disk.Hide(Store::ZonePath(away));
    EXPECT_EQ(Judge(disk, world.bucket, world.model, 3, 99 + away), "");
  }
}

TEST(Compaction, AZoneThatWasAwayAcrossARetirementIsMadeEqual) {
  for (bool much : {false, true}) {
    World world;
    Fill(&world, 0);
    const std::string third = Store::ZonePath(3);
    world.disk.Hide(third);
    Fill(&world, 1, false);  // What is large then lacks the cells of the zone that is away.
    world.Live([&](SimEnv&, Store& store) { EXPECT_OK(store.Compact()); });
    if (much) {
      for (int round = 2; round < 5; ++round) Fill(&world, round, false);
      world.Live([&](SimEnv&, Store& store) { EXPECT_OK(store.Compact()); });
    }
    world.disk.Show(third);
    world.Live([&](SimEnv&, Store& store) {
      EXPECT(store.IsWhole());
      std::string wrong;
      auto rows = RowsOf(store, &wrong);
      ASSERT_OK(rows);
      EXPECT_EQ(Compare(world.model, *rows).first, "");
      EXPECT_OK(store.Compact());  // What it held of retired segments goes.
    });
    auto names = [&](size_t zone) {
      std::vector<std::string> out = SegmentsOf(world.disk, zone);
      for (std::string& name : out) name = name.substr(name.rfind('/'));
      return out;
    };
    EXPECT(names(3) == names(1));
    for (size_t away : {1, 2}) {
      SimDisk disk = world.disk;
      DropIndexes(&disk, 3);
      disk.Hide(Store::ZonePath(away));
      EXPECT_EQ(Judge(disk, world.bucket, world.model, 3, 50 + away), "");
    }
  }
}

// A catch-up that copies the log anew, crashed at each of its calls, and gone on with or not.
TEST(Compaction, ACatchUpAcrossARetirementMayCrashAnywhere) {
  World world;
  Fill(&world, 0);
  world.disk.Hide(Store::ZonePath(3));
  Fill(&world, 1);
  world.Live([&](SimEnv&, Store& store) { EXPECT_OK(store.Compact()); });
  world.disk.Show(Store::ZonePath(3));
  std::vector<SimDisk> images;
  const SimDisk before = world.disk;
  SimEnv env(&world.disk, 77);
  env.on_io = [&](io::SimIo, const std::string&) { images.push_back(world.disk); };
  EXPECT_OK(env.Run([&] {
    auto store = Store::Open(&env, 3, &world.bucket);
    ASSERT_OK(store);
    (*store)->Close();
  }));
  testing::Random random(testing::Seed());
  for (SimDisk& image : images) {
    image.Crash(random, static_cast<CrashStyle>(random.Below(5)));
    // Two that are left may hold the half copied one: once more, with all of them.
    uint64_t away = random.Below(4);
    if (away > 0) image.Hide(Store::ZonePath(away));
    EXPECT_EQ(Judge(image, world.bucket, world.model, 3, random.Next()), "");
  }
}

// A zone that lived on by itself is a fork, although what it shares with the others is retired.
TEST(Compaction, AForkIsRefusedAlsoAcrossARetirement) {
  for (bool compacted : {false, true}) {
    World world;
    Fill(&world, 0);
    World other = world;
    other.seed = 1000;
    for (int round = 1; round < 4; ++round) Fill(&other, round);
    if (compacted) other.Live([](SimEnv&, Store& store) { EXPECT_OK(store.Compact()); });
    Fill(&world, 1);
    world.Live([&](SimEnv&, Store& store) { EXPECT_OK(store.Compact()); });
    // It rules by the number of its epoch, and nobody can tell any more where the two parted.
    world.disk.ReplaceTree(Store::ZonePath(3), other.disk, Store::ZonePath(3));
    auto before = SegmentsOf(world.disk, 1);
    SimEnv env(&world.disk, 77);
    EXPECT_OK(env.Run([&] {
      Status status = Store::Open(&env, 3, &world.bucket).status();
      EXPECT_CODE(status, compacted ? Code::kQuorumLost : Code::kRolledBack);
    }));
    EXPECT(SegmentsOf(world.disk, 1) == before);
    world.disk.Hide(Store::ZonePath(3));
    EXPECT_EQ(Judge(world.disk, world.bucket, world.model, 3, 5), "");
  }
}

// The story: the log was compacted past what the indexes had on their full disks, and the next open
// found none that led to the tail.
TEST(Compaction, AStoreWhoseIndexesHaveNoSpaceOpensAgain) {
  for (size_t zones : {1, 3}) {
    World world(zones);
    for (int round = 0; round < 2; ++round) Fill(&world, round);
    auto fill_disks = [zones](SimEnv& env) {
      for (size_t zone = 1; zone <= zones; ++zone) {
        SimFault full{SimEffect::kFail, Store::ZonePath(zone) + "/index", io::kIoWrite};
        full.count = UINT64_MAX;
        full.code = Code::kNoSpace;
        env.AddFault(full);
      }
    };
    const uint32_t before = FirstSegment(&world);
    world.Live([&](SimEnv& env, Store& store) {
      fill_disks(env);
      world.Remove(store, "over");
      EXPECT_OK(store.Compact());
    });
    EXPECT(FirstSegment(&world) > before);
    SimEnv env(&world.disk, 77);
    EXPECT_OK(env.Run([&] {
      fill_disks(env);
      auto store = Store::Open(&env, zones, &world.bucket);
      ASSERT_OK(store);
      std::string wrong;
      auto rows = RowsOf(**store, &wrong);
      ASSERT_OK(rows);
      EXPECT_EQ(wrong, "");
      EXPECT_EQ(Compare(world.model, *rows).first, "");
      (*store)->Close();
    }));
    EXPECT_EQ(Judge(world.disk, world.bucket, world.model, zones, 99), "");
  }
}

// What lives is carried only where there is room for it: a full disk keeps its last space for what
// makes room.
TEST(Compaction, ACarryLeavesRoomForRemovals) {
  World world;
  for (int round = 0; round < 2; ++round) Fill(&world, round);
  world.Live([&](SimEnv&, Store& store) {
    const std::string path = Store::ZonePath(2);
    world.disk.SetCapacity(path, uint64_t{1} << 40);
    const uint64_t used = (uint64_t{1} << 40) - world.disk.FreeBytes(path);
    world.disk.SetCapacity(path, used + (1u << 20));
    EXPECT_CODE(store.Compact(), Code::kNoSpace);
    EXPECT_EQ(store.engine().status().log.blocked, "too little space to carry what lives");
    world.Remove(store, "over");
    EXPECT(store.IsWhole());
    world.disk.SetCapacity(path, uint64_t{1} << 40);
    EXPECT_OK(store.Compact());
    EXPECT_EQ(store.engine().status().log.blocked, "");
  });
  EXPECT_EQ(Judge(world.disk, world.bucket, world.model, 3, 99), "");
}

// The story: the barrier of a batch expelled a zone, so that the new epoch stood in the next
// segment before any index had the batch. The walk up to there found nothing that lives, for no
// index knew the batch's rows, and what was acknowledged went with its segment. Rows that live
// there already would hide it: their carry waits for the batch, and the next walk sees it.
TEST(Compaction, AnExpulsionIsNotToldOfBeforeAnIndexHasTheBatch) {
  for (size_t expelled : {1, 2, 3}) {
    World world;
    world.Live([&](SimEnv& env, Store& store) {
      env.SleepMicros(100'000);  // No index is on its way any more.
      std::vector<uint64_t> hangs;
      for (size_t zone = 1; zone <= 3; ++zone) {
        SimFault hang{SimEffect::kHang, Store::ZonePath(zone) + "/index", io::kIoWrite};
        hang.count = UINT64_MAX;
        hangs.push_back(env.AddFault(hang));
      }
      // Two write buffers full, of which nothing lives: the next batch waits for the disk.
      Changes rows, removals;
      for (int i = 0; i < 100; ++i) {
        std::string key = std::string(900, 'k') + std::to_string(i);
        rows.push_back({key, Body{world.next_body++, 10}});
        removals.push_back({key, std::nullopt});
      }
      world.Commit(store, rows);
      world.Commit(store, removals);
      env.AddFault({SimEffect::kFail, Store::ZonePath(expelled) + "/log", io::kIoSync});
      bool settled = false, compacted = false;
      auto client = env.StartThread("client", [&] {
        world.Put(store, "row", 500);
        settled = true;
      });
      env.SleepMicros(100'000);
      EXPECT(!store.IsWhole());  // The new epoch stands, and
      EXPECT(!settled);          // no index has the batch.
      auto compaction = env.StartThread("compaction", [&] {
        EXPECT_OK(store.Compact());
        compacted = true;
      });
      env.SleepMicros(100'000);
      EXPECT(!settled && !compacted);
      for (uint64_t hang : hangs) env.RemoveFault(hang);
      client->Join();
      compaction->Join();
    });
    SimDisk bare = world.disk;
    DropIndexes(&bare, 3);
    EXPECT_EQ(Judge(bare, world.bucket, world.model, 3, 99), "");
    EXPECT_EQ(Judge(world.disk, world.bucket, world.model, 3, 99), "");
  }
}

// A read that was told of a place in a segment finds it there, however long it takes.
TEST(Compaction, AReaderInFlightHoldsItsSegment) {
  World world;
  Fill(&world, 0);
  Fill(&world, 1);
  world.Live([&](SimEnv& env, Store& store) {
    env.SleepMicros(100'000);  // No index is on its way any more.
    // It knows the place, and has not opened the file yet.
    std::vector<uint64_t> faults;
    for (size_t zone = 1; zone <= 3; ++zone) {
      SimFault slow{SimEffect::kSlow, Store::ZonePath(zone) + "/log", io::kIoOpen};
      slow.delay_nanos = 1'000'000'000;
      faults.push_back(env.AddFault(slow));
    }
    bool done = false;
    auto reader = env.StartThread("reader", [&] {
      std::string wrong;
      auto rows = RowsOf(store, &wrong);
      ASSERT_OK(rows);
      EXPECT_EQ(wrong, "");
      EXPECT_EQ(Compare(world.model, *rows).first, "");
      done = true;
    });
    env.SleepMicros(1000);
    EXPECT(!done);
    for (uint64_t fault : faults) env.RemoveFault(fault);  // Of the zones that it does not ask.
    EXPECT_OK(store.Compact());
    reader->Join();
    EXPECT_EQ(store.engine().status().rot_found, 0u);
  });
}

// Callers write, keep and remove the very rows that are carried; none of them hears of it.
TEST(Compaction, CallersNeverHearOfIt) {
  for (uint64_t seed = 1; seed <= 5; ++seed) {
    World world;
    world.seed = seed * 100;
    Fill(&world, 0);
    Fill(&world, 1);
    world.Live([&](SimEnv& env, Store& store) {
      bool done = false;
      auto client = env.StartThread("client", [&] {
        for (int i = 0; i < 40; ++i) {
          for (const char* key : {"stays0", "stays1", "over"}) EXPECT_OK(store.Touch(key));
          world.Put(store, "again", static_cast<uint32_t>(100 + i));
        }
        done = true;
      });
      while (!done) EXPECT_OK(store.Compact());
      client->Join();
    });
    SimDisk bare = world.disk;
    DropIndexes(&bare, 3);
    EXPECT_EQ(Judge(bare, world.bucket, world.model, 3, 99), "");
    EXPECT_EQ(Judge(world.disk, world.bucket, world.model, 3, 99), "");
  }
}

// Rot in one zone is healed by the carry; what no zone has sound, or what the zones hold
// differently, stays where it is.
TEST(Compaction, NoCopyGoesBecauseItLooksWrong) {
  for (int kind = 0; kind < 3; ++kind) {
    World world;
    world.Live([&](SimEnv&, Store& store) { world.Put(store, "one", 5000); });
    world.Live([&](SimEnv&, Store& store) { world.Put(store, "two", 100); });
    auto path = SegmentsOf(world.disk, 2)[0];
    auto at = static_cast<uint64_t>(2 * format::kBlock + 80 + format::kBlobFrameHeaderSize);
    auto damage = [&](size_t zone, bool forged) {
      std::string file = SegmentsOf(world.disk, zone)[0];
      Bytes bytes = world.disk.ReadDurable(file);
      Bytes cell(bytes.begin() + static_cast<ptrdiff_t>(at),
                 bytes.begin() + static_cast<ptrdiff_t>(at + 5000 + aead::kTagSize));
      cell[17] ^= 1;
      world.disk.Overwrite(file, at, cell);
      if (!forged) return;
      auto head = format::DecodeBlobFrame(ByteSpan(bytes).subspan(at - 112));
      ASSERT_OK(head);
      uint64_t crc = hash::Crc64(cell, format::CellCrcSeed(head->header.blob_id, 0, 0));
      Bytes trailer(8);
      StoreLittle(trailer.data(), crc);
      world.disk.Overwrite(file, at + cell.size(), trailer);
    };
    if (kind == 0) damage(2, false);
    if (kind == 1) damage(2, true);
    if (kind == 2)
      for (size_t zone = 1; zone <= 3; ++zone) damage(zone, false);
    const auto before = SegmentsOf(world.disk, 1);
    world.Live([&](SimEnv&, Store& store) {
      Status status = store.Compact();
      if (kind == 0) EXPECT_OK(status);
      if (kind == 1) EXPECT_CODE(status, Code::kTampered);
      if (kind == 2) EXPECT_CODE(status, Code::kCorruption);
      EXPECT_EQ(store.engine().status().log.blocked.empty(), kind == 0);
      EXPECT_EQ(store.engine().status().tampering_found, kind == 1 ? 1u : 0u);
    });
    const auto after = SegmentsOf(world.disk, 1);
    bool stays = std::find(after.begin(), after.end(), before[0]) != after.end();
    EXPECT_EQ(stays, kind != 0);
    if (kind != 2) {
      // What is left is read by whoever has the key, from a sound copy.
      SimEnv env(&world.disk, 9);
      EXPECT_OK(env.Run([&] {
        auto store = Store::Open(&env, 3, &world.bucket);
        ASSERT_OK(store);
        std::string wrong;
        EXPECT_OK(RowsOf(**store, &wrong));
        EXPECT_EQ(wrong, "");
        (*store)->Close();
      }));
    }
  }
}

// A hundred opens leave a hundred segments; the next one takes them together.
TEST(Compaction, SegmentsOfShortOpensDoNotPileUp) {
  World world;
  Fill(&world, 0);
  size_t most = 0;
  for (int i = 0; i < 60; ++i) {
    world.Live([&](SimEnv& env, Store& store) {
      if (i % 10 == 0) world.Put(store, "stays0", 500);
      env.SleepMicros(50'000);
    });
    most = std::max(most, SegmentsOf(world.disk, 1).size());
  }
  EXPECT(most <= 20);
  EXPECT_EQ(Judge(world.disk, world.bucket, world.model, 3, 99), "");
}

// Each row has a batch of 4 KiB at least while it is alone in it: carried so, it saves nothing.
TEST(Compaction, RowsThatWereCommittedOneByOneAreCarriedTogether) {
  World world(1);
  constexpr int kRows = 600;
  world.Live([&](SimEnv&, Store& store) {
    for (int i = 0; i < kRows; ++i) world.Put(store, "row" + std::to_string(i), 10);
    EXPECT_OK(store.Compact());
    EXPECT(store.engine().status().log.log_bytes < kRows * format::kBlock / 4);
  });
  EXPECT_EQ(Judge(world.disk, world.bucket, world.model, 1, 99), "");
}

// What is retired may still stand in the true log, after a crash before it was unlinked: no zone
// that comes back ends there.
TEST(Compaction, AZoneComesBackThatEndsInWhatIsLeftOver) {
  World world;
  Fill(&world, 0);
  world.disk.Hide(Store::ZonePath(3));
  Fill(&world, 1, false);
  Fill(&world, 2, false);
  std::optional<SimDisk> image;
  world.Live([&](SimEnv& env, Store& store) {
    env.on_io = [&](io::SimIo kind, const std::string& path) {
      if (!image && kind == io::kIoRemove && path.ends_with(".seg")) image = world.disk;
    };
    EXPECT_OK(store.Compact());
    env.on_io = nullptr;
  });
  EXPECT(image.has_value());
  testing::Random random(testing::Seed());
  image->Crash(random, CrashStyle::kKeepAll);
  image->Show(Store::ZonePath(3));
  for (size_t away : {0, 1, 2}) {
    SimDisk disk = *image;
    if (away > 0) disk.Hide(Store::ZonePath(away));
    EXPECT_EQ(Judge(disk, world.bucket, world.model, 3, 99 + away), "");
    if (away == 0) {
      SimEnv env(&disk, 5);
      EXPECT_OK(env.Run([&] {
        auto store = Store::Open(&env, 3, &world.bucket);
        ASSERT_OK(store);
        EXPECT((*store)->IsWhole());
        (*store)->Close();
      }));
    }
  }
}

TEST(Compaction, ItBeginsAtTwiceWhatLivesAndEndsWellBelow) {
  using repair::IsSmallEnough;
  using repair::IsTooLarge;
  constexpr uint64_t kMiB = 1 << 20;
  EXPECT(!IsTooLarge({8 * kMiB, 0, 1}));
  EXPECT(IsTooLarge({9 * kMiB, 0, 1}));
  EXPECT(!IsTooLarge({1000 * kMiB, 500 * kMiB, 20}));
  EXPECT(IsTooLarge({1009 * kMiB, 500 * kMiB, 20}));
  EXPECT(IsTooLarge({kMiB, kMiB, 17}));
  EXPECT(!IsTooLarge({10'000 * kMiB, 9'000 * kMiB, 320}));
  for (uint64_t live = 0; live < 10'000 * kMiB; live += 97 * kMiB) {
    for (uint64_t bytes = live; bytes < 4 * live + 100 * kMiB; bytes += 31 * kMiB) {
      for (size_t segments : {1, 8, 17, 40, 200}) {
        repair::LogFigures log{bytes, live, segments};
        EXPECT(!(IsTooLarge(log) && IsSmallEnough(log)));
      }
    }
    // All that lives and nothing else, in the segments that an epoch makes: small enough.
    EXPECT(IsSmallEnough({live, live, 7 + live / repair::kFullSegment}));
  }
}

}  // namespace strongroom::sim
