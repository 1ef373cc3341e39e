#include "engine/verify_run.h"

#include <algorithm>
#include <utility>

namespace strongroom::engine {

namespace {
// Findings that nobody has taken.
constexpr size_t kFindingsMax = 1000;
// How often progress is told when nothing is found.
constexpr uint64_t kTellNanos = 100'000'000;
}  // namespace

void VerifyRun::Next(std::function<void(VerifyNews)> done) {
  std::optional<VerifyNews> news;
  {
    MutexLock lock(&mutex_);
    if (news_.over || !news_.findings.empty()) {
      news = TakeNews();
    } else {
      asked_ = std::move(done);
    }
  }
  if (news) done(std::move(*news));
}

void VerifyRun::Stop() {
  MutexLock lock(&mutex_);
  stopped_ = true;
  changed_.SignalAll();
}

VerifyNews VerifyRun::TakeNews() {
  VerifyNews out = news_;
  news_.findings.clear();
  changed_.SignalAll();
  return out;
}

void VerifyRun::Tell() {
  if (!asked_) return;
  auto asked = std::exchange(asked_, nullptr);
  VerifyNews news = TakeNews();
  mutex_.Unlock();
  asked(std::move(news));
  mutex_.Lock();
}

bool VerifyRun::Pace(uint64_t bytes) {
  const uint64_t now = env_->MonotonicNanos();
  if (bytes_per_second_ != 0) {
    // No credit for the past: a pause is not made up for.
    due_ = std::max(due_, now) + bytes * 1'000'000'000 / bytes_per_second_;
  }
  MutexLock lock(&mutex_);
  news_.tally = tally_;
  if (now - told_at_ >= kTellNanos) {
    told_at_ = now;
    Tell();
  }
  while (!stopped_) {
    const uint64_t at = env_->MonotonicNanos();
    if (at >= due_) break;
    changed_.WaitFor(due_ - at);
  }
  return !stopped_;
}

void VerifyRun::Find(repair::Finding finding) {
  MutexLock lock(&mutex_);
  while (!stopped_ && news_.findings.size() >= kFindingsMax) changed_.Wait();
  news_.tally = tally_;
  news_.findings.push_back(std::move(finding));
  Tell();
}

void VerifyRun::TellBackup(uint64_t sequence, uint64_t written) {
  MutexLock lock(&mutex_);
  news_.sequence = sequence;
  news_.written = written;
}

void VerifyRun::End(const Status& status) {
  MutexLock lock(&mutex_);
  news_.tally = tally_;
  news_.over = true;
  news_.status = status;
  Tell();
}

}  // namespace strongroom::engine
