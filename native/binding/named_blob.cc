#include "binding/named_blob.h"

#include "binding/convert.h"
#include "binding/status_to_js.h"

namespace strongroom::binding {

namespace {

constexpr napi_type_tag kKekTag = {0x737472'6f6e6772ull, 0x6f6f6d'6b656b31ull};
constexpr napi_type_tag kPartsTag = {0x737472'6f6e6772ull, 0x6f6f6d'70727431ull};
constexpr napi_type_tag kFoundTag = {0x737472'6f6e6772ull, 0x6f6f6d'666e6431ull};

template <typename T>
struct Held {
  Maker maker;
  T value;
};

// A native value as an opaque, tagged JavaScript object, freed with it.
template <typename T>
Napi::Value Hold(Napi::Env env, const napi_type_tag& tag, Maker maker, T value) {
  Napi::Object holder = Napi::Object::New(env);
  auto* held = new Held<T>{std::move(maker), std::move(value)};
  napi_finalize finalize = [](napi_env, void* data, void*) { delete static_cast<Held<T>*>(data); };
  if (napi_wrap(env, holder, held, finalize, nullptr, nullptr) != napi_ok) {
    delete held;
    throw Napi::Error::New(env, "cannot hold a native value");
  }
  TagAs(holder, tag);
  return holder;
}

template <typename T>
T& HeldIn(const EngineHandle& handle, const Napi::Value& value, const napi_type_tag& tag) {
  void* data = nullptr;
  if (!IsTagged(value, tag) || napi_unwrap(value.Env(), value, &data) != napi_ok) {
    throw Napi::TypeError::New(value.Env(), "not a handle of a store");
  }
  auto* held = static_cast<Held<T>*>(data);
  if (!handle.Made(held->maker)) {
    throw Napi::TypeError::New(value.Env(), "a handle of another store");
  }
  return held->value;
}

engine::NamedBlob ListOf(EngineHandle& handle, const Napi::Array& list, const Napi::Value& key) {
  bool lossless = false;
  Napi::Value crc64 = list.Get(2u);
  if (!crc64.IsBigInt()) throw Napi::TypeError::New(list.Env(), "expected a bigint");
  engine::NamedBlob named;
  named.reference =
      handle->NameParts(*KekOf(handle, key), *PartsOf(handle, list.Get(0u)),
                        IntegerOf(list.Get(1u)), crc64.As<Napi::BigInt>().Uint64Value(&lossless));
  named.fresh = list.Get(3u).ToBoolean();
  return named;
}

void TakeFound(EngineHandle& handle, const FoundBlob& found, const Napi::Value& key,
               engine::Effect* effect) {
  Napi::Env env = key.Env();
  if (!found.opening.kek) throw Napi::TypeError::New(env, "a part has no row of its own");
  auto same = handle->Rewrap(found.opening.reference, *found.opening.kek, *KekOf(handle, key));
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

Napi::Value HoldKek(Napi::Env env, Maker maker, engine::KekRef kek) {
  return Hold(env, kKekTag, std::move(maker), std::move(kek));
}
Napi::Value HoldParts(Napi::Env env, Maker maker, engine::PartsKeyRef parts) {
  return Hold(env, kPartsTag, std::move(maker), std::move(parts));
}
Napi::Value HoldFound(Napi::Env env, Maker maker, FoundBlob blob) {
  return Hold(env, kFoundTag, std::move(maker), std::move(blob));
}
bool IsParts(const Napi::Value& value) { return IsTagged(value, kPartsTag); }
engine::KekRef KekOf(const EngineHandle& handle, const Napi::Value& value) {
  return HeldIn<engine::KekRef>(handle, value, kKekTag);
}
engine::PartsKeyRef PartsOf(const EngineHandle& handle, const Napi::Value& value) {
  return HeldIn<engine::PartsKeyRef>(handle, value, kPartsTag);
}
FoundBlob& FoundOf(const EngineHandle& handle, const Napi::Value& value) {
  return HeldIn<FoundBlob>(handle, value, kFoundTag);
}

void TakeBlob(EngineHandle& handle, const Napi::Value& blob, const Napi::Value& key,
              TakenWriters* taken, engine::Effect* effect) {
  if (blob.IsNull()) return;
  if (blob.IsBoolean()) {
    effect->keep = true;
  } else if (blob.IsTypedArray()) {
    effect->small = IsParts(key) ? handle->SealPart(*PartsOf(handle, key), ViewOf(blob))
                                 : handle->SealSmall(*KekOf(handle, key), ViewOf(blob));
  } else if (blob.IsArray()) {
    effect->named = ListOf(handle, blob.As<Napi::Array>(), key);
  } else if (IsTagged(blob, kFoundTag)) {
    TakeFound(handle, FoundOf(handle, blob), key, effect);
  } else {
    effect->named = taken->Take(handle, blob);
  }
}

}  // namespace strongroom::binding
