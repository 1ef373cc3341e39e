// Frame verifier: opens one small blob with its key in every zone's log, past the page cache, and
// heals the zones where it is not what was sealed, from one where it is.
//
// The walk over the log (log_verifier.h) needs no key and finds rot; who lies under a right
// checksum only this tells.
#pragma once

#include <memory>
#include <vector>

#include "base/secret_bytes.h"
#include "repair/finding.h"
#include "repair/log_zone.h"

namespace strongroom::repair {

struct FrameOrder {
  io::Env* env = nullptr;
  std::vector<LogZone> zones;
  aead::Id store_id{};
  aead::Id blob_id{};
  uint64_t location = 0;  // Of the frame.
  uint64_t size = 0;      // Of the plaintext.
  SecretBytes dek;
  bool heal = false;
  uint64_t patience_nanos = 30'000'000'000;
};

// What is wrong with the blob is no failure.
Status VerifyFrame(const FrameOrder& order, const OnFinding& on_finding, Tally* tally);

}  // namespace strongroom::repair
