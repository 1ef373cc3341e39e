// No key ever meets a nonce twice: not when a batch is sealed again for another place, not in a
// copy of a store that lives on beside it, not in an index that takes its file numbers again.
#include <cstdlib>
#include <filesystem>

#include "aead/sealings_testing.h"
#include "engine/engine_testing.h"

namespace strongroom::engine {

namespace {

namespace fs = std::filesystem;

// How many encryptions are watched at least: STRONGROOM_SEALINGS, else a slice.
uint64_t Wanted() {
  const char* asked = getenv("STRONGROOM_SEALINGS");
  return asked ? strtoull(asked, nullptr, 10) : 3000;
}

// A copy of all zones as they lie there: of a running engine what a crash would leave, more or
// less.
void CopyStore(const World& from, const World& to) {
  for (const auto& entry : fs::recursive_directory_iterator(from.folder)) {
    const fs::path place = to.folder / fs::relative(entry.path(), from.folder);
    std::error_code gone;  // Files may go while they are listed.
    if (entry.is_directory()) {
      fs::create_directories(place, gone);
    } else {
      fs::copy_file(entry.path(), place, fs::copy_options::overwrite_existing, gone);
    }
  }
}

// Rows, small blobs and their wraps, parts that are uploaded again, and tables of the index.
void Write(World& world, const std::string& name, size_t rows) {
  for (size_t i = 0; i < rows; ++i) {
    EXPECT_OK(world.PutOne(name + std::to_string(i), "body", std::string(2000, 'm')));
  }
  PartsKeyRef parts = world.engine->CreateParts();
  for (int i = 0; i < 20; ++i) {
    (void)world.engine->SealPart(*parts, AsBytes("the same part"));
    (void)world.engine->SealSmall(*world.kek, AsBytes("the same body"));
  }
}

void Lives(size_t rows, size_t large) {
  World world(3), copy(3);
  world.write_buffer_size = copy.write_buffer_size = 64 << 10;
  ASSERT_OK(world.Open());
  Write(world, "a", rows);
  EXPECT_OK(world.PutLarge("large", Bytes(large, 'l')));

  // A crash: the copy goes on from the middle, and so does the original, under the same numbers.
  CopyStore(world, copy);
  ASSERT_OK(copy.Open());
  copy.kek = copy.engine->CreateKey(AsBytes("test")).second;
  Write(copy, "b", rows);
  Write(world, "b", rows);

  // A zone fails: the batch in flight is sealed again under the next epoch.
  world.broken = 2;
  world.fail = true;
  Write(world, "c", 2);
  world.Heal();

  // The index is built anew, from its first file number on.
  for (World* each : {&world, &copy}) {
    each->engine->Close();
    for (size_t zone = 1; zone <= 3; ++zone) fs::remove_all(each->Path(zone) + "/index");
    each->engine = nullptr;
    ASSERT_OK(each->Open());
    Write(*each, "d", rows);
    each->engine->Close();
  }
}

TEST(NonceUniqueness, NoKeyMeetsANonceTwice) {
  const uint64_t wanted = Wanted();
  const bool slice = wanted < 100'000;
  aead::BeginWatchingSealings();
  while (aead::SealingsSoFar().all < wanted) Lives(slice ? 40 : 400, slice ? 1 << 20 : 16 << 20);
  const aead::Sealings seen = aead::EndWatchingSealings();
  if (!slice) printf("%llu encryptions\n", static_cast<unsigned long long>(seen.all));
  EXPECT(seen.all >= wanted);
  EXPECT_EQ(seen.repeated, uint64_t{0});
}

}  // namespace

}  // namespace strongroom::engine
