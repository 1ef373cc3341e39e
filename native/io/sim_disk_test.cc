// What a simulated disk keeps, what a crash takes from it, and what tests do behind its back.
#include "io/sim_disk.h"

#include <set>

#include "base/testing.h"

namespace strongroom::io {

namespace {

SimDisk::Found At(const SimDisk& disk, const std::string& path) { return *disk.Find(path); }
SimDisk::Number Create(SimDisk* disk, const std::string& path) {
  return *disk->CreateFile(At(*disk, path));
}
void SyncFolder(SimDisk* disk, const std::string& path) {
  disk->SyncDirectory(At(*disk, path).inode, disk->Moment());
}
void SyncFile(SimDisk* disk, SimDisk::Number file) { disk->Sync(file, disk->Moment()); }
std::string Cached(const SimDisk& disk, const std::string& path) {
  auto found = disk.Find(path);
  if (!found.ok() || found->inode == 0) return "absent";
  Bytes out(disk.Info(found->inode).size);
  disk.Read(found->inode, 0, out);
  return std::string(AsString(out));
}
std::string Durable(const SimDisk& disk, const std::string& path) {
  return std::string(AsString(disk.ReadDurable(path)));
}
std::string Names(const SimDisk& disk, const std::string& path) {
  std::string names;
  auto entries = disk.List(At(disk, path));
  for (const auto& entry : entries.value()) names += entry.name + " ";
  return names;
}
// A disk with a durable file /d/a that holds `text`.
SimDisk DiskWith(std::string_view text) {
  SimDisk disk;
  disk.MakeDirectories("/d");
  SimDisk::Number file = Create(&disk, "/d/a");
  disk.Write(file, 0, AsBytes(text));
  SyncFile(&disk, file);
  SyncFolder(&disk, "/d");
  return disk;
}
// Everything that a random crash of `disk` is seen to leave, as `look` shows it.
template <typename Look>
std::set<std::string> Outcomes(const SimDisk& disk, Look look, int rounds = 1000) {
  testing::Random random(testing::Seed());
  std::set<std::string> seen;
  for (int i = 0; i < rounds; ++i) {
    SimDisk copy = disk;
    copy.Crash(random, CrashStyle::kRandom);
    seen.insert(look(copy));
  }
  return seen;
}

}  // namespace

TEST(SimImage, IsAByteStringWhateverTheOrder) {
  testing::Random random(testing::Seed());
  for (int round = 0; round < 30; ++round) {
    SimImage image, copy;
    Bytes model;
    for (int step = 0; step < 60; ++step) {
      uint64_t offset = random.Below(20000);
      if (random.Below(4) == 0) {
        image.Resize(offset);
        model.resize(offset);
      } else {
        Bytes data = random.Take(1 + random.Below(9000));
        image.Write(offset, data);
        if (model.size() < offset + data.size()) model.resize(offset + data.size());
        std::copy(data.begin(), data.end(), model.begin() + static_cast<long>(offset));
      }
      if (random.Below(10) == 0) copy = image;
      Bytes out(model.size() + 100, 0xee);
      ASSERT(image.Read(0, out) == model.size());
      out.resize(model.size());
      ASSERT(out == model);
    }
    SimImage anew;
    anew.Write(0, model);
    EXPECT_EQ(anew.Hash(), image.Hash());
    if (model.empty()) continue;
    model[random.Below(model.size())] ^= 1;
    anew.Write(0, model);
    EXPECT(anew.Hash() != image.Hash());
  }
}

TEST(SimDisk, UnsyncedBytesAreLostOrKept) {
  SimDisk disk = DiskWith("old");
  disk.Write(At(disk, "/d/a").inode, 0, AsBytes("new!"));
  EXPECT_EQ(Cached(disk, "/d/a"), "new!");
  EXPECT_EQ(Durable(disk, "/d/a"), "old");
  testing::Random random(testing::Seed());
  for (auto [style, text] : {std::pair(CrashStyle::kLoseAll, "old"), {CrashStyle::kKeepAll, "new!"},
                             {CrashStyle::kKeepNames, "old"}, {CrashStyle::kKeepBytes, "new!"}}) {
    SimDisk copy = disk;
    copy.Crash(random, style);
    EXPECT_EQ(Cached(copy, "/d/a"), text);
  }
  SyncFile(&disk, At(disk, "/d/a").inode);
  disk.Crash(random, CrashStyle::kLoseAll);
  EXPECT_EQ(Cached(disk, "/d/a"), "new!");
}

TEST(SimDisk, AWriteTearsBetweenSectorsOnly) {
  SimDisk disk = DiskWith(std::string(2048, 'o'));
  disk.Write(At(disk, "/d/a").inode, 256, AsBytes(std::string(1536, 'n')));
  // One letter per sector: old, new, both.
  auto look = [](const SimDisk& crashed) {
    std::string text = Durable(crashed, "/d/a"), seen;
    for (size_t i = 0; i < 4; ++i) {
      std::string sector = text.substr(i * 512, 512);
      std::string torn = i == 0   ? std::string(256, 'o') + std::string(256, 'n')
                         : i == 3 ? std::string(256, 'n') + std::string(256, 'o')
                                  : std::string(512, 'n');
      seen += sector == std::string(512, 'o') ? 'o' : sector == torn ? 'n' : '?';
    }
    return seen;
  };
  std::set<std::string> seen = Outcomes(disk, look, 4000);
  EXPECT_EQ(seen.size(), 16u);
  for (const auto& each : seen) EXPECT(each.find('?') == std::string::npos);
}

TEST(SimDisk, UnsyncedWritesSurviveInAnyOrder) {
  SimDisk disk = DiskWith(std::string(1536, '.'));
  SimDisk::Number file = At(disk, "/d/a").inode;
  for (char letter : {'1', '2', '3'}) {
    disk.Write(file, static_cast<uint64_t>(letter - '1') * 512, AsBytes(std::string(512, letter)));
  }
  auto look = [](const SimDisk& crashed) {
    std::string text = Durable(crashed, "/d/a");
    return std::string{text[0], text[512], text[1024]};
  };
  EXPECT_EQ(Outcomes(disk, look).size(), 8u);
}

// A file that grew may have its new size without its new bytes, or the reverse: then they are cut
// off.
TEST(SimDisk, SizeAndBytesSurviveApart) {
  SimDisk disk = DiskWith("");
  disk.Write(At(disk, "/d/a").inode, 0, AsBytes("abc"));
  std::set<std::string> seen = Outcomes(disk, [](const SimDisk& d) { return Durable(d, "/d/a"); });
  EXPECT(seen == (std::set<std::string>{"", "abc", std::string(3, '\0')}));
}

TEST(SimDisk, ATruncationIsAChangeLikeAnother) {
  SimDisk disk = DiskWith("abcdef");
  SimDisk::Number file = At(disk, "/d/a").inode;
  disk.SetSize(file, 2);
  disk.SetSize(file, 4);
  std::set<std::string> seen = Outcomes(disk, [](const SimDisk& d) { return Durable(d, "/d/a"); });
  EXPECT(seen == (std::set<std::string>{"abcdef", "ab", std::string("ab\0\0", 4)}));
  SyncFile(&disk, file);
  EXPECT_EQ(Durable(disk, "/d/a"), std::string("ab\0\0", 4));
}

// A sync vouches for what was written before it was asked for.
TEST(SimDisk, ASyncCoversWhatCameBeforeIt) {
  SimDisk disk = DiskWith("....");
  SimDisk::Number file = At(disk, "/d/a").inode;
  disk.Write(file, 0, AsBytes("1"));
  uint64_t moment = disk.Moment();
  disk.Write(file, 1, AsBytes("2"));
  disk.Sync(file, moment);
  EXPECT_EQ(Durable(disk, "/d/a"), "1...");
  SyncFile(&disk, file);
  EXPECT_EQ(Durable(disk, "/d/a"), "12..");
}

// After a failed sync reads show the new bytes, the next sync succeeds, and they are not on the
// disk.
TEST(SimDisk, AFailedSyncForgetsWhatItLost) {
  testing::Random random(testing::Seed());
  bool lost = false, kept = false;
  for (int i = 0; i < 100; ++i) {
    SimDisk disk = DiskWith("old");
    SimDisk::Number file = At(disk, "/d/a").inode;
    disk.Write(file, 0, AsBytes("new"));
    disk.FailSync(file, random);
    SyncFile(&disk, file);
    EXPECT_EQ(Cached(disk, "/d/a"), "new");
    Bytes past(3);
    EXPECT_EQ(disk.ReadPastCache(file, 0, past), size_t{3});
    disk.Crash(random, CrashStyle::kKeepAll);
    EXPECT_EQ(Cached(disk, "/d/a"), AsString(past));
    lost |= Cached(disk, "/d/a") == "old";
    kept |= Cached(disk, "/d/a") == "new";
  }
  EXPECT(lost && kept);
}

TEST(SimDisk, NamesAreVolatileUntilTheirFolderIsSynced) {
  SimDisk disk = DiskWith("x");
  testing::Random random(testing::Seed());
  SimDisk::Number file = Create(&disk, "/d/b");
  disk.Write(file, 0, AsBytes("bytes"));
  SyncFile(&disk, file);
  ASSERT_OK(disk.Remove(At(disk, "/d/a")));
  EXPECT_EQ(Names(disk, "/d"), "b ");
  SimDisk lost = disk;
  lost.Crash(random, CrashStyle::kLoseAll);
  EXPECT_EQ(Names(lost, "/d"), "a ");
  EXPECT_EQ(lost.Info(At(lost, "/d/a").inode).links, 1u);
  std::set<std::string> seen = Outcomes(disk, [](const SimDisk& d) { return Names(d, "/d"); });
  EXPECT(seen == (std::set<std::string>{"", "a ", "b ", "a b "}));
  SyncFolder(&disk, "/d");
  disk.Crash(random, CrashStyle::kLoseAll);
  EXPECT_EQ(Names(disk, "/d"), "b ");
  EXPECT_EQ(Cached(disk, "/d/b"), "bytes");
}

// The replace-by-rename of every careful program: old or new, never neither, never both.
TEST(SimDisk, ARenameIsWhole) {
  SimDisk disk = DiskWith("old");
  SimDisk::Number file = Create(&disk, "/d/t");
  disk.Write(file, 0, AsBytes("new"));
  SyncFile(&disk, file);
  ASSERT_OK(disk.Rename(At(disk, "/d/t"), At(disk, "/d/a")));
  auto look = [](const SimDisk& d) { return Names(d, "/d") + Cached(d, "/d/a"); };
  EXPECT(Outcomes(disk, look) == (std::set<std::string>{"a old", "a t old", "a new"}));
  // Between folders too, whichever of them is synced.
  for (std::string synced : {"/d", "/e"}) {
    SimDisk moved = DiskWith("text");
    moved.MakeDirectories("/e");
    ASSERT_OK(moved.Rename(At(moved, "/d/a"), At(moved, "/e/z")));
    auto both = [](const SimDisk& d) { return Names(d, "/d") + "| " + Names(d, "/e"); };
    EXPECT(Outcomes(moved, both) == (std::set<std::string>{"a | ", "| z "}));
    SyncFolder(&moved, synced);
    EXPECT(Outcomes(moved, both) == (std::set<std::string>{"| z "}));
  }
}

// Whatever survives of a chain of renames, the file is in one place.
TEST(SimDisk, AFileIsNeverInTwoPlaces) {
  SimDisk disk = DiskWith("text");
  ASSERT_OK(disk.Rename(At(disk, "/d/a"), At(disk, "/d/b")));
  ASSERT_OK(disk.Rename(At(disk, "/d/b"), At(disk, "/d/c")));
  std::set<std::string> seen = Outcomes(disk, [](const SimDisk& d) { return Names(d, "/d"); });
  EXPECT(seen == (std::set<std::string>{"a ", "b ", "c "}));
}

TEST(SimDisk, ANewFolderIsLostWithAllInIt) {
  SimDisk disk;
  SimDisk::Number file = 0;
  ASSERT_OK(disk.CreateDirectory(At(disk, "/n")));
  file = Create(&disk, "/n/a");
  disk.Write(file, 0, AsBytes("x"));
  SyncFile(&disk, file);
  SyncFolder(&disk, "/n");
  testing::Random random(testing::Seed());
  SimDisk lost = disk;
  lost.Crash(random, CrashStyle::kLoseAll);
  EXPECT_EQ(Names(lost, "/"), "");
  SyncFolder(&disk, "/");
  disk.Crash(random, CrashStyle::kLoseAll);
  EXPECT_EQ(Cached(disk, "/n/a"), "x");
}

TEST(SimDisk, CopiesAreIndependentAndHashAlike) {
  SimDisk disk = DiskWith("text");
  SimDisk copy = disk;
  EXPECT_EQ(copy.DurableHash(), disk.DurableHash());
  SimDisk::Number file = At(copy, "/d/a").inode;
  copy.Write(file, 0, AsBytes("T"));
  EXPECT_EQ(copy.DurableHash(), disk.DurableHash());  // Not durable yet.
  SyncFile(&copy, file);
  EXPECT(copy.DurableHash() != disk.DurableHash());
  EXPECT_EQ(Cached(disk, "/d/a"), "text");
  // The way does not matter, only what is there.
  SimDisk::Number other = Create(&disk, "/d/b");
  disk.Write(other, 0, AsBytes("Text"));
  SyncFile(&disk, other);
  ASSERT_OK(disk.Rename(At(disk, "/d/b"), At(disk, "/d/a")));
  SyncFolder(&disk, "/d");
  EXPECT_EQ(copy.DurableHash(), disk.DurableHash());
  disk.FlipBit("/d/a", 9);
  EXPECT_EQ(Durable(disk, "/d/a"), "Tgxt");
  EXPECT(copy.DurableHash() != disk.DurableHash());
  disk.FlipBit("/d/a", 9);
  EXPECT_EQ(copy.DurableHash(), disk.DurableHash());
}

TEST(SimDisk, OneZoneCrashesAlone) {
  SimDisk disk;
  testing::Random random(testing::Seed());
  for (const char* zone : {"/a", "/b"}) {
    disk.MakeDirectories(zone);
    SimDisk::Number file = Create(&disk, std::string(zone) + "/f");
    SyncFolder(&disk, zone);
    disk.Write(file, 0, AsBytes("x"));
  }
  disk.Crash(random, CrashStyle::kLoseAll, "/a");
  disk.Crash(random, CrashStyle::kKeepAll, "/b");
  EXPECT_EQ(Cached(disk, "/a/f"), "");
  EXPECT_EQ(Durable(disk, "/b/f"), "x");
}

TEST(SimDisk, ZonesGoComeBackAndAreExchanged) {
  SimDisk disk;
  for (const char* zone : {"/a", "/b"}) {
    disk.MakeDirectories(std::string(zone) + "/log");
    SimDisk::Number file = Create(&disk, std::string(zone) + "/log/1");
    disk.Write(file, 0, AsBytes(zone));
    SyncFile(&disk, file);
    SyncFolder(&disk, std::string(zone) + "/log");
  }
  disk.Hide("/a");
  EXPECT_CODE(disk.Find("/a/log"), Code::kNotFound);
  EXPECT_CODE(disk.Find("/a"), Code::kNotFound);
  EXPECT_EQ(Names(disk, "/"), "b ");
  disk.Show("/a");
  EXPECT_EQ(Cached(disk, "/a/log/1"), "/a");
  disk.Exchange("/a", "/b");
  EXPECT_EQ(Cached(disk, "/a/log/1"), "/b");
  // A zone as it was before comes back.
  SimDisk before = disk;
  disk.Overwrite("/a/log/1", 0, AsBytes("!!"));
  disk.ReplaceTree("/a", before, "/a");
  EXPECT_EQ(Cached(disk, "/a/log/1"), "/b");
  EXPECT_EQ(disk.DurableHash(), before.DurableHash());
  SimDisk::Number held = At(disk, "/a/log/1").inode;
  disk.Opened(held);
  disk.RemoveTree("/a");
  EXPECT_EQ(disk.Info(held).links, 0u);
  EXPECT_EQ(Names(disk, "/"), "b ");
  std::string listed;
  for (const auto& file : disk.Files("/")) {
    listed += file.path + ":" + std::to_string(file.size) + " ";
  }
  EXPECT_EQ(listed, "/b/log/1:2 ");
  disk.Resize("/b/log/1", 1);
  EXPECT_EQ(Durable(disk, "/b/log/1"), "/");
}

TEST(SimDisk, CapacityIsCountedInBlocks) {
  SimDisk disk = DiskWith("x");
  disk.SetCapacity("/d", 3 * 4096);
  EXPECT_EQ(disk.FreeBytes("/d/a"), 2u * 4096);
  EXPECT(disk.FreeBytes("/") > 1u << 30);
  SimDisk::Number file = At(disk, "/d/a").inode;
  EXPECT_OK(disk.CheckSpace(file, "/d/a", 3 * 4096));
  EXPECT_CODE(disk.CheckSpace(file, "/d/a", 3 * 4096 + 1), Code::kNoSpace);
}

// What is removed and no longer open goes, also when thousands of files come and go in one life.
TEST(SimDisk, ForgetsWhatNobodyCanReach) {
  SimDisk disk = DiskWith("x");
  SimDisk::Number held = Create(&disk, "/d/held");
  disk.Opened(held);
  disk.Write(held, 0, AsBytes("still here"));
  ASSERT_OK(disk.Remove(At(disk, "/d/held")));
  for (int i = 0; i < 1000; ++i) {
    Create(&disk, "/d/t");
    ASSERT_OK(disk.Remove(At(disk, "/d/t")));
    SyncFolder(&disk, "/d");
  }
  Bytes out(10);
  EXPECT_EQ(disk.Read(held, 0, out), 10u);
  disk.Closed(held);
  EXPECT_EQ(Names(disk, "/d"), "a ");
}

}  // namespace strongroom::io
