// XAES-256-GCM (C2SP): a message key from AES-CMAC over half the nonce, AES-256-GCM with the rest.
//
//   L  = AES(K, 0^128)
//   K1 = L << 1, and 0x87 folded in when a bit fell out
//   Kx = AES(K, (00 01 'X' 00 ‖ N[:12]) ^ K1) ‖ AES(K, (00 02 'X' 00 ‖ N[:12]) ^ K1)
//   out = N ‖ AES-256-GCM(Kx, N[12:], aad, plaintext)
#include "aead/aead.h"
#include "aead/contexts.h"
#include "aead/evp.h"

namespace strongroom::aead {

namespace {

constexpr size_t kBlockSize = 16;
constexpr size_t kContextSize = 12;  // The half of the nonce that chooses the message key.

void EncryptBlocks(evp_cipher_ctx_st* context, MutableByteSpan blocks) {
  int written = 0;
  const int size = static_cast<int>(blocks.size());
  CHECK(EVP_EncryptUpdate(context, blocks.data(), &written, blocks.data(), size) == 1);
  CHECK(written == size);
}

// Doubling in GF(2^128), as CMAC derives its subkey; no branch on the secret bit.
void Double(MutableByteSpan block) {
  const auto carry = static_cast<uint8_t>(block[0] >> 7);
  for (size_t i = 0; i + 1 < kBlockSize; ++i) {
    block[i] = static_cast<uint8_t>(block[i] << 1 | block[i + 1] >> 7);
  }
  block[kBlockSize - 1] = static_cast<uint8_t>(block[kBlockSize - 1] << 1 ^ (0x87 & -carry));
}

}  // namespace

XaesKey::XaesKey(ByteSpan key)
    : block_(TakeCipherContext(CipherKind::kBlock)), subkey_(kBlockSize), gcm_(key) {
  SetCipherKey(block_, key);
  EncryptBlocks(block_, subkey_.span());
  Double(subkey_.span());
}

XaesKey::~XaesKey() {
  if (block_ != nullptr) GiveCipherContext(CipherKind::kBlock, block_);
}
XaesKey::XaesKey(XaesKey&& other) noexcept
    : block_(std::exchange(other.block_, nullptr)),
      subkey_(std::move(other.subkey_)),
      gcm_(std::move(other.gcm_)) {}
XaesKey& XaesKey::operator=(XaesKey&& other) noexcept {
  std::swap(block_, other.block_);
  subkey_ = std::move(other.subkey_);
  gcm_ = std::move(other.gcm_);
  return *this;
}

void XaesKey::DeriveMessageKey(const uint8_t* nonce) {
  uint8_t blocks[2 * kBlockSize] = {0, 1, 'X', 0};
  blocks[kBlockSize + 1] = 2;
  blocks[kBlockSize + 2] = 'X';
  for (size_t half = 0; half < 2; ++half) {
    uint8_t* block = blocks + half * kBlockSize;
    memcpy(block + kBlockSize - kContextSize, nonce, kContextSize);
    for (size_t i = 0; i < kBlockSize; ++i) block[i] ^= subkey_.span()[i];
  }
  EncryptBlocks(block_, blocks);
  gcm_.Rekey(blocks);
  Wipe(blocks, sizeof(blocks));
}

void XaesKey::Seal(const XaesNonce& nonce, ByteSpan aad, ByteSpan plaintext, uint8_t* out) {
  DeriveMessageKey(nonce.data());
  Nonce rest;
  memcpy(rest.data(), nonce.data() + kContextSize, kNonceSize);
  gcm_.Seal(rest, aad, plaintext, out + kXaesNonceSize);
  memcpy(out, nonce.data(), kXaesNonceSize);
}

Status XaesKey::Open(ByteSpan aad, ByteSpan sealed, uint8_t* out) {
  if (sealed.size() < kXaesOverhead) return SealBroken();
  DeriveMessageKey(sealed.data());
  Nonce rest;
  memcpy(rest.data(), sealed.data() + kContextSize, kNonceSize);
  return gcm_.Open(rest, aad, sealed.subspan(kXaesNonceSize), out);
}

Bytes XaesSeal(ByteSpan key, const XaesNonce& nonce, ByteSpan aad, ByteSpan plaintext) {
  Bytes out(plaintext.size() + kXaesOverhead);
  XaesKey(key).Seal(nonce, aad, plaintext, out.data());
  return out;
}

Result<SecretBytes> XaesOpen(ByteSpan key, ByteSpan aad, ByteSpan sealed) {
  if (sealed.size() < kXaesOverhead || sealed.size() > kXaesOverhead + kXaesSecretMax) {
    return SealBroken();
  }
  SecretBytes out(sealed.size() - kXaesOverhead);
  TRY(XaesKey(key).Open(aad, sealed, out.span().data()));
  return out;
}

Result<Bytes> XaesOpenBytes(ByteSpan key, ByteSpan aad, ByteSpan sealed) {
  if (sealed.size() < kXaesOverhead) return SealBroken();
  Bytes out(sealed.size() - kXaesOverhead);
  TRY(XaesKey(key).Open(aad, sealed, out.data()));
  return out;
}

}  // namespace strongroom::aead
