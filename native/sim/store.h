// Store: an engine on a simulated machine, as a client uses it: rows with bodies in and out, lists
// of parts, each call waited for. Its rows say which body they hold, so that a wrong one is told
// from a right one.
//
// Within a task of the SimEnv only.
#pragma once

#include <map>
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

// What a store gave out, row by row.
struct Account {
  struct Refusal {
    std::string key;
    bool large = false;  // A body in files of its own.
    bool list = false;   // Which parts there are was not told.
    Status why;
  };
  Rows rows;                      // Whatever stands, parts included.
  std::vector<Refusal> refusals;  // Bodies that were not given out.
  std::string wrong;              // The row of which a wrong byte was given out for a right one.
};

class Store {
 public:
  static Result<std::unique_ptr<Store>> Open(io::SimEnv* env, size_t zone_count, Bucket* bucket,
                                             uint64_t sweep_after_nanos = UINT64_MAX);
  // A backup, opened as the store of one zone that it is.
  static Result<std::unique_ptr<Store>> OpenBackup(io::SimEnv* env, const std::string& path,
                                                   Bucket* bucket, bool read_only = false,
                                                   uint64_t sweep_after_nanos = UINT64_MAX);
  static std::string ZonePath(size_t zone) { return "/z" + std::to_string(zone); }

  // Makes the folder a backup, or moves it on to now.
  Result<engine::VerifyNews> BackUp(const std::string& path);
  // Hands the transaction over, its large bodies written first; waits for the answer.
  Status Commit(const Changes& changes);
  // Every row and part, each body compared with what its row says. An error: no row at all.
  Result<Account> ReadAll();
  bool IsWhole();                        // All zones are in the set.
  Status Compact();                      // Retires all that was written before.
  Status Touch(const std::string& key);  // Writes the row again; its body stays where it is.
  Result<uint64_t> RevisionOf(const std::string& key);
  static Bytes RowKey(const std::string& key);
  engine::Engine& engine() { return *engine_; }
  void Close() { engine_->Close(); }

 private:
  static Result<std::unique_ptr<Store>> OpenWith(engine::OpenOptions options, Bucket* bucket);
  using Scanned = std::vector<std::pair<Bytes, Bytes>>;  // Row keys and index rows.

  Status Fill(const Change& change, engine::Transaction* to);
  Status Name(const Change& change, engine::Transaction* to);
  Status StandAgain(const Change& change, engine::Transaction* to);
  struct Kept {
    Bytes key;
    uint64_t revision = 0;
  };
  Result<Kept> FindVersion(const std::string& name);
  Status Write(const Body& body, const engine::PartsKeyRef& parts, engine::Effect* to);
  Status WriteLarge(ByteSpan bytes, const engine::PartsKeyRef& parts, engine::Effect* to);
  Result<engine::PartsKeyRef> ListOf(const Change& part, engine::Transaction* to);
  Result<engine::Found> Look(Bytes key, engine::PartsKeyRef parts);
  Result<Scanned> Scan(Bytes start, Bytes end);
  struct Listed {
    Bytes key, row;
    std::string name;
  };
  void ReadRow(const Listed& listed, const engine::PartsKeyRef& parts, Account* to);
  void ReadParts(const std::string& name, uint64_t list, const engine::PartsKeyRef& parts,
                 Account* to);
  Result<Bytes> ReadLarge(const engine::Found& found, const engine::PartsKeyRef& parts);

  std::shared_ptr<engine::Engine> engine_;
  engine::KekRef kek_;
  std::map<uint64_t, engine::PartsKeyRef> lists_;  // That this process has begun, by number.
};

}  // namespace strongroom::sim
