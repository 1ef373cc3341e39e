// Small blobs: which keys a DEK's wrap opens for.
#include "engine/small_blob.h"

#include "base/testing.h"
#include "io/posix_env.h"

namespace strongroom::engine {

namespace {
const aead::Id kStore{1}, kOtherStore{2};

// The same secret each time: only what it was made for differs.
Kek KeyFor(std::string_view context) {
  SecretBytes secret(aead::kKeySize);
  std::fill(secret.span().begin(), secret.span().end(), 7);
  return {std::move(secret), AsBytes(context)};
}
}  // namespace

TEST(SmallBlob, AWrapOpensOnlyForTheContextThatItsKeyWasMadeFor) {
  Kek kek = KeyFor("bucket 1");
  FreshBlob blob = MakeBlob(io::PosixEnv(), kStore, kek);
  auto dek = UnwrapDek(kStore, KeyFor("bucket 1"), blob.reference);
  ASSERT_OK(dek);
  EXPECT_EQ(Bytes(dek->span().begin(), dek->span().end()),
            Bytes(blob.dek.span().begin(), blob.dek.span().end()));
  for (std::string_view context : {"", "bucket 2", "bucket ", "bucket 11"}) {
    EXPECT_CODE(UnwrapDek(kStore, KeyFor(context), blob.reference), Code::kTampered);
  }
  EXPECT_CODE(UnwrapDek(kOtherStore, kek, blob.reference), Code::kTampered);
}

TEST(SmallBlob, ADekWrappedAgainOpensUnderTheNewContextAlone) {
  Kek from = KeyFor("bucket 1"), to = KeyFor("bucket 2");
  FreshBlob blob = MakeBlob(io::PosixEnv(), kStore, from);
  format::BlobReference moved = blob.reference;
  moved.wrap = WrapDek(io::PosixEnv(), kStore, to, moved.id, std::as_const(blob.dek).span());
  EXPECT_OK(UnwrapDek(kStore, to, moved));
  EXPECT_CODE(UnwrapDek(kStore, from, moved), Code::kTampered);
  EXPECT_CODE(UnwrapDek(kStore, to, blob.reference), Code::kTampered);
}

}  // namespace strongroom::engine
