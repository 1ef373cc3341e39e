// Chunks: a blob is sealed in chunks of 64 KiB, each under its position.
//
//   contentKey(32) ‖ commitment(32) = HKDF-Expand-SHA512(DEK, label ‖ suite ‖ 00 ‖ salt ‖ context)
//   label   = "strongroom.chunk"
//   context = u32 16 ‖ store id ‖ u32 16 ‖ blob id ‖ u32 chunk size
//   nonce   = chunk index (11 bytes, big-endian) ‖ last-flag (1 byte)
//   AAD     = SHA-256 of the seal header
//
// The content key belongs to one blob that is sealed once, so the nonce is never random, never
// stored and never reused: a re-uploaded part or an append is a new blob. The last-flag makes
// truncation and extension visible: a body of exactly n chunks has n, an empty body has one chunk
// of a bare tag. Byte by byte, with a worked example: docs/format/seal-header.md.
#pragma once

#include <array>

#include "aead/aead.h"

namespace strongroom::aead {

constexpr uint32_t kChunkSize = 64 * 1024;  // The product's, and the largest in a header.
constexpr size_t kSealedChunkSize = kChunkSize + kTagSize;
constexpr size_t kSaltSize = 24;
constexpr size_t kCommitmentSize = 32;
constexpr uint8_t kSuiteV1 = 1;
// The nonce could count further; C2SP's cap, checked before sealing.
constexpr uint64_t kChunksMax = uint64_t{1} << 38;

using Id = std::array<uint8_t, 16>;

// What is known of a blob before its first byte, and never changes: no geometry, wrap, key or
// length, for one chunk tagged under a second AAD is a nonce used twice.
struct SealHeader {
  uint8_t suite = kSuiteV1;
  uint32_t chunk_size = kChunkSize;
  Id store_id{};
  Id blob_id{};
  std::array<uint8_t, kSaltSize> salt{};
  std::array<uint8_t, kCommitmentSize> commitment{};
};

// Seals or opens the chunks of one blob, in any order. Not thread-safe; copies of it are made with
// Clone for other threads.
class ChunkCipher {
 public:
  // For writing: derives the content key and fills header->commitment. REQUIRES: a 32-byte DEK, a
  // fresh blob id and salt, and that this blob is sealed once.
  static ChunkCipher ForSealing(ByteSpan dek, SealHeader* header);
  // For reading: kTampered when the commitment does not match (a wrong key), kUnsupportedFormat for
  // an unknown suite or a chunk size of 0 or above kChunkSize.
  static Result<ChunkCipher> ForOpening(ByteSpan dek, const SealHeader& header);
  ChunkCipher Clone() const;

  // Writes plaintext.size() + kTagSize bytes. REQUIRES: index < kChunksMax, plaintext <= chunk
  // size, no index sealed before.
  void Seal(uint64_t index, bool last, ByteSpan plaintext, uint8_t* out);
  // Writes sealed.size() - kTagSize bytes. kTampered, and `out` wiped, when this is not the chunk
  // that was sealed at `index` with `last`.
  Status Open(uint64_t index, bool last, ByteSpan sealed, uint8_t* out);

 private:
  ChunkCipher(SecretBytes derived, const std::array<uint8_t, 32>& aad, uint32_t chunk_size);
  SecretBytes derived_;  // contentKey ‖ commitment.
  std::array<uint8_t, 32> aad_;
  uint32_t chunk_size_;
  GcmKey gcm_;
};

// Seal header on disk, kSealHeaderSize bytes: suite u8 ‖ 3 zero bytes ‖ chunk size u32 ‖ store id
// 16 ‖ blob id 16 ‖ salt 24 ‖ commitment 32. (Checksums belong to the structure that carries it.)
constexpr size_t kSealHeaderSize = 96;
void EncodeSealHeader(const SealHeader& header, uint8_t* out);
// kCorruption for another size; kUnsupportedFormat when the zero bytes are not zero, the suite is
// unknown or the chunk size is 0 or above kChunkSize.
Result<SealHeader> DecodeSealHeader(ByteSpan bytes);

}  // namespace strongroom::aead
