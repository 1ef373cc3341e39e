// EVP contexts are costly to make and cheap to re-key, so each thread keeps a few for its next use.
//
// What a context remembers is a secret as long as it is keyed: one that is handed back gets the
// zero key (or, for a digest, its start state) before it waits in the list. Algorithms are fetched
// once per process and never freed: contexts outlive static destructors.
#pragma once

#include "base/bytes.h"

struct evp_cipher_ctx_st;
struct evp_md_ctx_st;

namespace strongroom::aead {

enum class CipherKind { kGcm, kBlock };  // AES-256-GCM, and the bare AES-256 block.
enum class DigestKind { kSha256, kSha512 };

// True when the provider behind EVP has every algorithm of the two lists above.
bool AlgorithmsAvailable();

// An encrypting context of `kind` under an arbitrary key: the caller sets its own.
evp_cipher_ctx_st* TakeCipherContext(CipherKind kind);
// Forgets the key. Any thread may give back what another one took.
void GiveCipherContext(CipherKind kind, evp_cipher_ctx_st* context);
// REQUIRES: 32 bytes.
void SetCipherKey(evp_cipher_ctx_st* context, ByteSpan key);

// A digest in its start state, borrowed from the calling thread.
class Digest {
 public:
  explicit Digest(DigestKind kind);
  ~Digest();
  Digest(const Digest&) = delete;
  Digest& operator=(const Digest&) = delete;

  size_t size() const { return kind_ == DigestKind::kSha256 ? 32 : 64; }
  size_t block_size() const { return kind_ == DigestKind::kSha256 ? 64 : 128; }
  void Update(ByteSpan data);
  // Writes size() bytes and returns to the start state, which also wipes what was hashed.
  void Final(uint8_t* out);

 private:
  void Restart();
  const DigestKind kind_;
  evp_md_ctx_st* context_;
  bool started_ = false;
};

}  // namespace strongroom::aead
