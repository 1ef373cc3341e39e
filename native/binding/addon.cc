// The addon's door: what JavaScript may call before it has an engine.
#include <napi.h>

#include <thread>

#include "aead/aead.h"
#include "binding/convert.h"
#include "binding/engine_wrap.h"
#include "binding/measure.h"
#include "binding/reader_wrap.h"
#include "binding/registry.h"
#include "binding/status_to_js.h"
#include "binding/writer_wrap.h"
#include "erasure/reed_solomon.h"
#include "hash/crc64.h"
#include "io/posix_env.h"

namespace strongroom::binding {

namespace {

std::vector<std::string> StringsOf(const Napi::Value& value) {
  Napi::Array array = value.As<Napi::Array>();
  std::vector<std::string> out;
  const uint32_t length = array.Length();
  for (uint32_t i = 0; i < length; ++i) {
    Napi::Value element = array.Get(i);
    if (!element.IsString()) throw Napi::TypeError::New(value.Env(), "expected a string");
    out.push_back(element.As<Napi::String>());
  }
  return out;
}

// { zones, create, readOnly, rootKey, rootHint, zoneDeadlineMs, small: [k, m], large: [k, m],
//   largeFrom, slabs }: checked and complete, lib/engine/embedded-engine.ts sees to that.
engine::OpenOptions OptionsOf(const Napi::Object& from) {
  engine::OpenOptions options;
  options.env = io::PosixEnv();
  options.zones = StringsOf(from.Get("zones"));
  options.create = from.Get("create").ToBoolean();
  options.read_only = from.Get("readOnly").ToBoolean();
  options.root_key = SecretBytes(ViewOf(from.Get("rootKey")));
  options.root_hint = CopyOf(from.Get("rootHint"));
  options.zone_deadline_nanos = IntegerOf(from.Get("zoneDeadlineMs")) * 1'000'000;
  auto geometry = [&](const char* name) {
    Napi::Array pair = from.Get(name).As<Napi::Array>();
    return format::GeometryPair{static_cast<uint8_t>(IntegerOf(pair.Get(0u))),
                                static_cast<uint8_t>(IntegerOf(pair.Get(1u)))};
  };
  options.small = geometry("small");
  options.large = geometry("large");
  options.large_from = static_cast<uint32_t>(IntegerOf(from.Get("largeFrom")));
  options.read_slabs = options.write_slabs = IntegerOf(from.Get("slabs"));
  return options;
}

const char* EventName(engine::Event::Kind kind) {
  using Kind = engine::Event::Kind;
  switch (kind) {
    case Kind::kZoneExpelled:
      return "zone:expelled";
    case Kind::kZoneStale:
      return "zone:stale";
    case Kind::kZoneReturned:
      return "zone:returned";
    case Kind::kZoneWhole:
      return "zone:whole";
    case Kind::kRot:
      return "rot";
    case Kind::kTampering:
      return "tampering";
    case Kind::kReadOnly:
      return "store:read-only";
    case Kind::kSharedDevice:
      return "zones:shared-device";
  }
  return "?";
}

// open(options, onEvent(type, zone, what)): Promise<Engine>
Napi::Value Open(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  if (!info[1].IsFunction()) throw Napi::TypeError::New(env, "expected a function");
  auto options = std::make_shared<engine::OpenOptions>(OptionsOf(info[0].As<Napi::Object>()));
  auto completions = InstanceOf(env).completions;
  auto listener =
      std::make_shared<Napi::FunctionReference>(Napi::Persistent(info[1].As<Napi::Function>()));
  listener->SuppressDestruct();  // It may be let go of on another thread.
  auto on_event = [completions, listener](const engine::Event& event) {
    completions->PostEvent([listener, event](Napi::Env env) {
      listener->Call({Napi::String::New(env, EventName(event.kind)),
                      Napi::Number::New(env, event.zone), Napi::String::New(env, event.what)});
    });
  };
  auto task = std::make_shared<PromiseTask>(env, completions);
  Napi::Promise promise = task->promise();
  std::thread([options, on_event, task] {
    auto attached = OpenShared(std::move(*options), on_event);
    if (!attached.ok()) return PromiseTask::Reject(task, attached.status());
    PromiseTask::Resolve(
        task, [attached = *attached](Napi::Env env) { return EngineWrap::Create(env, attached); });
  }).detach();
  return promise;
}

// readRootHint(zones, zoneDeadlineMs): Promise<Buffer | null>
Napi::Value ReadRootHint(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  auto zones = StringsOf(info[0]);
  uint64_t deadline_nanos = IntegerOf(info[1]) * 1'000'000;
  auto task = std::make_shared<PromiseTask>(env, InstanceOf(env).completions);
  Napi::Promise promise = task->promise();
  std::thread([zones, deadline_nanos, task] {
    auto hint = engine::ReadRootHint(io::PosixEnv(), zones, deadline_nanos);
    if (hint.ok()) {
      PromiseTask::Resolve(task, [hint = *hint](Napi::Env env) { return ToBuffer(env, hint); });
    } else if (hint.status().Is(Code::kNotFound)) {
      PromiseTask::Resolve(task, [](Napi::Env env) { return env.Null(); });
    } else {
      PromiseTask::Reject(task, hint.status());
    }
  }).detach();
  return promise;
}

// describe(): what was loaded. Safe to call when OpenSSL is missing.
Napi::Value Describe(const Napi::CallbackInfo& info) {
  Napi::Object out = Napi::Object::New(info.Env());
  bool available = aead::Available();
  out.Set("cryptoAvailable", available);
  out.Set("provider", available ? aead::ProviderVersion() : "");
  out.Set("crc64Kernel", std::string(hash::Crc64Kernel()));
  out.Set("erasureKernel", std::string(erasure::Kernel()));
  return out;
}

Napi::Object Init(Napi::Env env, Napi::Object exports) {
  auto* instance = new Instance;
  instance->completions = Completions::Create(env);
  instance->engine = Napi::Persistent(EngineWrap::Define(env));
  instance->writer = Napi::Persistent(WriterWrap::Define(env));
  instance->reader = Napi::Persistent(ReaderWrap::Define(env));
  env.SetInstanceData(instance);
  // Node runs the hooks before it lets go of anything of the environment.
  napi_add_env_cleanup_hook(
      env, [](void* data) { static_cast<Instance*>(data)->hidden->RevokeAll(); }, instance);
  exports.Set("open", Napi::Function::New(env, Open));
  exports.Set("readRootHint", Napi::Function::New(env, ReadRootHint));
  exports.Set("describe", Napi::Function::New(env, Describe));
  DefineMeasure(env, exports);
  return exports;
}

}  // namespace

}  // namespace strongroom::binding

static Napi::Object InitStrongroom(Napi::Env env, Napi::Object exports) {
  return strongroom::binding::Init(env, exports);
}
NODE_API_MODULE(strongroom, InitStrongroom)
