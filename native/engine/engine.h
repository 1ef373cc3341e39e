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
#include "format/record.h"
#include "format/row.h"
#include "format/superblock.h"
#include "index/index.h"
#include "io/env.h"
#include "repair/finding.h"
#include "repair/quarantine.h"

namespace strongroom::engine {

// An opened key that wraps DEKs, and what its owner made it for: each DEK's wrap is bound to both.
class Kek {
 public:
  Kek(SecretBytes secret, ByteSpan context)
      : secret_(std::move(secret)), context_(context.begin(), context.end()) {}
  ByteSpan span() const { return secret_.span(); }
  ByteSpan context() const { return context_; }

 private:
  SecretBytes secret_;
  Bytes context_;
};
using KekRef = std::shared_ptr<const Kek>;

// The DEK of a list of parts. Each part is a blob of its own under it: other salt, other content
// key.
class PartsKey {
 public:
  PartsKey(const aead::Id& id, SecretBytes dek) : id_(id), dek_(std::move(dek)) {}
  const aead::Id& id() const { return id_; }
  ByteSpan dek() const { return dek_.span(); }

 private:
  aead::Id id_;
  SecretBytes dek_;
};
using PartsKeyRef = std::shared_ptr<const PartsKey>;

struct OpenOptions {
  io::Env* env = nullptr;
  std::vector<std::string> zones;  // One or three.
  bool create = true;
  bool read_only = false;
  SecretBytes root_key;
  Bytes root_hint;  // Stored at creation only.
  uint64_t zone_deadline_nanos = 2'000'000'000;
  bool return_zones = true;  // Those that are not in the set, as soon as they can be.
  format::GeometryPair small{1, 2}, large{4, 2};  // At creation only.
  uint32_t large_from = 256 * 1024;
  // Of large blobs, in every open alike. Tests take less, for many stripes in few bytes.
  uint32_t chunk_size = aead::kChunkSize;
  size_t read_slabs = 12, write_slabs = 12;
  size_t codec_threads = 2;
  size_t write_buffer_size = 4 << 20;  // Of each zone's index.
  bool compact = true;                 // The log is compacted by itself; else only by Compact.
  // When files that no row names are looked for. UINT64_MAX: never.
  uint64_t sweep_after_nanos = 10'000'000'000;
};

struct Event {
  enum class Kind {
    kZoneExpelled,
    kZoneStale,
    kZoneReturned,
    kZoneWhole,
    kRot,
    kTampering,
    kReadOnly,
    kSharedDevice
  };
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

// A large blob or a list of parts, as a row names it.
struct NamedBlob {
  format::BlobReference reference;
  // True: finished and durable, or an empty list; this commit is the first to name it. False: some
  // row must name it still, or the commit is refused.
  bool fresh = false;
  // Of a fresh large blob: its place, and the zones that hold it, durably. A zone of the set that
  // lacks it refuses the commit.
  format::Placement placement;
  placement::ZoneMask zones = 0;
  // How many zones had been replaced when it was begun: what was one of them then may be gone.
  uint64_t replaced = 0;
};

// A large blob or list that no row names any more.
struct GoneBlob {
  format::BlobKind kind = format::BlobKind::kLarge;
  aead::Id id{};
  format::Placement placement;
};

// Tells of an effect in a row of its own, which the committer adds to the commit:
//
//   key  = under ‖ sequence u64 ‖ place u32, both big-endian, so that rows lie in commit order
//   body = body ‖ blob id 16 ‖ size u64 ‖ place u32    of what the effect's row names, else zeros
//
// A delete of a row that is not there is nothing to tell.
struct EventRow {
  Bytes under;
  uint64_t modified = 0;
  Bytes body;
};

// A row as it stands, to be carried forward in the log: its revision stays. The engine's own.
struct CarriedRow {
  uint64_t revision = 0;  // Dropped from the transaction when the row is not at this revision,
  uint32_t home = 0;      // in this home, any more.
  Bytes row;              // REQUIRES: it decodes.
  Bytes frame;            // Of its small blob, verified. Empty: none, or it stays in its place.
};

struct Effect {
  Bytes key;
  // The committer puts this commit's revision into the key. REQUIRES: IsVersionKey(key).
  bool versioned = false;
  // The row that stood under the key stays, with its revision and whatever it names, under its
  // VersionKey. REQUIRES: IsCurrentKey(key), and a new blob or none. False: it is replaced, or
  // removed.
  bool keep_old = false;
  // The row that stands under this key of a version is moved to `key`, as it is. REQUIRES: both are
  // of one object, and a check on that row, with its revision.
  std::optional<Bytes> from;
  bool remove = false;
  uint64_t modified = 0;
  Bytes body;
  // One of these at most. A blob that the row had before and has no more loses this reference.
  std::optional<SealedBlob> small;
  std::optional<NamedBlob> named;
  // The row keeps the blob that it has. REQUIRES: a check on this row, with its revision.
  bool keep = false;
  std::optional<EventRow> event;
  // Set by the committer alone: what `keep` found, and the counting rows that it adds.
  std::optional<format::BlobReference> kept;
  uint64_t version = 0;
  std::optional<format::Counted> counted;
  // A checkpoint's row, by the engine alone: the committer puts its sequence into the key, and the
  // chain before its record into the body.
  bool checkpoint = false;
  // Set by the engine alone, and then alone, but for a row that is kept: the committer adds that.
  std::optional<CarriedRow> carried;
};

struct Transaction {
  std::vector<Check> checks;
  // No row of [start, end) has a revision above `newest`; with 0, no row at all.
  struct Range {
    Bytes start, end;
    uint64_t newest = 0;
  };
  std::vector<Range> ranges;
  std::vector<Effect> effects;
  // Set by the engine alone: how often its blobs were brought to zones that lacked them.
  int completions = 0;
  // Set by the engine alone: what the log retires with this commit (its live bytes do not count).
  std::optional<format::Extent> retire;
};

struct Committed {
  uint64_t revision = 0;
  hash::Sha256Digest chain_before{};  // Of its record.
};

// A moment of the store that a row of its own tells of, for whoever keeps this elsewhere.
struct Checkpoint {
  uint64_t sequence = 0;
  std::array<uint8_t, format::kTokenSize> token{};
  hash::Sha256Digest chain{};
};

struct GetRequest {
  Bytes key;
  std::optional<Check> check;
  // Opens the row's blob; both null: the row only. A part is opened by the key of its list.
  KekRef kek;
  PartsKeyRef parts;
  uint64_t offset = 0;
  uint64_t length = UINT64_MAX;
  bool frame = false;  // A small blob's whole frame instead of its plaintext: to copy it.
  bool pin = false;    // A large blob or list is pinned, and its place told, without a key too.
};
struct ScanRequest {
  std::optional<Check> check;  // Of a row that stands outside the range: the bucket's.
  index::ScanRequest page;
};
// `bytes` holds index row ‖ plaintext (or frame). A large blob and a list are pinned: they cannot
// go until the pin goes.
struct Found {
  Bytes bytes;
  size_t row_size = 0;
  uint64_t offset = 0, length = 0;  // The range served, cut at the blob's end.
  std::shared_ptr<void> pin;        // Of a large blob or list that was opened.
  format::Placement placement;      // Of that large blob.
  PartsKeyRef parts;                // Of that list.
  format::IndexRow row() const;     // Views into `bytes`.
};

struct ZoneStatus {
  int number = 0;
  aead::Id id{};
  std::string path;
  bool present = false, in_set = false;
  bool healing = false;  // In the set, but large blobs may lack their cells there.
  std::string reason;
};
// What the log takes, in bytes of each zone, as it was last looked at.
struct CompactionStatus {
  uint64_t log_bytes = 0, segments = 0;
  uint64_t live_bytes = 0;     // Of rows that stand, with their keys and small blobs.
  uint64_t carried_bytes = 0;  // Since the open.
  std::string blocked;         // Why nothing more is retired; empty: nothing stands in the way.
};
struct EngineStatus {
  uint64_t epoch = 0, sequence = 0;
  std::vector<ZoneStatus> zones;
  std::string read_only_reason;  // Empty: writes are welcome.
  uint64_t degraded_reads = 0, rot_found = 0, tampering_found = 0;
  uint64_t commits = 0, batches = 0, without_redundancy = 0;
  uint64_t swept = 0;  // Files that no row named.
  CompactionStatus log;
};

// What a verification tells of itself.
struct VerifyNews {
  repair::Tally tally;                    // So far.
  std::vector<repair::Finding> findings;  // Since the last news.
  bool over = false;
  uint64_t sequence = 0, written = 0;  // Of a backup that is over: Backup::Done.
  Status status;  // When it is over: why it could not be ended; OK whatever was found.
};
class Verifying {
 public:
  virtual ~Verifying() = default;
  // Calls `done` once, on any thread: when something was found, it went on for a while, or it is
  // over. One call at a time.
  virtual void Next(std::function<void(VerifyNews)> done) = 0;
  // It ends soon, with kCancelled.
  virtual void Stop() = 0;
};
struct VerifyRequest {
  bool heal = false;
  // 0: at full speed. Others go at their own pace on a thread of their own, so that nobody waits
  // for them: what readers find and what somebody asks for is looked at meanwhile.
  uint64_t bytes_per_second = 0;
};
// The blob of one row, with its key.
struct VerifyRowRequest {
  Bytes key;
  KekRef kek;
  PartsKeyRef parts;
  bool heal = false;
  uint64_t bytes_per_second = 0;
};

// The root hint of a zone that has a superblock. kNotFound: no store there. kInvalidArgument: two
// of the paths lead to one directory.
Result<Bytes> ReadRootHint(io::Env* env, const std::vector<std::string>& paths,
                           uint64_t zone_deadline_nanos);

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
  virtual SealedBlob SealPart(const PartsKey& parts, ByteSpan plaintext) = 0;

  // A new list of parts: an id and a DEK. It stands once a commit names it as fresh.
  virtual PartsKeyRef CreateParts() = 0;
  // The list as a row names it, its DEK wrapped under `kek`.
  virtual format::BlobReference NameParts(const Kek& kek, const PartsKey& parts, uint64_t size,
                                          uint64_t crc64) = 0;
  // The same blob with its DEK wrapped under another key: for a row that names it too. kTampered.
  virtual Result<format::BlobReference> Rewrap(const format::BlobReference& reference,
                                               const Kek& from, const Kek& to) = 0;

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
    format::Placement placement;
    uint64_t replaced = 0;  // As NamedBlob wants it.
  };
  // `on_plaintext` as in BlobWriteSpec; may be empty.
  virtual Result<NewBlob> WriteBlob(const Kek& kek, uint64_t expected_size,
                                    std::function<void(ByteSpan)> on_plaintext) = 0;
  virtual Result<NewBlob> WritePart(const PartsKey& parts, uint64_t expected_size,
                                    std::function<void(ByteSpan)> on_plaintext) = 0;
  // Reads a large blob that Get found with this key.
  struct Opening {
    KekRef kek;         // Of a large blob,
    PartsKeyRef parts;  // or of a large part.
    format::BlobReference reference;
    format::Placement placement;
  };
  virtual Result<std::shared_ptr<blob::BlobReader>> ReadBlob(const Opening& opening) = 0;
  // Says which zones a finished blob stands in, so that those that missed it are expelled.
  virtual void BlobWritten(const blob::BlobDone& done) = 0;
  // Removes a finished blob that no commit took.
  virtual void DropBlob(const GoneBlob& blob) = 0;

  // Commits a checkpoint's row; those before the newest 1,000 go.
  virtual void TakeCheckpoint(std::function<void(Result<Checkpoint>)> done) = 0;
  // Carries forward what lives of all that was written before the call, and retires the rest: the
  // log is as small then as it gets. `done` once. kReadOnly, kClosed; kCorruption, kTampered: what
  // lives cannot be carried, and nothing was retired for it; kNoSpace and others: of the commits.
  virtual void Compact(std::function<void(Status)> done) = 0;

  // Calls `done` once, on any thread: when a commit that is applied after this call has changed a
  // row whose key begins with `under`, or on Close. Letting go of what is returned ends the wait.
  virtual std::shared_ptr<void> AwaitChange(Bytes under, std::function<void()> done) = 0;

  // Runs work of the CPU alone on the codec pool. False when the store is closed.
  virtual bool PostToCodec(std::function<void()> work) = 0;

  // Looks at the logs of the set and at every large blob, past the page cache, without the blobs'
  // keys; and heals what is wrong in some zone and right in others. One after the other, those at
  // full speed and those at a rate.
  virtual std::shared_ptr<Verifying> Verify(VerifyRequest request) = 0;
  // Opens the row's blob in every zone; kNone and lists of parts have nothing to open.
  virtual std::shared_ptr<Verifying> VerifyRow(VerifyRowRequest request) = 0;
  // Makes the folder a backup of the store as it is at one moment, or moves the backup that lies
  // there on to now: engine/backup.h. Its news tell of bytes read and written; the last of them of
  // the moment. Beside what it is in: kInvalidArgument, kForeignZone, kLocked, kRolledBack: the
  // folder is no place for it; kNoSpace, kIo, kTimedOut: its disk.
  virtual std::shared_ptr<Verifying> BackUp(std::string path) = 0;
  // For a drill: takes a zone out of the set, as if its disk had failed, and reads nothing from it,
  // until BringBack or the next open. kUnavailable unless every zone is in the set and whole;
  // kInvalidArgument where there is none to spare.
  virtual void TakeAway(int zone, std::function<void(const Status&)> done) = 0;
  virtual void BringBack(int zone) = 0;
  // Puts a new zone, made in the empty folder `path`, into the place of this one, which is out for
  // good. `done` once the new one is in the set; it is healing then. The next open is given `path`.
  // kUnavailable unless every other zone is in the set, or while a thread waits for the old disk;
  // kInvalidArgument: not three zones, or not empty; kLocked; those of the disks.
  virtual void ReplaceZone(int zone, std::string path, std::function<void(const Status&)> done) = 0;

  // What was set aside in a zone (repair/quarantine.h). kInvalidArgument: no such zone.
  // kUnavailable, kTimedOut: it does not answer.
  virtual void ListQuarantine(int zone, std::string after, size_t limit,
                              std::function<void(Result<repair::Quarantined>)> done) = 0;

  virtual EngineStatus status() = 0;
  // Refuses new calls (kClosed), settles those in flight, checkpoints, lets go of the zones.
  // Blocks, in bounded time. Idempotent.
  virtual void Close() = 0;
};

}  // namespace strongroom::engine
