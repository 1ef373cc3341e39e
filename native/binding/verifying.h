// Verifications as JavaScript has them: [next(), stop()].
#pragma once

#include <napi.h>

#include <memory>

#include "binding/instance.h"

namespace strongroom::binding {

// next() gives a promise of {bytes, records, cells, rows, findings, over}; each finding is {kind,
// zone, healed, what, rowKey: Buffer | null}. Rejects when it could not be ended. Where the run is
// `in_background`, it does not keep the process alive.
Napi::Value ShowVerifying(Napi::Env env, std::shared_ptr<engine::Verifying> run,
                          bool in_background);

}  // namespace strongroom::binding
