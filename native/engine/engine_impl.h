// EngineImpl: the engine behind the interface that everyone else includes.
#pragma once

#include <array>
#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "engine/blob_pins.h"
#include "engine/cell_returns.h"
#include "engine/committer.h"
#include "engine/compactor.h"
#include "engine/engine.h"
#include "engine/index_set.h"
#include "engine/opening.h"
#include "engine/parts_clearer.h"
#include "engine/returning.h"
#include "engine/small_blob.h"
#include "engine/sweeper.h"
#include "io/routed_env.h"
#include "repair/frame_verifier.h"

namespace strongroom::engine {

class VerifyRun;
class IndexWitness;

// Whatever a zone's thread or a reader's holder may still call after the close holds a share, or
// asks for one that may be gone. Who opened the engine holds a handle that closes it.
class EngineImpl : public Engine, public std::enable_shared_from_this<EngineImpl> {
 public:
  EngineImpl(OpenOptions options, std::function<void(const Event&)> on_event)
      : options_(std::move(options)), on_event_(std::move(on_event)) {}
  ~EngineImpl() override { Close(); }
  Status Start();

  const aead::Id& store_id() const override { return shape_.store_id; }
  uint32_t format_version() const override { return format::kFormatVersion; }
  bool read_only() const override { return options_.read_only; }
  uint32_t large_from() const override { return shape_.large_from; }

  std::pair<Bytes, KekRef> CreateKey(ByteSpan context) override;
  Result<KekRef> OpenKey(ByteSpan wrapped, ByteSpan context) override;
  SealedBlob SealSmall(const Kek& kek, ByteSpan plaintext) override {
    return SealSmallBlob(MakeBlob(options_.env, shape_.store_id, kek), plaintext);
  }
  SealedBlob SealPart(const PartsKey& parts, ByteSpan plaintext) override {
    return SealSmallBlob(MakePart(options_.env, shape_.store_id, parts), plaintext);
  }
  PartsKeyRef CreateParts() override;
  format::BlobReference NameParts(const Kek& kek, const PartsKey& parts, uint64_t size,
                                  uint64_t crc64) override;
  Result<format::BlobReference> Rewrap(const format::BlobReference& reference, const Kek& from,
                                       const Kek& to) override;
  void Commit(Transaction transaction, Committing done) override;
  void Get(GetRequest request, Finding done) override {
    demand_->Note();
    Find(std::move(request), std::move(done));
  }
  // The same for work of the engine itself, which nobody waits for.
  void Find(GetRequest request, Finding done);
  void Scan(ScanRequest request, Scanning scanning) override;
  Result<NewBlob> WriteBlob(const Kek& kek, uint64_t expected_size,
                            std::function<void(ByteSpan)> on_plaintext) override {
    if (Status refusal = WriteRefusal(); !refusal.ok()) return refusal;
    return StartBlob(MakeBlob(options_.env, shape_.store_id, kek), format::BlobKind::kLarge,
                     expected_size, std::move(on_plaintext));
  }
  Result<NewBlob> WritePart(const PartsKey& parts, uint64_t expected_size,
                            std::function<void(ByteSpan)> on_plaintext) override {
    if (Status refusal = WriteRefusal(); !refusal.ok()) return refusal;
    return StartBlob(MakePart(options_.env, shape_.store_id, parts), format::BlobKind::kLargePart,
                     expected_size, std::move(on_plaintext));
  }
  void TakeCheckpoint(std::function<void(Result<Checkpoint>)> done) override;
  std::shared_ptr<void> AwaitChange(Bytes under, std::function<void()> done) override {
    return waits_->Await(std::move(under), std::move(done));
  }
  bool PostToCodec(std::function<void()> work) override {
    return !closed() && codec_ && codec_->Post(std::move(work));
  }
  Result<std::shared_ptr<blob::BlobReader>> ReadBlob(const Opening& opening) override;
  void BlobWritten(const blob::BlobDone& done) override;
  void DropBlob(const GoneBlob& blob) override { RemoveFiles(blob); }
  std::shared_ptr<Verifying> Verify(VerifyRequest request) override;
  std::shared_ptr<Verifying> VerifyRow(VerifyRowRequest request) override;
  std::shared_ptr<Verifying> BackUp(std::string path) override;
  void TakeAway(int zone, std::function<void(const Status&)> done) override;
  void BringBack(int zone) override;
  void ReplaceZone(int zone, std::string path, std::function<void(const Status&)> done) override;
  void Compact(std::function<void(Status)> done) override;
  void ListQuarantine(int zone, std::string after, size_t limit,
                      std::function<void(Result<repair::Quarantined>)> done) override;
  EngineStatus status() override;
  void Close() override;

 private:
  Result<std::optional<Found>> GetFrom(const std::shared_ptr<Zone>& zone, index::Index& index,
                                       const GetRequest& request, Status* broken);
  Status ReadSmall(const std::shared_ptr<Zone>& zone, const SmallBlobRead& read, Bytes* out);
  void StartBlobs();
  void StartCommitter();
  void StartIndexes();
  void StopCommitter();
  void StartClearer();
  void CondemnIndex(int number);
  void PrepareReturns();
  Status ExpelForGood(int zone);
  void Admitted(const std::shared_ptr<Zone>& zone, uint64_t whole_until);
  void PrepareCells();
  void ResumeHealing();
  Result<bool> IsCounted(const aead::Id& blob_id);
  void Whole(const std::shared_ptr<Zone>& zone);
  void StartCompactor();
  void StartSweeper();
  Status ReserveEpochs(uint64_t reserved);
  Status WriteRefusal() const;
  Result<NewBlob> StartBlob(FreshBlob fresh, format::BlobKind kind, uint64_t expected_size,
                            std::function<void(ByteSpan)> on_plaintext);
  Result<SecretBytes> DekOf(const KekRef& kek, const PartsKeyRef& parts,
                            const format::BlobReference& reference) const;
  Status OpenFound(const std::shared_ptr<Zone>& zone, const GetRequest& request,
                   const format::BlobReference& blob, Found* found);
  void Remove(const GoneBlob& blob);
  void RemoveFiles(const GoneBlob& blob);
  void Report(Event::Kind kind, int zone, const std::string& what);
  void CellsFailed(int zone, const Status& why);
  // ---- engine_verify.cc
  // Threads of what takes its time, one each, once it is needed: of what goes at full speed, of
  // what keeps to a rate, of backups.
  enum class Lane { kRepair, kScrub, kBackup };
  std::shared_ptr<Verifying> StartRun(Lane lane, uint64_t bytes_per_second,
                                      std::function<Status(EngineImpl*, VerifyRun*)> work);
  void StopRuns();
  Status VerifyAll(const VerifyRequest& request, VerifyRun* run);
  Status VerifyBlobs(const VerifyRequest& request, VerifyRun* run);
  Status VerifyLarge(const Bytes& key, SecretBytes dek, bool heal, VerifyRun* run);
  Status VerifyOneRow(const VerifyRowRequest& request, VerifyRun* run);
  // ---- engine_backup.cc
  Status BackUpTo(const std::string& path, VerifyRun* run);
  // ---- index_verifier.cc
  Status VerifyIndex(bool heal, VerifyRun* run);
  Result<bool> IsWrongInIndex(const Bytes& key, IndexWitness* witness);

  format::Position LogTail() const {
    return committer_ ? committer_->log_state().tail : opened_->recovered.tail;
  }
  Compactor::Held HoldLog();
  std::vector<std::shared_ptr<Zone>> ZonesOfSet() const;
  repair::LogZone ForRepair(const Zone& zone) const;
  void TellZonesThatAreOut(VerifyRun* run);
  // A large blob's file lacks something in a zone, as a reader found: heals it, later.
  void HealSoon(const blob::CellTrouble& trouble);
  void HealNow(const blob::CellTrouble& trouble);
  // A small blob is not what was sealed in some zone.
  void HealFrameSoon(const format::BlobReference& reference, ByteSpan dek);
  repair::FrameOrder FrameOrderFor(const format::BlobReference& blob, SecretBytes dek,
                                   bool heal) const;
  bool PostTo(Lane lane, std::function<void(EngineImpl*)> work);
  bool PostRepair(std::function<void(EngineImpl*)> work) {
    return PostTo(Lane::kRepair, std::move(work));
  }
  void TellFinding(repair::Finding finding, VerifyRun* run);
  bool closed() const { return closed_.load(); }

  OpenOptions options_;  // Its `env` is routed_, once the store is opened.
  io::RoutedEnv* routed_ = nullptr;
  const std::function<void(const Event&)> on_event_;
  format::Superblock shape_;
  std::unique_ptr<Opened> opened_;
  const std::shared_ptr<Demand> demand_ = std::make_shared<Demand>(options_.env);
  std::shared_ptr<blob::Deadlines> index_deadlines_;
  std::shared_ptr<io::TaskQueue> codec_;
  std::shared_ptr<blob::BlobContext> blobs_;
  blob::CellZones cell_zones_;
  std::shared_ptr<BlobPins> pins_;
  std::shared_ptr<IndexSet> indexes_;
  const std::shared_ptr<ChangeWaits> waits_ = std::make_shared<ChangeWaits>();
  std::unique_ptr<log::ReplicatedLog> log_;
  std::unique_ptr<Committer> committer_;
  std::shared_ptr<PartsClearer> clearer_;
  std::unique_ptr<ZoneReturns> returns_;
  std::unique_ptr<CellReturns> cells_;
  std::atomic<uint64_t> replaced_{0};  // Zones, since the open.
  std::atomic<int> taken_away_{0};     // The zone of a drill; 0: none.
  std::unique_ptr<Sweeper> sweeper_;
  std::unique_ptr<Compactor> compactor_;
  std::atomic<Compactor*> told_{nullptr};  // By the commit thread, once it is there.
  std::atomic<bool> closed_{false};
  Mutex close_mutex_;
  Mutex event_mutex_;      // Held while on_event_ runs, so that Close can wait for it.
  bool silenced_ = false;  // Guarded by event_mutex_.
  std::atomic<uint64_t> rot_found_{0}, tampering_found_{0}, degraded_{0}, without_redundancy_{0};
  mutable Mutex state_mutex_;
  // Guarded by state_mutex_:
  std::string read_only_reason_;
  std::array<std::shared_ptr<io::TaskQueue>, 3> lanes_;
  std::vector<std::weak_ptr<VerifyRun>> runs_;
  // Zone and blob; true: found damaged again since its healing began.
  std::map<std::pair<int, aead::Id>, bool> healing_soon_;
};

}  // namespace strongroom::engine
