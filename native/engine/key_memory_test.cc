// After the close no key of the store is anywhere in the memory of the process.
#include <algorithm>
#include <fstream>
#include <string>

#include "engine/engine_testing.h"
#include "engine/small_blob.h"
#include "format/superblock.h"

namespace strongroom::engine {

namespace {

// What is looked for, never in clear: the looking must not be what is found.
class Needle {
 public:
  Needle(std::string name, ByteSpan key) : name_(std::move(name)) {
    for (uint8_t byte : key) masked_.push_back(byte ^ kMask);
  }
  const std::string& name() const { return name_; }
  bool IsAt(const uint8_t* at) const {
    for (size_t i = 0; i < masked_.size(); ++i) {
      if ((at[i] ^ kMask) != masked_[i]) return false;
    }
    return true;
  }
  uint8_t first() const { return masked_[0] ^ kMask; }
  Bytes Clear() const {
    Bytes out;
    out.reserve(masked_.size());
    for (uint8_t byte : masked_) out.push_back(byte ^ kMask);
    return out;
  }

 private:
  static constexpr uint8_t kMask = 0xa5;
  const std::string name_;
  Bytes masked_;
};

// The names of those that are found in what the process may write to.
std::vector<std::string> NamesFound(const std::vector<Needle>& needles) {
  static uint8_t window[1 << 20];  // Of this memory nothing is looked at: it holds what was read.
  std::vector<std::string> out;
  bool begins[256] = {};  // By the first byte, which gives nothing away.
  for (const Needle& needle : needles) begins[needle.first()] = true;
  std::ifstream maps("/proc/self/maps"), memory("/proc/self/mem", std::ios::binary);
  std::string line;
  while (std::getline(maps, line)) {
    unsigned long long from = 0, to = 0;
    char rights[5] = {};
    if (sscanf(line.c_str(), "%llx-%llx %4s", &from, &to, rights) != 3 || rights[1] != 'w')
      continue;
    for (uint64_t at = from; at < to; at += sizeof window - 64) {
      const uint64_t size = std::min<uint64_t>(sizeof window, to - at);
      const auto mine = reinterpret_cast<uint64_t>(window);
      if (at < mine + sizeof window && mine < at + size) continue;
      memory.clear();
      memory.seekg(static_cast<std::streamoff>(at));
      memory.read(reinterpret_cast<char*>(window), static_cast<std::streamsize>(size));
      const auto got = static_cast<size_t>(memory.gcount());
      for (size_t i = 0; i + aead::kKeySize <= got; ++i) {
        if (!begins[window[i]]) continue;
        for (const Needle& needle : needles) {
          if (needle.IsAt(window + i)) out.push_back(needle.name());
        }
      }
    }
  }
  Wipe(window, sizeof window);
  return out;
}

void AddKeysOfStore(World& world, ByteSpan root, std::vector<Needle>* needles) {
  auto superblock = format::ReadSuperblock(io::PosixEnv(), world.Path(1));
  CHECK(superblock.ok());
  auto keys = format::OpenStoreKeys(root, *superblock);
  CHECK(keys.ok());
  needles->emplace_back("root key", root);
  needles->emplace_back("ring key", keys->ring.span());
  needles->emplace_back("store key", keys->store.span());
  needles->emplace_back("record key", keys->record.span());
  needles->emplace_back("index key", keys->index.span());
}

void AddDekOf(World& world, const std::string& row, std::vector<Needle>* needles) {
  GetRequest request;
  request.key = Bytes(row.begin(), row.end());
  auto answer = std::make_shared<blob::Awaited<Result<std::optional<Found>>>>();
  world.engine->Get(std::move(request), [answer](auto result) { answer->Set(std::move(result)); });
  auto found = answer->Get();
  CHECK(found.ok() && *found);
  const auto reference = (*found)->row().row.blob;
  auto dek = UnwrapDek(world.engine->store_id(), *world.kek, reference);
  CHECK(dek.ok());
  needles->emplace_back("DEK of " + row, dek->span());
}

std::vector<Needle> Use(World& world) {
  std::vector<Needle> needles;
  SecretBytes root(aead::kKeySize);
  io::PosixEnv()->Random(root.span());
  OpenOptions options = world.Options();
  options.root_key = root.Clone();
  auto engine = Engine::Open(std::move(options), [](const Event&) {});
  CHECK(engine.ok());
  world.engine = *engine;
  world.kek = world.engine->CreateKey(AsBytes("test")).second;
  for (int i = 0; i < 200; ++i) EXPECT_OK(world.PutOne("s" + std::to_string(i), "body"));
  EXPECT_OK(world.PutLarge("large", Bytes(3 << 20, 'l')));
  EXPECT_OK(world.Get("s7"));
  EXPECT_OK(world.ReadLarge("large", 3 << 20));
  AddKeysOfStore(world, root.span(), &needles);
  needles.emplace_back("bucket key", world.kek->span());
  AddDekOf(world, "s7", &needles);
  AddDekOf(world, "large", &needles);
  return needles;
}

TEST(KeyMemory, NothingIsLeftAfterTheClose) {
  World world(3);
  std::vector<Needle> needles = Use(world);
  // The root key is not needed any more once the store is open.
  const auto held = NamesFound(needles);
  EXPECT(std::find(held.begin(), held.end(), needles.front().name()) == held.end());
  // Whoever looks, sees: a key in an ordinary place is found.
  Bytes planted = needles.front().Clear();
  const auto seen = NamesFound(needles);
  EXPECT(std::find(seen.begin(), seen.end(), needles.front().name()) != seen.end());
  Wipe(planted.data(), planted.size());

  world.engine->Close();
  world.engine = nullptr;
  world.kek = nullptr;
  world.env.AwaitThreads();
  for (const std::string& name : NamesFound(needles)) {
    testing::Fail(__FILE__, __LINE__, "still in memory: " + name);
  }
}

}  // namespace

}  // namespace strongroom::engine
