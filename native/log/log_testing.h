// A bare store for the tests of the log: zones on any Env, opened by recovery, written by batches
// whose transactions are numbers, read back as the list of those numbers.
#pragma once

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "base/testing.h"
#include "hash/xxh64.h"
#include "log/replicated_log.h"

namespace strongroom::log {

using Truth = std::vector<uint64_t>;  // The transactions in the order of the chain.

// What all opens of one store share.
struct TestStore {
  format::Superblock shape;
  format::StoreKeys keys;
  RecordSeal seal;
  std::vector<std::string> paths;
  std::vector<aead::Id> zone_ids;

  TestStore(io::Env* env, std::vector<std::string> zones) : paths(std::move(zones)) {
    shape.counter = 1;
    shape.epochs_reserved = 1;
    shape.zone_count = static_cast<uint8_t>(paths.size());
    env->Random(shape.store_id);
    Bytes root(32, 7);
    keys = format::CreateStoreKeys(env, root, &shape);
    seal.store_id = shape.store_id;
    seal.generation = keys.record_generation;
    seal.key = keys.record.Clone();
    zone_ids.resize(paths.size());
    for (aead::Id& id : zone_ids) env->Random(id);
    shape.roster.zones = zone_ids;
  }

  size_t quorum() const { return paths.size() / 2 + 1; }

  // REQUIRES: the zones' folders are there.
  Status Create(io::Env* env) const {
    for (size_t i = 0; i < paths.size(); ++i) {
      TRY(env->CreateDirectory(paths[i] + "/log"));
      TRY_ASSIGN(auto file, env->Open(paths[i] + "/superblock", {io::OpenMode::kReplace, false}));
      format::Superblock mine = shape;
      mine.zone_id = zone_ids[i];
      TRY(file->Allocate(2 * format::kSlotSize));
      TRY(format::WriteSuperblock(file.get(), mine, keys));
      TRY(env->SyncDirectory(paths[i]));
    }
    return {};
  }

  // The zones given, as an open finds them.
  Result<std::vector<RecoveryZone>> Find(io::Env* env, const std::vector<size_t>& which) const {
    std::vector<RecoveryZone> out;
    for (size_t i : which) {
      auto queue = std::make_shared<io::TaskQueue>(env, "opening" + std::to_string(i + 1), 1);
      auto disk = std::make_shared<io::DeadlineEnv>(env, queue, io::kZoneDeadlineNanos);
      TRY_ASSIGN(auto superblock, format::ReadSuperblock(disk.get(), paths[i]));
      TRY(format::VerifySuperblock(disk.get(), paths[i], superblock, keys));
      out.push_back({static_cast<int>(i) + 1, paths[i], superblock, disk,
                     std::make_shared<ZoneLog>(disk.get(), paths[i]), std::nullopt});
    }
    return out;
  }

  RecoveryOptions Options(io::Env* env) const {
    RecoveryOptions out;
    out.env = env;
    out.seal = &seal;
    out.keys = &keys;
    out.quorum = quorum();
    return out;
  }
};

// A batch of transactions, with the cells of one blob of `blob_size` bytes before them.
inline std::shared_ptr<SealedBatch> SealTestBatch(io::Env* env, const RecordSeal& seal,
                                                  const Place& place, const Truth& transactions,
                                                  size_t blob_size) {
  Bytes frame;
  if (blob_size > 0) {
    aead::SealHeader header;
    header.store_id = seal.store_id;
    env->Random(header.blob_id);
    env->Random(header.salt);
    Bytes dek(aead::kKeySize, 3), plaintext(blob_size, 0x5a);
    auto cipher = aead::ChunkCipher::ForSealing(dek, &header);
    frame.resize(format::BlobFrameSize(blob_size));
    format::SealBlobFrame(header, cipher, plaintext, frame.data());
  }
  Bytes record;
  format::RecordHead head{format::RecordKind::kCommit,
                          place.epoch,
                          place.before.sequence + 1,
                          place.before.chain,
                          0,
                          0,
                          place.extent};
  format::EncodeRecordHead(head, &record);
  ByteWriter w(&record);
  w.U32(static_cast<uint32_t>(transactions.size()));
  for (uint64_t transaction : transactions) {
    Bytes key(8);
    StoreLittle(key.data(), transaction);
    w.U32(1);
    format::EncodeWritten(key, Bytes{}, &record);
  }
  std::array<uint8_t, aead::kXaesNonceSize> nonce;
  env->Random(nonce);
  Bytes aad = format::RecordAad(seal.store_id, place.segment_id, place.offset, place.epoch,
                                head.first_sequence);
  Bytes sealed = aead::XaesSeal(seal.key.span(), nonce, aad, record);
  auto batch = std::make_shared<SealedBatch>();
  batch->place = place;
  batch->extent = place.extent;
  format::BatchHeader header;
  header.segment_id = place.segment_id;
  header.offset = place.offset;
  header.record_offset = static_cast<uint32_t>(format::kBatchHeaderSize + frame.size());
  header.record_size = static_cast<uint32_t>(sealed.size());
  header.size =
      static_cast<uint32_t>(format::RoundUp(header.record_offset + sealed.size(), format::kBlock));
  header.epoch = place.epoch;
  header.first_sequence = head.first_sequence;
  header.record_generation = seal.generation;
  header.record_checksum = hash::Xxh64(sealed);
  batch->bytes.Resize(header.size);
  memset(batch->bytes.data(), 0, header.size);
  format::EncodeBatchHeader(header, batch->bytes.data());
  std::copy(frame.begin(), frame.end(), batch->bytes.data() + format::kBatchHeaderSize);
  memcpy(batch->bytes.data() + header.record_offset, sealed.data(), sealed.size());
  uint64_t location = format::Location(place.segment, place.offset);
  batch->position = {place.epoch, place.before.sequence + transactions.size(), location,
                     location + header.size, hash::Sha256(sealed)};
  return batch;
}

// Opens, like the engine: the log over the set that recovery made.
struct TestOpen {
  std::vector<RecoveryZone> zones;
  Recovered recovered;
  std::vector<std::shared_ptr<io::TaskQueue>> queues;
  std::unique_ptr<ReplicatedLog> log;
  std::vector<int> expelled;
  std::vector<std::string> alarms;
  std::function<void()> on_found;  // The zones are there; recovery begins.
  bool read_only = false;
  const TestStore* store = nullptr;
  io::Env* env = nullptr;

  Status Open(const TestStore& given, io::Env* on, const std::vector<size_t>& which,
              const std::vector<std::optional<format::Position>>& applied = {}) {
    store = &given;
    env = on;
    TRY_ASSIGN(zones, store->Find(env, which));
    for (size_t i = 0; i < zones.size() && !applied.empty(); ++i) {
      zones[i].applied = applied[which[i]];
    }
    if (on_found) on_found();
    RecoveryOptions options = store->Options(env);
    options.read_only = read_only;
    options.on_alarm = [this](int, const std::string& what) { alarms.push_back(what); };
    TRY_ASSIGN(recovered, Recover(zones, options));
    return {};
  }

  void Serve(uint64_t deadline_nanos = 2'000'000'000) {
    std::vector<LogMember> set;
    for (size_t i : recovered.set) {
      std::string name = "zone" + std::to_string(zones[i].number);
      queues.push_back(std::make_shared<io::TaskQueue>(env, name, 1));
      auto log_of_its_thread = std::make_shared<ZoneLog>(env, zones[i].path);
      set.push_back(
          {zones[i].number, zones[i].superblock.zone_id, log_of_its_thread, queues.back()});
    }
    ReplicatedLog::Options options;
    options.env = env;
    options.seal = &store->seal;
    options.quorum = store->quorum();
    options.deadline_nanos = deadline_nanos;
    options.on_expelled = [this](int zone, const std::string&) { expelled.push_back(zone); };
    log = std::make_unique<ReplicatedLog>(std::move(options), std::move(set), recovered);
  }

  Status Commit(const Truth& transactions, size_t blob_size = 0) {
    // The size of the batch decides its place, the place decides its bytes.
    size_t size = SealTestBatch(env, store->seal, {}, transactions, blob_size)->bytes.size();
    TRY_ASSIGN(Place place, log->PlaceFor(size));
    log->Begin(SealTestBatch(env, store->seal, place, transactions, blob_size));
    return log->Finish();
  }
};

// One zone's whole history, each batch with sound cells; and where it ends.
struct History {
  Truth transactions;
  std::vector<hash::Sha256Digest> chain;
  format::Position tail;
};
inline Result<History> ReadHistory(ZoneLog& log, const RecordSeal& seal) {
  History out;
  LogReader reader(&log, &seal, {}, LogReader::Source::kCached);
  for (;;) {
    TRY_ASSIGN(auto entry, reader.Next());
    if (!entry) break;
    TRY(reader.CheckBlobs(*entry));
    out.chain.push_back(entry->position.chain);
    if (entry->record.head.kind != format::RecordKind::kCommit) continue;
    for (const auto& effects : entry->record.transactions) {
      out.transactions.push_back(LoadLittle<uint64_t>(effects.front().key.data()));
    }
  }
  out.tail = reader.position();
  return out;
}

}  // namespace strongroom::log
