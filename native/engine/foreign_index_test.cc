// An index that stood once in this very store, and whose history is not the log's.
#include <filesystem>

#include "engine/engine_testing.h"

namespace strongroom::engine {

namespace {

namespace fs = std::filesystem;

void Replace(const std::string& folder, const std::string& by) {
  fs::remove_all(folder);
  fs::copy(by, folder, fs::copy_options::recursive);
}

// Two copies of a store went on by themselves. The index of one is sealed for the other as well,
// and says of rows what the other's log never said: it is built anew.
TEST(ForeignIndex, OfACopyThatWentOnIsNotServed) {
  World one(1), other(1);
  ASSERT_OK(one.Open());
  EXPECT_OK(one.PutOne("common", "1"));
  one.engine->Close();
  one.engine = nullptr;
  Replace(other.Path(1), one.Path(1));
  other.kek = one.kek;
  ASSERT_OK(other.Open());
  EXPECT_OK(other.PutOne("foreign", "2"));
  other.engine->Close();
  ASSERT_OK(one.Open());
  EXPECT_OK(one.PutOne("own", "3"));
  one.engine->Close();
  one.engine = nullptr;
  Replace(one.Path(1) + "/index", other.Path(1) + "/index");
  ASSERT_OK(one.Open());
  EXPECT_OK(one.Get("common"));
  EXPECT_OK(one.Get("own"));
  EXPECT_CODE(one.Get("foreign"), Code::kNotFound);
  one.engine->Close();
}

}  // namespace

}  // namespace strongroom::engine
