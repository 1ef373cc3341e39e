// Stories of damaged blob files: every zone, every kind of damage, a crash at each call of the
// healing, each call failing, and disks that give back something else than was written.
#include "repair/blob_healer.h"

#include <algorithm>

#include "format/segment.h"
#include "hash/crc64.h"
#include "hash/xxh64.h"
#include "placement/placement.h"
#include "repair/quarantine.h"
#include "repair/repair_testing.h"

namespace strongroom::repair {

namespace {

using io::SimDisk;
using io::SimEnv;
using Kind = blob::CellTrouble::Kind;

struct Case {
  placement::Geometry geometry;
  int zones;
};
const Case kCases[] = {{{4, 2}, 3}, {{1, 2}, 3}, {{2, 1}, 3}, {{8, 4}, 3}, {{1, 1}, 2}};

std::string PathIn(const TestBlob& blob, int position) {
  return blob::BlobPath(ZonePath(position), blob.at_rest.blob_id, 0);
}

// A disk with one blob in all its zones, and what each zone's file is.
struct Written {
  Written(const Case& c, size_t size) : zones(c.zones), disk(DiskWithZones(c.zones)) {
    SimEnv env(&disk, testing::Seed());
    EXPECT_OK(env.Run([&] {
      SimZones store(&env, zones);
      ASSERT_OK(store.CreateFolders());
      auto written = store.Write(testing::Random(testing::Seed() + size).Take(size), c.geometry);
      ASSERT_OK(written);
      blob = *written;
    }));
    for (int i = 0; i < zones; ++i) files.push_back(disk.ReadDurable(PathIn(blob, i)));
  }
  bool HasFile(const SimDisk& on, int position) const {
    const std::string path = PathIn(blob, position);
    for (const auto& file : on.Files(ZonePath(position))) {
      if (file.path == path) return on.ReadDurable(path) == files[static_cast<size_t>(position)];
    }
    return false;
  }
  // Where the cell is in the zone's file: the n-th that the zone holds of the stripe.
  uint64_t CellAt(int position, uint64_t stripe, int nth) const {
    const auto& shape = blob.at_rest.shape;
    const auto placement =
        *placement::Placement::Create({shape.k, shape.m}, zones, blob.at_rest.blob_id);
    const format::CellRun run{placement.first_cell(position), placement.cells_in(position)};
    return shape.CellOffset(run, stripe, run.first + nth);
  }
  // Changes a byte of the cell and gives it the checksum that it then must have: what an attacker
  // does.
  void Tamper(SimDisk* on, int position, uint64_t stripe, int nth) const {
    const auto& shape = blob.at_rest.shape;
    const auto placement =
        *placement::Placement::Create({shape.k, shape.m}, zones, blob.at_rest.blob_id);
    const uint64_t at = CellAt(position, stripe, nth);
    const size_t size = shape.cell_size(stripe);
    const Bytes& file = files[static_cast<size_t>(position)];
    Bytes cell(file.begin() + static_cast<long>(at), file.begin() + static_cast<long>(at + size));
    cell[size / 2] ^= 0x40;
    const uint64_t number = shape.CellNumber(stripe, placement.first_cell(position) + nth);
    uint8_t checksum[8];
    StoreLittle<uint64_t>(checksum,
                          hash::Crc64(cell, format::CellCrcSeed(blob.at_rest.blob_id, 0, number)));
    on->Overwrite(PathIn(blob, position), at, cell);
    on->Overwrite(PathIn(blob, position), at + size, checksum);
  }

  int zones;
  SimDisk disk;
  TestBlob blob;
  std::vector<Bytes> files;
};

size_t CountIn(const SimDisk& disk, const std::string& folder) {
  size_t count = 0;
  for (const auto& file : disk.Files("/")) count += SimDisk::IsBelow(file.path, folder);
  return count;
}

void RunOn(SimDisk* disk, int zones, uint64_t salt,
           const std::function<void(SimEnv*, SimZones*)>& body) {
  SimEnv env(disk, testing::Seed() + salt);
  EXPECT_OK(env.Run([&] {
    SimZones store(&env, zones);
    body(&env, &store);
  }));
}

using Damage = std::function<void(SimDisk*, const std::string& path, testing::Random*)>;
struct NamedDamage {
  const char* name;
  Damage damage;
  bool lies_there;  // Something is left to be set aside.
};
const NamedDamage kDamages[] = {
    {"missing", [](SimDisk* d, const std::string& p, testing::Random*) { d->RemoveTree(p); },
     false},
    {"empty", [](SimDisk* d, const std::string& p, testing::Random*) { d->Resize(p, 0); }, true},
    {"cut short",
     [](SimDisk* d, const std::string& p, testing::Random* random) {
       d->Resize(p, 1 + random->Below(d->ReadDurable(p).size() - 1));
     },
     true},
    {"too long",
     [](SimDisk* d, const std::string& p, testing::Random*) {
       d->Resize(p, d->ReadDurable(p).size() + 4096);
     },
     true},
    {"a bit of the preamble",
     [](SimDisk* d, const std::string& p, testing::Random* random) {
       d->FlipBit(p, random->Below(4096 * 8));
     },
     true},
    {"a bit of anything",
     [](SimDisk* d, const std::string& p, testing::Random* random) {
       d->FlipBit(p, random->Below(d->ReadDurable(p).size() * 8));
     },
     true},
    {"zeros",
     [](SimDisk* d, const std::string& p, testing::Random*) {
       d->Overwrite(p, 0, Bytes(d->ReadDurable(p).size()));
     },
     true},
};

}  // namespace

TEST(BlobHealer, EveryZoneOfEveryGeometryFromEveryDamage) {
  testing::Random random(testing::Seed());
  for (const Case& c : kCases) {
    const auto k = static_cast<size_t>(c.geometry.k);
    for (size_t size : {size_t{0}, size_t{1}, kSmallChunk * k, kSmallChunk * k * 3 + 300}) {
      const Written written(c, size);
      for (int target = 0; target < c.zones; ++target) {
        for (const NamedDamage& damage : kDamages) {
          for (bool with_key : {false, true}) {
            SimDisk disk = written.disk;
            damage.damage(&disk, PathIn(written.blob, target), &random);
            RunOn(&disk, c.zones, 1, [&](SimEnv*, SimZones* store) {
              auto healed = store->Heal(written.blob, target, with_key);
              ASSERT_OK(healed);
              EXPECT(!healed->was_whole);
              EXPECT(!healed->found.ok());
              EXPECT_EQ(healed->quarantined.empty(), !damage.lies_there);
            });
            if (!written.HasFile(disk, target)) testing::Fail(__FILE__, __LINE__, damage.name);
            EXPECT_EQ(CountIn(disk, QuarantineFolder(ZonePath(target))), size_t{damage.lies_there});
            EXPECT_EQ(CountIn(disk, ZonePath(target)), size_t{1} + damage.lies_there);
          }
        }
      }
    }
  }
}

TEST(BlobHealer, LeavesAWholeFileAlone) {
  const Written written({{4, 2}, 3}, 5000);
  for (bool with_key : {false, true}) {
    SimDisk disk = written.disk;
    RunOn(&disk, 3, 1, [&](SimEnv* env, SimZones* store) {
      const uint64_t before = env->IoCount();
      auto healed = store->Heal(written.blob, 1, with_key);
      ASSERT_OK(healed);
      EXPECT(healed->was_whole);
      EXPECT_EQ(healed->bytes_written, uint64_t{0});
      EXPECT_EQ(env->IoCount(), before);
    });
  }
}

// Cells of all zones, none of which could do it alone: three zones, a rotten cell in each, of
// different stripes.
TEST(BlobHealer, TheTargetsOwnSoundCellsCount) {
  const Written written({{4, 2}, 3}, 20 * kSmallChunk);
  SimDisk disk = written.disk;
  for (int zone = 0; zone < 3; ++zone) {
    for (int nth = 0; nth < 2; ++nth) {
      disk.FlipBit(PathIn(written.blob, zone),
                   8 * written.CellAt(zone, static_cast<uint64_t>(zone), nth) + 5);
    }
  }
  for (int zone = 0; zone < 3; ++zone) {
    RunOn(&disk, 3, 1 + static_cast<uint64_t>(zone), [&](SimEnv*, SimZones* store) {
      EXPECT_OK(store->Heal(written.blob, zone, false));
      const auto troubles = store->TakeTroubles();
      EXPECT_EQ(troubles.size(), static_cast<size_t>(2 * (2 - zone)));
      for (const auto& trouble : troubles) EXPECT(trouble.kind == Kind::kRot);
    });
    EXPECT(written.HasFile(disk, zone));
  }
}

TEST(BlobHealer, TooFewSoundCellsChangeNothing) {
  const Written written({{4, 2}, 3}, 20 * kSmallChunk);
  SimDisk disk = written.disk;
  disk.RemoveTree(PathIn(written.blob, 0));
  disk.FlipBit(PathIn(written.blob, 1), 8 * written.CellAt(1, 4, 0));
  const SimDisk before = disk;
  for (int target : {0, 1}) {
    for (bool with_key : {false, true}) {
      RunOn(&disk, 3, 1, [&](SimEnv*, SimZones* store) {
        EXPECT_CODE(store->Heal(written.blob, target, with_key), Code::kUnavailable);
      });
      EXPECT_EQ(disk.DurableHash(), before.DurableHash());
    }
  }
}

// An attacker gave a cell the checksum that it must have. Without the key the cells do not fit
// together, and nobody is believed; where nothing contradicts it, it is not noticed, and costs
// nothing that was good. With the key the true cells are found.
TEST(BlobHealer, TamperedCellsUnderRightChecksums) {
  const Written written({{4, 2}, 3}, 20 * kSmallChunk);
  for (int target = 0; target < 3; ++target) {
    for (int nth = 0; nth < 2; ++nth) {
      // In the target itself, which has another rotten cell in the same stripe or none.
      for (bool rotten : {false, true}) {
        SimDisk disk = written.disk;
        written.Tamper(&disk, target, 2, nth);
        if (rotten) disk.FlipBit(PathIn(written.blob, target), 8 * written.CellAt(target, 3, 0));
        RunOn(&disk, 3, 1, [&](SimEnv*, SimZones* store) {
          auto blind = store->Heal(written.blob, target, false);
          if (rotten) {
            EXPECT_CODE(blind, Code::kTampered);
          } else {
            EXPECT_OK(blind);
          }
          auto healed = store->Heal(written.blob, target, true);
          ASSERT_OK(healed);
          EXPECT(!healed->was_whole);
        });
        EXPECT(written.HasFile(disk, target));
        EXPECT_EQ(CountIn(disk, QuarantineFolder(ZonePath(target))), size_t{1});
      }
      // In another zone: with the key the other zone's lie is told of, and not used. The target
      // has one sound cell of the stripe, so that there are four true ones.
      SimDisk disk = written.disk;
      const int liar = (target + 1) % 3;
      written.Tamper(&disk, liar, 2, nth);
      disk.FlipBit(PathIn(written.blob, target), 8 * written.CellAt(target, 2, 1));
      RunOn(&disk, 3, 1, [&](SimEnv*, SimZones* store) {
        EXPECT_CODE(store->Heal(written.blob, target, false), Code::kTampered);
        (void)store->TakeTroubles();
        ASSERT_OK(store->Heal(written.blob, target, true));
        const auto troubles = store->TakeTroubles();
        ASSERT(troubles.size() == 1);
        EXPECT(troubles[0].kind == Kind::kTampered);
        EXPECT_EQ(troubles[0].zone, liar + 1);
      });
      EXPECT(written.HasFile(disk, target));
      EXPECT(!written.HasFile(disk, liar));
    }
  }
}

TEST(BlobHealer, AForgedSealHeaderIsTold) {
  const Written written({{4, 2}, 3}, 5000);
  auto preamble = *format::DecodeBlobPreamble(written.files[0]);
  preamble.header.salt[3] ^= 1;
  SimDisk disk = written.disk;
  disk.Overwrite(PathIn(written.blob, 0), 0, format::EncodeBlobPreamble(preamble));
  disk.RemoveTree(PathIn(written.blob, 1));
  RunOn(&disk, 3, 1, [&](SimEnv*, SimZones* store) {
    EXPECT_CODE(store->Heal(written.blob, 1, false), Code::kTampered);
    EXPECT_OK(store->Heal(written.blob, 1, true));
    const auto troubles = store->TakeTroubles();
    EXPECT(std::any_of(troubles.begin(), troubles.end(), [](const auto& trouble) {
      return trouble.kind == Kind::kTampered && trouble.zone == 1;
    }));
    EXPECT_OK(store->Heal(written.blob, 0, true));
    TestBlob foreign = written.blob;
    foreign.dek[0] ^= 1;
    EXPECT_CODE(store->Heal(foreign, 0, true), Code::kTampered);
  });
  EXPECT(written.HasFile(disk, 0));
  EXPECT(written.HasFile(disk, 1));
}

// Story: power goes before each call of the healing, in every way that a disk allows. The zones
// still give the body, nothing that lay there is gone, and the next healing makes the file whole.
TEST(BlobHealer, ACrashAtEachCallLosesNothing) {
  const Written written({{4, 2}, 3}, 5 * 4 * kSmallChunk + 77);
  testing::Random random(testing::Seed());
  for (const NamedDamage& damage : {kDamages[0], kDamages[6]}) {
    for (bool needed : {false, true}) {
      SimDisk damaged = written.disk;
      const std::string path = PathIn(written.blob, 1);
      // `needed`: cells of the target itself are needed to heal it.
      if (needed && damage.lies_there) {
        damaged.FlipBit(path, 8 * written.CellAt(1, 0, 0));
        damaged.FlipBit(PathIn(written.blob, 2), 8 * written.CellAt(2, 3, 1));
      } else {
        damage.damage(&damaged, path, &random);
      }
      const Bytes lay_there = damage.lies_there ? damaged.ReadDurable(path) : Bytes();
      for (uint64_t n = 1;; ++n) {
        SimDisk disk = damaged;
        SimEnv env(&disk, testing::Seed());
        env.CrashAtIo(n);
        bool told = false;
        EXPECT_OK(env.Run([&] {
          SimZones store(&env, 3);
          told = store.Heal(written.blob, 1, false).ok();
        }));
        for (int way = 0; way < 12; ++way) {
          SimDisk crashed = disk;
          crashed.Crash(random, static_cast<io::CrashStyle>(way % 5));
          if (told) EXPECT(written.HasFile(crashed, 1));
          bool still_lies = !damage.lies_there;
          for (const auto& file : crashed.Files(ZonePath(1))) {
            still_lies |= crashed.ReadDurable(file.path) == lay_there;
          }
          EXPECT(still_lies);
          RunOn(&crashed, 3, n, [&](SimEnv*, SimZones* store) {
            auto read = store->Read(written.blob);
            // Between the renames a cell that only the target has may be out of a reader's reach.
            if (!needed) EXPECT_OK(read);
            if (read.ok()) EXPECT_EQ(*read, written.blob.body);
            EXPECT_OK(store->Heal(written.blob, 1, false));
          });
          EXPECT(written.HasFile(crashed, 1));
        }
        if (!env.IsCrashed()) break;
      }
    }
  }
}

// Story: each call on the target's disk fails once, in turn. The body can be read, and the next
// healing makes the file whole.
TEST(BlobHealer, EachCallFailing) {
  const Written written({{4, 2}, 3}, 5 * 4 * kSmallChunk + 77);
  for (Code code : {Code::kIo, Code::kNoSpace}) {
    for (bool lies_there : {false, true}) {
      SimDisk damaged = written.disk;
      const std::string path = PathIn(written.blob, 1);
      if (lies_there) {
        damaged.FlipBit(path, 8 * written.CellAt(1, 1, 0));
      } else {
        damaged.RemoveTree(path);
      }
      size_t failed = 0;
      for (uint64_t skip = 0;; ++skip) {
        SimDisk disk = damaged;
        SimEnv env(&disk, testing::Seed());
        bool over = false;
        EXPECT_OK(env.Run([&] {
          SimZones store(&env, 3);
          io::SimFault fault;
          fault.prefix = ZonePath(1);
          fault.skip = skip;
          fault.code = code;
          const uint64_t id = env.AddFault(fault);
          auto first = store.Heal(written.blob, 1, false);
          env.RemoveFault(id);
          if (first.ok()) EXPECT(first->was_whole || written.HasFile(disk, 1));
          if (!first.ok()) ++failed;
          auto read = store.Read(written.blob);
          ASSERT_OK(read);
          EXPECT_EQ(*read, written.blob.body);
          auto second = store.Heal(written.blob, 1, false);
          ASSERT_OK(second);
          over = first.ok() && skip > 60;
        }));
        EXPECT(written.HasFile(disk, 1));
        if (over) break;
      }
      EXPECT(failed > 5);
    }
  }
}

// Story: a disk takes the write and puts it elsewhere, or nowhere. The healing says so, and what
// lay there lies there still.
TEST(BlobHealer, ADiskThatLies) {
  const Written written({{4, 2}, 3}, 5 * 4 * kSmallChunk + 77);
  for (io::SimEffect effect : {io::SimEffect::kLose, io::SimEffect::kMisdirect}) {
    for (uint32_t kind : {io::kIoWrite, io::kIoRead}) {
      size_t caught = 0;
      for (uint64_t skip = 0; skip < 12; ++skip) {
        SimDisk disk = written.disk;
        disk.FlipBit(PathIn(written.blob, 1), 8 * written.CellAt(1, 1, 0));
        const Bytes lay_there = disk.ReadDurable(PathIn(written.blob, 1));
        SimEnv env(&disk, testing::Seed());
        EXPECT_OK(env.Run([&] {
          SimZones store(&env, 3);
          io::SimFault fault;
          fault.effect = effect;
          fault.kinds = kind;
          fault.skip = skip;
          fault.prefix = PathIn(written.blob, 1) + kHealingSuffix;
          const uint64_t id = env.AddFault(fault);
          auto healed = store.Heal(written.blob, 1, false);
          env.RemoveFault(id);
          if (healed.ok()) {
            EXPECT(written.HasFile(disk, 1));
          } else {
            ++caught;
            // A write that went astray may also have made the file longer.
            EXPECT(healed.status().Is(Code::kCorruption) || healed.status().Is(Code::kUnavailable));
            EXPECT_EQ(disk.ReadDurable(PathIn(written.blob, 1)), lay_there);
            EXPECT_EQ(CountIn(disk, ZonePath(1)), size_t{1});
          }
        }));
      }
      EXPECT(caught > 0);
    }
  }
}

TEST(BlobHealer, StopsWhenToldTo) {
  const Written written({{4, 2}, 3}, 9000 * kSmallChunk);
  SimDisk disk = written.disk;
  disk.RemoveTree(PathIn(written.blob, 2));
  size_t steps = 0;
  for (size_t stop_at = 1;; ++stop_at) {
    bool healed = false;
    RunOn(&disk, 3, stop_at, [&](SimEnv*, SimZones* store) {
      steps = 0;
      uint64_t told = 0;
      auto outcome = store->Heal(written.blob, 2, false, [&](uint64_t bytes) {
        told += bytes;
        return ++steps < stop_at;
      });
      healed = outcome.ok();
      if (!healed) {
        EXPECT_CODE(outcome, Code::kCancelled);
      } else {
        EXPECT_EQ(told, outcome->bytes_read + outcome->bytes_written);
      }
    });
    if (healed) break;
    EXPECT_EQ(CountIn(disk, ZonePath(2)), size_t{0});
  }
  EXPECT(steps >= 5);
  EXPECT(written.HasFile(disk, 2));
}

// A source that hangs costs the patience once, and is done without where the others suffice.
TEST(BlobHealer, AHangingSourceIsDoneWithout) {
  const Written written({{1, 2}, 3}, 20 * kSmallChunk);
  SimDisk disk = written.disk;
  disk.RemoveTree(PathIn(written.blob, 0));
  SimEnv env(&disk, testing::Seed());
  EXPECT_OK(env.Run([&] {
    SimZones store(&env, 3);
    io::SimFault fault;
    fault.effect = io::SimEffect::kHang;
    fault.prefix = ZonePath(1);
    fault.count = UINT64_MAX;
    const uint64_t id = env.AddFault(fault);
    const uint64_t begun = env.MonotonicNanos();
    EXPECT_OK(store.Heal(written.blob, 0, false));
    EXPECT(env.MonotonicNanos() - begun < 2 * store.context->patience_nanos);
    fault.prefix = ZonePath(2);
    EXPECT_EQ(store.TakeTroubles().size(), size_t{1});
    env.RemoveFault(id);
  }));
  EXPECT(written.HasFile(disk, 0));
}

// What a newer version wrote is not for this one to judge.
TEST(BlobHealer, KeepsOffFilesOfANewerFormat) {
  const Written written({{4, 2}, 3}, 5000);
  SimDisk disk = written.disk;
  Bytes block(written.files[0].begin(), written.files[0].begin() + 4096);
  block[8] = 99;
  StoreLittle<uint64_t>(&block[120], hash::Xxh64(ByteSpan(block).first(120)));
  disk.Overwrite(PathIn(written.blob, 0), 0, block);
  const SimDisk before = disk;
  RunOn(&disk, 3, 1, [&](SimEnv*, SimZones* store) {
    EXPECT_CODE(store->Heal(written.blob, 0, true), Code::kUnsupportedFormat);
  });
  EXPECT_EQ(disk.DurableHash(), before.DurableHash());
}

}  // namespace strongroom::repair
