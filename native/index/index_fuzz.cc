// What LevelDB reads out of opened files: tables, edits of a manifest, whole indexes of both. The
// bytes are given as if they had come out of the right seal, which in truth only our own can: these
// targets ask what is left when the seal, too, has let something pass.
//
// LevelDB takes the memory that a block's handle asks for before it looks at the file, so handles
// that reach beyond the table are not tried.
#include "base/testing_fuzz.h"
#include "db/log_writer.h"
#include "db/version_edit.h"
#include "index/index.h"
#include "index/manifest.h"
#include "index/sealed_file.h"
#include "io/held_testing.h"
#include "leveldb/comparator.h"
#include "leveldb/filter_policy.h"
#include "leveldb/options.h"
#include "leveldb/table.h"
#include "table/block.h"
#include "table/block_builder.h"
#include "table/filter_block.h"
#include "table/format.h"
#include "util/coding.h"
#include "util/crc32c.h"

namespace strongroom::index {
namespace {

using testing::FuzzRecipe;

constexpr size_t kBlocksMax = 4;
constexpr uint64_t kTable = 5;
constexpr size_t kStepsMax = 1000;
const char* const kSought[] = {"", "k0c", "k0", "z", "\xff"};
const char kFolder[] = "/zone/index";
const Bytes kKey(kIndexKeySize, 9);

leveldb::Slice SliceOf(ByteSpan bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}
ByteSpan BytesOf(const leveldb::Slice& slice) { return AsBytes({slice.data(), slice.size()}); }

Sealing TheSealing() {
  Sealing sealing;
  sealing.index_key = SecretBytes(ByteSpan(kKey));
  return sealing;
}

class OpenedTable final : public leveldb::RandomAccessFile {
 public:
  explicit OpenedTable(const std::string* bytes) : bytes_(bytes) {}
  leveldb::Status Read(uint64_t offset, size_t n, leveldb::Slice* result,
                       char* scratch) const override {
    *result = leveldb::Slice(scratch, 0);
    if (offset > bytes_->size() || n > bytes_->size() - offset) {
      return leveldb::Status::Corruption("shorter than the manifest says");
    }
    memcpy(scratch, bytes_->data() + offset, n);
    *result = leveldb::Slice(scratch, n);
    return leveldb::Status::OK();
  }

 private:
  const std::string* const bytes_;
};

// A table of blocks that may say anything, each under a checksum that is right.
class TableWriter {
 public:
  leveldb::BlockHandle Add(const leveldb::Slice& block) {
    leveldb::BlockHandle handle;
    handle.set_offset(bytes_.size());
    handle.set_size(block.size());
    char trailer[leveldb::kBlockTrailerSize] = {};
    uint32_t crc = leveldb::crc32c::Value(block.data(), block.size());
    crc = leveldb::crc32c::Extend(crc, trailer, 1);
    leveldb::EncodeFixed32(trailer + 1, leveldb::crc32c::Mask(crc));
    bytes_.append(block.data(), block.size());
    bytes_.append(trailer, sizeof trailer);
    return handle;
  }
  leveldb::BlockHandle AddEntry(const std::string& key, const leveldb::BlockHandle& value) {
    leveldb::BlockBuilder builder(&options_);
    std::string encoded;
    value.EncodeTo(&encoded);
    builder.Add(key, encoded);
    return Add(builder.Finish());
  }
  std::string Finish(const leveldb::BlockHandle& meta, const leveldb::BlockHandle& index) {
    leveldb::Footer footer;
    footer.set_metaindex_handle(meta);
    footer.set_index_handle(index);
    std::string encoded;  // It cuts what stands there before.
    footer.EncodeTo(&encoded);
    return bytes_ + encoded;
  }

 private:
  leveldb::Options options_;
  std::string bytes_;
};

// A row under a key as LevelDB keeps it: the key, then sequence and type.
std::string Internal(const std::string& key) {
  std::string out = key;
  leveldb::PutFixed64(&out, 7 << 8 | 1);
  return out;
}

bool ReachesBeyond(const leveldb::Slice& value, size_t size) {
  leveldb::BlockHandle handle;
  leveldb::Slice input = value;
  return handle.DecodeFrom(&input).ok() && (handle.size() > size || handle.offset() > size);
}

// Whether any handle does that a walk from one of the ends, or from one of kSought, comes by.
bool ReachesBeyondSomewhere(const leveldb::Slice& block, size_t size) {
  leveldb::Block parsed(leveldb::BlockContents{block, false, false});
  std::unique_ptr<leveldb::Iterator> at(parsed.NewIterator(leveldb::BytewiseComparator()));
  bool found = false;
  auto walk = [&](auto begin) {
    size_t steps = 0;
    for (begin(); at->Valid() && ++steps < kStepsMax; at->Next()) {
      found |= ReachesBeyond(at->value(), size);
    }
    for (begin(), steps = 0; at->Valid() && ++steps < kStepsMax; at->Prev()) {
      found |= ReachesBeyond(at->value(), size);
    }
  };
  walk([&] { at->SeekToFirst(); });
  walk([&] { at->SeekToLast(); });
  for (const char* key : kSought) walk([&] { at->Seek(Internal(key)); });
  return found;
}

// recipe = blocks u8 ‖ block (field) * ‖ filter (field) ‖ index (field)
// An empty index stands for one that names the blocks.
std::string TableBy(FuzzRecipe* recipe) {
  TableWriter writer;
  std::vector<leveldb::BlockHandle> handles;
  const size_t count = 1 + recipe->Below(kBlocksMax);
  for (size_t i = 0; i < count; ++i) handles.push_back(writer.Add(SliceOf(recipe->Field())));
  const leveldb::BlockHandle filter = writer.Add(SliceOf(recipe->Field()));
  const leveldb::BlockHandle meta = writer.AddEntry("filter.leveldb.BuiltinBloomFilter2", filter);
  const ByteSpan given = recipe->Field();
  leveldb::Options options;
  leveldb::BlockBuilder index(&options);
  for (size_t i = 0; i < count; ++i) {
    std::string encoded;
    handles[i].EncodeTo(&encoded);
    index.Add("k" + std::to_string(i) + std::string(8, '\x7f'), encoded);
  }
  const leveldb::Slice block = given.empty() ? index.Finish() : SliceOf(given);
  const leveldb::BlockHandle at = writer.Add(block);
  std::string table = writer.Finish(meta, at);
  return ReachesBeyondSomewhere(block, table.size()) ? std::string() : table;
}

void AddField(Bytes* out, ByteSpan bytes) {
  ByteWriter w(out);
  w.U16(static_cast<uint16_t>(bytes.size()));
  w.Raw(bytes);
}

Bytes TableSeed() {
  leveldb::Options options;
  leveldb::BlockBuilder block(&options);
  std::string applied(1 + 4 * 8 + 32, '\0');
  applied[0] = 1;
  block.Add(Internal(std::string("\0", 1)), applied);
  for (int i = 0; i < 20; ++i) block.Add(Internal("k0" + std::string(1, 'a' + i)), "row");
  Bytes seed(4);
  AddField(&seed, BytesOf(block.Finish()));
  std::unique_ptr<const leveldb::FilterPolicy> policy(leveldb::NewBloomFilterPolicy(10));
  leveldb::FilterBlockBuilder filter(policy.get());
  filter.StartBlock(0);
  filter.AddKey("k0a");
  AddField(&seed, BytesOf(filter.Finish()));
  AddField(&seed, {});
  return seed;
}

std::vector<Bytes> Tables() { return {TableSeed(), {}}; }

std::string EditSeed() {
  leveldb::VersionEdit edit;
  edit.SetComparatorName(leveldb::BytewiseComparator()->Name());
  edit.SetLogNumber(3);
  edit.SetNextFile(9);
  edit.SetLastSequence(100);
  leveldb::InternalKey first(std::string("\0", 1), 7, leveldb::kTypeValue);
  leveldb::InternalKey last("k0z", 7, leveldb::kTypeValue);
  edit.AddFile(0, kTable, 1000, first, last);
  edit.DeleteFile(1, 4);
  edit.SetCompactPointer(1, last);
  std::string out;
  edit.EncodeTo(&out);
  return out;
}

std::vector<Bytes> Edits() {
  const std::string edit = EditSeed();
  return {Bytes(edit.begin(), edit.end()), {}};
}

// recipe = table ‖ edit (field) *
std::vector<Bytes> Indexes() {
  Bytes seed = TableSeed();
  AddField(&seed, AsBytes(EditSeed()));
  return {seed};
}

Salt SaltOf(uint8_t from) {
  Salt salt;
  salt.fill(from);
  return salt;
}

void WriteOnce(io::HeldEnv* env, const std::string& name, uint8_t salt, const std::string& as,
               const std::string& content, Failures* failures) {
  auto file = std::move(*env->Open(kFolder + ("/" + name), {io::OpenMode::kReplace, false}));
  SealedWriter writer(TheSealing(), SaltOf(salt), as, std::move(file), failures);
  CHECK(writer.Append(content).ok() && writer.Close().ok());
}

void WriteManifest(io::HeldEnv* env, FuzzRecipe* recipe, Failures* failures) {
  const std::string name = "MANIFEST-000002";
  auto file = std::move(*env->Open(kFolder + ("/" + name), {io::OpenMode::kReplace, false}));
  SaltList salts;
  salts.Add({kTable, SaltOf(1)});
  ManifestWriter manifest(TheSealing(), SaltOf(2), name, kFolder, std::move(file), env, &salts,
                          failures);
  leveldb::log::Writer log(&manifest);
  for (int edits = 0; edits < 4 && !recipe->ended(); ++edits) {
    CHECK(log.AddRecord(SliceOf(recipe->Field())).ok() && manifest.Sync().ok());
  }
  CHECK(manifest.Close().ok());
}

}  // namespace

FUZZ(LevelTable, Tables) {
  FuzzRecipe recipe(input);
  const std::string bytes = TableBy(&recipe);
  if (bytes.empty()) return;
  OpenedTable file(&bytes);
  std::unique_ptr<const leveldb::FilterPolicy> policy(leveldb::NewBloomFilterPolicy(10));
  leveldb::Options options;
  options.paranoid_checks = true;
  options.compression = leveldb::kNoCompression;
  options.filter_policy = policy.get();
  leveldb::Table* opened = nullptr;
  if (!leveldb::Table::Open(options, &file, bytes.size(), &opened).ok()) return;
  std::unique_ptr<leveldb::Table> table(opened);
  std::unique_ptr<leveldb::Iterator> at(table->NewIterator({}));
  size_t steps = 0;
  for (at->SeekToFirst(); at->Valid() && ++steps < kStepsMax; at->Next()) (void)at->value();
  for (at->SeekToLast(); at->Valid() && ++steps < 2 * kStepsMax; at->Prev()) (void)at->key();
  for (const char* key : kSought) {
    at->Seek(Internal(key));
    if (at->Valid()) (void)at->value();
  }
}

// A second reading of what was understood gives the same.
FUZZ(LevelEdit, Edits) {
  leveldb::VersionEdit edit, again;
  if (!edit.DecodeFrom(SliceOf(input)).ok()) return;
  std::string encoded, twice;
  edit.EncodeTo(&encoded);
  EXPECT(again.DecodeFrom(encoded).ok());
  again.EncodeTo(&twice);
  EXPECT(encoded == twice);
}

FUZZ(Index, Indexes) {
  FuzzRecipe recipe(input);
  const std::string table = TableBy(&recipe);
  if (table.empty()) return;
  io::HeldEnv env;
  Failures failures;
  WriteOnce(&env, "000005.ldb", 1, "000005.ldb", table, &failures);
  WriteOnce(&env, "CURRENT", 3, "CURRENT", "MANIFEST-000002\n", &failures);
  WriteManifest(&env, &recipe, &failures);
  IndexOptions options;
  options.env = &env;
  options.path = kFolder;
  options.index_key = kKey;
  options.read_only = true;
  options.block_cache_size = 64 << 10;
  auto index = Index::Open(options);
  if (!index.ok()) return;
  std::string row;
  for (const char* key : {"k0c", "k0", "z"}) (void)(*index)->Get(AsBytes(key), &row);
  for (bool reverse : {false, true}) {
    ScanRequest request;
    request.reverse = reverse;
    request.rows_max = 1000;
    (void)(*index)->Scan(request, [](ByteSpan, ByteSpan, bool) {});
  }
}

}  // namespace strongroom::index
