// Errands bring what they were sent for in hauls of their own; the pass merges them when they are
// over, so no two zones' threads touch the same thing.
#include "blob/read_pass.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "base/bugs.h"
#include "base/check.h"
#include "base/scratch.h"
#include "blob/stripe_rescue.h"
#include "blob/stripe_sealer.h"
#include "format/segment.h"

namespace strongroom::blob {

namespace {

// Read at once, so that what was read is still hot when it is opened.
constexpr size_t kCellsAtOnce = 4;
constexpr size_t kRoomAlignment = 64;

constexpr uint32_t Bit(int cell) { return uint32_t{1} << cell; }

Status Revoked() { return Status(Code::kClosed, "nobody waits for the bytes any more"); }

bool WholeChunks(const format::BlobShape& shape, uint64_t offset, uint64_t end) {
  return offset % shape.chunk_size == 0 && (end % shape.chunk_size == 0 || end == shape.size);
}

}  // namespace

struct ReadPass::CellJob {
  enum class Outcome { kPending, kGood, kBad, kTampered };
  size_t at;  // In stripes_.
  uint64_t stripe;
  int cell;
  uint8_t* out;   // Where its plaintext goes; null: not opened.
  uint8_t* keep;  // Where its sealed bytes go; null: not kept.
  Outcome outcome = Outcome::kPending;
};

struct ReadPass::Stripe {
  uint64_t number = 0;
  uint32_t wanted = 0;   // Data cells to come out,
  uint32_t opened = 0;   // and those that have.
  uint32_t planned = 0;  // Cells to rebuild from; 0: nothing to rebuild.
  uint32_t kept = 0;     // Cells whose sealed bytes are in `cells`.
  uint32_t bad = 0;      // Rotten or tampered: not asked again.
  bool asked_some = false, asked_all = false;
  const uint8_t* cells[erasure::kCellsMax] = {};

  uint32_t Missing() const { return wanted & ~opened; }
};

// One zone's errand: reads, checks and opens its cells in the order of the file.
class ReadPass::Visit {
 public:
  Visit(std::shared_ptr<BlobSource> source, int position, std::shared_ptr<Haul> haul,
        std::shared_ptr<Landing> landing)
      : source_(std::move(source)),
        position_(position),
        haul_(std::move(haul)),
        landing_(std::move(landing)) {}

  // OK when every cell was good.
  Status Run(Errands::Leave leave) {
    TRY_ASSIGN(auto file, source_->OpenFile(position_));
    cipher_ = source_->TakeCipher();
    for (size_t i = 0, count; i < haul_->size(); i += count) {
      count = GroupAt(i);
      if (!ReadGroup(file.get(), i, count, leave)) break;
    }
    source_->GiveCipher(std::exchange(cipher_, std::nullopt));
    return status_;
  }

 private:
  uint64_t OffsetOf(const CellJob& job) const {
    return source_->shape().CellOffset(source_->run(position_), job.stripe, job.cell);
  }
  size_t SizeOf(const CellJob& job) const {
    return source_->shape().cell_size(job.stripe) + format::kCellTrailerSize;
  }

  // How many jobs from `first` on lie one behind the other in one stripe.
  size_t GroupAt(size_t first) const {
    const Haul& haul = *haul_;
    size_t count = 1;
    while (count < kCellsAtOnce && first + count < haul.size() &&
           haul[first + count].stripe == haul[first].stripe &&
           OffsetOf(haul[first + count]) ==
               OffsetOf(haul[first + count - 1]) + SizeOf(haul[first])) {
      ++count;
    }
    return count;
  }

  // False: go no further.
  bool ReadGroup(io::File* file, size_t first, size_t count, Errands::Leave leave) {
    const size_t size = SizeOf((*haul_)[first]);
    // Where the zone's thread reads to. Its own: whoever is stuck in a read holds nothing else.
    Scratch<Bytes> own;
    if (own->size() < count * size) own->resize(count * size);
    const MutableByteSpan scratch{own->data(), count * size};
    auto read = file->ReadAt(OffsetOf((*haul_)[first]), scratch);
    if (!read.ok()) {
      status_ = source_->MarkBad(position_, CellTrouble::Kind::kFailed, read.status());
      return false;
    }
    if (!leave.Claim()) return false;
    const bool welcome = JudgeGroup(first, count, scratch.first(*read));
    return leave.Yield() && welcome;
  }

  // False: nobody may write to the landing any more.
  bool JudgeGroup(size_t first, size_t count, ByteSpan read) {
    const Landing::Stay stay(landing_.get());
    if (!stay.welcome()) {
      status_ = Revoked();
      return false;
    }
    const size_t size = SizeOf((*haul_)[first]);
    for (size_t i = 0; i < count; ++i) {
      CellJob& job = (*haul_)[first + i];
      if ((i + 1) * size <= read.size()) {
        Judge(&job, read.subspan(i * size, size));
      } else {
        job.outcome = CellJob::Outcome::kBad;
        status_ = source_->MarkBad(position_, CellTrouble::Kind::kMissing,
                                   Status(Code::kCorruption, "the file ends too early"));
      }
    }
    return true;
  }

  void Judge(CellJob* job, ByteSpan with_checksum) {
    if (!source_->CheckCell(position_, job->stripe, job->cell, with_checksum)) {
      job->outcome = CellJob::Outcome::kBad;
      status_ = Status(Code::kCorruption, "rot");
      return;
    }
    const ByteSpan sealed = with_checksum.first(with_checksum.size() - format::kCellTrailerSize);
    if (job->keep != nullptr) memcpy(job->keep, sealed.data(), sealed.size());
    if (job->out != nullptr) {
      // Without a key nothing is wrong with the cell, and nothing of it was opened either: another
      // zone's preamble may have the key by now.
      const bool late = STRONGROOM_BUG("unopened-cell-served");
      if (!cipher_ && !late) cipher_ = source_->TakeCipher();
      if (!cipher_) {
        status_ = source_->key_status();
        if (late && status_.ok()) job->outcome = CellJob::Outcome::kGood;
        return;
      }
      Status opened =
          OpenCell(source_->shape(), job->stripe, job->cell, sealed, *cipher_, job->out);
      if (!opened.ok()) {
        status_ = opened;
        job->outcome = CellJob::Outcome::kTampered;
        source_->ReportTampered(job->stripe, job->cell);
        return;
      }
    }
    job->outcome = CellJob::Outcome::kGood;
  }

  const std::shared_ptr<BlobSource> source_;
  const int position_;
  const std::shared_ptr<Haul> haul_;
  const std::shared_ptr<Landing> landing_;
  std::optional<aead::ChunkCipher> cipher_;
  Status status_;
};

// ------------------------------------------------------------------ Fetch

ReadPass::ReadPass(std::shared_ptr<BlobSource> source, uint64_t offset, uint64_t end,
                   std::shared_ptr<Landing> landing, BlobReader::Done done)
    : source_(std::move(source)),
      offset_(offset),
      end_(end),
      landing_(std::move(landing)),
      direct_(landing_ != nullptr && WholeChunks(source_->shape(), offset, end)),
      done_(std::move(done)) {
  CHECK(landing_ == nullptr || landing_->size() == end_ - offset_);
}
ReadPass::~ReadPass() = default;

void ReadPass::Run(SlabRef slab) {
  slab_ = std::move(slab);
  LayStripes();
  PlanStripes();
  Fetch(
      [source = source_](const Errands& errands) {
        return source->placement().Recoverable(source->Promising() & ~errands.silent());
      },
      [](ReadPass* self) { self->OnFetched(); });
}

void ReadPass::LayStripes() {
  const format::BlobShape& shape = source_->shape();
  const auto k = static_cast<uint64_t>(shape.k);
  const uint64_t first = offset_ / shape.chunk_size, last = (end_ - 1) / shape.chunk_size;
  for (uint64_t chunk = first; chunk <= last; ++chunk) {
    if (stripes_.empty() || stripes_.back().number != chunk / k) {
      stripes_.emplace_back().number = chunk / k;
    }
    stripes_.back().wanted |= Bit(static_cast<int>(chunk % k));
  }
  used_ = direct_ ? 0 : (last - first + 1) * shape.chunk_size;
  CHECK(used_ <= Slab::size());
}

// Takes the chunks from where they lie; where that cannot be, k cells of the stripe to rebuild
// from. A stripe for which there is no plan is left to Rescue.
void ReadPass::PlanStripes() {
  const placement::ZoneMask promising = source_->Promising();
  for (Stripe& stripe : stripes_) {
    const uint32_t stored = source_->shape().stored(stripe.number);
    const auto plan = placement::PlanStripe(source_->placement(), stripe.wanted, stored, promising);
    if (!plan) continue;
    if (plan->rebuild) stripe.planned = plan->cells;
    AddJobs(&stripe, plan->cells, /*open=*/true, /*keep=*/plan->rebuild);
  }
}

void ReadPass::AddJobs(Stripe* stripe, uint32_t cells, bool open, bool keep) {
  hauls_.resize(static_cast<size_t>(source_->placement().zones()));
  for (uint32_t left = cells; left != 0; left &= left - 1) {
    const int cell = std::countr_zero(left);
    CellJob job;
    job.at = static_cast<size_t>(stripe - stripes_.data());
    job.stripe = stripe->number;
    job.cell = cell;
    job.out = open && (stripe->wanted & Bit(cell)) ? Output(stripe->number, cell) : nullptr;
    job.keep = keep ? Room(source_->shape().cell_size(stripe->number)) : nullptr;
    auto& haul = hauls_[static_cast<size_t>(source_->placement().zone_of(cell))];
    if (!haul) haul = std::make_shared<Haul>();
    haul->push_back(job);
  }
}

uint8_t* ReadPass::Output(uint64_t stripe, int cell) const {
  const uint64_t chunk =
      stripe * static_cast<uint64_t>(source_->shape().k) + static_cast<uint64_t>(cell);
  const uint64_t first = offset_ / source_->shape().chunk_size;
  uint8_t* base = direct_ ? landing_->data() : slab_->data();
  return base + (chunk - first) * source_->shape().chunk_size;
}

// Memory for a sealed cell: in the slab behind the plaintext, where it fits.
uint8_t* ReadPass::Room(size_t size) {
  size = format::RoundUp(size, kRoomAlignment);
  if (size <= Slab::size() - used_) {
    uint8_t* room = slab_->data() + used_;
    used_ += size;
    return room;
  }
  extra_.emplace_back(new uint8_t[size]);
  return extra_.back().get();
}

// Sends for what hauls_ says and goes on with `next`. `enough`: the silent zones can be done
// without.
void ReadPass::Fetch(std::function<bool(const Errands&)> enough, void (*next)(ReadPass*)) {
  auto hauls = std::make_shared<std::vector<std::shared_ptr<Haul>>>(std::move(hauls_));
  hauls_.clear();
  std::vector<Errands::Errand> errands;
  for (size_t i = 0; i < hauls->size(); ++i) {
    if (!(*hauls)[i]) continue;
    const int position = static_cast<int>(i);
    auto visit =
        std::make_shared<Visit>(source_, position, (*hauls)[i], direct_ ? landing_ : nullptr);
    errands.push_back({position, source_->zone(position),
                       [visit](Errands::Leave leave) { return visit->Run(leave); }, nullptr});
  }
  const auto& context = source_->context();
  Errands::Run(context, std::move(errands), {context->hedge_nanos, std::move(enough)},
               [self = shared_from_this(), hauls, next](const Errands& done) {
                 self->Merge(done, *hauls);
                 next(self.get());
               });
}

void ReadPass::Merge(const Errands& errands, const std::vector<std::shared_ptr<Haul>>& hauls) {
  for (size_t i = 0; i < errands.size(); ++i) {
    const Status status = errands.status(i);
    const int position = errands.position(i);
    closed_ |= status.Is(Code::kClosed);
    if (status.Is(Code::kTimedOut)) {
      silent_ = true;
      source_->MarkSlow(position);
    }
    for (const CellJob& job : *hauls[static_cast<size_t>(position)]) {
      Stripe& stripe = stripes_[job.at];
      if (job.outcome == CellJob::Outcome::kGood) {
        if (job.out != nullptr) stripe.opened |= Bit(job.cell);
        if (job.keep != nullptr) stripe.kept |= Bit(job.cell);
        stripe.cells[job.cell] = job.keep;
      } else if (job.outcome != CellJob::Outcome::kPending) {
        stripe.bad |= Bit(job.cell);
        (job.outcome == CellJob::Outcome::kTampered ? tampered_ : rotten_) = true;
      }
    }
  }
}

void ReadPass::OnFetched() {
  if (const Landing::Stay stay(target()); !stay.welcome()) return Finish(Revoked());
  bool missing = false, planned = false;
  for (const Stripe& stripe : stripes_) {
    missing |= stripe.Missing() != 0;
    planned |= stripe.planned != 0;
  }
  if (!missing) return Finish({});
  degraded_ = true;
  OnCodec(planned ? [](ReadPass* self) { self->Mend(); }
                  : [](ReadPass* self) { self->RescueNext(); });
}

void ReadPass::OnCodec(void (*task)(ReadPass*)) {
  auto self = shared_from_this();
  if (!source_->context()->codec->Post([self, task] { task(self.get()); })) {
    Finish(Status(Code::kClosed, "the store is closed"));
  }
}

// ------------------------------------------------------------------ Mend

// Data cells that are in no file: zeros.
uint32_t ReadPass::Virtual(const Stripe& stripe) const {
  const int k = source_->shape().k;
  const uint32_t data = k >= erasure::kCellsMax ? ~uint32_t{0} : Bit(k) - 1;
  return data & ~source_->shape().stored(stripe.number);
}

void ReadPass::Mend() {
  std::optional<aead::ChunkCipher> cipher = source_->TakeCipher();
  for (Stripe& stripe : stripes_) {
    const Landing::Stay stay(target());
    if (cipher && stripe.Missing() != 0 && stay.welcome()) MendOne(&stripe, *cipher);
  }
  source_->GiveCipher(std::move(cipher));
  RescueNext();
}

// Whatever goes wrong here is left to Rescue, which finds out why.
void ReadPass::MendOne(Stripe* stripe, aead::ChunkCipher& cipher) {
  if (stripe->planned == 0 || (stripe->planned & ~stripe->kept) != 0) return;
  const uint32_t zeros = Virtual(*stripe);
  uint8_t* out[erasure::kCellsMax] = {};
  for (int c = 0; c < source_->shape().k; ++c) {
    if (zeros & Bit(c)) stripe->cells[c] = ZeroCell();
    if (stripe->Missing() & Bit(c)) out[c] = Output(stripe->number, c);
  }
  Scratch<Bytes> scratch;
  if (RebuildAndOpen(source_->shape(), source_->code(), stripe->number, stripe->planned | zeros,
                     stripe->cells, stripe->Missing(), cipher, out, &*scratch)
          .ok()) {
    stripe->opened |= stripe->Missing();
  }
}

// ------------------------------------------------------------------ Rescue

// First among the zones that promise an answer, then among all that are there.
void ReadPass::RescueNext() {
  const auto next = std::find_if(stripes_.begin(), stripes_.end(),
                                 [](const Stripe& stripe) { return stripe.Missing() != 0; });
  if (next == stripes_.end()) return Finish({});
  rescued_ = static_cast<size_t>(next - stripes_.begin());
  Stripe& stripe = *next;
  const auto cells_of = [&](placement::ZoneMask zones) {
    return source_->placement().cells_of(zones) & source_->shape().stored(stripe.number) &
           ~stripe.bad;
  };
  const uint32_t zeros = Virtual(stripe);
  uint32_t cells = cells_of(source_->Promising());
  if (stripe.asked_some || std::popcount(cells | zeros) < source_->shape().k) {
    cells = cells_of(source_->Present());
    stripe.asked_all = true;
  }
  stripe.asked_some = true;
  stripe.kept = 0;
  std::fill(std::begin(stripe.cells), std::end(stripe.cells), nullptr);
  used_ = Slab::size();  // What is kept now is kept beside the slab, until the next stripe.
  AddJobs(&stripe, cells, /*open=*/false, /*keep=*/true);
  Fetch(
      [source = source_, cells, zeros](const Errands& errands) {
        const uint32_t there = cells & source->placement().cells_of(errands.succeeded());
        return std::popcount(there | zeros) >= source->shape().k;
      },
      [](ReadPass* self) { self->OnCodec([](ReadPass* pass) { pass->RescueOne(); }); });
}

void ReadPass::RescueOne() {
  Stripe& stripe = stripes_[rescued_];
  Status status = TryRescue(&stripe);
  extra_.clear();
  if (!status.ok() && stripe.asked_all) return Finish(Worst(status));
  RescueNext();
}

Status ReadPass::TryRescue(Stripe* stripe) {
  std::optional<aead::ChunkCipher> cipher = source_->TakeCipher();
  if (!cipher) return source_->key_status();
  StripeRescue rescue;
  rescue.wanted = stripe->wanted;
  for (int c = 0; c < source_->placement().geometry().cells(); ++c) {
    if (stripe->kept & Bit(c)) rescue.cells[c] = stripe->cells[c];
    if (stripe->wanted & Bit(c)) rescue.out[c] = Output(stripe->number, c);
  }
  const Landing::Stay stay(target());
  Status status = stay.welcome()
                      ? Rescue(source_->shape(), source_->code(), stripe->number, *cipher, &rescue)
                      : Revoked();
  source_->GiveCipher(std::move(cipher));
  for (uint32_t left = rescue.tampered; left != 0; left &= left - 1) {
    source_->ReportTampered(stripe->number, std::countr_zero(left));
    tampered_ = true;
  }
  stripe->bad |= rescue.tampered;
  if (status.ok()) stripe->opened = stripe->wanted;
  return status;
}

// ------------------------------------------------------------------ The answer

// Of all that was met on the way, what the caller must know first.
Status ReadPass::Worst(const Status& last) const {
  if (tampered_ || last.Is(Code::kTampered)) return Status(Code::kTampered, last.message());
  if (rotten_) return Status(Code::kCorruption, last.message());
  if (closed_) return Status(Code::kClosed, last.message());
  if (silent_) return Status(Code::kTimedOut, last.message());
  return last;
}

void ReadPass::Finish(Status status) {
  BlobReader::Done done = std::move(done_);
  SlabRef slab = std::move(slab_);
  if (degraded_) source_->context()->degraded_reads.fetch_add(1);
  if (!status.ok()) {
    slab = nullptr;
    return done(status);
  }
  const size_t skip = static_cast<size_t>(offset_ % source_->shape().chunk_size);
  const size_t size = static_cast<size_t>(end_ - offset_);
  if (landing_ == nullptr) {
    const ByteSpan bytes{slab->data() + skip, size};
    return done(BlobPiece(std::move(slab), bytes));
  }
  const ByteSpan bytes{landing_->data(), size};
  if (!direct_) {
    const Landing::Stay stay(landing_.get());
    if (!stay.welcome()) return done(Revoked());
    memcpy(landing_->data(), slab->data() + skip, size);
  }
  done(BlobPiece(std::move(slab), bytes));
}

}  // namespace strongroom::blob
