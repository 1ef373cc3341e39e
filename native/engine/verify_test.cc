// Stories of an open store that is verified and healed: in every zone, rot in logs and in large
// blobs, lies that only the keys tell, while it is written to, and when nobody waits any more.
#include <algorithm>

#include "base/testing.h"
#include "engine/engine_testing.h"
#include "format/blob_file.h"
#include "format/segment.h"
#include "hash/crc64.h"
#include "io/sim_env.h"
#include "placement/placement.h"

namespace strongroom::engine {

namespace {

using repair::Finding;
using repair::FindingKind;

struct Report {
  Status status;
  std::vector<Finding> findings;
  repair::Tally tally;
};

Report Follow(const std::shared_ptr<Verifying>& run) {
  Report report;
  for (;;) {
    auto next = std::make_shared<blob::Awaited<VerifyNews>>();
    run->Next([next](VerifyNews news) { next->Set(std::move(news)); });
    VerifyNews news = next->Get();
    report.tally = news.tally;
    std::copy(news.findings.begin(), news.findings.end(), std::back_inserter(report.findings));
    report.status = news.status;
    if (news.over) return report;
  }
}
Report Verify(World& world, bool heal) { return Follow(world.engine->Verify({heal, 0})); }
Report VerifyRow(World& world, const std::string& row, bool heal) {
  return Follow(world.engine->VerifyRow({Bytes(row.begin(), row.end()), world.kek, nullptr, heal}));
}

// Files below the zone's folder whose path holds `part`.
std::vector<std::string> FilesOf(const std::string& folder, const std::string& part) {
  std::vector<std::string> out;
  auto entries = io::PosixEnv()->List(folder);
  if (!entries.ok()) return out;
  for (const auto& entry : *entries) {
    const std::string path = folder + "/" + entry.name;
    if (entry.is_directory) {
      for (auto& each : FilesOf(path, part)) out.push_back(each);
    } else if (path.find(part) != std::string::npos) {
      out.push_back(path);
    }
  }
  return out;
}

Bytes ReadFile(const std::string& path) {
  auto file = std::move(*io::PosixEnv()->Open(path, {}));
  Bytes bytes(file->Info()->size);
  CHECK(*file->ReadAt(0, bytes) == bytes.size());
  return bytes;
}
void WriteAt(const std::string& path, uint64_t at, ByteSpan bytes) {
  auto file = std::move(*io::PosixEnv()->Open(path, {io::OpenMode::kReadWrite, false}));
  CHECK(file->WriteAt(at, bytes).ok());
  CHECK(file->Sync().ok());
}
void Flip(const std::string& path, uint64_t at) {
  const uint8_t byte = ReadFile(path)[at] ^ 1;
  WriteAt(path, at, {&byte, 1});
}

// A store of three zones with small rows and two large ones.
struct Store : World {
  Store() : World(3) {
    CHECK(Open().ok());
    for (int i = 0; i < 20; ++i) CHECK(PutOne("s" + std::to_string(i), "small").ok());
    body = testing::Random(testing::Seed()).Take(700'000);
    CHECK(PutLarge("large", body).ok());
    CHECK(PutLarge("other", body).ok());
  }
  Bytes body;
};

}  // namespace

TEST(Verify, AWholeStore) {
  Store store;
  const Report report = Verify(store, true);
  EXPECT_OK(report.status);
  EXPECT_EQ(report.findings.size(), size_t{0});
  EXPECT(report.tally.records >= 23);
  // Of each large blob eleven chunks and six parities; three copies of each small one.
  EXPECT_EQ(report.tally.cells, uint64_t{20 * 3 + 2 * (11 + 6)});
  // And what is counted; once against the log, once for its blob.
  EXPECT_EQ(report.tally.rows, uint64_t{2 * (20 + 2 + 2)});
  EXPECT(report.tally.bytes > 3 * 700'000);
  for (const char* row : {"large", "s3", "absent"}) {
    EXPECT_EQ(VerifyRow(store, row, true).findings.size(), size_t{0});
  }
}

TEST(Verify, HealsEveryZone) {
  for (size_t zone = 1; zone <= 3; ++zone) {
    Store store;
    const auto logs = FilesOf(store.Path(zone), ".seg");
    const auto blobs = FilesOf(store.Path(zone) + "/blob", ".0");
    ASSERT(!logs.empty() && blobs.size() == 2);
    const Bytes log = ReadFile(logs[0]), first = ReadFile(blobs[0]), second = ReadFile(blobs[1]);
    Flip(logs[0], 2 * 4096 + 100);
    Flip(blobs[0], 50'000);
    EXPECT_OK(io::PosixEnv()->Remove(blobs[1]));
    Report report = Verify(store, false);
    EXPECT_OK(report.status);
    EXPECT_EQ(report.findings.size(), size_t{3});
    for (const Finding& finding : report.findings) {
      EXPECT_EQ(finding.zone, static_cast<int>(zone));
      EXPECT(!finding.healed);
    }
    report = Verify(store, true);
    EXPECT_EQ(report.findings.size(), size_t{3});
    for (const Finding& finding : report.findings) EXPECT(finding.healed);
    EXPECT_EQ(Verify(store, false).findings.size(), size_t{0});
    EXPECT_EQ(ReadFile(logs[0]), log);
    EXPECT_EQ(ReadFile(blobs[0]), first);
    EXPECT_EQ(ReadFile(blobs[1]), second);
    // What lay there is kept.
    EXPECT_EQ(FilesOf(store.Path(zone), "/quarantine/").size(), size_t{2});
    EXPECT(store.Count(Event::Kind::kRot) >= 2);
    EXPECT_EQ(store.Count(Event::Kind::kZoneExpelled), size_t{0});
    store.Reopen();
    EXPECT_OK(store.ReadLarge("other", store.body.size()));
  }
}

// An attacker changed a chunk of a small object and gave it its checksum: without the key it is
// seen that somebody lies, and not healed; with it, it is.
TEST(Verify, OnlyTheKeyTellsWhoLies) {
  Store store;
  const std::string log = FilesOf(store.Path(2), ".seg")[0];
  Bytes file = ReadFile(log);
  const auto segment = *format::DecodeSegmentHeader(file);
  uint32_t frame = 0;
  for (uint32_t at = 4096; frame == 0;) {
    const auto header = *format::DecodeBatchHeader(ByteSpan(file).subspan(at), segment.id, at);
    if (header.record_offset > format::kBatchHeaderSize) frame = at + format::kBatchHeaderSize;
    at += header.size;
  }
  const auto head = *format::DecodeBlobFrame(ByteSpan(file).subspan(frame));
  const uint32_t cell = frame + format::kBlobFrameHeaderSize;
  const size_t size = head.plaintext_size + aead::kTagSize;
  Bytes forged(file.begin() + cell, file.begin() + static_cast<long>(cell + size + 8));
  forged[2] ^= 1;
  const uint64_t seed = format::CellCrcSeed(head.header.blob_id, 0, 0);
  StoreLittle<uint64_t>(&forged[size], hash::Crc64(ByteSpan(forged).first(size), seed));
  WriteAt(log, cell, forged);
  Report report = Verify(store, true);
  ASSERT(report.findings.size() == 1);
  EXPECT_EQ(report.findings[0].kind, FindingKind::kTampered);
  EXPECT(!report.findings[0].healed);
  size_t found = 0;
  for (int i = 0; i < 20; ++i) {
    report = VerifyRow(store, "s" + std::to_string(i), true);
    for (const Finding& finding : report.findings) {
      ++found;
      EXPECT_EQ(finding.kind, FindingKind::kTampered);
      EXPECT_EQ(finding.zone, 2);
      EXPECT(finding.healed);
      EXPECT(!finding.row_key.empty());
    }
  }
  EXPECT_EQ(found, size_t{1});
  EXPECT_EQ(Verify(store, false).findings.size(), size_t{0});
  EXPECT_EQ(ReadFile(log), file);
  EXPECT(store.Count(Event::Kind::kTampering) >= 2);
}

// Story: an index that lost a row, and one that kept an old one, without any checksum being wrong.
// Its zone's log knows better; another index takes over, and the next open makes it anew.
TEST(Verify, AnIndexThatIsNotWhatTheLogSays) {
  for (bool lost : {false, true}) {
    Store store;
    store.engine->Close();
    store.engine = nullptr;
    // In the index of zone 1: as a mistake of ours would leave it, sealed and applied to the tail.
    {
      const auto superblock = *format::ReadSuperblock(io::PosixEnv(), store.Path(1));
      const auto keys = std::move(
          *format::OpenStoreKeys(AsBytes("0123456789abcdef0123456789abcdef"), superblock));
      index::IndexOptions options;
      options.env = io::PosixEnv();
      options.path = store.Path(1) + "/index";
      options.store_id = superblock.store_id;
      options.zone_id = superblock.zone_id;
      options.index_key = keys.index.span();
      auto opened = index::Index::Open(options);
      ASSERT_OK(opened);
      std::string row;
      EXPECT(*(*opened)->Get(AsBytes("s3"), &row));
      const index::Effect change[] = {
          {AsBytes("s7"), lost ? std::nullopt : std::optional<ByteSpan>(AsBytes(row))}};
      EXPECT_OK((*opened)->Apply(change, (*opened)->applied()));
      EXPECT_OK((*opened)->Checkpoint());
    }
    // Until that index serves: which one does is a race of replays.
    Report report;
    for (int i = 0; i < 50; ++i) {
      ASSERT_OK(store.Open());
      report = Verify(store, false);
      if (!report.findings.empty()) break;
      store.engine->Close();
      store.engine = nullptr;
    }
    ASSERT(report.findings.size() == 1);
    EXPECT_EQ(report.findings[0].kind, FindingKind::kStale);
    EXPECT_EQ(report.findings[0].zone, 1);
    report = Verify(store, true);
    ASSERT(report.findings.size() == 1);
    EXPECT(report.findings[0].healed);
    EXPECT(store.Get("s7").ok());
    EXPECT_EQ(Verify(store, false).findings.size(), size_t{0});
    for (int i = 0; i < 2; ++i) {
      store.Reopen();
      EXPECT_EQ(Verify(store, false).findings.size(), size_t{0});
    }
    EXPECT(FilesOf(store.Path(1), "/verifying/").empty());
  }
}

TEST(Verify, OneZoneTellsAndCannotHeal) {
  World world(1);
  ASSERT_OK(world.Open());
  ASSERT_OK(world.PutOne("a", "first"));
  ASSERT_OK(world.PutLarge("large", Bytes(500'000, 7)));
  EXPECT_EQ(Verify(world, true).findings.size(), size_t{0});
  Flip(FilesOf(world.Path(1) + "/blob", ".0")[0], 90'000);
  const Report report = Verify(world, true);
  EXPECT_OK(report.status);
  EXPECT_EQ(report.findings.size(), size_t{2});  // The cell, and that nobody has it.
  for (const Finding& finding : report.findings) EXPECT(!finding.healed);
}

TEST(Verify, WhileRowsComeAndGo) {
  Store store;
  std::atomic<bool> over{false};
  std::atomic<int> failed{0};
  auto writer = io::PosixEnv()->StartThread("writer", [&] {
    for (int i = 0; !over.load(); ++i) {
      const std::string row = "large" + std::to_string(i % 3);
      failed += !store.PutLarge(row, ByteSpan(store.body).first(300'000)).ok();
      failed += !store.PutOne("s" + std::to_string(i % 20), "again").ok();
      if (i % 4 == 3) failed += !store.Remove(row).ok();
    }
  });
  for (int i = 0; i < 5; ++i) {
    const Report report = Verify(store, true);
    EXPECT_OK(report.status);
    for (const Finding& finding : report.findings) {
      testing::Fail(__FILE__, __LINE__, finding.what.c_str());
    }
  }
  over = true;
  writer->Join();
  EXPECT_EQ(failed.load(), 0);
}

// A get that meets rot, or no file, answers from the others and has the place healed.
TEST(Verify, WhatAReaderFindsIsHealedBehindIt) {
  Store store;
  const auto logs = FilesOf(store.Path(1), ".seg");
  std::vector<std::pair<std::string, Bytes>> right;
  for (size_t zone = 1; zone <= 3; ++zone) {
    for (const auto& path : FilesOf(store.Path(zone) + "/blob", ".0")) {
      right.emplace_back(path, ReadFile(path));
    }
  }
  const auto settles = [&](const std::string& path, const Bytes& bytes) {
    for (int i = 0; i < 10'000; ++i) {
      if (io::PosixEnv()->Stat(path).ok() && ReadFile(path) == bytes) return true;
      io::PosixEnv()->SleepMicros(1000);
    }
    return false;
  };
  size_t asked = 0;
  for (const auto& [path, bytes] : right) {
    // A zone that holds the parities of a blob is asked for nothing while all is well.
    const auto blob_id = format::DecodeBlobPreamble(bytes)->header.blob_id;
    const auto placement = *placement::Placement::Create({4, 2}, 3, blob_id);
    const int zone = path[store.Path(1).size() - 1] - '1';
    if (placement.first_cell(zone) >= 4) continue;
    ++asked;
    for (bool missing : {false, true}) {
      if (missing) {
        EXPECT_OK(io::PosixEnv()->Remove(path));
      } else {
        for (uint64_t at = 5000; at < bytes.size(); at += 60'000) Flip(path, at);
      }
      EXPECT_OK(store.ReadLarge("large", store.body.size()));
      EXPECT_OK(store.ReadLarge("other", store.body.size()));
      EXPECT(settles(path, bytes));
    }
  }
  EXPECT_EQ(asked, size_t{4});
  for (size_t zone = 1; zone <= 3; ++zone) {
    const std::string log = FilesOf(store.Path(zone), ".seg")[0];
    const Bytes bytes = ReadFile(log);
    const size_t before = store.Count(Event::Kind::kRot);
    Flip(log, 2 * 4096 + 80 + 112 + 3);  // The first small object's cell.
    EXPECT(store.Get("s0").ok());
    // Another zone may have served it.
    if (store.Count(Event::Kind::kRot) == before) EXPECT_OK(Verify(store, true).status);
    EXPECT(settles(log, bytes));
  }
  EXPECT_EQ(Verify(store, false).findings.size(), size_t{0});
}

TEST(Verify, AZoneThatIsOutIsTold) {
  Store store;
  store.fail = true;
  store.broken = 2;
  ASSERT_OK(store.PutOne("a", "without zone 2"));
  // Its disk stays as it is: else it would come back by itself.
  const Report report = Verify(store, true);
  EXPECT_OK(report.status);
  ASSERT(report.findings.size() == 1);
  EXPECT_EQ(report.findings[0].kind, FindingKind::kStale);
  EXPECT_EQ(report.findings[0].zone, 2);
}

// A run at a rate may take weeks: what readers find and what somebody asks for goes on beside it.
TEST(Verify, NobodyWaitsForOneAtARate) {
  Store store;
  auto slow = store.engine->Verify({true, 1});  // A byte a second.
  const std::string log = FilesOf(store.Path(2), ".seg")[0];
  const Bytes bytes = ReadFile(log);
  Flip(log, 2 * 4096 + 100);
  const Report report = Verify(store, true);
  EXPECT_OK(report.status);
  ASSERT(report.findings.size() == 1);
  EXPECT(report.findings[0].healed);
  EXPECT_EQ(ReadFile(log), bytes);
  EXPECT_EQ(VerifyRow(store, "large", true).findings.size(), size_t{0});
  slow->Stop();
  EXPECT_CODE(Follow(slow).status, Code::kCancelled);
}

namespace {
void RunAtARate(io::SimEnv& sim, io::Env* env, blob::SharedFault* reads) {
  OpenOptions options;
  options.env = env;
  for (const char* path : {"/z1", "/z2", "/z3"}) options.zones.push_back(path);
  options.root_key = SecretBytes(AsBytes("0123456789abcdef0123456789abcdef"));
  options.read_slabs = options.write_slabs = 2;
  options.sweep_after_nanos = UINT64_MAX;
  auto engine = Engine::Open(std::move(options), nullptr);
  ASSERT_OK(engine);
  for (int i = 0; i < 60; ++i) EXPECT_OK(PutRow(**engine, "r" + std::to_string(i), 30'000));
  constexpr uint64_t kRate = 100'000;
  const uint64_t before = reads->bytes_read, began = sim.MonotonicNanos();
  const Report report = Follow((*engine)->Verify({true, kRate}));
  EXPECT_OK(report.status);
  const uint64_t read = reads->bytes_read - before;
  const uint64_t nanos = sim.MonotonicNanos() - began;
  constexpr uint64_t kBodies = 60 * 30'000;
  EXPECT(read >= 3 * kBodies);
  EXPECT(report.tally.bytes >= 3 * kBodies);
  const uint64_t let = nanos / 1000 * kRate / 1'000'000;
  EXPECT(let >= read);
  // The logs, the replay of one, the rows of both indexes, and once more those that name blobs.
  EXPECT(let >= report.tally.bytes + 4 * kBodies);
  (*engine)->Close();
}
}  // namespace

// By the clock of the simulated machine, and by the bytes that its disks gave out, whoever asked:
// the walk over the logs, the replay beside, the rows.
TEST(Verify, ARateHoldsForEveryByteThatIsRead) {
  io::SimDisk disk;
  for (const char* path : {"/z1", "/z2", "/z3"}) disk.MakeDirectories(path);
  io::SimEnv sim(&disk, testing::Seed());
  EXPECT_OK(sim.Run([&] {
    blob::FaultyEnv env(&sim);
    RunAtARate(sim, &env, &env.fault);
  }));
}

TEST(Verify, StopsAndEndsWithTheStore) {
  Store store;
  auto run = store.engine->Verify({false, 1});  // A byte a second: for ever.
  run->Stop();
  EXPECT_CODE(Follow(run).status, Code::kCancelled);
  run = store.engine->Verify({false, 1});
  auto waiting = store.engine->Verify({false, 1});
  store.engine->Close();
  EXPECT(!Follow(run).status.ok());
  EXPECT_CODE(Follow(waiting).status, Code::kClosed);
  EXPECT_CODE(Follow(store.engine->Verify({false, 0})).status, Code::kClosed);
}

}  // namespace strongroom::engine
