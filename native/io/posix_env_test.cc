// What only the real machine can show: links, permissions, other processes, its own error numbers.
#include "io/posix_env.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/testing.h"
#include "io/posix_file.h"

namespace strongroom::io {

TEST(PosixEnv, MapsErrorNumbersToWhatTheCallerCanDo) {
  struct {
    int error;
    Code code;
  } table[] = {{ENOENT, Code::kNotFound},    {EEXIST, Code::kExists},      {ENOSPC, Code::kNoSpace},
               {EDQUOT, Code::kNoSpace},     {EROFS, Code::kReadOnly},     {EIO, Code::kIo},
               {EACCES, Code::kUnavailable}, {EPERM, Code::kUnavailable},  {EMFILE, Code::kIo},
               {ENOTEMPTY, Code::kIo},       {ESTALE, Code::kIo}};
  for (const auto& row : table) EXPECT_CODE(ErrnoStatus("open", "/a", row.error), row.code);
  EXPECT_EQ(ErrnoStatus("sync", "/zone/log", EIO).message(), "sync /zone/log: Input/output error");
}

TEST(PosixEnv, ALockExcludesThroughASymbolicLinkAndInAnotherProcess) {
  std::string dir = testing::TemporaryDirectory();
  Env* env = PosixEnv();
  ASSERT_OK(env->CreateDirectory(dir + "/zone"));
  ASSERT(symlink((dir + "/zone").c_str(), (dir + "/alias").c_str()) == 0);
  auto held = env->Lock(dir + "/zone/lock", false);
  ASSERT_OK(held);
  EXPECT_CODE(env->Lock(dir + "/alias/lock", false), Code::kLocked);
  auto entries = env->List(dir);
  ASSERT_OK(entries);
  EXPECT(entries->at(0).name == "alias" && entries->at(0).is_directory);
  // A child that executes another program keeps no descriptor of ours, so the lock ends with us.
  pid_t child = fork();
  if (child == 0) {
    execl("/bin/sleep", "sleep", "2", nullptr);
    _exit(127);
  }
  ASSERT(child > 0);
  usleep(100000);
  pid_t other = fork();
  if (other == 0) {
    _exit(PosixEnv()->Lock(dir + "/zone/lock", false).status().Is(Code::kLocked) ? 0 : 1);
  }
  int outcome = -1;
  waitpid(other, &outcome, 0);
  EXPECT_EQ(outcome, 0);
  held->reset();
  EXPECT_OK(env->Lock(dir + "/zone/lock", false));
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
}

TEST(PosixEnv, ALockOfARemovedFileExcludesNobody) {
  std::string path = testing::TemporaryDirectory() + "/lock";
  auto first = PosixEnv()->Lock(path, false);
  ASSERT_OK(first);
  ASSERT_OK(PosixEnv()->Remove(path));
  auto second = PosixEnv()->Lock(path, false);
  ASSERT_OK(second);
  EXPECT_CODE(PosixEnv()->Lock(path, false), Code::kLocked);
}

TEST(PosixEnv, RefusedPermissionIsUnavailable) {
  if (geteuid() == 0) return testing::Skip("root is refused nothing");
  std::string dir = testing::TemporaryDirectory();
  ASSERT_OK(PosixEnv()->CreateDirectory(dir + "/d"));
  ASSERT(chmod((dir + "/d").c_str(), 0) == 0);
  EXPECT_CODE(PosixEnv()->Open(dir + "/d/a", {OpenMode::kCreate}), Code::kUnavailable);
  EXPECT_CODE(PosixEnv()->List(dir + "/d"), Code::kUnavailable);
}

TEST(PosixEnv, OnlyItsUserReadsWhatItMakes) {
  std::string dir = testing::TemporaryDirectory();
  ASSERT_OK(PosixEnv()->CreateDirectory(dir + "/d"));
  ASSERT_OK(PosixEnv()->Open(dir + "/d/a", {OpenMode::kCreate}));
  struct stat got;
  ASSERT(stat((dir + "/d").c_str(), &got) == 0);
  EXPECT_EQ(got.st_mode & 0077, 0u);
  ASSERT(stat((dir + "/d/a").c_str(), &got) == 0);
  EXPECT_EQ(got.st_mode & 0077, 0u);
}

// Where fallocate is missing, zeros take the space: the old bytes stay, the new ones read as zeros.
TEST(PosixEnv, AllocatesByWritingWhereItMust) {
  std::string dir = testing::TemporaryDirectory();
  for (bool direct : {false, true}) {
    auto file = PosixEnv()->Open(dir + (direct ? "/d" : "/a"), {OpenMode::kCreate, direct});
    ASSERT_OK(file);
    alignas(kDirectAlignment) uint8_t data[4096];
    memset(data, 'x', sizeof data);
    EXPECT_OK((*file)->WriteAt(0, data));
    EXPECT_OK((*file)->Truncate(4000));
    EXPECT_OK(AllocateByWriting(file->get(), 700001));
    EXPECT_EQ((*file)->Info()->size, 700001u);
    EXPECT_OK(AllocateByWriting(file->get(), 5));
    EXPECT_EQ((*file)->Info()->size, 700001u);
    auto plain = PosixEnv()->Open(dir + (direct ? "/d" : "/a"), {OpenMode::kRead});
    Bytes all(700002, 1);
    EXPECT_EQ((*plain)->ReadAt(0, all).value(), 700001u);
    EXPECT_EQ(all[3999], 'x');
    EXPECT_EQ(Bytes(all.begin() + 4000, all.begin() + 700001), Bytes(696001));
    struct stat got;
    ASSERT(stat((dir + (direct ? "/d" : "/a")).c_str(), &got) == 0);
    EXPECT(got.st_blocks * 512 >= 696320);
  }
}

TEST(PosixEnv, AFullDiskIsNoSpace) {
  auto full = PosixEnv()->Open("/dev/full", {OpenMode::kReadWrite});
  if (!full.ok()) return testing::Skip("no /dev/full");
  EXPECT_CODE((*full)->WriteAt(0, AsBytes("x")), Code::kNoSpace);
}

}  // namespace strongroom::io
