// What a patch writes where only a part of its blocks is wrong.
#include "repair/log_zone.h"

#include "base/testing.h"
#include "io/posix_env.h"
#include "log/recovery.h"
#include "repair/quarantine.h"

namespace strongroom::repair {

using format::kBlock;

namespace {
Bytes ReadAll(const std::string& path, size_t size) {
  Bytes bytes(size);
  auto file = std::move(*io::PosixEnv()->Open(path, {}));
  CHECK(*file->ReadAt(0, bytes) == size);
  return bytes;
}
}  // namespace

// Somebody healed the neighbour in the same block between the reading and the writing of a patch:
// what was read then must not be put back.
TEST(LogZone, APatchLeavesWhatWasHealedBesideIt) {
  io::Env* env = io::PosixEnv();
  LogZone zone;
  zone.path = testing::TemporaryDirectory();
  zone.env = env;
  CHECK(env->CreateDirectory(zone.path + "/log").ok());
  zone.log = std::make_shared<log::ZoneLog>(env, zone.path);
  SegmentPatch patch;
  patch.segment.number = 1;
  env->Random(patch.segment.id);
  CHECK(zone.log->Create(patch.segment, 4 * kBlock).ok());
  AlignedBytes lies(2 * kBlock);
  memset(lies.data(), 'n', lies.size());
  CHECK(zone.log->Append(1, kBlock, lies.span()).ok());
  patch.offset = kBlock;
  patch.bytes.Resize(2 * kBlock);
  memset(patch.bytes.data(), 'p', patch.bytes.size());
  patch.found = "rotten";
  patch.wrong_from = 100;
  patch.wrong_size = kBlock;
  EXPECT_OK(PatchSegment(zone, patch));
  Bytes right(2 * kBlock, 'n');
  std::fill_n(right.begin() + 100, kBlock, 'p');
  const Bytes now = ReadAll(zone.log->path(1), 3 * kBlock);
  EXPECT_EQ(Bytes(now.begin() + kBlock, now.end()), right);
  // Where there is nothing beside it, the patch tells.
  patch.offset = 3 * kBlock;
  auto file = std::move(*env->Open(zone.log->path(1), {io::OpenMode::kReadWrite, false}));
  EXPECT_OK(file->Truncate(3 * kBlock));
  EXPECT_OK(PatchSegment(zone, patch));
  const Bytes then = ReadAll(zone.log->path(1), 5 * kBlock);
  EXPECT_EQ(Bytes(then.begin() + 3 * kBlock, then.end()), Bytes(2 * kBlock, 'p'));
}

}  // namespace strongroom::repair
