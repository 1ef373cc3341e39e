// Cuts a read into pieces that end with a stripe, and keeps at most one piece read ahead.
#include "blob/blob_reader.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "blob/piece.h"
#include "blob/read_pass.h"

namespace strongroom::blob {

class BlobReader::Work : public std::enable_shared_from_this<Work> {
 public:
  Work(std::shared_ptr<BlobSource> source, size_t piece_max)
      : source_(std::move(source)), piece_max_(piece_max) {}

  uint64_t size() const { return source_->shape().size; }
  size_t piece_max() const { return piece_max_; }
  void Read(uint64_t offset, uint64_t size, uint64_t ahead, Landings landings, Done done);
  uint64_t PieceEnd(uint64_t offset, uint64_t until) const;
  void Close();

 private:
  // A piece that nobody has asked for yet.
  struct Ahead {
    uint64_t offset = 0, end = 0;
    std::shared_ptr<Landing> landing;
    Done waiting;                   // Somebody has asked meanwhile.
    std::optional<Result<BlobPiece>> result;
  };

  void StartAhead(uint64_t offset, uint64_t until, std::shared_ptr<Landing> landing);
  void OnAhead(const std::shared_ptr<Ahead>& ahead, Result<BlobPiece> result);

  const std::shared_ptr<BlobSource> source_;
  const size_t piece_max_;
  Mutex mutex_;  // Guards all below.
  bool closed_ = false;
  std::shared_ptr<Ahead> ahead_;
};

// Pieces end where a stripe does, so that a sequence of them reads no cell twice.
uint64_t BlobReader::Work::PieceEnd(uint64_t offset, uint64_t until) const {
  const uint64_t stripe = static_cast<uint64_t>(source_->shape().k) * source_->shape().chunk_size;
  return std::min(until, offset / stripe * stripe + piece_max_);
}

void BlobReader::Work::Read(uint64_t offset, uint64_t size, uint64_t ahead, Landings landings,
                            Done done) {
  const uint64_t total = this->size();
  if (offset > total) return done(Status(Code::kInvalidArgument, "offset behind the blob's end"));
  const uint64_t wanted_end = offset + std::min(size, total - offset);
  const uint64_t until = wanted_end + std::min(ahead, total - wanted_end);
  const uint64_t end = PieceEnd(offset, wanted_end);
  if (end == offset) return done(BlobPiece());

  // Whoever gets a piece has the next one begun on the way.
  const bool goes_on = landings.here == nullptr || landings.next != nullptr;
  Done answer = [self = shared_from_this(), end, until, goes_on, next = landings.next,
                 done](Result<BlobPiece> piece) {
    if (piece.ok() && goes_on) self->StartAhead(end, until, next);
    done(std::move(piece));
  };
  std::shared_ptr<Ahead> taken, dropped;
  bool closed;
  {
    MutexLock lock(&mutex_);
    closed = closed_;
    const bool fits = ahead_ && ahead_->offset == offset && ahead_->end == end &&
                      ahead_->landing == landings.here;
    (fits ? taken : dropped) = std::exchange(ahead_, nullptr);
    if (taken && !taken->result) {
      taken->waiting = std::move(answer);
      return;
    }
  }
  dropped = nullptr;
  if (closed) return done(Status(Code::kClosed, "the blob's reader is closed"));
  if (taken) return answer(std::move(*taken->result));
  auto pass =
      std::make_shared<ReadPass>(source_, offset, end, landings.here, std::move(answer));
  source_->context()->read_slabs->Take([pass](SlabRef slab) { pass->Run(std::move(slab)); });
}

void BlobReader::Work::StartAhead(uint64_t offset, uint64_t until,
                                  std::shared_ptr<Landing> landing) {
  if (offset >= until) return;
  SlabRef slab = source_->context()->read_slabs->TryTakeSpare();
  if (!slab) return;
  auto ahead = std::make_shared<Ahead>();
  ahead->offset = offset;
  ahead->end = PieceEnd(offset, until);
  ahead->landing = landing;
  {
    MutexLock lock(&mutex_);
    if (closed_ || ahead_) return;
    ahead_ = ahead;
  }
  auto pass = std::make_shared<ReadPass>(
      source_, ahead->offset, ahead->end, std::move(landing),
      [self = shared_from_this(), ahead](Result<BlobPiece> result) {
        self->OnAhead(ahead, std::move(result));
      });
  pass->Run(std::move(slab));
}

void BlobReader::Work::OnAhead(const std::shared_ptr<Ahead>& ahead, Result<BlobPiece> result) {
  Done waiting;
  {
    MutexLock lock(&mutex_);
    waiting = std::exchange(ahead->waiting, nullptr);
    if (!waiting) ahead->result = std::move(result);
  }
  if (waiting) waiting(std::move(result));
}

void BlobReader::Work::Close() {
  std::shared_ptr<Ahead> dropped;
  {
    MutexLock lock(&mutex_);
    closed_ = true;
    dropped = std::exchange(ahead_, nullptr);
  }
  source_->DropFiles();
}

Result<std::shared_ptr<BlobReader>> BlobReader::Open(std::shared_ptr<BlobContext> context,
                                                     BlobReadSpec spec) {
  TRY_ASSIGN(placement::Placement placement,
             placement::Placement::Create(spec.geometry, static_cast<int>(spec.zones.size()),
                                          spec.blob_id));
  TRY_ASSIGN(auto code, erasure::ReedSolomon::Create(spec.geometry.k, spec.geometry.m));
  const format::BlobShape shape{spec.chunk_size, spec.geometry.k, spec.geometry.m, spec.size};
  if (!shape.Valid()) return Status(Code::kInvalidArgument, "no such blob can be");
  const size_t piece_max = PieceLayout(placement, spec.chunk_size).piece_max();
  auto source = std::make_shared<BlobSource>(
      std::move(context), BlobSource::Name{spec.store_id, spec.blob_id, spec.placement}, shape,
      std::move(spec.dek), placement, std::move(code), std::move(spec.zones));
  return std::shared_ptr<BlobReader>(
      new BlobReader(std::make_shared<Work>(std::move(source), piece_max)));
}

BlobReader::~BlobReader() { work_->Close(); }
uint64_t BlobReader::size() const { return work_->size(); }
size_t BlobReader::piece_max() const { return work_->piece_max(); }
void BlobReader::Read(uint64_t offset, uint64_t size, uint64_t ahead, Done done) {
  work_->Read(offset, size, ahead, {}, std::move(done));
}
void BlobReader::ReadInto(uint64_t offset, uint64_t until, Landings landings, Done done) {
  const uint64_t end = work_->PieceEnd(offset, until);
  work_->Read(offset, end - offset, until - end, std::move(landings), std::move(done));
}
uint64_t BlobReader::PieceEnd(uint64_t offset, uint64_t until) const {
  return work_->PieceEnd(offset, until);
}
void BlobReader::Close() { work_->Close(); }

}  // namespace strongroom::blob
