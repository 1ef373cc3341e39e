// Verifications and backups as JavaScript has them: [next(), stop()]; and what was set aside by
// them.
#pragma once

#include <napi.h>

#include <memory>

#include "binding/instance.h"

namespace strongroom::binding {

// next() gives a promise of {bytes, records, cells, rows, findings, over, sequence, written}; each
// finding is {kind, zone, healed, what, rowKey: Buffer | null}. Rejects when it could not be ended.
// Where the run is `in_background`, it does not keep the process alive.
Napi::Value ShowVerifying(Napi::Env env, std::shared_ptr<engine::Verifying> run,
                          bool in_background);

// {total, page: [{name, what, reason, since}]}, `since` in ms since 1970.
Napi::Value QuarantineToJs(Napi::Env env, const repair::Quarantined& quarantined);

}  // namespace strongroom::binding
