// Where paths lead.
#include "io/routed_env.h"

#include "base/testing.h"
#include "io/posix_env.h"

namespace strongroom::io {

TEST(RoutedEnv, APathLeadsWhereItsNearestFolderDoes) {
  RoutedEnv env(PosixEnv());
  EXPECT_EQ(env.Lead("/a/b"), std::string("/a/b"));
  env.Route("/a", "/a");
  env.Route("/a/zone", "/a/zone");
  env.Route("/a", "/new");
  EXPECT_EQ(env.Lead("/a"), std::string("/new"));
  EXPECT_EQ(env.Lead("/a/log/1.seg"), std::string("/new/log/1.seg"));
  EXPECT_EQ(env.Lead("/a/zone/log"), std::string("/a/zone/log"));
  for (const char* other : {"/ab", "/ab/c", "/", "a", ""}) {
    EXPECT_EQ(env.Lead(other), std::string(other));
  }
}

TEST(RoutedEnv, EveryCallGoesThere) {
  const std::string folder = testing::TemporaryDirectory(), to = folder + "/to";
  RoutedEnv env(PosixEnv());
  env.Route(folder + "/from", to);
  const std::string from = folder + "/from";
  EXPECT_OK(env.CreateDirectory(from));
  EXPECT(PosixEnv()->Stat(to).ok() && !PosixEnv()->Stat(from).ok());
  EXPECT(env.Open(from + "/file", {OpenMode::kCreate, false}).ok());
  EXPECT_OK(env.SyncDirectory(from));
  EXPECT_OK(env.Rename(from + "/file", from + "/other"));
  EXPECT_EQ(env.List(from)->size(), size_t{1});
  EXPECT_EQ(PosixEnv()->List(to)->at(0).name, std::string("other"));
  EXPECT(env.Stat(from + "/other").ok() && env.FreeBytes(from).ok());
  EXPECT(env.Lock(from + "/lock", false).ok());
  EXPECT_OK(env.Remove(from + "/other"));
  EXPECT_OK(env.Remove(from + "/lock"));
  EXPECT_OK(env.Remove(from));
  EXPECT_CODE(PosixEnv()->Stat(to).status(), Code::kNotFound);
}

}  // namespace strongroom::io
