#include "binding/status_to_js.h"

namespace strongroom::binding {

const char* JsCode(Code code) {
  switch (code) {
    case Code::kOk:
      return "";
    case Code::kInvalidArgument:
      return "InvalidArgument";
    case Code::kNotFound:
      return "NoSuchKey";
    case Code::kExists:
      return "FileAlreadyExists";
    case Code::kPreconditionFailed:
      return "PreconditionFailed";
    case Code::kImmutable:
      return "FileImmutable";
    case Code::kUnavailable:
      return "ZONE_UNAVAILABLE";
    case Code::kQuorumLost:
      return "QUORUM_LOST";
    case Code::kForeignZone:
      return "ZONE_FOREIGN";
    case Code::kRolledBack:
      return "STORE_ROLLED_BACK";
    case Code::kNoSpace:
      return "STORE_FULL";
    case Code::kIo:
      return "STORE_IO";
    case Code::kCorruption:
      return "STORE_CORRUPT";
    case Code::kTampered:
      return "DECRYPT_FAILED";
    case Code::kWrongKey:
      return "WRONG_ROOT_KEY";
    case Code::kUnsupportedFormat:
      return "STORE_VERSION";
    case Code::kReadOnly:
      return "STORE_READ_ONLY";
    case Code::kUnknown:
      return "COMMIT_UNKNOWN";
    case Code::kLocked:
      return "STORE_LOCKED";
    case Code::kCancelled:
      return "ABORTED";
    case Code::kClosed:
      return "STORE_CLOSED";
    case Code::kTimedOut:
      return "ZONE_UNAVAILABLE";
  }
  return "STORE_IO";
}

Napi::Error StatusToJs(Napi::Env env, const Status& status) {
  Napi::Error error = Napi::Error::New(env, status.message());
  error.Set("code", Napi::String::New(env, JsCode(status.code())));
  return error;
}

}  // namespace strongroom::binding
