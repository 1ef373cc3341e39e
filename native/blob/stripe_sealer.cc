// Four short walks over one stripe, none over more.
#include "blob/stripe_sealer.h"

#include <utility>

#include "base/check.h"
#include "format/segment.h"
#include "hash/crc64.h"

namespace strongroom::blob {

const uint8_t* ZeroCell() {
  static const uint8_t zeros[aead::kSealedChunkSize] = {};
  return zeros;
}

StripeSealer::StripeSealer(aead::ChunkCipher cipher, const aead::Id& blob_id, uint16_t placement,
                           std::shared_ptr<const erasure::ReedSolomon> code)
    : cipher_(std::move(cipher)),
      blob_id_(blob_id),
      placement_(placement),
      code_(std::move(code)) {}

void StripeSealer::Seal(const StripeBuffers& stripe) {
  CHECK(stripe.number == next_++) << "a stripe is sealed once";
  CHECK(stripe.chunks >= 1 && stripe.chunks <= code_->k());
  const size_t first = stripe.chunks == 1 ? stripe.last_plaintext : stripe.first_plaintext;
  const size_t cell_size = first + aead::kTagSize;
  SealChunks(stripe, cell_size);
  Encode(stripe, cell_size);
  const int cells = code_->k() + code_->m();
  for (int c = 0; c < cells; ++c) {
    if (c >= stripe.chunks && c < code_->k()) continue;
    const uint64_t number = stripe.number * static_cast<uint64_t>(cells) + static_cast<uint64_t>(c);
    const uint64_t seed = format::CellCrcSeed(blob_id_, placement_, number);
    StoreLittle(stripe.cells[c] + cell_size, hash::Crc64({stripe.cells[c], cell_size}, seed));
  }
}

void StripeSealer::SealChunks(const StripeBuffers& stripe, size_t cell_size) {
  for (int c = 0; c < stripe.chunks; ++c) {
    const bool ends = c + 1 == stripe.chunks;
    uint8_t* cell = stripe.cells[c];
    const ByteSpan plaintext{cell, ends ? stripe.last_plaintext : stripe.first_plaintext};
    plaintext_crc64_ = hash::Crc64(plaintext, plaintext_crc64_);
    const uint64_t index = stripe.number * static_cast<uint64_t>(code_->k()) +
                           static_cast<uint64_t>(c);
    cipher_.Seal(index, stripe.last && ends, plaintext, cell);
    const size_t sealed = plaintext.size() + aead::kTagSize;
    memset(cell + sealed, 0, cell_size - sealed);
  }
}

void StripeSealer::Encode(const StripeBuffers& stripe, size_t cell_size) {
  const int k = code_->k();
  const uint8_t* data[erasure::kCellsMax];
  for (int c = 0; c < k; ++c) data[c] = c < stripe.chunks ? stripe.cells[c] : ZeroCell();
  code_->Encode(data, stripe.cells + k, cell_size);
}

}  // namespace strongroom::blob
