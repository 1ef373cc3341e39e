#include "binding/named_blob.h"

#include "binding/convert.h"
#include "binding/status_to_js.h"
#include "binding/writer_wrap.h"

namespace strongroom::binding {

namespace {

constexpr napi_type_tag kKekTag = {0x737472'6f6e6772ull, 0x6f6f6d'6b656b31ull};
constexpr napi_type_tag kPartsTag = {0x737472'6f6e6772ull, 0x6f6f6d'70727431ull};
constexpr napi_type_tag kFoundTag = {0x737472'6f6e6772ull, 0x6f6f6d'666e6431ull};

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

bool IsHeld(const Napi::Value& value, const napi_type_tag& tag) {
  bool mine = false;
  if (value.IsObject()) napi_check_object_type_tag(value.Env(), value, &tag, &mine);
  return mine;
}

template <typename T>
T& HeldIn(const Napi::Value& value, const napi_type_tag& tag) {
  void* held = nullptr;
  if (!IsHeld(value, tag) || napi_unwrap(value.Env(), value, &held) != napi_ok) {
    throw Napi::TypeError::New(value.Env(), "not a handle of this store");
  }
  return *static_cast<T*>(held);
}

engine::NamedBlob ListOf(engine::Engine& engine, const Napi::Array& list, const Napi::Value& key) {
  bool lossless = false;
  Napi::Value crc64 = list.Get(2u);
  if (!crc64.IsBigInt()) throw Napi::TypeError::New(list.Env(), "expected a bigint");
  engine::NamedBlob named;
  named.reference =
      engine.NameParts(*KekOf(key), *PartsOf(list.Get(0u)), IntegerOf(list.Get(1u)),
                       crc64.As<Napi::BigInt>().Uint64Value(&lossless));
  named.fresh = list.Get(3u).ToBoolean();
  return named;
}

void TakeFound(engine::Engine& engine, const FoundBlob& found, const Napi::Value& key,
               engine::Effect* effect) {
  Napi::Env env = key.Env();
  if (!found.opening.kek) throw Napi::TypeError::New(env, "a part has no row of its own");
  auto same = engine.Rewrap(found.opening.reference, *found.opening.kek, *KekOf(key));
  if (!same.ok()) throw StatusToJs(env, same.status());
  if (!format::IsSmall(same->kind)) {
    effect->named = engine::NamedBlob{*same, false, {}, 0};
  } else if (found.frame.empty()) {
    throw Napi::Error::New(env, "the blob was released");
  } else {
    effect->small = engine::SealedBlob{found.frame, *same};
  }
}

}  // namespace

Napi::Value HoldKek(Napi::Env env, engine::KekRef kek) { return Hold(env, kKekTag, kek); }
Napi::Value HoldParts(Napi::Env env, engine::PartsKeyRef parts) {
  return Hold(env, kPartsTag, parts);
}
Napi::Value HoldFound(Napi::Env env, FoundBlob blob) {
  return Hold(env, kFoundTag, std::move(blob));
}
bool IsParts(const Napi::Value& value) { return IsHeld(value, kPartsTag); }
engine::KekRef KekOf(const Napi::Value& value) { return HeldIn<engine::KekRef>(value, kKekTag); }
engine::PartsKeyRef PartsOf(const Napi::Value& value) {
  return HeldIn<engine::PartsKeyRef>(value, kPartsTag);
}
FoundBlob& FoundOf(const Napi::Value& value) { return HeldIn<FoundBlob>(value, kFoundTag); }

void TakeBlob(engine::Engine& engine, const Napi::Value& blob, const Napi::Value& key,
              engine::Effect* effect) {
  if (blob.IsNull()) return;
  if (blob.IsBoolean()) {
    effect->keep = true;
  } else if (blob.IsTypedArray()) {
    effect->small = IsParts(key) ? engine.SealPart(*PartsOf(key), ViewOf(blob))
                                 : engine.SealSmall(*KekOf(key), ViewOf(blob));
  } else if (blob.IsArray()) {
    effect->named = ListOf(engine, blob.As<Napi::Array>(), key);
  } else if (IsHeld(blob, kFoundTag)) {
    TakeFound(engine, FoundOf(blob), key, effect);
  } else {
    auto finished = WriterWrap::From(blob)->Finished();
    if (!finished.ok()) throw StatusToJs(blob.Env(), finished.status());
    effect->named = *finished;
  }
}

}  // namespace strongroom::binding
