// What the tests of the engine share: a store on real folders whose disks can fail or hang.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "base/testing.h"
#include "blob/blob_testing.h"
#include "engine/engine.h"

namespace strongroom::engine {

constexpr uint64_t kPatience = 60'000'000'000;

// Of an engine on whatever Env: one row with a body of its own, and whether there is such a row.
inline Status PutRow(Engine& engine, const std::string& row, size_t size = 0) {
  Transaction transaction;
  Effect effect;
  effect.key = Bytes(row.begin(), row.end());
  effect.body = Bytes(size, 'm');
  transaction.effects.push_back(std::move(effect));
  auto done = std::make_shared<io::Completion>();
  engine.Commit(std::move(transaction),
                [done](Result<Committed> result) { done->Set(result.status()); });
  return done->Wait(kPatience);
}
inline Status FindRow(Engine& engine, const std::string& row) {
  GetRequest request;
  request.key = Bytes(row.begin(), row.end());
  auto done = std::make_shared<io::Completion>();
  engine.Get(std::move(request), [done](Result<std::optional<Found>> result) {
    bool absent = result.ok() && !*result;
    done->Set(absent ? Status(Code::kNotFound, "absent") : result.status());
  });
  return done->Wait(kPatience);
}

// Zones in a temporary folder behind an Env that can fail or hang below one of them.
struct World {
  explicit World(size_t zone_count) : env(io::PosixEnv()), count(zone_count) {
    folder = testing::TemporaryDirectory();
    env.fault = [this](const std::string& operation, const std::string& path, uint64_t) -> Status {
      int zone = broken.load();
      if (zone == 0 || path.find("/z" + std::to_string(zone)) == std::string::npos) return {};
      while (hang.load() && broken.load() == zone) io::PosixEnv()->SleepMicros(1000);
      if (fail.load() && operation == "sync") return Status(Code::kIo, "the disk is gone");
      return {};
    };
  }
  // What the engine left behind ends before what it uses.
  ~World() {
    Heal();
    engine = nullptr;
    env.AwaitThreads();
  }
  std::string Path(size_t zone) const { return folder + "/z" + std::to_string(zone); }
  OpenOptions Options() {
    OpenOptions options;
    options.env = &env;
    for (size_t i = 1; i <= count; ++i) options.zones.push_back(Path(i));
    options.root_key = SecretBytes(AsBytes("0123456789abcdef0123456789abcdef"));
    options.zone_deadline_nanos = 400'000'000;
    if (count == 1) options.small = options.large = {1, 0};
    options.read_slabs = options.write_slabs = 2;
    options.write_buffer_size = write_buffer_size;
    return options;
  }
  Status Open() {
    auto opened = Engine::Open(Options(), [this](const Event& event) {
      MutexLock lock(&mutex);
      events.push_back(event);
    });
    if (!opened.ok()) return opened.status();
    engine = *opened;
    if (!kek) kek = engine->CreateKey(AsBytes("test")).second;
    return {};
  }
  void Reopen() {
    engine->Close();
    engine = nullptr;
    EXPECT_OK(Open());
  }
  // Ends a hang, so that stuck threads can end.
  void Heal() {
    hang = fail = false;
    broken = 0;
  }
  size_t Count(Event::Kind kind) {
    MutexLock lock(&mutex);
    size_t found = 0;
    for (const Event& event : events) found += event.kind == kind;
    return found;
  }
  // The status, and what a caller hears, may be a moment before the event that tells of it.
  bool AwaitTold(Event::Kind kind) {
    for (int i = 0; i < 20'000 && Count(kind) == 0; ++i) io::PosixEnv()->SleepMicros(1000);
    return Count(kind) != 0;
  }

  Status Commit(Transaction transaction) {
    auto done = std::make_shared<io::Completion>();
    engine->Commit(std::move(transaction),
                   [done](Result<Committed> result) { done->Set(result.status()); });
    return done->Wait(kPatience);
  }
  Effect Put(const std::string& row, const std::string& body, const std::string& meta = "") {
    Effect effect;
    effect.key = Bytes(row.begin(), row.end());
    effect.body = Bytes(meta.begin(), meta.end());
    effect.small = engine->SealSmall(*kek, AsBytes(body));
    return effect;
  }
  Status PutOne(const std::string& row, const std::string& body, const std::string& meta = "") {
    Transaction transaction;
    transaction.effects.push_back(Put(row, body, meta));
    return Commit(std::move(transaction));
  }
  Status Remove(const std::string& row) {
    Transaction transaction;
    Effect effect;
    effect.key = Bytes(row.begin(), row.end());
    effect.remove = true;
    transaction.effects.push_back(std::move(effect));
    return Commit(std::move(transaction));
  }
  Result<std::string> Get(const std::string& row) {
    struct Answer {
      io::Completion done;
      std::string text;
    };
    auto answer = std::make_shared<Answer>();
    GetRequest request;
    request.key = Bytes(row.begin(), row.end());
    request.kek = kek;
    engine->Get(std::move(request), [answer](Result<std::optional<Found>> result) {
      if (result.ok() && *result) {
        const Found& found = **result;
        answer->text = AsString(ByteSpan(found.bytes).subspan(found.row_size));
      }
      bool absent = result.ok() && !*result;
      answer->done.Set(absent ? Status(Code::kNotFound, "absent") : result.status());
    });
    TRY(answer->done.Wait(kPatience));
    return answer->text;
  }

  // Reads a large row to its end.
  Status ReadLarge(const std::string& row, uint64_t size) {
    auto done = std::make_shared<io::Completion>();
    auto found = std::make_shared<Found>();
    GetRequest request;
    request.key = Bytes(row.begin(), row.end());
    request.kek = kek;
    engine->Get(std::move(request), [done, found](Result<std::optional<Found>> result) {
      bool there = result.ok() && *result;
      if (there) *found = std::move(**result);
      done->Set(result.ok() && !there ? Status(Code::kNotFound, "absent") : result.status());
    });
    TRY(done->Wait(kPatience));
    TRY_ASSIGN(auto reader,
               engine->ReadBlob({kek, nullptr, found->row().row.blob, found->placement}));
    uint64_t at = 0;
    while (at < size) {
      auto read = std::make_shared<io::Completion>();
      auto got = std::make_shared<uint64_t>(0);
      reader->Read(at, size - at, 0, [read, got](Result<blob::BlobPiece> piece) {
        if (piece.ok()) *got = piece->bytes().size();
        read->Set(piece.status());
      });
      TRY(read->Wait(kPatience));
      if (*got == 0) return Status(Code::kCorruption, "the blob ends early");
      at += *got;
    }
    return {};
  }
  // A large blob under the row.
  Status PutLarge(const std::string& row, ByteSpan body) {
    TRY_ASSIGN(auto blob, engine->WriteBlob(*kek, body.size(), {}));
    TRY(blob::TestStore::OfferAll(blob.writer.get(), body));
    auto written = std::make_shared<blob::Awaited<Result<blob::BlobDone>>>();
    blob.writer->Finish([written](Result<blob::BlobDone> result) { written->Set(result); });
    TRY_ASSIGN(auto done, written->Get());
    engine->BlobWritten(done);
    Transaction transaction;
    Effect effect;
    effect.key = Bytes(row.begin(), row.end());
    effect.named = NamedBlob{blob.reference, true, blob.placement, done.zones_written};
    effect.named->reference.size = done.size;
    effect.named->replaced = blob.replaced;
    transaction.effects.push_back(std::move(effect));
    return Commit(std::move(transaction));
  }
  // Until nobody holds the zone's lock: its last thread has let go of it then.
  void AwaitUnlocked(size_t zone) {
    while (!io::PosixEnv()->Lock(Path(zone) + "/lock", false).ok()) {
      io::PosixEnv()->SleepMicros(1000);
    }
  }

  blob::FaultyEnv env;
  size_t count;
  size_t write_buffer_size = 4 << 20;
  std::string folder;
  std::atomic<int> broken{0};
  std::atomic<bool> hang{false}, fail{false};
  KekRef kek;
  Mutex mutex;
  std::vector<Event> events;
  std::shared_ptr<Engine> engine;  // Last: it ends before what it uses.
};

}  // namespace strongroom::engine
