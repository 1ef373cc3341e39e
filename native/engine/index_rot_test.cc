#include "engine/engine_testing.h"
#include "io/posix_env.h"

namespace strongroom::engine {

namespace {

// The tables of the zone's index.
std::vector<std::string> Tables(const World& world, size_t zone) {
  const std::string folder = world.Path(zone) + "/index";
  std::vector<std::string> out;
  auto entries = io::PosixEnv()->List(folder);
  for (const auto& entry : *entries) {
    if (entry.name.ends_with(".ldb")) out.push_back(folder + "/" + entry.name);
  }
  return out;
}

void Flip(const std::string& path, uint64_t at) {
  auto file = std::move(*io::PosixEnv()->Open(path, {io::OpenMode::kReadWrite}));
  uint8_t byte = 0;
  ASSERT_OK(file->ReadAt(at, MutableByteSpan(&byte, 1)));
  byte ^= 1;
  EXPECT_OK(file->WriteAt(at, ByteSpan(&byte, 1)));
}

}  // namespace

// With one zone the store was read-only once an older table of its index had rotted, at every open
// again: an open does not look into it, so nothing ever made that index anew.
TEST(IndexRot, TheNextOpenMakesARottenTableAnew) {
  World world(1);
  ASSERT_OK(world.Open());
  EXPECT_OK(world.PutOne("row", "body"));
  world.Reopen();
  EXPECT_OK(world.PutOne("later", "body"));
  world.engine->Close();
  // The newest table is read at the open, for what the index has applied.
  ASSERT(Tables(world, 1).size() > 1);
  Flip(Tables(world, 1).front(), 100);
  ASSERT_OK(world.Open());
  EXPECT_CODE(world.Get("row"), Code::kReadOnly);
  EXPECT(world.AwaitTold(Event::Kind::kTampering));
  EXPECT_EQ(world.Count(Event::Kind::kTampering), 1u);
  world.Reopen();
  auto body = world.Get("row");
  ASSERT_OK(body);
  EXPECT_EQ(*body, "body");
  EXPECT_OK(world.PutOne("another", "body"));
}

}  // namespace strongroom::engine
