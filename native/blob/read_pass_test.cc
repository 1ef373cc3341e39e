#include "base/testing.h"
#include "blob/blob_testing.h"
#include "format/blob_file.h"

namespace strongroom::blob {

// A zone whose preamble rots asks the others for the key. The key came while its cells were read,
// and cells that nobody had opened passed for good: the piece held what lay in the slab before.
TEST(ReadPass, AKeyThatComesLateOpensNothingBackwards) {
  TestStore store(3);
  TestBlob blob = store.NewBlob({4, 2}, 4 * kSmallChunk);
  ASSERT_OK(store.Write(&blob));
  auto placement = placement::Placement::Create(blob.geometry, 3, blob.header.blob_id);
  const int rotten = placement->zone_of(0), sound = placement->zone_of(2);
  Bytes file = store.Contents(blob, rotten);
  file[100] ^= 1;
  store.SetContents(blob, rotten, file);

  // The rotten zone looks for a key, then reads its cells; only now the sound one tells the key;
  // when that one reads its cells, the rotten one's are judged.
  io::Completion looked, told;
  store.env->fault = [&](const std::string& operation, const std::string& path,
                         uint64_t end) -> Status {
    if (operation != "read") return {};
    const bool preamble = end <= format::kBlobPreambleSize;
    if (path == store.Path(blob, rotten) && !preamble) {
      looked.Set(Status());
      return told.Wait(kLong);
    }
    if (path == store.Path(blob, sound)) {
      if (preamble) return looked.Wait(kLong);
      told.Set(Status());
    }
    return {};
  };
  auto read = store.ReadAll(blob);
  store.env->fault = nullptr;
  ASSERT_OK(read);
  EXPECT(*read == blob.body);
  EXPECT(store.Count(CellTrouble::Kind::kRot) > 0);
}

}  // namespace strongroom::blob
