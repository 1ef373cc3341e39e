// The index of one zone: opened, and brought up to the log's tail. Recovery, catch-up and rebuild
// are the one walk of ReplayIndex.
//
// Where the disk takes nothing any more the index is opened over what stands there and keeps in
// memory what is applied to it. Reads go on, and so does what frees space, as long as there is room
// for it.
//
// Thread: the zone's apply thread.
#pragma once

#include <atomic>
#include <functional>
#include <memory>

#include "engine/applied_batch.h"
#include "engine/zone.h"
#include "log/log_reader.h"

namespace strongroom::engine {

// What it takes, the same for every zone. Owned by whoever still needs it: a thread that a dead
// disk lets go after the close finds it whole.
struct IndexSource {
  io::Env* env = nullptr;
  bool read_only = false;
  size_t write_buffer_size = 0;
  SecretBytes index_key;
  log::RecordSeal seal;
};

// Where a replay shall end.
struct ReplayAim {
  index::Applied tail;
  bool in_memory = false;
  const std::atomic<bool>* stop = nullptr;  // Asked for each record: then kClosed. May be null.
  std::atomic<uint64_t>* steps = nullptr;   // Counts them. May be null.
  // Told of each record's size in the log before it is applied; false: then kClosed. May be empty.
  std::function<bool(uint64_t bytes)> pace;
};

// Where a zone's index lies, and whose it is.
struct IndexPlace {
  IndexPlace(const IndexSource& source, const Zone& zone);
  std::string path;
  aead::Id store_id, zone_id;
};

// An opened index and where it keeps what comes.
struct OpenedIndex {
  std::shared_ptr<index::Index> index;
  bool in_memory = false;
};
// A damaged index is made anew, empty. In memory where the disk is full or fails.
Result<OpenedIndex> OpenIndex(const IndexSource& source, const IndexPlace& place);

// Opens the index of a zone that came back into the set, whatever became of the one it had.
Status OpenIndexAgain(const IndexSource& source, Zone& zone);

// Brings the zone's index up to the tail: from what it has applied if the chain from there is
// whole, else from empty (the index is then made anew). Opens it again first where the aim wants it
// in memory and it is not, or the other way about.
Status ReplayIndex(const IndexSource& source, Zone& zone, const ReplayAim& aim);

}  // namespace strongroom::engine
