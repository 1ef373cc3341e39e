// The index on LevelDB: index.h in terms of leveldb::DB over SealedEnv.
//
//   applied row := key 00; version u8 = 1  epoch u64  sequence u64  location u64  end u64 chain[32]
//
// LevelDB is used without its log: a batch enters the memtable whole, memtables are flushed in
// order, and a table counts once the manifest names it. So the disk holds a prefix of the batches,
// and since each batch carries the applied row, that row says which.
#include "aead/aead.h"
#include "base/bugs.h"
#include "db/db_impl.h"
#include "index/index.h"
#include "index/overlay_env.h"
#include "index/scan.h"
#include "index/sealed_env.h"
#include "index/versions_iterator.h"
#include "leveldb/cache.h"
#include "leveldb/db.h"
#include "leveldb/filter_policy.h"
#include "leveldb/write_batch.h"

namespace strongroom::index {

namespace {
// Sorts before every other key that is not empty.
constexpr std::string_view kAppliedKey{"\0", 1};
constexpr std::string_view kFirstRowKey{"\0\0", 2};
constexpr uint8_t kAppliedVersion = 1;

// Answers "absent", which is what most preconditions ask for, without a read in 99 of 100 cases.
constexpr int kBloomBitsPerKey = 10;
// A read-only index never flushes its memtable: as large as LevelDB allows.
constexpr size_t kReadOnlyWriteBuffer = 1 << 30;
// What the memtable spends on a row beside its bytes, rounded up.
constexpr size_t kRowOverhead = 64;

leveldb::Slice ToSlice(ByteSpan bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}
leveldb::Slice ToSlice(std::string_view bytes) { return {bytes.data(), bytes.size()}; }

Bytes Encode(const Applied& applied) {
  Bytes out;
  ByteWriter writer(&out);
  writer.U8(kAppliedVersion);
  writer.U64(applied.epoch);
  writer.U64(applied.sequence);
  writer.U64(applied.location);
  writer.U64(applied.end);
  writer.Raw(applied.chain);
  return out;
}

Result<Applied> Decode(ByteSpan row) {
  ByteReader reader(row);
  uint8_t version = reader.U8();
  Applied applied;
  applied.epoch = reader.U64();
  applied.sequence = reader.U64();
  applied.location = reader.U64();
  applied.end = reader.U64();
  reader.Into(applied.chain);
  if (version == kAppliedVersion && reader.Done()) return applied;
  return Status(Code::kCorruption, "the applied row is of another version");
}

class RowSink final : public leveldb::ValueSink {
 public:
  explicit RowSink(std::string* row) : row_(row) {}
  void assign(const char* bytes, size_t size) override { row_->append(bytes, size); }

 private:
  std::string* row_;
};

class LevelBlockCache final : public BlockCache {
 public:
  explicit LevelBlockCache(size_t bytes) : cache_(leveldb::NewLRUCache(bytes)) {}
  leveldb::Cache* get() { return cache_.get(); }

 private:
  std::unique_ptr<leveldb::Cache> cache_;
};

Sealing SealingOf(const IndexOptions& options) {
  Sealing sealing;
  sealing.store_id = options.store_id;
  sealing.zone_id = options.zone_id;
  sealing.index_key = SecretBytes(options.index_key);
  return sealing;
}

class LevelIndex final : public Index {
 public:
  explicit LevelIndex(const IndexOptions& options)
      : read_only_(options.read_only),
        read_only_room_(options.read_only_bytes_max),
        env_(options.env, options.path, SealingOf(options)),
        overlay_(&env_),
        cache_(options.block_cache ? options.block_cache : NewBlockCache(options.block_cache_size)),
        filter_(leveldb::NewBloomFilterPolicy(kBloomBitsPerKey)) {}
  ~LevelIndex() override;

  Status Open(const IndexOptions& options);

  Applied applied() const override {
    MutexLock lock(&mutex_);
    return applied_;
  }
  Result<bool> Get(ByteSpan key, std::string* row) override;
  Status Apply(std::span<const Effect> effects, const Applied& applied) override;
  Result<ScanEnd> Scan(const ScanRequest& request, const ScanSink& sink) override;
  Result<ScanEnd> ScanVersions(const ScanRequest& request, leveldb::ReadOptions options,
                               const ScanSink& sink);
  Result<ScanEnd> Whole(const leveldb::Iterator& rows, ScanEnd end);
  Status Checkpoint() override;
  size_t Room() override { return read_only_ ? read_only_room_ : SIZE_MAX; }
  int Level0Files() override;

 private:
  leveldb::Options LevelOptions(const IndexOptions& options);
  Result<bool> Read(leveldb::Slice key, std::string* row);
  Status ReadApplied();
  Status Fill(std::span<const Effect> effects, const Applied& applied, leveldb::WriteBatch* batch);
  Status Write(leveldb::WriteBatch* batch);

  const bool read_only_;
  size_t read_only_room_;
  SealedEnv env_;
  OverlayEnv overlay_;
  std::shared_ptr<BlockCache> cache_;
  std::unique_ptr<const leveldb::FilterPolicy> filter_;
  std::unique_ptr<leveldb::DB> db_;
  bool checkpointed_ = true;  // Nothing was applied since the last checkpoint, or since Open.
  mutable Mutex mutex_;
  Applied applied_;  // Guarded by mutex_.
};

LevelIndex::~LevelIndex() {
  overlay_.BeginClose();
  db_.reset();
  env_.JoinBackground();
}

leveldb::Options LevelIndex::LevelOptions(const IndexOptions& options) {
  leveldb::Options out;
  out.env = &env_;
  if (read_only_) out.env = &overlay_;
  out.create_if_missing = true;
  out.paranoid_checks = true;
  out.write_buffer_size = read_only_ ? kReadOnlyWriteBuffer : options.write_buffer_size;
  out.max_file_size = options.table_size;
  out.max_open_files = options.open_files_max;
  out.block_cache = static_cast<LevelBlockCache*>(cache_.get())->get();
  out.filter_policy = filter_.get();
  out.compression = leveldb::kNoCompression;  // The default asks for one that is not compiled in.
  return out;
}

Status LevelIndex::Open(const IndexOptions& options) {
  leveldb::DB* db = nullptr;
  leveldb::Status status = leveldb::DB::Open(LevelOptions(options), options.path, &db);
  db_.reset(db);
  if (!status.ok()) return env_.failures()->Explain(status);
  return ReadApplied();
}

Status LevelIndex::ReadApplied() {
  std::string row;
  Result<bool> found = Read(ToSlice(kAppliedKey), &row);
  if (!found.ok()) return found.status();
  if (*found) {
    Result<Applied> applied = Decode(AsBytes(row));
    if (!applied.ok()) return applied.status();
    applied_ = *applied;
    return Status();
  }
  std::unique_ptr<leveldb::Iterator> rows(db_->NewIterator(leveldb::ReadOptions()));
  rows->SeekToFirst();
  if (rows->Valid()) return Status(Code::kCorruption, "rows without an applied row");
  return env_.failures()->Explain(rows->status());
}

Result<bool> LevelIndex::Read(leveldb::Slice key, std::string* row) {
  RowSink sink(row);
  leveldb::Status status = db_->Get(leveldb::ReadOptions(), key, &sink);
  // Also when LevelDB found something: it may have stepped over what it could not read.
  if (Status failed = env_.failures()->reading(); !failed.ok()) return failed;
  if (status.IsNotFound()) return false;
  if (!status.ok()) return env_.failures()->Explain(status);
  return true;
}

Result<bool> LevelIndex::Get(ByteSpan key, std::string* row) {
  if (AsString(key) <= kAppliedKey) return false;
  size_t size = row->size();
  Result<bool> found = Read(ToSlice(key), row);
  if (!found.ok()) row->resize(size);
  return found;
}

Status LevelIndex::Fill(std::span<const Effect> effects, const Applied& applied,
                        leveldb::WriteBatch* batch) {
  size_t size = kRowOverhead;
  for (const Effect& effect : effects) {
    if (AsString(effect.key) <= kAppliedKey) {
      return Status(Code::kInvalidArgument, "a row key that is empty or reserved");
    }
    if (effect.row) {
      batch->Put(ToSlice(effect.key), ToSlice(*effect.row));
    } else {
      batch->Delete(ToSlice(effect.key));
    }
    size += kRowOverhead + effect.key.size() + (effect.row ? effect.row->size() : 0);
  }
  batch->Put(ToSlice(kAppliedKey), ToSlice(ByteSpan(Encode(applied))));
  if (!read_only_) return Status();
  if (size > read_only_room_) {
    return Status(Code::kReadOnly, "the index lags more than a read-only one may hold in memory");
  }
  read_only_room_ -= size;
  return Status();
}

Status LevelIndex::Write(leveldb::WriteBatch* batch) {
  if (Status failed = env_.failures()->writing(); !failed.ok()) return failed;
  return env_.failures()->Explain(db_->Write(leveldb::WriteOptions(), batch));
}

Status LevelIndex::Apply(std::span<const Effect> effects, const Applied& applied) {
  leveldb::WriteBatch batch;
  if (Status status = Fill(effects, applied, &batch); !status.ok()) return status;
  checkpointed_ = false;
  if (Status status = Write(&batch); !status.ok()) return status;
  MutexLock lock(&mutex_);
  applied_ = applied;
  return Status();
}

Result<ScanEnd> LevelIndex::Scan(const ScanRequest& request, const ScanSink& sink) {
  leveldb::ReadOptions options;
  options.fill_cache = request.fill_cache;
  if (request.older != 0) return ScanVersions(request, options, sink);
  std::unique_ptr<leveldb::Iterator> rows(db_->NewIterator(options));  // One snapshot.
  ScanEnd end;
  if (AsString(request.start) > kAppliedKey) {
    end = ScanPage(request, rows.get(), sink);
  } else {
    ScanRequest behind = request;  // Behind the applied row.
    behind.start.assign(kFirstRowKey.begin(), kFirstRowKey.end());
    end = ScanPage(behind, rows.get(), sink);
  }
  return Whole(*rows, std::move(end));
}

// LevelDB steps over a block that it cannot read and goes on behind it.
Result<ScanEnd> LevelIndex::Whole(const leveldb::Iterator& rows, ScanEnd end) {
  if (STRONGROOM_BUG("scan-ignores-status")) return end;
  if (Status failed = env_.failures()->reading(); !failed.ok()) return failed;
  if (!rows.status().ok()) return env_.failures()->Explain(rows.status());
  return end;
}

Result<ScanEnd> LevelIndex::ScanVersions(const ScanRequest& request, leveldb::ReadOptions options,
                                         const ScanSink& sink) {
  const bool fits = !request.reverse && request.version_size == VersionsIterator::kVersionSize &&
                    !request.start.empty() && !request.end.empty() &&
                    request.end[0] - request.start[0] <= 1;
  if (!fits) return Status(Code::kInvalidArgument, "versions of one family are scanned forwards");
  auto release = [this](const leveldb::Snapshot* snapshot) { db_->ReleaseSnapshot(snapshot); };
  const std::unique_ptr<const leveldb::Snapshot, decltype(release)> snapshot(db_->GetSnapshot(),
                                                                             release);
  options.snapshot = snapshot.get();
  auto rows = [&] { return std::unique_ptr<leveldb::Iterator>(db_->NewIterator(options)); };
  VersionsIterator both(rows(), rows(),
                        {static_cast<char>(request.start[0]), request.older});
  ScanEnd end = ScanPage(request, &both, sink);
  return Whole(both, std::move(end));
}

Status LevelIndex::Checkpoint() {
  if (read_only_) return Status(Code::kReadOnly, "the index is opened read-only");
  if (Status failed = env_.failures()->writing(); !failed.ok() || checkpointed_) return failed;
  // Flushes the memtable and waits for that alone: a running compaction flushes it in between.
  // CompactRange, the public way, waits for the compaction as well and swallows the status.
  auto* level = static_cast<leveldb::DBImpl*>(db_.get());
  Status status = env_.failures()->Explain(level->TEST_CompactMemTable());
  checkpointed_ = status.ok();
  return status;
}

int LevelIndex::Level0Files() {
  std::string count;
  bool known = db_->GetProperty("leveldb.num-files-at-level0", &count);
  CHECK(known);
  return atoi(count.c_str());
}

std::string ParentOf(const std::string& path) {
  size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

Status MakeFolder(io::Env* env, const std::string& path) {
  Status status = env->CreateDirectory(path);
  if (status.Is(Code::kExists)) return Status();
  if (!status.ok()) return status;
  // Crash before this line: no index, or an empty folder; both are rebuilt.
  return env->SyncDirectory(ParentOf(path));
}
}  // namespace

std::shared_ptr<BlockCache> NewBlockCache(size_t bytes) {
  return std::make_shared<LevelBlockCache>(bytes);
}

Result<std::unique_ptr<Index>> Index::Open(const IndexOptions& options) {
  CHECK(options.index_key.size() == kIndexKeySize);
  if (!options.read_only) {
    if (Status status = MakeFolder(options.env, options.path); !status.ok()) return status;
  }
  auto index = std::make_unique<LevelIndex>(options);
  if (Status status = index->Open(options); !status.ok()) return status;
  return std::unique_ptr<Index>(std::move(index));
}

// Crash before the sync: the damage may be met once more.
Status Index::Condemn(io::Env* env, const std::string& path) {
  Status status = env->Remove(path + "/CURRENT");
  if (status.ok()) status = env->SyncDirectory(path);
  return status.Is(Code::kNotFound) ? Status() : status;
}

Status Index::Destroy(io::Env* env, const std::string& path) {
  Result<std::vector<io::DirectoryEntry>> entries = env->List(path);
  if (entries.status().Is(Code::kNotFound)) return Status();
  if (!entries.ok()) return entries.status();
  // First: crash anywhere after, and what is left opens as an empty index.
  Status status = Condemn(env, path);
  if (!status.ok()) return status;
  for (const io::DirectoryEntry& entry : *entries) {
    if (entry.name == "CURRENT") continue;
    if (status = env->Remove(path + "/" + entry.name); !status.ok()) return status;
  }
  if (status = env->Remove(path); !status.ok()) return status;
  return env->SyncDirectory(ParentOf(path));
}

}  // namespace strongroom::index
