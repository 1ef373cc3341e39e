// Engine: open -> recover -> serve -> close. The one header that the outside includes.
//
// The put:  SealSmall (or a BlobWriter) -> Commit -> committer: checks, sequence, batch
//           -> log: durable in every zone of the set -> index -> done
// The get:  Get -> serving index -> row -> blob frame of the log (or a BlobReader) -> open -> done
//
// Thread: every method may be called from any thread and none waits for a disk, except Open and
// Close. Callbacks run on the engine's threads and must not block.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "aead/chunk.h"
#include "base/bytes.h"
#include "base/status.h"
#include "blob/blob_reader.h"
#include "blob/blob_writer.h"
#include "format/row.h"
#include "format/superblock.h"
#include "index/index.h"
#include "io/env.h"

namespace strongroom::engine {

// An opened key that wraps DEKs.
class Kek {
 public:
  explicit Kek(SecretBytes secret) : secret_(std::move(secret)) {}
  ByteSpan span() const { return secret_.span(); }

 private:
  SecretBytes secret_;
};
using KekRef = std::shared_ptr<const Kek>;

struct OpenOptions {
  io::Env* env = nullptr;
  std::vector<std::string> zones;  // One or three.
  bool create = true;
  bool read_only = false;
  SecretBytes root_key;
  Bytes root_hint;  // Stored at creation only.
  uint64_t zone_deadline_nanos = 2'000'000'000;
  format::GeometryPair small{1, 2}, large{4, 2};  // At creation only.
  uint32_t large_from = 256 * 1024;
  size_t read_slabs = 12, write_slabs = 12;
  size_t codec_threads = 2;
  size_t write_buffer_size = 4 << 20;  // Of each zone's index.
};

struct Event {
  enum class Kind { kZoneExpelled, kZoneStale, kRot, kTampering, kReadOnly, kSharedDevice };
  Kind kind;
  int zone = 0;
  std::string what;
};

// "The row has this revision", or (0) "there is no such row".
struct Check {
  Bytes key;
  uint64_t revision = 0;
};

// A small blob, sealed: its frame for the log, and what its row will say of it.
struct SealedBlob {
  Bytes frame;
  format::BlobReference reference;
};

struct Effect {
  Bytes key;
  bool remove = false;
  uint64_t modified = 0;
  Bytes body;
  std::optional<SealedBlob> small;
  std::optional<format::BlobReference> large;  // Finished, durable, named by this commit.
};

struct Transaction {
  std::vector<Check> checks;
  struct Range {
    Bytes start, end;
  };
  std::vector<Range> empty;  // Ranges that must hold no row.
  std::vector<Effect> effects;
};

struct Committed {
  uint64_t revision = 0;
};

struct GetRequest {
  Bytes key;
  std::optional<Check> check;
  KekRef kek;  // Null: the row only.
  uint64_t offset = 0;
  uint64_t length = UINT64_MAX;
};
struct ScanRequest {
  std::optional<Check> check;  // Of a row that stands outside the range: the bucket's.
  index::ScanRequest page;
};
// `bytes` holds index row ‖ plaintext. The blob of a large row is pinned: it cannot be removed
// until the pin goes.
struct Found {
  Bytes bytes;
  size_t row_size = 0;
  uint64_t offset = 0, length = 0;  // The range served, cut at the blob's end.
  std::shared_ptr<void> pin;        // Of a large blob, when a kek was given.
  format::IndexRow row() const;     // Views into `bytes`.
};

struct ZoneStatus {
  int number = 0;
  aead::Id id{};
  std::string path;
  bool present = false, in_set = false;
  std::string reason;
};
struct EngineStatus {
  uint64_t epoch = 0, sequence = 0;
  std::vector<ZoneStatus> zones;
  std::string read_only_reason;  // Empty: writes are welcome.
  uint64_t degraded_reads = 0, rot_found = 0, tampering_found = 0;
  uint64_t commits = 0, batches = 0, without_redundancy = 0;
};

// The root hint of the first zone that has a superblock. kNotFound: no store there.
// kInvalidArgument: two of the paths lead to one directory.
Result<Bytes> ReadRootHint(io::Env* env, const std::vector<std::string>& zones);

class Engine {
 public:
  virtual ~Engine() = default;  // Closes.
  // Blocks. `on_event` may be called at once and until Close returns.
  static Result<std::shared_ptr<Engine>> Open(OpenOptions options,
                                              std::function<void(const Event&)> on_event);

  virtual const aead::Id& store_id() const = 0;
  virtual uint32_t format_version() const = 0;
  virtual bool read_only() const = 0;
  virtual uint32_t large_from() const = 0;

  // A new random key wrapped under the ring key and bound to `context`, and its opening. kTampered.
  virtual std::pair<Bytes, KekRef> CreateKey(ByteSpan context) = 0;
  virtual Result<KekRef> OpenKey(ByteSpan wrapped, ByteSpan context) = 0;

  virtual SealedBlob SealSmall(const Kek& kek, ByteSpan plaintext) = 0;
  using Committing = std::function<void(Result<Committed>)>;
  virtual void Commit(Transaction transaction, Committing done) = 0;
  using Finding = std::function<void(Result<std::optional<Found>>)>;
  virtual void Get(GetRequest request, Finding done) = 0;
  // `begin` is called for each attempt: one that hangs in a dead disk may still fill its page while
  // another zone answers. Then exactly one `done`, or `fail`.
  struct Attempt {
    index::ScanSink sink;
    std::function<void(const index::ScanEnd&)> done;
  };
  struct Scanning {
    std::function<Attempt()> begin;
    std::function<void(const Status&)> fail;
  };
  virtual void Scan(ScanRequest request, Scanning scanning) = 0;

  struct NewBlob {
    std::shared_ptr<blob::BlobWriter> writer;
    format::BlobReference reference;  // Size and CRC64 are filled in from BlobDone.
  };
  virtual Result<NewBlob> WriteBlob(const Kek& kek, uint64_t expected_size) = 0;
  virtual Result<std::shared_ptr<blob::BlobReader>> ReadBlob(
      const Kek& kek, const format::BlobReference& reference) = 0;
  // Says which zones a finished blob stands in, so that those that missed it are expelled.
  virtual void BlobWritten(const blob::BlobDone& done) = 0;
  // Removes a finished blob that no commit took.
  virtual void DropBlob(const format::BlobReference& reference) = 0;

  virtual EngineStatus status() = 0;
  // Refuses new calls (kClosed), settles those in flight, checkpoints, lets go of the zones.
  // Blocks, in bounded time. Idempotent.
  virtual void Close() = 0;
};

}  // namespace strongroom::engine
