// Store: an engine on a simulated machine, as a client uses it: rows with bodies in and out, each
// call waited for. Its rows say which body they hold, so that a wrong one is told from a right one.
//
// Within a task of the SimEnv only.
#pragma once

#include <memory>

#include "engine/engine.h"
#include "io/sim_env.h"
#include "sim/model.h"

namespace strongroom::sim {

// What outlives a process: the bucket's key, as its row would hold it.
struct Bucket {
  Bytes wrapped;
};

// Bodies from this size on are large: stripes in files of their own.
constexpr uint32_t kLargeFrom = 24 * 1024;

class Store {
 public:
  static Result<std::unique_ptr<Store>> Open(io::SimEnv* env, size_t zone_count, Bucket* bucket);
  static std::string ZonePath(size_t zone) { return "/z" + std::to_string(zone); }

  // Hands the transaction over, its large bodies written first; waits for the answer.
  Status Commit(const Changes& changes);
  // Every row, each body compared with what its row says. `wrong`: the row of which a wrong byte
  // was given out for a right one.
  Result<Rows> ReadAll(std::string* wrong);
  bool IsWhole();  // All zones are in the set.
  void Close() { engine_->Close(); }

 private:
  Status Fill(const Change& change, engine::Effect* effect);
  Result<engine::Found> Look(const std::string& key);
  Result<Bytes> Read(const std::string& key, const Body& body);

  std::shared_ptr<engine::Engine> engine_;
  engine::KekRef kek_;
};

}  // namespace strongroom::sim
