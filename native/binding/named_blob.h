// What JavaScript holds of keys and blobs (opaque, tagged objects), and how an effect names a blob.
#pragma once

#include <napi.h>

#include "binding/instance.h"
#include "binding/writer_wrap.h"

namespace strongroom::binding {

Napi::Value HoldKek(Napi::Env env, Maker maker, engine::KekRef kek);
Napi::Value HoldParts(Napi::Env env, Maker maker, engine::PartsKeyRef parts);
bool IsParts(const Napi::Value& value);
// Each throws a TypeError for anything else, and for what another store's engine made.
engine::KekRef KekOf(const EngineHandle& handle, const Napi::Value& value);
engine::PartsKeyRef PartsOf(const EngineHandle& handle, const Napi::Value& value);

// A blob that a get found and that is not read yet: a large one or a list of parts, pinned, or the
// sealed frame of a small one.
struct FoundBlob {
  engine::Engine::Opening opening;
  engine::PartsKeyRef list;
  std::shared_ptr<void> pin;
  Bytes frame;
};
Napi::Value HoldFound(Napi::Env env, Maker maker, FoundBlob blob);
FoundBlob& FoundOf(const EngineHandle& handle, const Napi::Value& value);

// Reads what an effect's row names:
//   null                                          nothing
//   true                                          what it named before
//   Uint8Array, with a kek or parts key           a small blob or part, sealed here
//   a finished writer                             a large blob or part
//   a found blob, with a kek                      the same blob, for one more row
//   [parts key, size, crc64, fresh], with a kek   a list of parts
void TakeBlob(EngineHandle& handle, const Napi::Value& blob, const Napi::Value& key,
              TakenWriters* taken, engine::Effect* effect);

}  // namespace strongroom::binding
