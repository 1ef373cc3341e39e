// What is told of a zone's quarantine, whatever names lie there.
#include "repair/quarantine.h"

#include <set>

#include "base/testing.h"
#include "io/posix_env.h"

namespace strongroom::repair {

namespace {
void Touch(const std::string& path) {
  CHECK(io::PosixEnv()->Open(path, {io::OpenMode::kCreate, false}).ok());
}
}  // namespace

TEST(Quarantine, TellsWhatWasSetAsideAndWhy) {
  io::Env* env = io::PosixEnv();
  const std::string zone = testing::TemporaryDirectory();
  EXPECT_EQ(ListQuarantine(env, zone, "", 10)->total, uint64_t{0});
  EXPECT_CODE(ListQuarantine(env, zone + "/gone", "", 10).status(), Code::kNotFound);
  Touch(zone + "/00ff.0");
  EXPECT_OK(MoveToQuarantine(env, zone, zone + "/00ff.0", "missing"));
  for (const char* found : {"rotten", "stale", "tampered", "unreadable"}) {
    EXPECT_OK(CopyToQuarantine(env, zone, "0000000001.seg@4096", found, AsBytes("x")));
  }
  const auto all = ListQuarantine(env, zone, "", 10);
  ASSERT_OK(all);
  EXPECT_EQ(all->total, uint64_t{5});
  ASSERT(all->page.size() == 5);
  std::set<FindingKind> reasons;
  for (const SetAside& each : all->page) {
    reasons.insert(each.reason);
    EXPECT(each.what == "00ff.0" || each.what == "0000000001.seg@4096");
    EXPECT(each.since_millis > 1'500'000'000'000 && each.since_millis <= env->WallMillis());
  }
  EXPECT_EQ(reasons.size(), size_t{5});
  // Page by page it is the same.
  std::vector<std::string> names;
  for (std::string after;;) {
    const auto page = ListQuarantine(env, zone, after, 2);
    ASSERT_OK(page);
    EXPECT_EQ(page->total, uint64_t{5});
    if (page->page.empty()) break;
    for (const SetAside& each : page->page) names.push_back(each.name);
    after = names.back();
  }
  ASSERT(names.size() == 5);
  for (size_t i = 0; i < 5; ++i) EXPECT_EQ(names[i], all->page[i].name);
}

TEST(Quarantine, NamesThatNobodyOfUsMadeAreNotTold) {
  io::Env* env = io::PosixEnv();
  const std::string zone = testing::TemporaryDirectory(), folder = QuarantineFolder(zone);
  EXPECT_OK(env->CreateDirectory(folder));
  for (const char* name :
       {"readme", "~~~", "a~rotten~1~0011223", "a~rotten~1~001122334", "a~wrong~1~00112233",
        "a~rotten~-1~00112233", "a~rotten~1234567890123456~00112233", "~rotten~1~00112233",
        "a~rotten~1~00112233~", "a\x1b[2J~rotten~1~00112233", "A~rotten~1~00112233",
        "a~rotten~~00112233", "\xff\xfe~rotten~1~00112233", "a~rotten~1~0011223G"}) {
    Touch(folder + "/" + name);
  }
  EXPECT_OK(env->CreateDirectory(folder + "/a~rotten~2~00112233"));
  EXPECT_EQ(ListQuarantine(env, zone, "", 10)->total, uint64_t{0});
  Touch(folder + "/a~rotten~1~00112233");
  EXPECT_EQ(ListQuarantine(env, zone, "", 0)->total, uint64_t{1});
}

}  // namespace strongroom::repair
