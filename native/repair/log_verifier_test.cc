// Stories of logs that rot: every bit of every block of a small store's logs in one zone, files
// that go, disks that refuse, records that an attacker or a dropped write left; while the store
// commits.
#include "repair/log_verifier.h"

#include <algorithm>

#include "hash/crc64.h"
#include "io/sim_env.h"
#include "log/log_testing.h"
#include "repair/quarantine.h"

namespace strongroom::repair {

namespace {

using io::SimDisk;
using io::SimEnv;
using log::TestOpen;
using log::TestStore;
using log::Truth;

// A store of three zones, opened three times, with small blobs in its log.
struct Written {
  SimDisk disk;
  std::unique_ptr<TestStore> store;
  uint64_t lives = 1;

  Written() {
    for (const char* zone : {"/a", "/b", "/c"}) disk.MakeDirectories(zone);
    SimEnv env(&disk, 1000);
    EXPECT_OK(env.Run([&] {
      store = std::make_unique<TestStore>(&env, std::vector<std::string>{"/a", "/b", "/c"});
      ASSERT_OK(store->Create(&env));
    }));
    for (int open = 0; open < 3; ++open) {
      Live(&disk, [&](SimEnv*, TestOpen* log) {
        for (uint64_t i = 1; i <= 4; ++i) ASSERT_OK(log->Commit({i, i + 100}, i == 2 ? 70000 : i));
      });
    }
  }
  void Live(SimDisk* on, const std::function<void(SimEnv*, TestOpen*)>& body) {
    SimEnv env(on, ++lives);
    EXPECT_OK(env.Run([&] {
      TestOpen open;
      ASSERT_OK(open.Open(*store, &env, {0, 1, 2}));
      open.Serve();
      body(&env, &open);
    }));
  }
};

struct Report {
  Status status;
  std::vector<Finding> findings;
  Tally tally;
};

Report Verify(SimEnv* env, TestOpen* open, const TestStore& store, bool heal,
              const Pace& pace = nullptr) {
  LogOrder order;
  order.env = env;
  order.seal = &store.seal;
  order.tail = open->log->tail();
  order.extent = open->log->extent();
  order.heal = heal;
  std::vector<std::shared_ptr<io::TaskQueue>> readers;
  for (size_t i = 0; i < open->queues.size(); ++i) {
    readers.push_back(std::make_shared<io::TaskQueue>(env, "cells", 2));
    const auto& zone = open->zones[open->recovered.set[i]];
    order.zones.push_back({zone.number, zone.path, env,
                           std::make_shared<log::ZoneLog>(env, zone.path), readers.back(),
                           open->queues[i]});
  }
  Report out;
  out.status = VerifyLog(
      order, pace, [&](Finding finding) { out.findings.push_back(finding); }, &out.tally);
  return out;
}

// What a reader of the zone's log can tell: every block up to the last record of each segment.
bool SameLogs(const SimDisk& a, const SimDisk& b, const std::string& zone) {
  for (const auto& file : a.Files(zone + "/log")) {
    Bytes x = a.ReadDurable(file.path);
    bool found = false;
    for (const auto& other : b.Files(zone + "/log")) found |= other.path == file.path;
    if (!found) return false;
    Bytes y = b.ReadDurable(file.path);
    while (!x.empty() && x.back() == 0) x.pop_back();
    while (!y.empty() && y.back() == 0) y.pop_back();
    if (x != y) return false;
  }
  return true;
}

size_t SetAsideIn(const SimDisk& disk, const std::string& zone) {
  size_t count = 0;
  for (const auto& file : disk.Files(zone)) {
    count += SimDisk::IsBelow(file.path, QuarantineFolder(zone));
  }
  return count;
}

// Calls `damage` while the store is open, then verifies twice, heals, and verifies again.
void Heals(Written* written, const std::function<void(SimDisk*)>& damage, FindingKind kind,
           int zone = 2) {
  SimDisk disk = written->disk;
  SimDisk right;
  written->Live(&disk, [&](SimEnv* env, TestOpen* open) {
    right = disk;
    damage(&disk);
    Report found = Verify(env, open, *written->store, false);
    EXPECT_OK(found.status);
    ASSERT(!found.findings.empty());
    for (const Finding& finding : found.findings) {
      EXPECT_EQ(finding.kind, kind);
      EXPECT_EQ(finding.zone, zone);
      EXPECT(!finding.healed);
    }
    Report healed = Verify(env, open, *written->store, true);
    EXPECT_EQ(healed.findings.size(), found.findings.size());
    for (const Finding& finding : healed.findings) {
      if (!finding.healed) testing::Fail(__FILE__, __LINE__, finding.what.c_str());
    }
    EXPECT_EQ(Verify(env, open, *written->store, false).findings.size(), size_t{0});
    EXPECT_OK(open->Commit({7}));
    EXPECT(open->expelled.empty());
  });
  written->Live(&disk, [&](SimEnv*, TestOpen* open) {
    EXPECT_EQ(open->recovered.set.size(), size_t{3});
    EXPECT(open->alarms.empty());
  });
}

std::vector<std::string> LogFiles(const SimDisk& disk, const std::string& zone) {
  std::vector<std::string> out;
  for (const auto& file : disk.Files(zone + "/log")) out.push_back(file.path);
  return out;
}

}  // namespace

TEST(LogVerifier, FindsNothingInAWholeStore) {
  Written written;
  SimDisk disk = written.disk;
  written.Live(&disk, [&](SimEnv* env, TestOpen* open) {
    const uint64_t before = env->IoCount();
    Report report = Verify(env, open, *written.store, true);
    EXPECT_OK(report.status);
    EXPECT_EQ(report.findings.size(), size_t{0});
    EXPECT_EQ(report.tally.records, uint64_t{3 * 4 + 4});  // Commits and epochs.
    EXPECT_EQ(report.tally.cells, uint64_t{3 * 3 * (3 + 2)});
    EXPECT_EQ(env->IoCount(), before);
  });
}

// Every block of the zone's log, a bit of each in turn: what a record or its padding is made of is
// found and healed, and the zone's log is byte for byte what it was. What lies behind the last
// record of a segment is nobody's.
TEST(LogVerifier, EveryBlockOfOneZonesLog) {
  Written written;
  testing::Random random(testing::Seed());
  size_t found_bits = 0;
  for (const std::string& path : LogFiles(written.disk, "/b")) {
    Bytes file = written.disk.ReadDurable(path);
    while (!file.empty() && file.back() == 0) file.pop_back();
    const uint64_t used = format::RoundUp(file.size(), format::kBlock);
    for (uint64_t block = 0; block * format::kBlock < used; ++block) {
      SimDisk disk = written.disk;
      written.Live(&disk, [&](SimEnv* env, TestOpen* open) {
        const SimDisk right = disk;
        disk.FlipBit(path, block * format::kBlock * 8 + random.Below(format::kBlock * 8));
        Report report = Verify(env, open, *written.store, true);
        EXPECT_OK(report.status);
        ASSERT(report.findings.size() == 1);
        for (const Finding& finding : report.findings) {
          EXPECT(finding.healed && finding.zone == 2);
          ++found_bits;
        }
        EXPECT(SameLogs(right, disk, "/b"));
        EXPECT_EQ(SetAsideIn(disk, "/b"), size_t{1});
      });
    }
  }
  EXPECT(found_bits > 40);
}

TEST(LogVerifier, AMissingAShortAndAnEmptySegment) {
  Written written;
  const std::string path = LogFiles(written.disk, "/b")[1];
  Heals(
      &written, [&](SimDisk* disk) { disk->RemoveTree(path); }, FindingKind::kMissing);
  Heals(
      &written, [&](SimDisk* disk) { disk->Resize(path, 9000); }, FindingKind::kMissing);
  Heals(
      &written, [&](SimDisk* disk) { disk->Resize(path, 0); }, FindingKind::kMissing);
  Heals(
      &written, [&](SimDisk* disk) { disk->FlipBit(path, 8 * 20); }, FindingKind::kRotten);
}

// Each batch is sound in some zone, and no zone has two of three.
TEST(LogVerifier, DifferentRotInEveryZone) {
  Written written;
  SimDisk disk = written.disk;
  written.Live(&disk, [&](SimEnv* env, TestOpen* open) {
    const SimDisk right = disk;
    const std::string name = LogFiles(disk, "/a")[1].substr(2);
    // One batch: header in one zone, a cell in the second, the record in the third.
    Bytes file = disk.ReadDurable("/a" + name);
    auto segment = *format::DecodeSegmentHeader(file);
    uint32_t at = format::kBlock;
    format::BatchHeader header;
    for (;; at += header.size) {
      header = *format::DecodeBatchHeader(ByteSpan(file).subspan(at), segment.id, at);
      if (header.record_offset > 60000) break;
    }
    disk.FlipBit("/a" + name, 8 * (at + 30));
    disk.FlipBit("/b" + name, 8 * (at + 5000));
    disk.FlipBit("/c" + name, 8 * (at + header.record_offset + 40));
    Report report = Verify(env, open, *written.store, true);
    EXPECT_OK(report.status);
    EXPECT_EQ(report.findings.size(), size_t{3});
    for (const Finding& finding : report.findings) EXPECT(finding.healed);
    for (const char* zone : {"/a", "/b", "/c"}) EXPECT(SameLogs(right, disk, zone));
    // The same cell everywhere: nothing is left to heal from, nothing is written, and it is told.
    for (const char* zone : {"/a", "/b", "/c"}) disk.FlipBit(zone + name, 8 * (at + 5000));
    const SimDisk rotten = disk;
    report = Verify(env, open, *written.store, true);
    EXPECT_EQ(report.findings.size(), size_t{4});
    for (const Finding& finding : report.findings) EXPECT(!finding.healed);
    EXPECT_EQ(disk.DurableHash(), rotten.DurableHash());
  });
}

// An attacker gave a cell the checksum that it must have: the odd one out is named, and without the
// key nothing is written.
TEST(LogVerifier, AForgedCellIsTold) {
  Written written;
  SimDisk disk = written.disk;
  written.Live(&disk, [&](SimEnv* env, TestOpen* open) {
    const std::string path = LogFiles(disk, "/b")[1];
    Bytes file = disk.ReadDurable(path);
    auto segment = *format::DecodeSegmentHeader(file);
    const uint32_t at = 2 * format::kBlock;  // Behind the epoch's batch: a blob of one byte.
    auto header = *format::DecodeBatchHeader(ByteSpan(file).subspan(at), segment.id, at);
    const uint32_t frame = at + format::kBatchHeaderSize;
    auto head = *format::DecodeBlobFrame(ByteSpan(file).subspan(frame));
    const uint32_t cell = frame + format::kBlobFrameHeaderSize;
    const size_t size = head.plaintext_size + aead::kTagSize;
    ASSERT(cell + size + 8 == at + header.record_offset);
    Bytes forged(file.begin() + cell, file.begin() + static_cast<long>(cell + size + 8));
    forged[3] ^= 1;
    const uint64_t seed = format::CellCrcSeed(head.header.blob_id, 0, 0);
    StoreLittle<uint64_t>(&forged[size], hash::Crc64(ByteSpan(forged).first(size), seed));
    disk.Overwrite(path, cell, forged);
    const SimDisk before = disk;
    Report report = Verify(env, open, *written.store, true);
    ASSERT(report.findings.size() == 1);
    EXPECT_EQ(report.findings[0].kind, FindingKind::kTampered);
    EXPECT_EQ(report.findings[0].zone, 2);
    EXPECT(!report.findings[0].healed);
    EXPECT_EQ(disk.DurableHash(), before.DurableHash());
  });
}

TEST(LogVerifier, BlocksThatTheDiskRefuses) {
  Written written;
  SimDisk disk = written.disk;
  written.Live(&disk, [&](SimEnv* env, TestOpen* open) {
    io::SimFault fault;
    fault.prefix = LogFiles(disk, "/b")[1];
    fault.kinds = io::kIoRead;
    fault.count = UINT64_MAX;
    const uint64_t id = env->AddFault(fault);
    Report report = Verify(env, open, *written.store, false);
    EXPECT_OK(report.status);
    ASSERT(report.findings.size() == 1);
    EXPECT_EQ(report.findings[0].kind, FindingKind::kUnreadable);
    // What is written cannot be read back: no success.
    report = Verify(env, open, *written.store, true);
    for (const Finding& finding : report.findings) EXPECT(!finding.healed);
    env->RemoveFault(id);
    EXPECT_EQ(Verify(env, open, *written.store, false).findings.size(), size_t{0});
  });
}

// A disk that takes writes and loses them, or misplaces them, is not believed.
TEST(LogVerifier, ADiskThatLies) {
  for (io::SimEffect effect : {io::SimEffect::kLose, io::SimEffect::kMisdirect}) {
    Written written;
    SimDisk disk = written.disk;
    written.Live(&disk, [&](SimEnv* env, TestOpen* open) {
      const std::string path = LogFiles(disk, "/b")[1];
      disk.FlipBit(path, 8 * (format::kBlock + 100));
      io::SimFault fault;
      fault.effect = effect;
      fault.prefix = path;
      fault.kinds = io::kIoWrite;
      env->AddFault(fault);
      Report report = Verify(env, open, *written.store, true);
      ASSERT(report.findings.size() == 1);
      EXPECT(!report.findings[0].healed);
      report = Verify(env, open, *written.store, true);
      EXPECT(!report.findings.empty());
      for (const Finding& finding : report.findings) EXPECT(finding.healed);
    });
  }
}

// Story: power goes before each call of a healing. The next open finds every record.
TEST(LogVerifier, ACrashAtEachCall) {
  Written written;
  testing::Random random(testing::Seed());
  const std::string path = LogFiles(written.disk, "/b")[1];
  for (bool missing : {false, true}) {
    for (uint64_t n = 1;; ++n) {
      SimDisk disk = written.disk;
      bool crashed = false, begun = false;
      SimEnv env(&disk, 50 + n);
      EXPECT_OK(env.Run([&] {
        TestOpen open;
        ASSERT_OK(open.Open(*written.store, &env, {0, 1, 2}));
        open.Serve();
        if (missing) {
          disk.RemoveTree(path);
        } else {
          disk.FlipBit(path, 8 * (format::kBlock + 100));
        }
        begun = true;
        env.CrashAtIo(env.IoCount() + n);
        (void)Verify(&env, &open, *written.store, true);
        crashed = env.IsCrashed();
      }));
      ASSERT(begun);
      for (int way = 0; way < 5; ++way) {
        SimDisk after = disk;
        after.Crash(random, static_cast<io::CrashStyle>(way));
        written.Live(&after, [&](SimEnv* next, TestOpen* open) {
          EXPECT_EQ(open->recovered.set.size(), size_t{3});
          EXPECT_EQ(open->recovered.tail.sequence, uint64_t{24});
          EXPECT_OK(Verify(next, open, *written.store, true).status);
          EXPECT_EQ(Verify(next, open, *written.store, false).findings.size(), size_t{0});
        });
      }
      if (!crashed) break;
    }
  }
}

// Batches that come meanwhile are none of its business, and heal beside them.
TEST(LogVerifier, WhileTheStoreCommits) {
  for (uint64_t seed = 0; seed < 20; ++seed) {
    Written written;
    written.lives += seed * 100;
    SimDisk disk = written.disk;
    written.Live(&disk, [&](SimEnv* env, TestOpen* open) {
      ASSERT_OK(open->Commit({1}, 3000));
      const std::string path = LogFiles(disk, "/b").back();
      disk.FlipBit(path, 8 * (2 * format::kBlock + 100));
      disk.FlipBit(LogFiles(disk, "/c")[0], 8 * (format::kBlock + 100));
      io::Completion verified;
      Report report;
      auto thread = env->StartThread("verify", [&] {
        report = Verify(env, open, *written.store, true);
        verified.Set(Status());
      });
      uint64_t commits = 0;
      while (!verified.IsSet() || commits < 5) {
        ASSERT_OK(open->Commit({++commits}, 5000));
        env->SleepMicros(10);
      }
      thread->Join();
      EXPECT_EQ(report.findings.size(), size_t{2});
      for (const Finding& finding : report.findings) EXPECT(finding.healed);
      EXPECT(open->expelled.empty());
      EXPECT_EQ(Verify(env, open, *written.store, false).findings.size(), size_t{0});
    });
  }
}

TEST(LogVerifier, StopsWhenToldTo) {
  Written written;
  SimDisk disk = written.disk;
  written.Live(&disk, [&](SimEnv* env, TestOpen* open) {
    uint64_t told = 0;
    Report report = Verify(env, open, *written.store, false, [&](uint64_t bytes) {
      told += bytes;
      return true;
    });
    EXPECT_EQ(told, report.tally.bytes);
    report = Verify(env, open, *written.store, false, [&](uint64_t) { return false; });
    EXPECT_CODE(report.status, Code::kCancelled);
  });
}

}  // namespace strongroom::repair
