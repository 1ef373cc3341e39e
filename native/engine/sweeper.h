// Sweeper: removes the files of large blobs that no row names, once for each open, in the
// background: of uploads that a crash cut short or nobody finished, and of blobs that were removed
// while the zone was away.
//
//   list a folder -> ask the index, which has every commit -> ask who still reads -> ask the file
//   for its age -> unlink
//
// In this order: rows are looked up after the files were listed, so that an upload which commits in
// between is found; and a file of this open is never taken, whatever the rows say
// (repair/orphans.h). A crash anywhere leaves files for the next open.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <vector>

#include "engine/index_set.h"
#include "engine/resting.h"
#include "engine/zone.h"
#include "repair/orphans.h"

namespace strongroom::engine {

class Sweeper {
 public:
  struct Options {
    io::Env* env = nullptr;
    std::vector<std::shared_ptr<Zone>> zones;  // Of the set that the open found.
    std::shared_ptr<IndexSet> indexes;
    // Whether somebody reads the blob, or will remove it when the last reader is done.
    std::function<bool(const aead::Id&)> is_pinned;
    // Where a blob is in this store, as its row says or not.
    std::function<format::Placement(const format::Placement&)> placed;
    uint64_t epoch = 0;        // The first one of this open.
    uint64_t after_nanos = 0;  // An open has other things to do first.
    uint64_t deadline_nanos = 0;
  };
  explicit Sweeper(Options options);
  ~Sweeper();  // Stops.
  void BeginStop() { stop_.Raise(); }
  void Stop();  // Waits for the call to a disk that goes on, with its deadline.

  uint64_t removed() const { return removed_.load(); }

 private:
  void Run();
  Status SweepFolder(const std::shared_ptr<Zone>& zone, uint8_t folder);
  Result<std::vector<repair::BlobFileName>> Unnamed(std::vector<repair::BlobFileName> files);

  const Options options_;
  StopSign stop_;
  std::atomic<uint64_t> removed_{0};
  std::unique_ptr<io::Thread> thread_;
};

}  // namespace strongroom::engine
