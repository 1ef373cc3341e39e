// Zone: one directory, one disk, with its own threads. Only they touch its files; whoever waits for
// them waits with the zone's deadline, as an open does through `disk`.
#pragma once

#include <memory>
#include <string>

#include "blob/cell_zone.h"
#include "format/superblock.h"
#include "index/index.h"
#include "io/deadline_env.h"
#include "io/task_queue.h"
#include "log/zone_log.h"

namespace strongroom::engine {

struct OpenedIndex;  // zone_index.h

struct Zone {
  int number = 0;  // 1-based, as the user gave them.
  std::string path;
  // Guards the next three once the store serves: a zone may come back.
  mutable Mutex mutex;
  bool present = false;  // Locked, with a superblock of this store that opens.
  Status why;            // Why it is not present, or not in the set.
  format::Superblock superblock;
  // Where it says "healing", at the open: see CellReturns::Walk.
  uint64_t whole_until = 0;
  Mutex superblock_writes;  // Held while its superblock is changed on the disk.
  std::unique_ptr<io::FileLock> lock;
  std::shared_ptr<log::ZoneLog> log;
  std::shared_ptr<blob::CellZone> cells;
  // Null when it is not open: then `index_why` says why. From the open on the apply thread's; reads
  // get their share from the IndexSet.
  std::shared_ptr<index::Index> index;
  bool index_in_memory = false;  // The disk takes nothing: see zone_index.h.
  Status index_why;
  // Where an index that opens too late for the open lands, for the replay to take over: the apply
  // thread's.
  std::shared_ptr<OpenedIndex> late_index;

  // Its calls run on the log thread. For opening, and for nobody after it.
  std::shared_ptr<io::DeadlineEnv> disk;
  // Declared last, so they end first: their tasks use everything above.
  std::shared_ptr<io::TaskQueue> log_thread;
  std::shared_ptr<io::TaskQueue> cell_threads;
  std::shared_ptr<io::TaskQueue> read_threads;  // Gets and scans of the index.
  std::shared_ptr<io::TaskQueue> apply_thread;  // Writes of the index.
};

}  // namespace strongroom::engine
