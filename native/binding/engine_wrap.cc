#include "binding/engine_wrap.h"

#include <mutex>
#include <thread>

#include "binding/convert.h"
#include "binding/registry.h"
#include "binding/status_to_js.h"

namespace strongroom::binding {

namespace {

constexpr napi_type_tag kKekTag = {0x737472'6f6e6772ull, 0x6f6f6d'6b656b31ull};
constexpr napi_type_tag kPinTag = {0x737472'6f6e6772ull, 0x6f6f6d'70696e31ull};

Instance& InstanceOf(Napi::Env env) { return *env.GetInstanceData<Instance>(); }

// A native value as an opaque, tagged JavaScript object, freed with it.
template <typename T>
Napi::Value Hold(Napi::Env env, const napi_type_tag& tag, T value) {
  Napi::Object holder = Napi::Object::New(env);
  auto* held = new T(std::move(value));
  napi_finalize finalize = [](napi_env, void* data, void*) { delete static_cast<T*>(data); };
  if (napi_wrap(env, holder, held, finalize, nullptr, nullptr) != napi_ok) {
    delete held;
    throw Napi::Error::New(env, "cannot hold a native value");
  }
  napi_type_tag_object(env, holder, &tag);
  return holder;
}
template <typename T>
T& HeldIn(const Napi::Value& value, const napi_type_tag& tag) {
  bool mine = false;
  void* held = nullptr;
  if (value.IsObject()) napi_check_object_type_tag(value.Env(), value, &tag, &mine);
  if (!mine || napi_unwrap(value.Env(), value, &held) != napi_ok) {
    throw Napi::TypeError::New(value.Env(), "not a handle of this store");
  }
  return *static_cast<T*>(held);
}

engine::KekRef KekOf(const Napi::Value& value) { return HeldIn<engine::KekRef>(value, kKekTag); }

// What a reader of a large blob is made from: the row's reference, its key, and the pin.
struct PinnedBlob {
  format::BlobReference reference;
  engine::KekRef kek;
  std::shared_ptr<void> pin;
};

std::vector<ByteSpan> ViewsOf(const Napi::Value& value) {
  Napi::Array array = value.As<Napi::Array>();
  std::vector<ByteSpan> out(array.Length());
  for (uint32_t i = 0; i < out.size(); ++i) out[i] = ViewOf(array.Get(i));
  return out;
}

}  // namespace

void EngineHandle::Close() {
  if (!closed_.exchange(true)) CloseShared(engine_);
}

// ── EngineWrap
// ────────────────────────────────────────────────────────────────────────────────────

Napi::Function EngineWrap::Define(Napi::Env env) {
  return DefineClass(
      env, "Engine",
      {InstanceMethod("describe", &EngineWrap::Describe),
       InstanceMethod("createKey", &EngineWrap::CreateKey),
       InstanceMethod("openKey", &EngineWrap::OpenKey), InstanceMethod("get", &EngineWrap::Get),
       InstanceMethod("openReader", &EngineWrap::OpenReader),
       InstanceMethod("scan", &EngineWrap::Scan),
       InstanceMethod("commitOne", &EngineWrap::CommitOne),
       InstanceMethod("commit", &EngineWrap::Commit),
       InstanceMethod("writeBlob", &EngineWrap::WriteBlob),
       InstanceMethod("status", &EngineWrap::Status), InstanceMethod("close", &EngineWrap::Close)});
}

Napi::Value EngineWrap::Create(Napi::Env env, std::shared_ptr<engine::Engine> engine) {
  auto handle = std::make_shared<EngineHandle>(std::move(engine));
  return InstanceOf(env).engine.New(
      {Napi::External<std::shared_ptr<EngineHandle>>::New(env, &handle)});
}

EngineWrap::EngineWrap(const Napi::CallbackInfo& info) : Napi::ObjectWrap<EngineWrap>(info) {
  if (!info[0].IsExternal()) throw Napi::TypeError::New(info.Env(), "Illegal constructor");
  handle_ = *info[0].As<Napi::External<std::shared_ptr<EngineHandle>>>().Data();
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
  out.Set("kek", Hold(info.Env(), kKekTag, kek));
  return out;
}

Napi::Value EngineWrap::OpenKey(const Napi::CallbackInfo& info) {
  auto kek = (*handle_)->OpenKey(ViewOf(info[0]), ViewOf(info[1]));
  if (!kek.ok()) throw StatusToJs(info.Env(), kek.status());
  return Hold(info.Env(), kKekTag, *kek);
}

// get(key, checkKey | null, checkRevision, kek | null, offset, length)
Napi::Value EngineWrap::Get(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  engine::GetRequest request;
  request.key = CopyOf(info[0]);
  if (!info[1].IsNull()) request.check = engine::Check{CopyOf(info[1]), IntegerOf(info[2])};
  if (!info[3].IsNull()) request.kek = KekOf(info[3]);
  request.offset = IntegerOf(info[4]);
  request.length = IntegerOf(info[5]);
  auto task = std::make_shared<PromiseTask>(env, InstanceOf(env).completions);
  Napi::Promise promise = task->promise();
  engine::KekRef kek = request.kek;
  (*handle_)->Get(std::move(request), [task, kek](Result<std::optional<engine::Found>> result) {
    if (!result.ok()) return PromiseTask::Reject(task, result.status());
    if (!*result) return PromiseTask::Resolve(task, [](Napi::Env env) { return env.Null(); });
    auto found = std::make_shared<engine::Found>(std::move(**result));
    PromiseTask::Resolve(task, [found, kek](Napi::Env env) -> Napi::Value {
      Napi::Value packed = PackFound(env, *found);
      if (!found->pin) return packed;
      Napi::Array out = Napi::Array::New(env, 2);
      out.Set(0u, packed);
      out.Set(1u, Hold(env, kPinTag, PinnedBlob{found->row().row.blob, kek, found->pin}));
      return out;
    });
  });
  return promise;
}

// openReader(pinned, offset, length)
Napi::Value EngineWrap::OpenReader(const Napi::CallbackInfo& info) {
  auto& pinned = HeldIn<PinnedBlob>(info[0], kPinTag);
  if (!pinned.pin) throw Napi::Error::New(info.Env(), "the blob was opened before");
  auto reader = (*handle_)->ReadBlob(*pinned.kek, pinned.reference);
  if (!reader.ok()) throw StatusToJs(info.Env(), reader.status());
  return ReaderWrap::Create(info.Env(), handle_, *reader, std::move(pinned.pin), IntegerOf(info[1]),
                            IntegerOf(info[2]));
}

// scan(checkKey | null, checkRevision, start, end, reverse, limit, delimiter | null, groupFrom,
// versionSize, textFrom)
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

Napi::Value EngineWrap::Submit(Napi::Env env, engine::Transaction transaction) {
  auto blobs = std::make_shared<std::vector<format::BlobReference>>();
  for (const auto& effect : transaction.effects) {
    if (effect.small) blobs->push_back(effect.small->reference);
    if (effect.large) blobs->push_back(*effect.large);
  }
  auto task = std::make_shared<PromiseTask>(env, InstanceOf(env).completions);
  Napi::Promise promise = task->promise();
  (*handle_)->Commit(std::move(transaction), [task, blobs](Result<engine::Committed> result) {
    if (!result.ok()) return PromiseTask::Reject(task, result.status());
    auto packed = std::make_shared<Bytes>(PackCommit(result->revision, *blobs));
    PromiseTask::Resolve(task, [packed](Napi::Env env) { return ToBuffer(env, *packed); });
  });
  return promise;
}

// commitOne(key, checkKey | null, checkRevision, modified, body, bytes, kek): the small put, sealed
// straight from the caller's array before this returns.
Napi::Value EngineWrap::CommitOne(const Napi::CallbackInfo& info) {
  engine::Transaction transaction;
  if (!info[1].IsNull()) transaction.checks.push_back({CopyOf(info[1]), IntegerOf(info[2])});
  engine::Effect effect;
  effect.key = CopyOf(info[0]);
  effect.modified = IntegerOf(info[3]);
  effect.body = CopyOf(info[4]);
  effect.small = (*handle_)->SealSmall(*KekOf(info[6]), ViewOf(info[5]));
  transaction.effects.push_back(std::move(effect));
  return Submit(info.Env(), std::move(transaction));
}

// commit(checkKeys, checkRevisions, emptyStarts, emptyEnds, keys, modified, bodies, blobs, keks):
// bodies[i] null deletes; blobs[i] is null, bytes (with keks[i]) or a finished writer.
Napi::Value EngineWrap::Commit(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  engine::Transaction transaction;
  auto check_keys = ViewsOf(info[0]), starts = ViewsOf(info[2]), ends = ViewsOf(info[3]);
  auto keys = ViewsOf(info[4]);
  Napi::Array revisions = info[1].As<Napi::Array>(), modified = info[5].As<Napi::Array>();
  Napi::Array bodies = info[6].As<Napi::Array>(), blobs = info[7].As<Napi::Array>();
  Napi::Array keks = info[8].As<Napi::Array>();
  for (uint32_t i = 0; i < check_keys.size(); ++i) {
    Bytes key(check_keys[i].begin(), check_keys[i].end());
    transaction.checks.push_back({std::move(key), IntegerOf(revisions.Get(i))});
  }
  for (size_t i = 0; i < starts.size(); ++i) {
    transaction.empty.push_back(
        {Bytes(starts[i].begin(), starts[i].end()), Bytes(ends.at(i).begin(), ends.at(i).end())});
  }
  for (uint32_t i = 0; i < keys.size(); ++i) {
    engine::Effect effect;
    effect.key.assign(keys[i].begin(), keys[i].end());
    Napi::Value body = bodies.Get(i), blob = blobs.Get(i);
    effect.remove = body.IsNull();
    if (!effect.remove) {
      effect.body = CopyOf(body);
      effect.modified = IntegerOf(modified.Get(i));
    }
    if (blob.IsTypedArray()) {
      effect.small = (*handle_)->SealSmall(*KekOf(keks.Get(i)), ViewOf(blob));
    } else if (!blob.IsNull()) {
      auto finished = WriterWrap::From(blob)->Finished();
      if (!finished.ok()) throw StatusToJs(env, finished.status());
      effect.large = *finished;
    }
    transaction.effects.push_back(std::move(effect));
  }
  return Submit(env, std::move(transaction));
}

// writeBlob(kek, expectedSize)
Napi::Value EngineWrap::WriteBlob(const Napi::CallbackInfo& info) {
  auto blob = (*handle_)->WriteBlob(*KekOf(info[0]), IntegerOf(info[1]));
  if (!blob.ok()) throw StatusToJs(info.Env(), blob.status());
  return WriterWrap::Create(info.Env(), handle_, std::move(*blob));
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
    each.Set("state", zone.in_set ? "ok" : zone.present ? "stale" : "unavailable");
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
  return out;
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

// ── WriterWrap
// ────────────────────────────────────────────────────────────────────────────────────

struct WriterWrap::Shared {
  std::shared_ptr<EngineHandle> handle;
  std::shared_ptr<blob::BlobWriter> writer;
  std::mutex mutex;  // Guards the rest.
  format::BlobReference reference;
  bool finished = false;
};

Napi::Function WriterWrap::Define(Napi::Env env) {
  return DefineClass(
      env, "BlobWriter",
      {InstanceMethod("offer", &WriterWrap::Offer), InstanceMethod("finish", &WriterWrap::Finish),
       InstanceMethod("abort", &WriterWrap::Abort),
       InstanceMethod("pieceMax", &WriterWrap::PieceMax)});
}

Napi::Value WriterWrap::Create(Napi::Env env, std::shared_ptr<EngineHandle> handle,
                               engine::Engine::NewBlob blob) {
  auto shared = std::make_shared<Shared>();
  shared->handle = std::move(handle);
  shared->writer = std::move(blob.writer);
  shared->reference = blob.reference;
  return InstanceOf(env).writer.New({Napi::External<std::shared_ptr<Shared>>::New(env, &shared)});
}

WriterWrap::WriterWrap(const Napi::CallbackInfo& info) : Napi::ObjectWrap<WriterWrap>(info) {
  if (!info[0].IsExternal()) throw Napi::TypeError::New(info.Env(), "Illegal constructor");
  shared_ = *info[0].As<Napi::External<std::shared_ptr<Shared>>>().Data();
}

WriterWrap* WriterWrap::From(const Napi::Value& value) {
  bool mine = value.IsObject() &&
              value.As<Napi::Object>().InstanceOf(InstanceOf(value.Env()).writer.Value());
  if (!mine) throw Napi::TypeError::New(value.Env(), "not a writer of this store");
  return Unwrap(value.As<Napi::Object>());
}

Result<format::BlobReference> WriterWrap::Finished() const {
  std::lock_guard<std::mutex> lock(shared_->mutex);
  if (!shared_->finished) {
    return strongroom::Status(Code::kInvalidArgument, "the blob is not finished");
  }
  return shared_->reference;
}

Napi::Value WriterWrap::PieceMax(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), static_cast<double>(shared_->writer->piece_max()));
}

// offer(parts, last): true when taken, else a promise of the moment to offer the same again.
Napi::Value WriterWrap::Offer(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  std::vector<ByteSpan> parts = ViewsOf(info[0]);
  // Made only when it is needed: a piece that is taken at once costs no promise.
  struct Again {
    std::mutex mutex;
    bool called = false;
    std::shared_ptr<PromiseTask> task;
  };
  auto again = std::make_shared<Again>();
  auto wake = [](const std::shared_ptr<PromiseTask>& task) {
    PromiseTask::Resolve(task, [](Napi::Env env) { return Napi::Boolean::New(env, false); });
  };
  auto taken = shared_->writer->Offer(parts, info[1].ToBoolean(), [again, wake] {
    std::lock_guard<std::mutex> lock(again->mutex);
    again->called = true;
    if (again->task) wake(again->task);
  });
  if (!taken.ok()) throw StatusToJs(env, taken.status());
  if (*taken) return Napi::Boolean::New(env, true);
  auto task = std::make_shared<PromiseTask>(env, InstanceOf(env).completions);
  Napi::Promise promise = task->promise();
  std::lock_guard<std::mutex> lock(again->mutex);
  if (again->called) {
    wake(task);
  } else {
    again->task = task;
  }
  return promise;
}

Napi::Value WriterWrap::Finish(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  auto task = std::make_shared<PromiseTask>(env, InstanceOf(env).completions);
  Napi::Promise promise = task->promise();
  shared_->writer->Finish([task, shared = shared_](Result<blob::BlobDone> done) {
    if (!done.ok()) return PromiseTask::Reject(task, done.status());
    (*shared->handle)->BlobWritten(*done);
    std::shared_ptr<Bytes> packed;
    {
      std::lock_guard<std::mutex> lock(shared->mutex);
      shared->reference.size = done->size;
      shared->reference.crc64 = done->crc64;
      shared->finished = true;
      packed = std::make_shared<Bytes>(PackCommit(0, {shared->reference}));
    }
    PromiseTask::Resolve(task, [packed](Napi::Env env) { return ToBuffer(env, *packed); });
  });
  return promise;
}

Napi::Value WriterWrap::Abort(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  auto task = std::make_shared<PromiseTask>(env, InstanceOf(env).completions);
  Napi::Promise promise = task->promise();
  auto done = [task] { PromiseTask::Resolve(task, [](Napi::Env env) { return env.Undefined(); }); };
  bool finished;
  format::BlobReference reference;
  {
    std::lock_guard<std::mutex> lock(shared_->mutex);
    finished = shared_->finished;
    reference = shared_->reference;
  }
  if (finished) {
    // Durable, but no commit took it: its files go like those of a row that went.
    (*shared_->handle)->DropBlob(reference);
    done();
  } else {
    shared_->writer->Abort(done);
  }
  return promise;
}

// ── ReaderWrap
// ────────────────────────────────────────────────────────────────────────────────────

Napi::Function ReaderWrap::Define(Napi::Env env) {
  return DefineClass(
      env, "BlobReader",
      {InstanceMethod("read", &ReaderWrap::Read), InstanceMethod("close", &ReaderWrap::Close)});
}

namespace {
struct NewReader {
  std::shared_ptr<EngineHandle> handle;
  std::shared_ptr<blob::BlobReader> reader;
  std::shared_ptr<void> pin;
  uint64_t offset, end;
};
}  // namespace

Napi::Value ReaderWrap::Create(Napi::Env env, std::shared_ptr<EngineHandle> handle,
                               std::shared_ptr<blob::BlobReader> reader, std::shared_ptr<void> pin,
                               uint64_t offset, uint64_t length) {
  NewReader made{std::move(handle), std::move(reader), std::move(pin), offset, offset + length};
  return InstanceOf(env).reader.New({Napi::External<NewReader>::New(env, &made)});
}

ReaderWrap::ReaderWrap(const Napi::CallbackInfo& info) : Napi::ObjectWrap<ReaderWrap>(info) {
  if (!info[0].IsExternal()) throw Napi::TypeError::New(info.Env(), "Illegal constructor");
  NewReader& made = *info[0].As<Napi::External<NewReader>>().Data();
  handle_ = std::move(made.handle);
  reader_ = std::move(made.reader);
  pin_ = std::move(made.pin);
  *offset_ = made.offset;
  end_ = made.end;
}

Napi::Value ReaderWrap::Read(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  auto task = std::make_shared<PromiseTask>(env, InstanceOf(env).completions);
  Napi::Promise promise = task->promise();
  uint64_t left = end_ > *offset_ ? end_ - *offset_ : 0;
  if (!reader_ || left == 0) {
    PromiseTask::Resolve(task, [](Napi::Env env) { return env.Null(); });
    return promise;
  }
  uint64_t size = std::min<uint64_t>(left, reader_->piece_max());
  auto done = [task, offset = offset_](Result<blob::BlobPiece> result) {
    if (!result.ok()) return PromiseTask::Reject(task, result.status());
    auto piece = std::make_shared<blob::BlobPiece>(std::move(*result));
    PromiseTask::Resolve(task, [piece, offset](Napi::Env env) -> Napi::Value {
      *offset += piece->bytes().size();
      Napi::Value out = ToBuffer(env, piece->bytes());
      piece->Release();
      return out;
    });
  };
  reader_->Read(*offset_, size, left - size, done);
  return promise;
}

void ReaderWrap::Close(const Napi::CallbackInfo&) {
  if (reader_) reader_->Close();
  reader_ = nullptr;
  pin_ = nullptr;
}

}  // namespace strongroom::binding
