// Superblock: what a zone knows of itself and of the store's keys. One file, two slots of 4096
// bytes, written in turn, so that a torn write leaves the other slot.
//
//   slot      = "SRSUPER1" ‖ format version u32 ‖ body size u32 ‖ checksum u64 ‖ body ‖ zeros
//   checksum  = XXH64 of the body, seeded with format version and body size (as one u64)
//   body      = content ‖ HMAC-SHA256(store key, format version ‖ content)
//   content   = slot counter u64 ‖ store id 16 ‖ zone id 16 ‖ zone state u8 ‖ zone count u8
//             ‖ small k u8 ‖ small m u8 ‖ large k u8 ‖ large m u8 ‖ position u8 ‖ 00
//             ‖ large from u32 ‖ epochs reserved u64 ‖ root hint (field)
//             ‖ ring generation u32 ‖ ring key wrapped by the root (field)
//             ‖ store key wrapped by the ring (field)
//             ‖ record key generation u32 ‖ record key wrapped by the ring (field)
//             ‖ index key wrapped by the ring (field)
//             ‖ roster: since u64 ‖ zone id 16, of each zone in the order of the store
//   field     = size u32 ‖ bytes
//   every wrap is XAES-256-GCM with AAD = label (field) ‖ store id ‖ generation u32
//
// The slot with the higher counter rules. The checksum finds torn slots without a key; the HMAC
// shows a forged one. What an attacker can do here: put an old slot back, which the epoch
// reservations of the other zones outvote. Worked example: docs/format/superblock.md.
#pragma once

#include <vector>

#include "aead/chunk.h"
#include "base/bytes.h"
#include "base/secret_bytes.h"
#include "base/status.h"
#include "io/env.h"

namespace strongroom::format {

constexpr uint32_t kFormatVersion = 1;
constexpr size_t kSlotSize = 4096;
constexpr size_t kRootHintMax = 512;

struct GeometryPair {
  uint8_t k = 1, m = 0;
};

// The store's keys, opened. All 32 bytes.
struct StoreKeys {
  uint32_t ring_generation = 0;
  SecretBytes ring;   // Wraps every key below it: the three here and the bucket keys.
  SecretBytes store;  // Authenticates superblocks; outlives root and ring.
  uint32_t record_generation = 0;
  SecretBytes record;  // Seals commit records.
  SecretBytes index;   // Root of the index files' keys.
};

enum class ZoneState : uint8_t {
  kMember = 1,   // Made with the store, or joined it since: its vote counts.
  kJoining = 2,  // A replacement that the other zones do not know yet: counts for nothing.
  kHealing = 3,  // A member that was away: large blobs may lack their cells here. Its vote counts.
};
constexpr bool Counts(ZoneState state) { return state != ZoneState::kJoining; }

// Which zones the store has. Any other does not count, whatever it says of itself. Of several the
// one with the highest epoch rules: docs/decisions/0029.
struct Roster {
  uint64_t since = 0;  // The epoch that was the next one when it was made; 0: with the store.
  std::vector<aead::Id> zones;
};

struct Superblock {
  uint64_t counter = 0;
  aead::Id store_id{};
  aead::Id zone_id{};
  ZoneState state = ZoneState::kMember;
  uint8_t zone_count = 1;
  uint8_t position = 0;  // Of the zone in the order of the store, which cells are placed by.
  GeometryPair small, large;
  uint32_t large_from = 0;
  // Epoch numbers below this may have been served; a new open begins here. 0 and 1 tell how far the
  // making of the store has come (engine/creating.h).
  uint64_t epochs_reserved = 0;
  Bytes root_hint;  // In clear: how to get the root key again.
  uint32_t ring_generation = 0;
  Bytes ring_wrap;
  Bytes store_key_wrap;
  uint32_t record_generation = 0;
  Bytes record_key_wrap;
  Bytes index_key_wrap;
  Roster roster;  // REQUIRES: `zone_count` of them.
};

// Fresh keys for a new store, wrapped into `superblock` under `root_key`.
StoreKeys CreateStoreKeys(io::Env* env, ByteSpan root_key, Superblock* superblock);
// kWrongKey when the root does not open the ring key; kTampered when a key below does not open.
Result<StoreKeys> OpenStoreKeys(ByteSpan root_key, const Superblock& superblock);

// Writes `superblock` into the slot that its counter names (counter & 1) and syncs the file. A
// crash here leaves the other slot, which held the counter before.
Status WriteSuperblock(io::File* file, const Superblock& superblock, const StoreKeys& keys);
// Puts `next` into the slot of the zone's superblock that does not rule: the older one, or the one
// that is not sound. kIo when the disk, asked past the page cache, does not hold the superblock
// before it, or afterwards `next`. REQUIRES: `next` counts one more than the superblock that rules.
Status ReplaceSuperblock(io::Env* env, const std::string& zone_path, const Superblock& next,
                         const StoreKeys& keys);
// The ruling slot, its HMAC not checked (that needs the keys: VerifySuperblock). kNotFound when the
// file is missing or empty, kUnsupportedFormat for a newer version, kCorruption when none is sound.
Result<Superblock> ReadSuperblock(io::Env* env, const std::string& zone_path);
Status VerifySuperblock(io::Env* env, const std::string& zone_path, const Superblock& superblock,
                        const StoreKeys& keys);

// Wraps of single keys under 24 fresh random bytes, used here and for bucket keys and DEKs.
Bytes WrapKey(io::Env* env, ByteSpan kek, ByteSpan aad, ByteSpan secret);

}  // namespace strongroom::format
