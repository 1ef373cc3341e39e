// VerifyRun: one verification on its way: what it found and how far it is, for whoever asks; its
// rate; and its end, when nobody wants it any more.
//
//   the repair thread:   Pace, Find, Count ... End
//   whoever asked:       Next -> news ... the last of them says how it ended; or Stop
//
// Nothing grows: who finds much waits until it is taken.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "base/sync.h"
#include "engine/engine.h"

namespace strongroom::engine {

class VerifyRun final : public Verifying, public std::enable_shared_from_this<VerifyRun> {
 public:
  // `bytes_per_second` 0: at full speed.
  VerifyRun(io::Env* env, uint64_t bytes_per_second)
      : env_(env), bytes_per_second_(bytes_per_second), changed_(&mutex_) {}

  void Next(std::function<void(VerifyNews)> done) override;
  void Stop() override;

  // ---- Of the repair thread.
  bool Pace(uint64_t bytes);  // False: stop.
  void Find(repair::Finding finding);
  repair::Tally* tally() { return &tally_; }
  bool is_slow() const { return bytes_per_second_ != 0; }
  void TellBackup(uint64_t sequence, uint64_t written);
  void End(const Status& status);

 private:
  void Tell();            // REQUIRES: mutex_ held; lets go of it meanwhile.
  VerifyNews TakeNews();  // REQUIRES: mutex_ held.

  io::Env* const env_;
  const uint64_t bytes_per_second_;
  uint64_t due_ = 0;  // When the next bytes are welcome.
  uint64_t told_at_ = 0;
  repair::Tally tally_;  // The repair thread's alone.
  Mutex mutex_;          // Guards all below.
  CondVar changed_;
  bool stopped_ = false;
  VerifyNews news_;  // Not taken yet.
  std::function<void(VerifyNews)> asked_;
};

}  // namespace strongroom::engine
