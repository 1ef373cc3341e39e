// The writer's state and its one coordinator, Step: whoever changes something calls it, and it
// starts what is due next (ask for a slab, sync, remove). All work itself happens on codec and zone
// threads.
#include "blob/blob_writer.h"

#include <bit>
#include <deque>
#include <utility>

#include "base/check.h"
#include "blob/errands.h"
#include "blob/piece.h"
#include "blob/zone_file.h"

namespace strongroom::blob {

namespace {

// One piece is copied and one is sealed while two are on their way to the disks.
constexpr size_t kInFlightMax = 4;

Status NotThere(int position) {
  return Status(Code::kUnavailable, "zone at position " + std::to_string(position) + " is out");
}

// Nothing is wrong with a zone that is full, or has a file of this name: it is the write that
// fails.
bool IsOurs(const Status& status) {
  return status.Is(Code::kNoSpace) || status.Is(Code::kExists);
}

size_t TotalSize(std::span<const ByteSpan> parts) {
  size_t size = 0;
  for (ByteSpan part : parts) size += part.size();
  return size;
}

}  // namespace

class BlobWriter::Work : public std::enable_shared_from_this<Work> {
 public:
  Work(std::shared_ptr<BlobContext> context, BlobWriteSpec spec,
       const placement::Placement& placement, std::shared_ptr<const erasure::ReedSolomon> code);

  const PieceLayout& layout() const { return layout_; }
  bool Recoverable();
  Result<bool> Offer(std::span<const ByteSpan> parts, bool last, std::function<void()> again);
  void Finish(std::function<void(Result<BlobDone>)> done);
  void Abort(std::function<void()> done);

 private:
  enum class State {
    kStreaming,  // Pieces are taken, sealed, written.
    kSyncing,    // All are written.
    kDone,       // Durable. What becomes of the blob is for the commit to say.
    kRemoving,   // status_ says why.
    kGone,
  };

  void OpenZones(const BlobWriteSpec& spec);
  Status CheckOffer(size_t size, bool last) const;
  // One step over the pieces, in order, one codec task at a time.
  struct Stage {
    std::deque<std::shared_ptr<Piece>> pieces;
    bool busy = false;
    void (Work::*next)();
  };
  void OnSlab(SlabRef slab);
  void Enter(Stage* stage, std::shared_ptr<Piece> piece);
  bool PostNext(const Stage& stage);
  void DigestNext();
  void SealNext();
  void WriteOut(const std::shared_ptr<Piece>& piece);
  void OnWritten(const Errands& errands);
  void Step();
  void Sync();
  void OnSynced(const Errands& errands);
  void Remove();
  void OnRemoved();

  std::vector<int> Standing();
  placement::ZoneMask StandingMask() const;
  void ZoneFailed(int position, Status status);
  void Account(const Errands& errands);
  Errands::Patience WritePatience() const;
  const std::shared_ptr<CellZone>& zone(int position) const {
    return zones_[static_cast<size_t>(position)];
  }
  const std::shared_ptr<ZoneFile>& file(int position) const {
    return files_[static_cast<size_t>(position)];
  }

  const std::shared_ptr<BlobContext> context_;
  const PieceLayout layout_;
  const CellZones zones_;
  std::vector<std::shared_ptr<ZoneFile>> files_;  // By position; null where the zone was out.

  const std::function<void(ByteSpan)> on_plaintext_;  // Called by one codec task at a time.
  // Touched by one codec task at a time.
  StripeSealer sealer_;
  std::vector<Bytes> carry_;

  Mutex mutex_;  // Guards all below.
  State state_ = State::kStreaming;
  Status status_;                     // Why the blob as a whole has failed.
  std::vector<Status> zone_status_;   // Why a zone is left out.
  uint64_t size_ = 0;                 // Taken so far.
  bool last_taken_ = false;
  size_t in_flight_ = 0;              // Pieces taken and not yet written.
  Stage digest_{{}, false, &Work::DigestNext};
  Stage seal_{{}, false, &Work::SealNext};
  bool asked_ = false;                // The pool will call OnSlab.
  SlabRef granted_;                   // For the piece that is offered next.
  std::function<void()> again_;
  std::function<void(Result<BlobDone>)> finish_;
  std::vector<std::function<void()>> aborts_;
};

BlobWriter::Work::Work(std::shared_ptr<BlobContext> context, BlobWriteSpec spec,
                       const placement::Placement& placement,
                       std::shared_ptr<const erasure::ReedSolomon> code)
    : context_(std::move(context)),
      layout_(placement, spec.header.chunk_size),
      zones_(spec.zones),
      on_plaintext_(std::move(spec.on_plaintext)),
      sealer_(std::move(*spec.cipher), spec.header.blob_id, spec.placement, std::move(code)) {
  const format::BlobPreamble preamble{spec.placement,
                                      static_cast<uint8_t>(spec.geometry.k),
                                      static_cast<uint8_t>(spec.geometry.m), spec.epoch,
                                      spec.header};
  carry_.assign(zones_.size(), format::EncodeBlobPreamble(preamble));
  OpenZones(spec);
}

void BlobWriter::Work::OpenZones(const BlobWriteSpec& spec) {
  files_.resize(zones_.size());
  zone_status_.resize(zones_.size());
  for (int i = 0; i < layout_.placement().zones(); ++i) {
    const auto at = static_cast<size_t>(i);
    if (!zone(i) || !zone(i)->healthy.load()) {
      zone_status_[at] = NotThere(i);
      continue;
    }
    const format::BlobShape shape = layout_.Shape(spec.expected_size);
    const bool known = spec.expected_size != 0 && shape.Valid();
    const uint64_t expected = known ? shape.FileSize(layout_.run(i)) : 0;
    files_[at] =
        std::make_shared<ZoneFile>(*zone(i), spec.header.blob_id, spec.placement, expected);
  }
}

// ------------------------------------------------------------------ Taking pieces

Status BlobWriter::Work::CheckOffer(size_t size, bool last) const {
  const auto wrong = [](const char* why) { return Status(Code::kInvalidArgument, why); };
  if (last_taken_) return wrong("a piece is offered behind the last one");
  if (again_) return wrong("a piece is offered while another one waits");
  if (size > layout_.piece_max()) return wrong("the piece is larger than piece_max");
  if (size == 0 && (!last || size_ != 0)) return wrong("the piece is empty");
  if (!last && size % layout_.stripe_size() != 0) {
    return wrong("the piece is not the last and does not end with a stripe");
  }
  // Before sealing: a counter that wraps uses a nonce twice.
  if (!layout_.Shape(size_ + size).Valid()) return wrong("the body is too long for one blob");
  return {};
}

Result<bool> BlobWriter::Work::Offer(std::span<const ByteSpan> parts, bool last,
                                     std::function<void()> again) {
  const size_t size = TotalSize(parts);
  std::shared_ptr<Piece> piece;
  {
    MutexLock lock(&mutex_);
    TRY(status_);
    TRY(CheckOffer(size, last));
    if (!granted_ && in_flight_ < kInFlightMax && !asked_) {
      granted_ = context_->write_slabs->TryTake();
    }
    if (granted_) {
      piece = std::make_shared<Piece>(layout_, std::move(granted_), size_ / layout_.stripe_size(),
                                      size, last);
      granted_ = nullptr;
      size_ += size;
      last_taken_ = last;
      ++in_flight_;
    } else {
      again_ = std::move(again);
    }
  }
  if (!piece) {
    Step();
    return false;
  }
  piece->Snapshot(parts);  // Outside the lock; in_flight_ keeps everything in place.
  Enter(on_plaintext_ ? &digest_ : &seal_, std::move(piece));
  return true;
}

bool BlobWriter::Work::PostNext(const Stage& stage) {
  return context_->codec->Post(
      [self = shared_from_this(), next = stage.next] { (self.get()->*next)(); });
}

void BlobWriter::Work::Enter(Stage* stage, std::shared_ptr<Piece> piece) {
  bool start;
  {
    MutexLock lock(&mutex_);
    stage->pieces.push_back(std::move(piece));
    start = !std::exchange(stage->busy, true);
  }
  if (!start || PostNext(*stage)) return;
  std::deque<std::shared_ptr<Piece>> dropped;
  {
    MutexLock lock(&mutex_);
    status_ = Status(Code::kClosed, "the store is closed");
    stage->busy = false;
    dropped.swap(stage->pieces);
    in_flight_ -= dropped.size();
  }
  dropped.clear();
  Step();
}

void BlobWriter::Work::OnSlab(SlabRef slab) {
  std::function<void()> again;
  {
    MutexLock lock(&mutex_);
    asked_ = false;
    if (again_ && status_.ok()) granted_ = std::move(slab);
    again = std::exchange(again_, nullptr);
  }
  slab = nullptr;  // Not wanted any more: to the next in the queue.
  if (again) again();
}

// ------------------------------------------------------------------ Sealing and writing

void BlobWriter::Work::DigestNext() {
  std::shared_ptr<Piece> piece;
  bool wanted, more;
  {
    MutexLock lock(&mutex_);
    piece = std::move(digest_.pieces.front());
    digest_.pieces.pop_front();
    wanted = status_.ok();
  }
  if (wanted) piece->ReadPlaintext(on_plaintext_);
  // Before the next one is digested, so that pieces are sealed in their order.
  Enter(&seal_, std::move(piece));
  {
    MutexLock lock(&mutex_);
    more = !digest_.pieces.empty();
    digest_.busy = more;
  }
  if (more && !PostNext(digest_)) DigestNext();  // The pool is stopped: lets go of what was taken.
}

void BlobWriter::Work::SealNext() {
  std::shared_ptr<Piece> piece;
  bool wanted, more;
  {
    MutexLock lock(&mutex_);
    piece = std::move(seal_.pieces.front());
    seal_.pieces.pop_front();
    wanted = status_.ok();
  }
  if (wanted) piece->Seal(&sealer_, &carry_);
  {
    MutexLock lock(&mutex_);
    more = !seal_.pieces.empty();
    seal_.busy = more;
    if (!wanted) --in_flight_;
  }
  if (more && !PostNext(seal_)) {
    SealNext();  // The pool is stopped: what was taken is sealed here, nobody else will.
  }
  if (wanted) {
    WriteOut(piece);
  } else {
    piece = nullptr;
    Step();
  }
}

void BlobWriter::Work::WriteOut(const std::shared_ptr<Piece>& piece) {
  std::vector<Errands::Errand> errands;
  for (int position : Standing()) {
    auto work = [piece, file = file(position), position](Errands::Leave) {
      const ByteSpan blocks = piece->Blocks(position);
      return blocks.empty() ? Status() : file->Append(piece->region(position).offset, blocks);
    };
    errands.push_back({position, zone(position), std::move(work), piece->slab()});
  }
  Errands::Run(context_, std::move(errands), WritePatience(),
               [self = shared_from_this()](const Errands& done) { self->OnWritten(done); });
}

void BlobWriter::Work::OnWritten(const Errands& errands) {
  Account(errands);
  {
    MutexLock lock(&mutex_);
    --in_flight_;
  }
  Step();
}

// The zones that are still written to.
std::vector<int> BlobWriter::Work::Standing() {
  std::vector<int> standing;
  for (int i = 0; i < layout_.placement().zones(); ++i) {
    if (!file(i)) continue;
    if (!zone(i)->healthy.load()) ZoneFailed(i, NotThere(i));
    MutexLock lock(&mutex_);
    if (zone_status_[static_cast<size_t>(i)].ok()) standing.push_back(i);
  }
  return standing;
}

// REQUIRES: the mutex is held.
placement::ZoneMask BlobWriter::Work::StandingMask() const {
  placement::ZoneMask mask = 0;
  for (size_t i = 0; i < zone_status_.size(); ++i) {
    if (zone_status_[i].ok()) mask |= placement::ZoneMask{1} << i;
  }
  return mask;
}

bool BlobWriter::Work::Recoverable() {
  MutexLock lock(&mutex_);
  return layout_.placement().Recoverable(StandingMask());
}

// A zone is given up for slowness only when two others have answered: slowness alone never takes
// the set below two.
Errands::Patience BlobWriter::Work::WritePatience() const {
  return {context_->zone_deadline_nanos,
          [placement = layout_.placement()](const Errands& errands) {
            const placement::ZoneMask there = errands.succeeded();
            return std::popcount(there) >= 2 && placement.Recoverable(there);
          }};
}

void BlobWriter::Work::Account(const Errands& errands) {
  for (size_t i = 0; i < errands.size(); ++i) {
    Status status = errands.status(i);
    if (status.ok()) continue;
    // A silent zone was reported by Errands; a stopped one is being closed.
    const bool report = !IsOurs(status) && !status.Is(Code::kTimedOut) &&
                        !status.Is(Code::kClosed) && !status.Is(Code::kCancelled);
    ZoneFailed(errands.position(i), status);
    const auto& on_failure = zone(errands.position(i))->on_failure;
    if (report && on_failure) on_failure(status);
  }
}

void BlobWriter::Work::ZoneFailed(int position, Status status) {
  MutexLock lock(&mutex_);
  Status& known = zone_status_[static_cast<size_t>(position)];
  if (!known.ok()) return;
  known = status.With("zone " + std::to_string(zone(position)->number));
  const bool enough = layout_.placement().Recoverable(StandingMask());
  if (status_.ok() && (IsOurs(status) || !enough)) status_ = known;
}

// ------------------------------------------------------------------ What is due next

void BlobWriter::Work::Step() {
  enum { kWait, kAskForSlab, kSync, kRemove } next = kWait;
  std::function<void()> again;
  SlabRef dropped;
  {
    MutexLock lock(&mutex_);
    if (!status_.ok()) {
      again = std::exchange(again_, nullptr);  // Offers again, and hears why not.
      dropped = std::exchange(granted_, nullptr);
    }
    if (again_ && !asked_ && !granted_ && in_flight_ < kInFlightMax) {
      asked_ = true;
      next = kAskForSlab;
    } else if (in_flight_ > 0 || state_ != State::kStreaming) {
      next = kWait;
    } else if (!status_.ok()) {
      state_ = State::kRemoving;
      next = kRemove;
    } else if (finish_) {
      state_ = State::kSyncing;
      next = kSync;
    }
  }
  dropped = nullptr;
  if (again) again();
  if (next == kAskForSlab) {
    context_->write_slabs->Take(
        [self = shared_from_this()](SlabRef slab) { self->OnSlab(std::move(slab)); });
  }
  if (next == kSync) Sync();
  if (next == kRemove) Remove();
}

void BlobWriter::Work::Finish(std::function<void(Result<BlobDone>)> done) {
  Status refused;
  {
    MutexLock lock(&mutex_);
    if (state_ == State::kGone) {
      refused = status_;
    } else if (state_ == State::kDone || finish_) {
      refused = Status(Code::kInvalidArgument, "Finish is called once");
    } else if (!last_taken_ && status_.ok()) {
      refused = Status(Code::kInvalidArgument, "the last piece was not offered");
    } else {
      finish_ = std::move(done);
    }
  }
  if (!refused.ok()) return done(refused);
  Step();
}

void BlobWriter::Work::Sync() {
  std::vector<Errands::Errand> errands;
  for (int position : Standing()) {
    const uint64_t size = layout_.Shape(size_).FileSize(layout_.run(position));
    auto work = [file = file(position), size](Errands::Leave) { return file->Finish(size); };
    errands.push_back({position, zone(position), std::move(work), nullptr});
  }
  Errands::Run(context_, std::move(errands), WritePatience(),
               [self = shared_from_this()](const Errands& done) { self->OnSynced(done); });
}

void BlobWriter::Work::OnSynced(const Errands& errands) {
  Account(errands);
  std::function<void(Result<BlobDone>)> finish;
  BlobDone done;
  {
    MutexLock lock(&mutex_);
    // From the first case on the blob stands, whatever happens to this process.
    if (status_.ok()) {
      state_ = State::kDone;
      finish = std::exchange(finish_, nullptr);
      done = {size_, sealer_.plaintext_crc64(), StandingMask(), zone_status_};
    } else {
      state_ = State::kRemoving;
    }
  }
  if (finish) {
    finish(std::move(done));
  } else {
    Remove();
  }
}

// ------------------------------------------------------------------ Giving up

void BlobWriter::Work::Abort(std::function<void()> done) {
  {
    MutexLock lock(&mutex_);
    if (state_ != State::kDone && state_ != State::kGone) {
      if (status_.ok()) status_ = Status(Code::kCancelled, "the blob was aborted");
      if (done) aborts_.push_back(std::exchange(done, nullptr));
    }
  }
  if (done) return done();
  Step();
}

// Removes what was written. A silent zone is not waited for again: its stuck thread removes the
// file itself, should it ever come back.
void BlobWriter::Work::Remove() {
  std::vector<Errands::Errand> errands;
  for (int i = 0; i < layout_.placement().zones(); ++i) {
    if (!file(i)) continue;
    file(i)->Doom();
    auto remove = [file = file(i)] { file->Remove(); };
    bool silent;
    {
      MutexLock lock(&mutex_);
      silent = zone_status_[static_cast<size_t>(i)].Is(Code::kTimedOut);
    }
    if (silent) {
      zone(i)->cells->Post(std::move(remove));
      continue;
    }
    errands.push_back({i, zone(i),
                       [remove](Errands::Leave) {
                         remove();
                         return Status();
                       },
                       nullptr});
  }
  Errands::Run(context_, std::move(errands),
               {context_->zone_deadline_nanos, [](const Errands&) { return true; }},
               [self = shared_from_this()](const Errands&) { self->OnRemoved(); });
}

void BlobWriter::Work::OnRemoved() {
  std::function<void(Result<BlobDone>)> finish;
  std::vector<std::function<void()>> aborts;
  Status status;
  {
    MutexLock lock(&mutex_);
    state_ = State::kGone;
    status = status_;
    finish = std::exchange(finish_, nullptr);
    aborts.swap(aborts_);
  }
  if (finish) finish(status);
  for (const auto& done : aborts) done();
}

// ------------------------------------------------------------------ The surface

Result<std::shared_ptr<BlobWriter>> BlobWriter::Start(std::shared_ptr<BlobContext> context,
                                                      BlobWriteSpec spec) {
  CHECK(spec.cipher.has_value());
  TRY_ASSIGN(placement::Placement placement,
             placement::Placement::Create(spec.geometry, static_cast<int>(spec.zones.size()),
                                          spec.header.blob_id));
  TRY_ASSIGN(auto code, erasure::ReedSolomon::Create(spec.geometry.k, spec.geometry.m));
  auto work = std::make_shared<Work>(std::move(context), std::move(spec), placement,
                                     std::move(code));
  if (!work->Recoverable()) {
    return Status(Code::kUnavailable, "too few zones are there to write a blob");
  }
  return std::shared_ptr<BlobWriter>(new BlobWriter(std::move(work)));
}

BlobWriter::~BlobWriter() { work_->Abort(nullptr); }

size_t BlobWriter::stripe_size() const { return work_->layout().stripe_size(); }
size_t BlobWriter::piece_max() const { return work_->layout().piece_max(); }

Result<bool> BlobWriter::Offer(std::span<const ByteSpan> parts, bool last,
                               std::function<void()> again) {
  return work_->Offer(parts, last, std::move(again));
}
void BlobWriter::Finish(std::function<void(Result<BlobDone>)> done) {
  work_->Finish(std::move(done));
}
void BlobWriter::Abort(std::function<void()> done) { work_->Abort(std::move(done)); }

}  // namespace strongroom::blob
