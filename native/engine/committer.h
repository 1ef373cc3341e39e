// Committer: the one commit thread. Takes the queued transactions, checks them against index, batch
// in flight and batch so far, gives each its sequence, and makes them durable a batch at a time.
//
//   queue -> look up -> check -> build -> [barrier of the batch before] -> begin -> apply the one
//   before -> settle its callers
//
// The next batch is prepared while the disks sync the last one, and written only after that barrier
// returned: a bad frame followed by a sound batch is then known to be rot. No timer: a lone request
// is committed at once, a busy store batches by itself.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <unordered_map>
#include <vector>

#include "engine/change_waits.h"
#include "engine/engine.h"
#include "engine/index_set.h"
#include "log/replicated_log.h"

namespace strongroom::engine {

class Committer {
 public:
  struct Options {
    io::Env* env = nullptr;
    const log::RecordSeal* seal = nullptr;
    log::ReplicatedLog* log = nullptr;
    IndexSet* indexes = nullptr;
    ChangeWaits* waits = nullptr;
    std::function<uint64_t()> replaced;  // How many zones have been replaced.
    // Instead of a commit that a zone lacks a blob for: it came into the set since the upload
    // began.
    std::function<void(Transaction, Engine::Committing)> on_lacking;
    // A large blob or list that no row names any more, once that is durable.
    std::function<void(const GoneBlob&)> on_gone;
    // So many bytes more are durable in the log.
    std::function<void(size_t)> on_written;
    std::function<void(const Status&)> on_stopped;  // The store became read-only.
  };
  explicit Committer(Options options);
  ~Committer();  // Stops.

  void Commit(Transaction transaction, Engine::Committing done);
  // Expels the zone before anything that is committed from now on.
  void Expel(int zone, std::string why);
  // Calls `work` on the commit thread while nothing is in flight: commits wait for it. After Stop
  // with null, at once.
  void BetweenBatches(std::function<void(log::ReplicatedLog*)> work);
  // The log as the last durable record left it. Any thread.
  struct LogState {
    format::Position tail;  // Stands in all zones of the set.
    format::Extent extent;
    uint32_t epoch_segment = 0;
    uint64_t epoch = 0, epochs_reserved = 0;
  };
  LogState log_state();
  // Settles what is queued, then ends the thread.
  void Stop();

  uint64_t sequence() const { return sequence_.load(); }
  uint64_t commits() const { return commits_.load(); }
  uint64_t batches() const { return batches_.load(); }

 private:
  struct Pending {
    Transaction transaction;
    Engine::Committing done;
    uint64_t revision = 0;
  };
  // A row as the next transaction must see it.
  struct Standing {
    uint64_t revision = 0;  // 0: there is none.
    uint32_t home = 0;      // Known from the index only, like the place of a small blob.
    size_t weight = 0;      // Its live bytes.
    // What it names. A small blob's place is known from the index only: in a batch it has none yet.
    std::optional<format::BlobReference> blob;
    std::optional<format::Counted> counted;
    uint64_t version = 0;
    Bytes image;  // Of the row, known from the index only, where it may have to be kept.
  };
  struct Batch {
    std::vector<Pending> pendings;
    std::vector<std::pair<Engine::Committing, Status>> refused;
    std::vector<GoneBlob> gone;
    int64_t grown = 0;  // By how many live bytes.
    size_t kept = 0;    // Bytes of rows that stay beside those that take their keys.
    std::shared_ptr<log::SealedBatch> sealed;
    std::shared_ptr<const AppliedBatch> image;
  };

  void Run();
  std::vector<Pending> TakeQueue();
  bool PrepareBatch(std::vector<Pending> candidates, Batch* batch);
  Status LookUp(const std::vector<Pending>& candidates);
  Status LookUpCounts(const std::vector<Pending>& candidates);
  Status Remember(const std::vector<Bytes>& keys, const std::vector<std::string>& rows);
  Status CheckOne(const Transaction& transaction);
  Status CheckEffect(const Effect& effect, const Transaction& transaction);
  Status CheckRetire(const format::Extent& retire);
  void DropMoved(Transaction* transaction);
  void SettleCarries(const std::vector<Pending>& candidates);
  bool MustWait(const Transaction& transaction) const;
  void PutBack(std::vector<Pending> waiting);
  std::optional<Effect> Kept(const Effect& effect);
  size_t KeptBytes(const Transaction& transaction);
  bool Unchanged(const Transaction::Range& range);
  const Standing* Current(const Bytes& key);
  void Accept(Pending pending, Batch* batch);
  Status Seal(Batch* batch);
  format::Extent ExtentOf(const Batch& batch, const format::Extent& before) const;
  void WriteBatch(std::unique_ptr<Batch> next);
  void FinishInFlight();
  void SettleDurable(Batch& batch);
  void Fail(Batch& batch, const Status& status);
  void DoAsked();
  void TellState();

  const Options options_;
  Mutex mutex_;  // Guards queue_, asked_, state_ and stopping_.
  CondVar wake_;
  std::deque<Pending> queue_;
  std::vector<std::function<void(log::ReplicatedLog*)>> asked_;
  LogState state_;  // As log_state() tells it.
  bool stopping_ = false;

  // Commit thread only.
  uint64_t next_sequence_;
  // The order of vectors, by a comparison of which no compiler doubts the lengths.
  struct KeyOrder {
    bool operator()(const Bytes& a, const Bytes& b) const { return AsString(a) < AsString(b); }
  };
  using Standings = std::map<Bytes, Standing, KeyOrder>;
  Standings newer_;                  // From the batch in flight and the batch so far.
  Standings looked_;                 // From the index, for the batch being prepared.
  std::map<Bytes, bool> unchanged_;  // By RangeName.
  bool keeps_ = false;               // Some row of the batch being prepared may have to be kept.
  std::unique_ptr<Batch> in_flight_;

  std::atomic<uint64_t> sequence_, commits_{0}, batches_{0};
  std::unique_ptr<io::Thread> thread_;
};

}  // namespace strongroom::engine
