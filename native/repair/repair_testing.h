// What the tests of repair share: three simulated zones with threads of their own, and blobs in
// them.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/testing.h"
#include "blob/blob_reader.h"
#include "blob/blob_writer.h"
#include "io/sim_env.h"
#include "repair/blob_healer.h"

namespace strongroom::repair {

constexpr uint64_t kPatience = 3'600'000'000'000;  // Simulated: an hour.
constexpr uint32_t kSmallChunk = 256;              // Many chunks and stripes in few bytes.

// A blob as its row tells of it, with its key and what is in it.
struct TestBlob {
  BlobAtRest at_rest;
  Bytes dek;
  Bytes body;
  aead::SealHeader header;
};

inline std::string ZonePath(int position) { return "/zone-" + std::to_string(position + 1); }

inline io::SimDisk DiskWithZones(int zones) {
  io::SimDisk disk;
  for (int i = 0; i < zones; ++i) disk.MakeDirectories(ZonePath(i));
  return disk;
}

// The zones of a process that runs on the disk: made and let go of within SimEnv::Run.
class SimZones {
 public:
  SimZones(io::SimEnv* env, int zones) : env_(env), codec_(Queue("codec", 1)) {
    for (int i = 0; i < zones; ++i) {
      auto zone = std::make_shared<blob::CellZone>();
      zone->number = i + 1;
      zone->path = ZonePath(i);
      zone->env = env;
      zone->cells = Queue("cells", 2);
      this->zones.push_back(std::move(zone));
    }
    context = std::make_shared<blob::BlobContext>();
    context->env = env;
    context->codec = codec_;
    context->read_slabs = blob::SlabPool::Create(2);
    context->write_slabs = blob::SlabPool::Create(2);
    context->deadlines = std::make_shared<blob::Deadlines>(env);
    context->on_trouble = [this](const blob::CellTrouble& trouble) {
      MutexLock lock(&mutex_);
      troubles_.push_back(trouble);
    };
  }
  ~SimZones() {
    for (auto& zone : zones) zone->cells->Stop(kPatience);
    codec_->Stop(kPatience);
  }

  Status CreateFolders() {
    for (auto& zone : zones) TRY(blob::CreateBlobFolders(env_, zone->path));
    return {};
  }

  Result<TestBlob> Write(Bytes body, placement::Geometry geometry) {
    TestBlob blob;
    env_->Random(blob.header.blob_id);
    env_->Random(blob.header.salt);
    blob.header.store_id = {1, 2, 3};
    blob.header.chunk_size = kSmallChunk;
    blob.dek.resize(aead::kKeySize);
    env_->Random(blob.dek);
    blob.at_rest = {blob.header.store_id,
                    blob.header.blob_id,
                    0,
                    {kSmallChunk, geometry.k, geometry.m, body.size()}};
    blob::BlobWriteSpec spec;
    spec.cipher = aead::ChunkCipher::ForSealing(blob.dek, &blob.header);
    spec.header = blob.header;
    spec.geometry = geometry;
    spec.epoch = 7;
    spec.zones = zones;
    TRY_ASSIGN(auto writer, blob::BlobWriter::Start(context, std::move(spec)));
    TRY(Offer(writer.get(), body));
    auto done = std::make_shared<io::Completion>();
    writer->Finish([done](Result<blob::BlobDone> result) { done->Set(result.status()); });
    TRY(done->Wait(kPatience));
    blob.body = std::move(body);
    return blob;
  }

  // Through the reader that callers get.
  Result<Bytes> Read(const TestBlob& blob) {
    blob::BlobReadSpec spec;
    spec.store_id = blob.header.store_id;
    spec.blob_id = blob.header.blob_id;
    spec.dek = SecretBytes(blob.dek);
    spec.size = blob.body.size();
    spec.chunk_size = kSmallChunk;
    spec.geometry = {blob.at_rest.shape.k, blob.at_rest.shape.m};
    spec.zones = zones;
    TRY_ASSIGN(auto reader, blob::BlobReader::Open(context, std::move(spec)));
    Bytes out;
    while (out.size() < blob.body.size()) {
      auto piece = std::make_shared<Bytes>();
      auto done = std::make_shared<io::Completion>();
      reader->Read(out.size(), blob.body.size() - out.size(), 0,
                   [piece, done](Result<blob::BlobPiece> result) {
                     if (result.ok()) piece->assign(result->bytes().begin(), result->bytes().end());
                     done->Set(result.status());
                   });
      TRY(done->Wait(kPatience));
      out.insert(out.end(), piece->begin(), piece->end());
    }
    return out;
  }

  Result<HealOutcome> Heal(const TestBlob& blob, int target, bool with_key,
                           const Pace& pace = nullptr) {
    HealOrder order;
    order.blob = blob.at_rest;
    order.zones = zones;
    order.target = target;
    if (with_key) order.dek = SecretBytes(blob.dek);
    return HealBlob(context, order, pace);
  }

  std::vector<blob::CellTrouble> TakeTroubles() {
    MutexLock lock(&mutex_);
    return std::exchange(troubles_, {});
  }

  blob::CellZones zones;
  std::shared_ptr<blob::BlobContext> context;

 private:
  std::shared_ptr<io::TaskQueue> Queue(const char* name, size_t threads) {
    return std::make_shared<io::TaskQueue>(env_, name, threads);
  }
  static Status Offer(blob::BlobWriter* writer, ByteSpan body) {
    for (size_t at = 0;;) {
      const bool last = body.size() - at <= writer->piece_max();
      const ByteSpan part = body.subspan(at, last ? body.size() - at : writer->piece_max());
      auto again = std::make_shared<io::Completion>();
      TRY_ASSIGN(bool taken, writer->Offer({&part, 1}, last, [again] { again->Set(Status()); }));
      if (!taken) {
        TRY(again->Wait(kPatience));
        continue;
      }
      at += part.size();
      if (last) return {};
    }
  }

  io::SimEnv* const env_;
  const std::shared_ptr<io::TaskQueue> codec_;
  Mutex mutex_;
  std::vector<blob::CellTrouble> troubles_;  // Guarded by mutex_.
};

}  // namespace strongroom::repair
