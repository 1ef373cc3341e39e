// Each floor does the least that anybody could do for the same task: no copy, no allocation and no
// checksum inside the time that is taken.
#include "binding/measure.h"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "aead/chunk.h"
#include "binding/completions.h"
#include "binding/convert.h"
#include "binding/instance.h"
#include "blob/stripe_sealer.h"
#include "io/posix_env.h"

namespace strongroom::binding {

namespace {

constexpr size_t kMebibyte = 1 << 20;

// On a 4 KiB boundary, written once so that no page faults later, with random bytes.
class RandomBuffer {
 public:
  explicit RandomBuffer(size_t size)
      : size_((size + io::kDirectAlignment - 1) / io::kDirectAlignment * io::kDirectAlignment),
        data_(static_cast<uint8_t*>(aligned_alloc(io::kDirectAlignment, size_))) {
    io::PosixEnv()->Random(span());
  }
  ~RandomBuffer() { free(data_); }
  RandomBuffer(const RandomBuffer&) = delete;
  RandomBuffer& operator=(const RandomBuffer&) = delete;
  uint8_t* data() const { return data_; }
  MutableByteSpan span() const { return {data_, size_}; }

 private:
  const size_t size_;
  uint8_t* const data_;
};

double SecondsSince(uint64_t start) {
  return static_cast<double>(io::PosixEnv()->MonotonicNanos() - start) / 1e9;
}
double GigabytesPerSecond(uint64_t bytes, double seconds) {
  return static_cast<double>(bytes) / 1e9 / seconds;
}

// Runs `work` on a thread of its own; its seconds settle the promise.
Napi::Value Timed(Napi::Env env, std::function<Result<double>()> work) {
  auto task = std::make_shared<PromiseTask>(env, InstanceOf(env).completions);
  Napi::Promise promise = task->promise();
  auto thread = io::PosixEnv()->StartThread("measure", [task, work = std::move(work)] {
    Result<double> seconds = work();
    if (!seconds.ok()) return PromiseTask::Reject(task, seconds.status());
    PromiseTask::Resolve(
        task, [seconds = *seconds](Napi::Env env) { return Napi::Number::New(env, seconds); });
  });
  thread->Detach();
  return promise;
}

// One lane: takes the next mebibyte of the file until none is left.
Status WriteLane(io::File& file, uint64_t bytes, ByteSpan from, std::atomic<uint64_t>& next) {
  for (uint64_t at = next.fetch_add(kMebibyte); at < bytes; at = next.fetch_add(kMebibyte)) {
    TRY(file.WriteAt(at, from.first(std::min<uint64_t>(from.size(), bytes - at))));
  }
  return {};
}

// A new file past the page cache, its space reserved beforehand; written and synced.
Result<double> DirectWrite(const std::string& path, uint64_t bytes, size_t lanes) {
  io::Env* env = io::PosixEnv();
  TRY_ASSIGN(auto file, env->Open(path, {io::OpenMode::kReplace, true}));
  TRY(file->Allocate(bytes));
  const RandomBuffer buffer(kMebibyte);
  std::atomic<uint64_t> next{0};
  std::vector<Status> statuses(lanes);
  std::vector<std::unique_ptr<io::Thread>> threads;
  const uint64_t start = env->MonotonicNanos();
  for (size_t i = 1; i < lanes; ++i) {
    threads.push_back(env->StartThread("measure", [&, i] {
      statuses[i] = WriteLane(*file, bytes, buffer.span(), next);
    }));
  }
  statuses[0] = WriteLane(*file, bytes, buffer.span(), next);
  for (auto& thread : threads) thread->Join();
  for (const Status& status : statuses) TRY(status);
  TRY(file->Sync());
  return SecondsSince(start);
}

// A file as readAndOpen reads it: seal header ‖ sealed chunk*, under a DEK of zeros. Whoever looks
// at it finds random bytes.
constexpr uint8_t kNoSecret[aead::kKeySize] = {};

Status MakeSealed(const std::string& path, uint64_t bytes) {
  io::Env* env = io::PosixEnv();
  aead::SealHeader header;
  env->Random(header.blob_id);
  env->Random(header.salt);
  auto cipher = aead::ChunkCipher::ForSealing(kNoSecret, &header);
  TRY_ASSIGN(auto file, env->Open(path, {io::OpenMode::kReplace, false}));
  Bytes sealed(aead::kSealHeaderSize);
  aead::EncodeSealHeader(header, sealed.data());
  TRY(file->WriteAt(0, sealed));
  const RandomBuffer plaintext(aead::kChunkSize);
  sealed.resize(aead::kSealedChunkSize);
  const uint64_t chunks = bytes / aead::kChunkSize;
  for (uint64_t i = 0; i < chunks; ++i) {
    cipher.Seal(i, i + 1 == chunks, plaintext.span(), sealed.data());
    TRY(file->WriteAt(aead::kSealHeaderSize + i * sealed.size(), sealed));
  }
  return file->Sync();
}

// One mebibyte of chunks at a time, into buffers that stay in the cache.
Result<double> ReadAndOpen(const std::string& path, uint64_t bytes) {
  io::Env* env = io::PosixEnv();
  const uint64_t chunks = bytes / aead::kChunkSize;
  if (!env->Stat(path).ok()) TRY(MakeSealed(path, bytes));
  TRY_ASSIGN(auto file, env->Open(path, {io::OpenMode::kRead, false}));
  Bytes head(aead::kSealHeaderSize);
  TRY_ASSIGN(size_t had, file->ReadAt(0, head));
  head.resize(had);
  TRY_ASSIGN(auto header, aead::DecodeSealHeader(head));
  TRY_ASSIGN(auto cipher, aead::ChunkCipher::ForOpening(kNoSecret, header));
  constexpr uint64_t kAtOnce = kMebibyte / aead::kChunkSize;
  Bytes sealed(kAtOnce * aead::kSealedChunkSize), plaintext(kMebibyte);
  const uint64_t start = env->MonotonicNanos();
  for (uint64_t first = 0; first < chunks; first += kAtOnce) {
    const size_t count = std::min(kAtOnce, chunks - first);
    const MutableByteSpan some(sealed.data(), count * aead::kSealedChunkSize);
    TRY_ASSIGN(size_t read,
               file->ReadAt(aead::kSealHeaderSize + first * aead::kSealedChunkSize, some));
    if (read != some.size()) return Status(Code::kInvalidArgument, path + " is of another size");
    for (size_t i = 0; i < count; ++i) {
      const ByteSpan chunk = some.subspan(i * aead::kSealedChunkSize, aead::kSealedChunkSize);
      TRY(cipher.Open(first + i, first + i + 1 == chunks, chunk,
                      plaintext.data() + i * aead::kChunkSize));
    }
  }
  return SecondsSince(start);
}

// The data path of one stripe of 4+2 again and again, in the same six cells: what the last stripe
// left there is as good as any plaintext.
class StripeLoop {
 public:
  static constexpr int kData = 4, kParity = 2;
  static constexpr size_t kStripe = kData * aead::kChunkSize;

  explicit StripeLoop(std::shared_ptr<const erasure::ReedSolomon> code)
      : cells_((kData + kParity) * kStride), sealer_(Cipher(), header_.blob_id, 0, code) {
    stripe_.chunks = kData;
    stripe_.first_plaintext = stripe_.last_plaintext = aead::kChunkSize;
    for (int c = 0; c < kData + kParity; ++c) stripe_.cells[c] = Cell(c);
  }
  // A cell, and for the cipher alone: a chunk.
  uint8_t* Cell(int c) { return cells_.data() + static_cast<size_t>(c) * kStride; }
  void Seal() {
    sealer_.Seal(stripe_);
    ++stripe_.number;
  }

 private:
  // 64 KiB, tag and checksum; an odd number of cache lines, as cells 64 KiB apart collide in L1.
  static constexpr size_t kStride = 65'600;
  static_assert(kStride % 64 == 0 && kStride / 64 % 2 == 1);
  static_assert(kStride >= aead::kSealedChunkSize + 8);

  aead::ChunkCipher Cipher() {
    io::PosixEnv()->Random(header_.blob_id);
    return aead::ChunkCipher::ForSealing(kNoSecret, &header_);
  }
  aead::SealHeader header_;
  RandomBuffer cells_;
  blob::StripeSealer sealer_;
  blob::StripeBuffers stripe_;
};

// The cipher alone over the same chunks, in place, each under a nonce of its own.
class CipherLoop {
 public:
  explicit CipherLoop(StripeLoop* cells) : cells_(cells), key_(kNoSecret) {}
  void Seal() {
    for (int c = 0; c < StripeLoop::kData; ++c) {
      StoreLittle(nonce_.data(), count_++);
      key_.Seal(nonce_, {}, {cells_->Cell(c), aead::kChunkSize}, cells_->Cell(c));
    }
  }

 private:
  StripeLoop* const cells_;
  aead::GcmKey key_;
  aead::Nonce nonce_{};
  uint64_t count_ = 0;
};

// Of one turn of each, medians: a thread that loses its core for a while says nothing of the code.
struct Turn {
  double pipeline, cipher;
};
double Median(std::vector<double> seconds) {
  const auto middle = seconds.begin() + static_cast<ptrdiff_t>(seconds.size() / 2);
  std::nth_element(seconds.begin(), middle, seconds.end());
  return *middle;
}

// The two take turns of about a millisecond, so that both meet the same clock and neighbours.
Turn MeasurePipeline(size_t turns, uint64_t stripes) {
  StripeLoop walk(*erasure::ReedSolomon::Create(StripeLoop::kData, StripeLoop::kParity));
  CipherLoop cipher(&walk);
  std::vector<double> walk_seconds, cipher_seconds;
  while (walk_seconds.size() < turns) {
    uint64_t start = io::PosixEnv()->MonotonicNanos();
    for (uint64_t i = 0; i < stripes; ++i) walk.Seal();
    walk_seconds.push_back(SecondsSince(start));
    start = io::PosixEnv()->MonotonicNanos();
    for (uint64_t i = 0; i < stripes; ++i) cipher.Seal();
    cipher_seconds.push_back(SecondsSince(start));
  }
  return {Median(std::move(walk_seconds)), Median(std::move(cipher_seconds))};
}

Napi::Value Pipeline(const Napi::CallbackInfo& info) {
  constexpr uint64_t kStripes = 16, kBytes = kStripes * StripeLoop::kStripe;
  const size_t turns = std::max<uint64_t>(1, IntegerOf(info[0]) / kBytes);
  const Turn turn = MeasurePipeline(turns, kStripes);
  Napi::Object out = Napi::Object::New(info.Env());
  out.Set("pipelineGbps", GigabytesPerSecond(kBytes, turn.pipeline));
  out.Set("evpGbps", GigabytesPerSecond(kBytes, turn.cipher));
  return out;
}

Napi::Value DirectWriteCall(const Napi::CallbackInfo& info) {
  const std::string path = info[0].As<Napi::String>();
  const uint64_t bytes = IntegerOf(info[1]), lanes = IntegerOf(info[2]);
  return Timed(info.Env(), [=] { return DirectWrite(path, bytes, lanes); });
}

Napi::Value ReadAndOpenCall(const Napi::CallbackInfo& info) {
  const std::string path = info[0].As<Napi::String>();
  const uint64_t bytes = IntegerOf(info[1]);
  return Timed(info.Env(), [=] { return ReadAndOpen(path, bytes); });
}

}  // namespace

void DefineMeasure(Napi::Env env, Napi::Object exports) {
  Napi::Object measure = Napi::Object::New(env);
  measure.Set("directWrite", Napi::Function::New(env, DirectWriteCall));
  measure.Set("readAndOpen", Napi::Function::New(env, ReadAndOpenCall));
  measure.Set("pipeline", Napi::Function::New(env, Pipeline));
  exports.Set("measure", measure);
}

}  // namespace strongroom::binding
