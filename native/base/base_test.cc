#include "base/bytes.h"
#include "base/secret_bytes.h"
#include "base/status.h"
#include "base/testing.h"

namespace strongroom {

TEST(Bytes, AReaderNeverReadsPastItsSpan) {
  Bytes out;
  ByteWriter writer(&out);
  writer.U32(7);
  writer.Field(AsBytes("abc"));
  ByteReader whole(out);
  EXPECT_EQ(whole.U32(), 7u);
  EXPECT_EQ(AsString(whole.Field()), "abc");
  EXPECT(whole.Done());
  for (size_t cut = 0; cut < out.size(); ++cut) {
    ByteReader reader(ByteSpan(out).first(cut));
    reader.U32();
    reader.Field();
    EXPECT(reader.failed());
  }
  // A length field that claims more than there is.
  Bytes hostile = {0xff, 0xff, 0xff, 0xff, 1};
  ByteReader reader(hostile);
  EXPECT(reader.Field().empty());
  EXPECT(reader.failed());
}

TEST(Status, OkIsEmptyAndContextGoesInFront) {
  EXPECT(Status().ok());
  Status status(Code::kIo, "no such device");
  EXPECT_EQ(status.With("sync zone-1").message(), "sync zone-1: no such device");
  EXPECT_CODE(status, Code::kIo);
}

TEST(SecretBytes, AreWipedReusedAndMovable) {
  SecretBytes a(AsBytes("0123456789abcdef"));
  SecretBytes b = std::move(a);
  EXPECT_EQ(AsString(b.span()), "0123456789abcdef");
  const uint8_t* where = b.span().data();
  { SecretBytes gone = std::move(b); }
  SecretBytes next(16);
  EXPECT_EQ(next.span().data(), where);
  EXPECT_EQ(next.span()[0], 0);
}

}  // namespace strongroom
