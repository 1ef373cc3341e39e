// What the tests of blobs share: zones on real folders behind an Env that can fail, and calls that
// wait for their answers.
#pragma once

#include <array>
#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/testing.h"
#include "blob/blob_reader.h"
#include "blob/blob_writer.h"
#include "hash/crc64.h"
#include "io/posix_env.h"

namespace strongroom::blob {

constexpr uint64_t kLong = 60'000'000'000;
constexpr uint32_t kSmallChunk = 256;  // Many chunks and stripes in few bytes.

// Asked before each call that touches a file: an error to give instead. May block, as a dead disk.
using Fault =
    std::function<Status(const std::string& operation, const std::string& path, uint64_t end)>;

// A fault that a test may put in while threads ask for it.
class SharedFault {
 public:
  void operator=(Fault fault) {
    MutexLock lock(&mutex_);
    fault_ = fault ? std::make_shared<const Fault>(std::move(fault)) : nullptr;
  }
  Status Ask(const std::string& operation, const std::string& path, uint64_t end) const {
    std::shared_ptr<const Fault> fault;
    {
      MutexLock lock(&mutex_);
      fault = fault_;
    }
    return fault ? (*fault)(operation, path, end) : Status();
  }
  mutable std::atomic<uint64_t> bytes_read{0};

 private:
  mutable Mutex mutex_;
  std::shared_ptr<const Fault> fault_;
};

class FaultyFile final : public io::File {
 public:
  FaultyFile(std::unique_ptr<io::File> file, std::string path, const SharedFault* fault)
      : file_(std::move(file)), path_(std::move(path)), fault_(fault) {}
  Result<size_t> ReadAt(uint64_t offset, MutableByteSpan out) override {
    TRY(Ask("read", offset + out.size()));
    return Counted(file_->ReadAt(offset, out));
  }
  Result<size_t> ReadCachedAt(uint64_t offset, MutableByteSpan out) override {
    return Counted(file_->ReadCachedAt(offset, out));
  }
  Status WriteAt(uint64_t offset, ByteSpan data) override {
    TRY(Ask("write", offset + data.size()));
    return file_->WriteAt(offset, data);
  }
  Status Sync() override {
    TRY(Ask("sync", 0));
    return file_->Sync();
  }
  Status Allocate(uint64_t size) override {
    TRY(Ask("allocate", size));
    return file_->Allocate(size);
  }
  Status Truncate(uint64_t size) override {
    TRY(Ask("truncate", size));
    return file_->Truncate(size);
  }
  Result<io::FileInfo> Info() override { return file_->Info(); }

 private:
  Status Ask(const char* operation, uint64_t end) const {
    return fault_->Ask(operation, path_, end);
  }
  Result<size_t> Counted(Result<size_t> read) const {
    if (read.ok()) fault_->bytes_read += *read;
    return read;
  }
  const std::unique_ptr<io::File> file_;
  const std::string path_;
  const SharedFault* fault_;
};

class FaultyEnv final : public io::Env {
 public:
  explicit FaultyEnv(io::Env* env) : env_(env), ended_(&mutex_) {}
  // A thread that its engine left behind still uses its Env.
  ~FaultyEnv() override { AwaitThreads(); }
  SharedFault fault;

  // Until every thread that was started here has ended.
  void AwaitThreads() {
    MutexLock lock(&mutex_);
    while (running_ > 0) CHECK(ended_.WaitFor(kLong) || running_ == 0) << "a thread never ends";
  }

  Result<std::unique_ptr<io::File>> Open(const std::string& path,
                                         io::OpenOptions options) override {
    TRY(Ask("open", path));
    TRY_ASSIGN(auto file, env_->Open(path, options));
    return std::unique_ptr<io::File>(new FaultyFile(std::move(file), path, &fault));
  }
  Status CreateDirectory(const std::string& path) override { return env_->CreateDirectory(path); }
  Status SyncDirectory(const std::string& path) override {
    TRY(Ask("sync folder", path));
    return env_->SyncDirectory(path);
  }
  Result<std::vector<io::DirectoryEntry>> List(const std::string& path) override {
    return env_->List(path);
  }
  Status Rename(const std::string& from, const std::string& to) override {
    return env_->Rename(from, to);
  }
  Status Remove(const std::string& path) override {
    TRY(Ask("remove", path));
    return env_->Remove(path);
  }
  Result<io::FileInfo> Stat(const std::string& path) override { return env_->Stat(path); }
  Result<uint64_t> FreeBytes(const std::string& path) override { return env_->FreeBytes(path); }
  Result<std::unique_ptr<io::FileLock>> Lock(const std::string& path, bool shared) override {
    return env_->Lock(path, shared);
  }
  uint64_t WallMillis() override { return env_->WallMillis(); }
  uint64_t MonotonicNanos() override { return env_->MonotonicNanos(); }
  void Random(MutableByteSpan out) override { env_->Random(out); }
  std::unique_ptr<io::Thread> StartThread(const std::string& name,
                                          std::function<void()> body) override {
    {
      MutexLock lock(&mutex_);
      ++running_;
    }
    return env_->StartThread(name, [this, body = std::move(body)]() mutable {
      body();
      body = nullptr;  // With all that it owns.
      MutexLock lock(&mutex_);
      --running_;
      ended_.SignalAll();
    });
  }
  void SleepMicros(uint64_t micros) override { env_->SleepMicros(micros); }

 private:
  Status Ask(const char* operation, const std::string& path) const {
    return fault.Ask(operation, path, 0);
  }
  io::Env* const env_;
  Mutex mutex_;
  CondVar ended_;
  size_t running_ = 0;  // Guarded by mutex_.
};

// Waits for one value from another thread.
template <typename T>
class Awaited {
 public:
  void Set(T value) {
    value_ = std::move(value);
    set_.Set(Status());
  }
  T Get() {
    Status waited = set_.Wait(kLong);
    CHECK(waited.ok()) << "no answer";
    return std::move(*value_);
  }

 private:
  std::optional<T> value_;
  io::Completion set_;
};

// A blob as the engine knows it.
struct TestBlob {
  aead::SealHeader header;
  Bytes dek;
  placement::Geometry geometry;
  uint16_t placement = 0;
  Bytes body;
};

// Zones, pools, threads.
class TestStore {
 public:
  explicit TestStore(int zones, size_t slabs = 4, size_t threads = 2)
      : env(std::make_unique<FaultyEnv>(io::PosixEnv())),
        dice(testing::Seed()),
        codec(std::make_shared<io::TaskQueue>(io::PosixEnv(), "codec", 2)) {
    const std::string root = testing::TemporaryDirectory();
    for (int i = 0; i < zones; ++i) {
      auto zone = std::make_shared<CellZone>();
      zone->number = i + 1;
      zone->path = root + "/zone-" + std::to_string(i + 1);
      CHECK(io::PosixEnv()->CreateDirectory(zone->path).ok());
      CHECK(CreateBlobFolders(io::PosixEnv(), zone->path).ok());
      queues.push_back(std::make_shared<io::TaskQueue>(io::PosixEnv(), "cells", threads));
      zone->env = env.get();
      zone->cells = queues.back();
      zone->on_failure = [this, i](const Status&) { ++failures[static_cast<size_t>(i)]; };
      this->zones.push_back(std::move(zone));
    }
    context = std::make_shared<BlobContext>();
    context->env = io::PosixEnv();
    context->codec = codec;
    context->read_slabs = SlabPool::Create(slabs);
    context->write_slabs = SlabPool::Create(slabs);
    context->deadlines = std::make_shared<Deadlines>(io::PosixEnv());
    context->on_trouble = [this](const CellTrouble& trouble) {
      MutexLock lock(&mutex);
      troubles.push_back(trouble);
    };
  }
  // Everything that runs refers to us: nothing may outlive it.
  ~TestStore() {
    for (auto& queue : queues) queue->Stop(kLong);
    codec->Stop(kLong);
  }

  TestBlob NewBlob(placement::Geometry geometry, size_t size, uint32_t chunk_size = kSmallChunk) {
    TestBlob blob;
    env->Random(blob.header.blob_id);
    env->Random(blob.header.salt);
    blob.header.store_id = store_id;
    blob.header.chunk_size = chunk_size;
    blob.dek = dice.Take(32);
    blob.geometry = geometry;
    blob.body = dice.Take(size);
    return blob;
  }

  BlobWriteSpec WriteSpec(TestBlob* blob) {
    BlobWriteSpec spec;
    spec.cipher = aead::ChunkCipher::ForSealing(blob->dek, &blob->header);
    spec.header = blob->header;
    spec.geometry = blob->geometry;
    spec.placement = blob->placement;
    spec.epoch = 7;
    spec.zones = zones;
    return spec;
  }
  BlobReadSpec ReadSpec(const TestBlob& blob) const {
    BlobReadSpec spec;
    spec.store_id = blob.header.store_id;
    spec.blob_id = blob.header.blob_id;
    spec.dek = SecretBytes(blob.dek);
    spec.size = blob.body.size();
    spec.chunk_size = blob.header.chunk_size;
    spec.geometry = blob.geometry;
    spec.placement = blob.placement;
    spec.zones = zones;
    return spec;
  }

  // Writes the body in pieces of at most `step` stripes. Waits for the end of it.
  Result<BlobDone> Write(TestBlob* blob, size_t step = 1000) {
    TRY_ASSIGN(auto writer, BlobWriter::Start(context, WriteSpec(blob)));
    Status offered = OfferAll(writer.get(), blob->body, step);
    if (!offered.ok()) {
      Awaited<bool> gone;
      writer->Abort([&] { gone.Set(true); });
      gone.Get();
      return offered;
    }
    auto done = std::make_shared<Awaited<Result<BlobDone>>>();
    writer->Finish([done](Result<BlobDone> result) { done->Set(std::move(result)); });
    return done->Get();
  }
  static Status OfferAll(BlobWriter* writer, ByteSpan body, size_t step = 1000) {
    const size_t piece = std::min(writer->piece_max(), step * writer->stripe_size());
    for (size_t at = 0;;) {
      const bool last = body.size() - at <= piece;
      const size_t size = last ? body.size() - at : piece;
      // In two parts, so that seams are met.
      const ByteSpan parts[] = {body.subspan(at, size / 3),
                                body.subspan(at + size / 3, size - size / 3)};
      auto again = std::make_shared<io::Completion>();
      TRY_ASSIGN(bool taken, writer->Offer(parts, last, [again] { again->Set(Status()); }));
      if (!taken) {
        CHECK(again->Wait(kLong).ok());
        continue;
      }
      at += size;
      if (last) return {};
    }
  }

  Result<Bytes> ReadAll(const TestBlob& blob, uint64_t step = UINT64_MAX) {
    TRY_ASSIGN(auto reader, BlobReader::Open(context, ReadSpec(blob)));
    return ReadRange(reader.get(), 0, blob.body.size(), step);
  }
  static Result<Bytes> ReadRange(BlobReader* reader, uint64_t offset, uint64_t size,
                                 uint64_t step = UINT64_MAX) {
    Bytes out;
    while (out.size() < size) {
      const uint64_t left = size - out.size(), ask = std::min(step, left);
      auto piece = std::make_shared<Awaited<Result<BlobPiece>>>();
      reader->Read(offset + out.size(), ask, left - ask,
                   [piece](Result<BlobPiece> result) { piece->Set(std::move(result)); });
      TRY_ASSIGN(BlobPiece got, piece->Get());
      if (got.bytes().empty() || got.bytes().size() > ask) return Status(Code::kIo, "wrong size");
      out.insert(out.end(), got.bytes().begin(), got.bytes().end());
    }
    return out;
  }

  std::string Path(const TestBlob& blob, int position) const {
    return BlobPath(zones[static_cast<size_t>(position)]->path, blob.header.blob_id,
                    blob.placement);
  }
  bool Exists(const TestBlob& blob, int position) const {
    return io::PosixEnv()->Stat(Path(blob, position)).ok();
  }
  Bytes Contents(const TestBlob& blob, int position) const {
    auto file = std::move(*io::PosixEnv()->Open(Path(blob, position), {}));
    Bytes bytes(file->Info()->size);
    CHECK(*file->ReadAt(0, bytes) == bytes.size());
    return bytes;
  }
  void SetContents(const TestBlob& blob, int position, ByteSpan bytes) const {
    auto file = std::move(*io::PosixEnv()->Open(Path(blob, position), {io::OpenMode::kReplace}));
    CHECK(file->WriteAt(0, bytes).ok());
  }
  size_t Count(CellTrouble::Kind kind) {
    MutexLock lock(&mutex);
    size_t count = 0;
    for (const auto& trouble : troubles) count += trouble.kind == kind;
    return count;
  }
  void ForgetTroubles() {
    MutexLock lock(&mutex);
    troubles.clear();
  }

  std::unique_ptr<FaultyEnv> env;
  testing::Random dice;
  aead::Id store_id{1, 2, 3};
  std::vector<std::shared_ptr<io::TaskQueue>> queues;
  std::shared_ptr<io::TaskQueue> codec;
  CellZones zones;
  std::shared_ptr<BlobContext> context;
  std::array<std::atomic<int>, 32> failures{};
  Mutex mutex;
  std::vector<CellTrouble> troubles;
};

}  // namespace strongroom::blob
