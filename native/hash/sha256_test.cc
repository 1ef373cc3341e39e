// SHA-256 through EVP: published values, and pieces hashed as one.
#include "hash/sha256.h"

#include "base/testing.h"

namespace strongroom::hash {
namespace {

TEST(Sha256, GivesThePublishedValues) {
  EXPECT_EQ(ToHex(Sha256(ByteSpan{})),
            std::string("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"));
  EXPECT_EQ(ToHex(Sha256(AsBytes("abc"))),
            std::string("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"));
}

TEST(Sha256, HashesPiecesAsOne) {
  const ByteSpan whole = AsBytes("the chain over commit records");
  for (size_t at = 0; at <= whole.size(); ++at) {
    EXPECT_EQ(Sha256({whole.first(at), {}, whole.subspan(at)}), Sha256(whole));
  }
}

}  // namespace
}  // namespace strongroom::hash
