#include "binding/engine_wrap.h"

#include <atomic>
#include <thread>

#include "binding/convert.h"
#include "binding/named_blob.h"
#include "binding/reader_wrap.h"
#include "binding/status_to_js.h"
#include "binding/verifying.h"
#include "binding/writer_wrap.h"

namespace strongroom::binding {

namespace {
std::shared_ptr<hash::Digests> DigestsOf(Napi::Env env, uint32_t bits) {
  auto digests = hash::Digests::Create(bits);
  if (!digests.ok()) throw StatusToJs(env, digests.status());
  return std::move(*digests);
}

std::optional<engine::EventRow> EventRowOf(Napi::Value value) {
  if (value.IsNull()) return std::nullopt;
  Napi::Array event = value.As<Napi::Array>();
  return engine::EventRow{CopyOf(event.Get(0u)), IntegerOf(event.Get(1u)), CopyOf(event.Get(2u))};
}

// null; 1: the row that stood stays as a version; 2: the key takes the commit's revision; an array:
// the key of the version that is to stand again.
void PlaceVersion(const Napi::Value& value, engine::Effect* effect) {
  if (value.IsNull()) return;
  if (!value.IsNumber()) {
    effect->from = CopyOf(value);
    effect->remove = false;
    return;
  }
  const uint64_t place = IntegerOf(value);
  if (place != 1 && place != 2) throw Napi::RangeError::New(value.Env(), "expected 1 or 2");
  (place == 1 ? effect->keep_old : effect->versioned) = true;
}

// The promise of a wait: settled once, whoever ends it.
class WaitPromise {
 public:
  explicit WaitPromise(std::shared_ptr<PromiseTask> task) : task_(std::move(task)) {}
  void Settle() {
    if (over_.exchange(true)) return;
    PromiseTask::Resolve(std::move(task_), [](Napi::Env env) { return env.Undefined(); });
  }

 private:
  std::shared_ptr<PromiseTask> task_;
  std::atomic<bool> over_{false};
};

// The share of JavaScript in a wait, which ends with it: a worker may go in the middle.
struct WaitShare {
  std::shared_ptr<WaitPromise> promise;
  std::shared_ptr<void> wait;
  ~WaitShare() { Stop(); }
  void Stop() {
    wait = nullptr;
    promise->Settle();
  }
};
}  // namespace

Napi::Function EngineWrap::Define(Napi::Env env) {
  return DefineClass(env, "Engine",
                     {InstanceMethod("describe", &EngineWrap::Describe),
                      InstanceMethod("createKey", &EngineWrap::CreateKey),
                      InstanceMethod("openKey", &EngineWrap::OpenKey),
                      InstanceMethod("get", &EngineWrap::Get),
                      InstanceMethod("openReader", &EngineWrap::OpenReader),
                      InstanceMethod("partsOf", &EngineWrap::PartsOfFound),
                      InstanceMethod("release", &EngineWrap::Release),
                      InstanceMethod("createParts", &EngineWrap::CreateParts),
                      InstanceMethod("scan", &EngineWrap::Scan),
                      InstanceMethod("commitOne", &EngineWrap::CommitOne),
                      InstanceMethod("commit", &EngineWrap::Commit),
                      InstanceMethod("checkpoint", &EngineWrap::Checkpoint),
                      InstanceMethod("awaitChange", &EngineWrap::AwaitChange),
                      InstanceMethod("writeBlob", &EngineWrap::WriteBlob),
                      InstanceMethod("digest", &EngineWrap::Digest),
                      InstanceMethod("verify", &EngineWrap::Verify),
                      InstanceMethod("verifyRow", &EngineWrap::VerifyRow),
                      InstanceMethod("quarantine", &EngineWrap::Quarantine),
                      InstanceMethod("backUp", &EngineWrap::BackUp),
                      InstanceMethod("takeZoneAway", &EngineWrap::TakeZoneAway),
                      InstanceMethod("bringZoneBack", &EngineWrap::BringZoneBack),
                      InstanceMethod("replaceZone", &EngineWrap::ReplaceZone),
                      InstanceMethod("status", &EngineWrap::Status),
                      InstanceMethod("compact", &EngineWrap::Compact),
                      InstanceMethod("close", &EngineWrap::Close)});
}

Napi::Value EngineWrap::Create(Napi::Env env, Attached attached) {
  auto handle = std::make_shared<EngineHandle>(std::move(attached));
  return InstanceOf(env).engine.New(
      {Napi::External<std::shared_ptr<EngineHandle>>::New(env, &handle)});
}

EngineWrap::EngineWrap(const Napi::CallbackInfo& info) : Napi::ObjectWrap<EngineWrap>(info) {
  if (!info[0].IsExternal()) throw Napi::TypeError::New(info.Env(), "Illegal constructor");
  handle_ = *info[0].As<Napi::External<std::shared_ptr<EngineHandle>>>().Data();
  TagAs(info.This(), kEngineTag);
}

Napi::Value EngineWrap::Describe(const Napi::CallbackInfo& info) {
  Napi::Object out = Napi::Object::New(info.Env());
  engine::Engine& engine = **handle_;
  out.Set("storeId", ToHex(engine.store_id()));
  out.Set("formatVersion", engine.format_version());
  out.Set("readOnly", engine.read_only());
  out.Set("largeFrom", engine.large_from());
  return out;
}

Napi::Value EngineWrap::CreateKey(const Napi::CallbackInfo& info) {
  auto [wrapped, kek] = (*handle_)->CreateKey(ViewOf(info[0]));
  Napi::Object out = Napi::Object::New(info.Env());
  out.Set("wrapped", ToBuffer(info.Env(), wrapped));
  out.Set("kek", HoldKek(info.Env(), handle_->maker(), kek));
  return out;
}

Napi::Value EngineWrap::OpenKey(const Napi::CallbackInfo& info) {
  auto kek = (*handle_)->OpenKey(ViewOf(info[0]), ViewOf(info[1]));
  if (!kek.ok()) throw StatusToJs(info.Env(), kek.status());
  return HoldKek(info.Env(), handle_->maker(), *kek);
}

// get(key, checkKey | null, checkRevision, kek | parts | null, offset, length, frame): null, the
// packed row, or [packed row, found blob] for what is opened later.
Napi::Value EngineWrap::Get(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  engine::GetRequest request;
  request.key = CopyOf(info[0]);
  if (!info[1].IsNull()) request.check = engine::Check{CopyOf(info[1]), IntegerOf(info[2])};
  if (IsParts(info[3])) {
    request.parts = PartsOf(*handle_, info[3]);
  } else if (!info[3].IsNull()) {
    request.kek = KekOf(*handle_, info[3]);
  }
  request.offset = IntegerOf(info[4]);
  request.length = IntegerOf(info[5]);
  request.frame = info[6].ToBoolean();
  auto task = std::make_shared<PromiseTask>(env, InstanceOf(env).completions);
  Napi::Promise promise = task->promise();
  engine::KekRef kek = request.kek;
  engine::PartsKeyRef parts = request.parts;
  bool frame = request.frame;
  Maker maker = handle_->maker();
  (*handle_)->Get(std::move(request), [=](Result<std::optional<engine::Found>> result) {
    if (!result.ok()) return PromiseTask::Reject(task, result.status());
    if (!*result) return PromiseTask::Resolve(task, [](Napi::Env env) { return env.Null(); });
    auto found = std::make_shared<engine::Found>(std::move(**result));
    PromiseTask::Resolve(task, [=](Napi::Env env) -> Napi::Value {
      if (!found->pin && !frame) return PackFound(env, *found);
      FoundBlob blob{{kek, parts, found->row().row.blob, found->placement},
                     found->parts,
                     std::move(found->pin),
                     {}};
      if (frame) {
        blob.frame.assign(found->bytes.begin() + found->row_size, found->bytes.end());
        found->bytes.resize(found->row_size);
      }
      Napi::Array out = Napi::Array::New(env, 2);
      out.Set(0u, PackFound(env, *found));
      out.Set(1u, HoldFound(env, maker, std::move(blob)));
      return out;
    });
  });
  return promise;
}

// openReader(found, offset, length)
Napi::Value EngineWrap::OpenReader(const Napi::CallbackInfo& info) {
  FoundBlob& found = FoundOf(*handle_, info[0]);
  if (!found.pin) throw Napi::Error::New(info.Env(), "the blob was opened before");
  auto reader = (*handle_)->ReadBlob(found.opening);
  if (!reader.ok()) throw StatusToJs(info.Env(), reader.status());
  return ReaderWrap::Create(info.Env(), handle_, *reader, std::move(found.pin), IntegerOf(info[1]),
                            IntegerOf(info[2]));
}

// partsOf(found): the key of the list that was found.
Napi::Value EngineWrap::PartsOfFound(const Napi::CallbackInfo& info) {
  FoundBlob& found = FoundOf(*handle_, info[0]);
  if (!found.list) throw Napi::TypeError::New(info.Env(), "no list of parts was found");
  return HoldParts(info.Env(), handle_->maker(), found.list);
}

// release(found): lets go of the pin and the frame, as the collector would one day.
void EngineWrap::Release(const Napi::CallbackInfo& info) {
  FoundBlob& found = FoundOf(*handle_, info[0]);
  found.pin = nullptr;
  found.frame = {};
}

// createParts(): {id, key}
Napi::Value EngineWrap::CreateParts(const Napi::CallbackInfo& info) {
  engine::PartsKeyRef parts = (*handle_)->CreateParts();
  Napi::Object out = Napi::Object::New(info.Env());
  out.Set("id", ToBuffer(info.Env(), parts->id()));
  out.Set("key", HoldParts(info.Env(), handle_->maker(), parts));
  return out;
}

// scan(checkKey | null, checkRevision, start, end, reverse, limit, delimiter | null, groupFrom,
// versionSize, textFrom, versions)
Napi::Value EngineWrap::Scan(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  engine::ScanRequest request;
  if (!info[0].IsNull()) request.check = engine::Check{CopyOf(info[0]), IntegerOf(info[1])};
  index::ScanRequest& page = request.page;
  page.start = CopyOf(info[2]);
  page.end = CopyOf(info[3]);
  page.reverse = info[4].ToBoolean();
  page.limit = static_cast<uint32_t>(std::min<uint64_t>(IntegerOf(info[5]), 10000));
  if (!info[6].IsNull()) page.delimiter = CopyOf(info[6]);
  page.group_from = IntegerOf(info[7]);
  page.version_size = IntegerOf(info[8]);
  if (info[10].ToBoolean()) page.older = format::kOlderFamily;
  page.bytes_max = 4 << 20;
  size_t text_from = IntegerOf(info[9]);
  auto task = std::make_shared<PromiseTask>(env, InstanceOf(env).completions);
  Napi::Promise promise = task->promise();
  engine::Engine::Scanning scanning;
  scanning.begin = [task, text_from, limit = page.limit] {
    auto packer = std::make_shared<PagePacker>(text_from, limit);
    auto done = [task, packer](const index::ScanEnd& end) {
      if (!packer->status().ok()) return PromiseTask::Reject(task, packer->status());
      auto page = std::make_shared<Bytes>(packer->Finish(end));
      PromiseTask::Resolve(task, [page](Napi::Env env) { return HandOver(env, std::move(*page)); });
    };
    auto sink = [packer](ByteSpan key, ByteSpan row, bool is_prefix) {
      packer->Add(key, row, is_prefix);
    };
    return engine::Engine::Attempt{sink, done};
  };
  scanning.fail = [task](const strongroom::Status& why) { PromiseTask::Reject(task, why); };
  (*handle_)->Scan(std::move(request), std::move(scanning));
  return promise;
}

Napi::Value EngineWrap::Submit(Napi::Env env, engine::Transaction transaction,
                               std::shared_ptr<TakenWriters> taken) {
  auto blobs = std::make_shared<std::vector<format::BlobReference>>();
  for (const auto& effect : transaction.effects) {
    if (effect.small) blobs->push_back(effect.small->reference);
    if (effect.named) blobs->push_back(effect.named->reference);
  }
  auto task = std::make_shared<PromiseTask>(env, InstanceOf(env).completions);
  Napi::Promise promise = task->promise();
  taken->Submitted();
  (*handle_)->Commit(std::move(transaction), [=](Result<engine::Committed> result) {
    if (!result.ok() && !result.status().Is(Code::kUnknown)) taken->GiveBack();
    if (!result.ok()) return PromiseTask::Reject(task, result.status());
    auto packed = std::make_shared<Bytes>(PackCommit(result->revision, *blobs));
    PromiseTask::Resolve(task, [packed](Napi::Env env) { return ToBuffer(env, *packed); });
  });
  return promise;
}

// commitOne(key, checkKey | null, checkRevision, modified, body, blob, kek, keepOld): the small
// put, sealed straight from the caller's array before this returns.
Napi::Value EngineWrap::CommitOne(const Napi::CallbackInfo& info) {
  engine::Transaction transaction;
  if (!info[1].IsNull()) transaction.checks.push_back({CopyOf(info[1]), IntegerOf(info[2])});
  engine::Effect effect;
  effect.key = CopyOf(info[0]);
  effect.modified = IntegerOf(info[3]);
  effect.body = CopyOf(info[4]);
  effect.keep_old = info[7].ToBoolean();
  auto taken = std::make_shared<TakenWriters>();
  TakeBlob(*handle_, info[5], info[6], taken.get(), &effect);
  transaction.effects.push_back(std::move(effect));
  return Submit(info.Env(), std::move(transaction), std::move(taken));
}

// commit(checkKeys, checkRevisions, rangeStarts, rangeEnds, rangeNewest, keys, modified, bodies,
// blobs, keks, events | null, versions | null): bodies[i] null deletes; blobs[i] as in TakeBlob;
// events[i] null or [under, modified, body]; versions[i] as in PlaceVersion.
Napi::Value EngineWrap::Commit(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  engine::Transaction transaction;
  // Copies: what is got below may run code, which may give the memory of the keys away.
  auto check_keys = CopiesOf(info[0]), starts = CopiesOf(info[2]), ends = CopiesOf(info[3]);
  auto keys = CopiesOf(info[5]);
  Napi::Array revisions = info[1].As<Napi::Array>(), newest = info[4].As<Napi::Array>();
  Napi::Array modified = info[6].As<Napi::Array>(), bodies = info[7].As<Napi::Array>();
  Napi::Array blobs = info[8].As<Napi::Array>(), keks = info[9].As<Napi::Array>();
  auto taken = std::make_shared<TakenWriters>();
  if (ends.size() != starts.size()) throw Napi::RangeError::New(env, "a range has two ends");
  for (uint32_t i = 0; i < check_keys.size(); ++i) {
    transaction.checks.push_back({std::move(check_keys[i]), IntegerOf(revisions.Get(i))});
  }
  for (uint32_t i = 0; i < starts.size(); ++i) {
    transaction.ranges.push_back(
        {std::move(starts[i]), std::move(ends[i]), IntegerOf(newest.Get(i))});
  }
  for (uint32_t i = 0; i < keys.size(); ++i) {
    engine::Effect effect;
    effect.key = std::move(keys[i]);
    Napi::Value body = bodies.Get(i);
    effect.remove = body.IsNull();
    if (!effect.remove) {
      effect.body = CopyOf(body);
      effect.modified = IntegerOf(modified.Get(i));
      TakeBlob(*handle_, blobs.Get(i), keks.Get(i), taken.get(), &effect);
    }
    if (!info[10].IsNull()) effect.event = EventRowOf(info[10].As<Napi::Array>().Get(i));
    if (!info[11].IsNull()) PlaceVersion(info[11].As<Napi::Array>().Get(i), &effect);
    transaction.effects.push_back(std::move(effect));
  }
  return Submit(env, std::move(transaction), std::move(taken));
}

// checkpoint(): Promise<sequence u64 ‖ token 16 ‖ chain hash 32>
Napi::Value EngineWrap::Checkpoint(const Napi::CallbackInfo& info) {
  auto task = std::make_shared<PromiseTask>(info.Env(), InstanceOf(info.Env()).completions);
  Napi::Promise promise = task->promise();
  (*handle_)->TakeCheckpoint([task](Result<engine::Checkpoint> taken) {
    if (!taken.ok()) return PromiseTask::Reject(task, taken.status());
    auto packed = std::make_shared<Bytes>();
    ByteWriter w(packed.get());
    w.U64(taken->sequence);
    w.Raw(taken->token);
    w.Raw(taken->chain);
    PromiseTask::Resolve(task, [packed](Napi::Env env) { return ToBuffer(env, *packed); });
  });
  return promise;
}

// awaitChange(under): [promise, stop()]
Napi::Value EngineWrap::AwaitChange(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  auto task = std::make_shared<PromiseTask>(env, InstanceOf(env).completions);
  Napi::Array out = Napi::Array::New(env, 2);
  out.Set(0u, task->promise());
  auto share = std::make_shared<WaitShare>();
  share->promise = std::make_shared<WaitPromise>(std::move(task));
  share->wait =
      (*handle_)->AwaitChange(CopyOf(info[0]), [promise = share->promise] { promise->Settle(); });
  out.Set(1u, Napi::Function::New(env, [share](const Napi::CallbackInfo&) { share->Stop(); }));
  return out;
}

// writeBlob(kek | parts, expectedSize, digestBits)
Napi::Value EngineWrap::WriteBlob(const Napi::CallbackInfo& info) {
  auto bits = static_cast<uint32_t>(IntegerOf(info[2]));
  std::shared_ptr<hash::Digests> digests;
  std::function<void(ByteSpan)> on_plaintext;
  if (bits != 0) {
    digests = DigestsOf(info.Env(), bits);
    on_plaintext = [digests](ByteSpan bytes) { digests->Update(bytes); };
  }
  uint64_t size = IntegerOf(info[1]);
  EngineHandle& handle = *handle_;
  auto blob = IsParts(info[0])
                  ? handle->WritePart(*PartsOf(handle, info[0]), size, std::move(on_plaintext))
                  : handle->WriteBlob(*KekOf(handle, info[0]), size, std::move(on_plaintext));
  if (!blob.ok()) throw StatusToJs(info.Env(), blob.status());
  return WriterWrap::Create(info.Env(), handle_, std::move(*blob), std::move(digests));
}

// verify(heal, bytesPerSecond): [next(), stop()]
Napi::Value EngineWrap::Verify(const Napi::CallbackInfo& info) {
  engine::VerifyRequest request;
  request.heal = info[0].ToBoolean();
  request.bytes_per_second = IntegerOf(info[1]);
  const bool in_background = request.bytes_per_second != 0;
  return ShowVerifying(info.Env(), (*handle_)->Verify(std::move(request)), in_background);
}

// verifyRow(key, kek | parts, heal, bytesPerSecond): [next(), stop()]
Napi::Value EngineWrap::VerifyRow(const Napi::CallbackInfo& info) {
  engine::VerifyRowRequest request;
  request.key = CopyOf(info[0]);
  if (IsParts(info[1])) {
    request.parts = PartsOf(*handle_, info[1]);
  } else {
    request.kek = KekOf(*handle_, info[1]);
  }
  request.heal = info[2].ToBoolean();
  request.bytes_per_second = IntegerOf(info[3]);
  const bool in_background = request.bytes_per_second != 0;
  return ShowVerifying(info.Env(), (*handle_)->VerifyRow(std::move(request)), in_background);
}

// quarantine(zone, after, limit): a promise of {total, page: [{name, what, reason, since}]}
Napi::Value EngineWrap::Quarantine(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  const int zone = static_cast<int>(IntegerOf(info[0]));
  const std::string after = info[1].ToString();
  const auto limit = static_cast<size_t>(IntegerOf(info[2]));
  auto task = std::make_shared<PromiseTask>(env, InstanceOf(env).completions);
  Napi::Promise promise = task->promise();
  (*handle_)->ListQuarantine(zone, after, limit, [task](auto listed) {
    if (!listed.ok()) return PromiseTask::Reject(task, listed.status());
    auto shared = std::make_shared<repair::Quarantined>(std::move(*listed));
    PromiseTask::Resolve(task, [shared](Napi::Env env) { return QuarantineToJs(env, *shared); });
  });
  return promise;
}

// backUp(path): [next(), stop()]
Napi::Value EngineWrap::BackUp(const Napi::CallbackInfo& info) {
  return ShowVerifying(info.Env(), (*handle_)->BackUp(info[0].ToString()), false);
}

// digest(bits, bytes): the values of hash/digests.h. A short body at once; of a longer one a
// promise, since it is copied and digested on the codec pool.
Napi::Value EngineWrap::Digest(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  std::shared_ptr<hash::Digests> digests =
      DigestsOf(env, static_cast<uint32_t>(IntegerOf(info[0])));
  ByteSpan bytes = ViewOf(info[1]);
  if (bytes.size() <= aead::kChunkSize) {
    digests->Update(bytes);
    return ToBuffer(env, digests->Finish());
  }
  // A pool that is stopped drops what it has not begun; the promise is settled all the same.
  struct Job {
    Job(std::shared_ptr<PromiseTask> t, ByteSpan b)
        : task(std::move(t)), bytes(b.begin(), b.end()) {}
    Job(const Job&) = delete;
    Job& operator=(const Job&) = delete;
    const std::shared_ptr<PromiseTask> task;
    const Bytes bytes;
    bool done = false;
    ~Job() {
      if (!done) PromiseTask::Reject(task, {Code::kClosed, "the store is closed"});
    }
  };
  auto task = std::make_shared<PromiseTask>(env, InstanceOf(env).completions);
  Napi::Promise promise = task->promise();
  auto job = std::make_shared<Job>(task, bytes);
  (*handle_)->PostToCodec([job = std::move(job), digests] {
    digests->Update(job->bytes);
    auto values = std::make_shared<Bytes>(digests->Finish());
    job->done = true;
    PromiseTask::Resolve(job->task, [values](Napi::Env env) { return ToBuffer(env, *values); });
  });
  return promise;
}

Napi::Value EngineWrap::Status(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  engine::EngineStatus status = (*handle_)->status();
  Napi::Object out = Napi::Object::New(env);
  out.Set("epoch", static_cast<double>(status.epoch));
  out.Set("sequence", static_cast<double>(status.sequence));
  Napi::Array zones = Napi::Array::New(env);
  for (uint32_t i = 0; i < status.zones.size(); ++i) {
    const engine::ZoneStatus& zone = status.zones[i];
    Napi::Object each = Napi::Object::New(env);
    each.Set("number", zone.number);
    each.Set("id", ToHex(zone.id));
    each.Set("path", zone.path);
    const char* in = zone.healing ? "healing" : "ok";
    each.Set("state", zone.in_set ? in : zone.present ? "stale" : "unavailable");
    each.Set("inSet", zone.in_set);
    if (!zone.reason.empty()) each.Set("reason", zone.reason);
    zones.Set(i, each);
  }
  out.Set("zones", zones);
  out.Set("readOnlyReason", status.read_only_reason.empty()
                                ? env.Null()
                                : Napi::String::New(env, status.read_only_reason));
  Napi::Object counters = Napi::Object::New(env);
  auto count = [&](const char* name, uint64_t value) {
    counters.Set(name, static_cast<double>(value));
  };
  count("degradedReads", status.degraded_reads);
  count("rotFound", status.rot_found);
  count("tamperingFound", status.tampering_found);
  count("commits", status.commits);
  count("batches", status.batches);
  count("withoutRedundancy", status.without_redundancy);
  out.Set("counters", counters);
  Napi::Object log = Napi::Object::New(env);
  log.Set("bytes", static_cast<double>(status.log.log_bytes));
  log.Set("liveBytes", static_cast<double>(status.log.live_bytes));
  log.Set("segments", static_cast<double>(status.log.segments));
  log.Set("carriedBytes", static_cast<double>(status.log.carried_bytes));
  log.Set("blocked",
          status.log.blocked.empty() ? env.Null() : Napi::String::New(env, status.log.blocked));
  out.Set("log", log);
  return out;
}

Napi::Value EngineWrap::TakeZoneAway(const Napi::CallbackInfo& info) {
  auto task = std::make_shared<PromiseTask>(info.Env(), InstanceOf(info.Env()).completions);
  Napi::Promise promise = task->promise();
  (*handle_)->TakeAway(static_cast<int>(IntegerOf(info[0])),
                       [task](const strongroom::Status& status) {
                         if (!status.ok()) return PromiseTask::Reject(task, status);
                         PromiseTask::Resolve(task, [](Napi::Env env) { return env.Undefined(); });
                       });
  return promise;
}

void EngineWrap::BringZoneBack(const Napi::CallbackInfo& info) {
  (*handle_)->BringBack(static_cast<int>(IntegerOf(info[0])));
}

// replaceZone(zone, path)
Napi::Value EngineWrap::ReplaceZone(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  const int zone = static_cast<int>(IntegerOf(info[0]));
  const std::string path = info[1].ToString();
  auto task = std::make_shared<PromiseTask>(env, InstanceOf(env).completions);
  Napi::Promise promise = task->promise();
  (*handle_)->ReplaceZone(zone, path, [task](const strongroom::Status& status) {
    if (!status.ok()) return PromiseTask::Reject(task, status);
    PromiseTask::Resolve(task, [](Napi::Env env) { return env.Undefined(); });
  });
  return promise;
}

Napi::Value EngineWrap::Compact(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  auto task = std::make_shared<PromiseTask>(env, InstanceOf(env).completions);
  Napi::Promise promise = task->promise();
  (*handle_)->Compact([task](strongroom::Status status) {
    if (!status.ok()) return PromiseTask::Reject(task, status);
    PromiseTask::Resolve(task, [](Napi::Env env) { return env.Undefined(); });
  });
  return promise;
}

Napi::Value EngineWrap::Close(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  auto task = std::make_shared<PromiseTask>(env, InstanceOf(env).completions);
  Napi::Promise promise = task->promise();
  std::thread([handle = handle_, task] {
    handle->Close();
    PromiseTask::Resolve(task, [](Napi::Env env) { return env.Undefined(); });
  }).detach();
  return promise;
}

}  // namespace strongroom::binding
