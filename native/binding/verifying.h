// Verifications as JavaScript has them: [next(), stop()].
#pragma once

#include <napi.h>

#include <memory>

#include "binding/instance.h"

namespace strongroom::binding {

// next() gives a promise of {bytes, records, cells, rows, findings, over}; each finding is {kind,
// zone, healed, what, rowKey: Buffer | null}. Rejects when it could not be ended.
Napi::Value ShowVerifying(Napi::Env env, std::shared_ptr<engine::Verifying> run);

}  // namespace strongroom::binding
