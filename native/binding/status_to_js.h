// StatusToJs: the one place where a Status becomes a JavaScript error. `code` is the stable code
// that lib/errors.ts knows; verbs choose among the OSS codes above.
#pragma once

#include <napi.h>

#include "base/status.h"

namespace strongroom::binding {

const char* JsCode(Code code);
Napi::Error StatusToJs(Napi::Env env, const Status& status);

}  // namespace strongroom::binding
