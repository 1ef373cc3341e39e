// Cell returns: gives a zone that came back the cells of large blobs that it lacks.
//
//   its log is equal, it is in the set --every counted blob has its cells there--> whole
//   an upload from before the return   --its cells there, first-----------------> committed
//
// Until the walk has come to its end the zone's superblock says "healing", so that a crash does not
// make it whole; the walk then begins anew, with the next open.
//
// Two threads: a walk may take days, an upload must not wait for it.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "engine/blob_pins.h"
#include "engine/engine.h"
#include "engine/resting.h"
#include "engine/row_page.h"
#include "engine/zone.h"
#include "repair/blob_healer.h"

namespace strongroom::engine {

class CellReturns {
 public:
  struct Options {
    io::Env* env = nullptr;
    aead::Id store_id{};
    const format::StoreKeys* keys = nullptr;
    const Demand* demand = nullptr;
    uint64_t deadline_nanos = 0;
    std::shared_ptr<blob::BlobContext> blobs;
    blob::CellZones cell_zones;
    std::vector<std::shared_ptr<Zone>> zones;
    std::shared_ptr<BlobPins> pins;
    std::function<std::vector<int>()> set;
    std::function<uint64_t()> replaced;                       // How many zones have been replaced.
    std::function<Result<RowPage>(index::ScanRequest)> rows;  // Blocks.
    std::function<Result<bool>(const aead::Id&)> is_counted;  // Blocks.
    std::function<void(Transaction, Engine::Committing)> commit;
    std::function<void(int zone, const Status& why)> cells_failed;
    std::function<void(const std::shared_ptr<Zone>&)> on_whole;
    std::function<void(int zone, const Status& why)> on_not_whole;
  };
  explicit CellReturns(Options options);
  ~CellReturns();  // Stops and awaits.

  // The zone is in the set, and holds the cells of every blob whose counting row has not changed
  // since this sequence; the others are looked at cell by cell.
  void Walk(std::shared_ptr<Zone> zone, uint64_t whole_until);
  // A walk for the zone that is not at its end makes nothing whole any more.
  void Abandon(const Zone& zone);
  // Commits once every zone of the set holds the transaction's fresh blobs.
  void Complete(Transaction transaction, Engine::Committing done);
  void Stop();
  // After it: waits for what goes on; a call to a disk ends within its patience.
  void Await();

 private:
  struct Walking {
    std::shared_ptr<Zone> zone;
    uint64_t whole_until = 0;
    uint64_t number = 0;
    uint64_t pause = 0;  // Before it is tried again.
  };
  struct Completing {
    Transaction transaction;
    Engine::Committing done;
  };
  void RunWalks();
  void RunCompletions();
  Status WalkOne(const Walking& walking);
  void TryAgainLater(Walking walking, const Status& why);
  Status WalkBlobs(const Walking& walking, Resting* resting);
  Status HealCounted(const Walking& walking, const RowPage::Row& row, Resting* resting);
  Status CompleteBlobs(Transaction* transaction);
  bool InSet(int number) const;
  bool IsLatest(const Walking& walking);
  bool LooksWhole(Zone& zone, const repair::BlobAtRest& blob) const;
  repair::HealOrder OrderFor(const Zone& zone, const aead::Id& id, uint64_t size,
                             const format::Placement& placement) const;

  const Options options_;
  StopSign stop_;
  Mutex mutex_;  // Guards the rest.
  CondVar changed_;
  std::deque<Walking> walks_;
  std::map<int, uint64_t> latest_;  // The number of each zone's last walk, or abandonment.
  uint64_t numbers_ = 0;
  std::deque<Completing> completions_;
  std::unique_ptr<io::Thread> walker_, completer_;  // Begun when there is something to do.
};

// Which zones of `set` lack a fresh large blob of the transaction, or may, since one of them was
// replaced after it was begun.
std::vector<int> Lacking(const Transaction& transaction, const std::vector<int>& set,
                         uint64_t replaced);

}  // namespace strongroom::engine
