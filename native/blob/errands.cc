// Every change of state is made under one mutex; callbacks, drops and reports happen outside it.
#include "blob/errands.h"

#include <utility>

#include "base/check.h"

namespace strongroom::blob {

namespace {
Status Silent() { return Status(Code::kTimedOut, "the zone did not answer in time"); }
}  // namespace

// Goes to the zone's queue. A queue that is stopped drops it, and that is an answer too.
class Errands::Ticket {
 public:
  Ticket(std::shared_ptr<Errands> errands, size_t index)
      : errands_(std::move(errands)), index_(index) {}
  Ticket(const Ticket&) = delete;
  Ticket& operator=(const Ticket&) = delete;
  ~Ticket() {
    if (!begun_) errands_->Answer(index_, Status(Code::kClosed, "the zone's threads are stopped"));
  }
  void Begin() {
    begun_ = true;
    errands_->Begin(index_);
  }

 private:
  const std::shared_ptr<Errands> errands_;
  const size_t index_;
  bool begun_ = false;
};

Errands::Errands(std::shared_ptr<BlobContext> context, Patience patience, Done done)
    : context_(std::move(context)), patience_(std::move(patience)), done_(std::move(done)) {}

void Errands::Run(std::shared_ptr<BlobContext> context, std::vector<Errand> errands,
                  Patience patience, Done done) {
  std::shared_ptr<Errands> self(
      new Errands(std::move(context), std::move(patience), std::move(done)));
  self->begun_ = self->context_->env->MonotonicNanos();
  self->awaited_ = errands.size();
  for (Errand& errand : errands) {
    self->places_.push_back({errand.position, std::move(errand.zone), std::move(errand.work),
                             std::move(errand.slab), State::kQueued, false, Silent()});
  }
  const Deadlines::Id alarm = self->context_->deadlines->After(
      self->patience_.first_nanos, [weak = std::weak_ptr(self)] {
        auto errands = weak.lock();
        if (errands) errands->Ask();
      });
  {
    MutexLock lock(&self->mutex_);
    self->alarm_ = alarm;
  }
  for (size_t i = 0; i < self->places_.size(); ++i) {
    auto ticket = std::make_shared<Ticket>(self, i);
    self->places_[i].zone->cells->Post([ticket] { ticket->Begin(); });
  }
  self->EndIfAnswered();  // There may have been none at all.
}

void Errands::Begin(size_t index) {
  std::function<Status(Leave)> work;
  {
    MutexLock lock(&mutex_);
    Place& place = places_[index];
    if (place.state == State::kGivenUp) place.state = State::kAnswered;  // The zone lives.
    if (place.state != State::kQueued) return;
    place.state = State::kRunning;
    work = std::move(place.work);
  }
  Status status = work(Leave(this, index));
  work = nullptr;  // What it owns is free before anybody hears the answer.
  Answer(index, std::move(status));
}

void Errands::Answer(size_t index, Status status) {
  SlabRef slab;
  std::function<Status(Leave)> work;
  bool ask;
  {
    MutexLock lock(&mutex_);
    Place& place = places_[index];
    const bool late = place.state == State::kGivenUp;
    place.state = State::kAnswered;
    if (late) return;  // For nobody but ReportSilent.
    place.status = std::move(status);
    slab = std::move(place.slab);
    work = std::move(place.work);
    --awaited_;
    ask = asking_ && awaited_ != 0;
  }
  slab.reset();
  work = nullptr;
  if (ask) {
    Ask();
  } else {
    EndIfAnswered();
  }
}

bool Errands::Claim(size_t index) {
  MutexLock lock(&mutex_);
  Place& place = places_[index];
  if (place.state == State::kGivenUp || place.unwanted) return false;
  CHECK(place.state == State::kRunning);
  place.state = State::kClaimed;
  return true;
}

bool Errands::Yield(size_t index) {
  MutexLock lock(&mutex_);
  Place& place = places_[index];
  CHECK(place.state == State::kClaimed);
  place.state = State::kRunning;
  return !place.unwanted;
}

// Shall we go on waiting? Asked when the first time has run out, and at each answer after that.
void Errands::Ask() {
  std::function<bool(const Errands&)> can_do_without;
  bool first;
  {
    MutexLock lock(&mutex_);
    if (over_) return;
    first = !std::exchange(asking_, true);
    can_do_without = patience_.can_do_without_the_silent;
  }
  if (can_do_without(*this)) {
    GiveUp();
    return;
  }
  if (!first) return;
  const uint64_t left = context_->patience_nanos > patience_.first_nanos
                            ? context_->patience_nanos - patience_.first_nanos
                            : 0;
  const Deadlines::Id alarm =
      context_->deadlines->After(left, [weak = weak_from_this()] {
        auto errands = weak.lock();
        if (errands) errands->GiveUp();
      });
  MutexLock lock(&mutex_);
  alarm_ = alarm;
}

void Errands::GiveUp() {
  std::vector<std::function<Status(Leave)>> dropped;
  std::vector<SlabRef> abandoned, freed;
  bool running = false;
  {
    MutexLock lock(&mutex_);
    if (over_) return;
    for (Place& place : places_) {
      if (place.state == State::kClaimed) place.unwanted = true;
      if (place.state != State::kQueued && place.state != State::kRunning) continue;
      if (place.state == State::kRunning && place.unwanted) continue;  // It is about to answer.
      running |= place.state == State::kRunning;
      if (place.slab) {
        (place.state == State::kRunning ? abandoned : freed).push_back(std::move(place.slab));
      }
      dropped.push_back(std::move(place.work));
      place.state = State::kGivenUp;
      --awaited_;
    }
  }
  for (const SlabRef& slab : abandoned) slab->Abandon();
  // The zone is only called failed when it has had its whole deadline, also if somebody with less
  // patience goes on without it.
  const uint64_t waited = context_->env->MonotonicNanos() - begun_;
  if (waited >= context_->zone_deadline_nanos) {
    ReportSilent();
  } else if (running) {
    context_->deadlines->After(context_->zone_deadline_nanos - waited,
                               [weak = weak_from_this()] {
                                 auto errands = weak.lock();
                                 if (errands) errands->ReportSilent();
                               });
  }
  EndIfAnswered();
}

void Errands::ReportSilent() {
  std::vector<std::shared_ptr<CellZone>> silent;
  {
    MutexLock lock(&mutex_);
    for (const Place& place : places_) {
      if (place.state == State::kGivenUp) silent.push_back(place.zone);
    }
  }
  for (const auto& zone : silent) {
    if (zone->on_failure) zone->on_failure(Silent());
  }
}

void Errands::EndIfAnswered() {
  Done done;
  Patience patience;
  Deadlines::Id alarm;
  {
    MutexLock lock(&mutex_);
    if (awaited_ != 0 || over_) return;
    over_ = true;
    // A stuck errand keeps us; nothing that belongs to our caller may stay with it.
    done = std::move(done_);
    patience.can_do_without_the_silent = std::move(patience_.can_do_without_the_silent);
    alarm = alarm_;
  }
  context_->deadlines->Cancel(alarm);
  done(*this);
}

Status Errands::status(size_t index) const {
  MutexLock lock(&mutex_);
  return places_[index].status;
}

placement::ZoneMask Errands::succeeded() const {
  MutexLock lock(&mutex_);
  placement::ZoneMask mask = 0;
  for (const Place& place : places_) {
    if (place.status.ok()) mask |= placement::ZoneMask{1} << place.position;
  }
  return mask;
}

placement::ZoneMask Errands::silent() const {
  MutexLock lock(&mutex_);
  placement::ZoneMask mask = 0;
  for (const Place& place : places_) {
    if (place.status.Is(Code::kTimedOut)) mask |= placement::ZoneMask{1} << place.position;
  }
  return mask;
}

}  // namespace strongroom::blob
