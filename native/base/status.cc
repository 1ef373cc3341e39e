// Status: the codes and their names.
#include "base/status.h"

namespace strongroom {

const char* CodeName(Code code) {
  switch (code) {
    case Code::kOk:
      return "Ok";
    case Code::kInvalidArgument:
      return "InvalidArgument";
    case Code::kNotFound:
      return "NotFound";
    case Code::kExists:
      return "Exists";
    case Code::kPreconditionFailed:
      return "PreconditionFailed";
    case Code::kImmutable:
      return "Immutable";
    case Code::kUnavailable:
      return "Unavailable";
    case Code::kQuorumLost:
      return "QuorumLost";
    case Code::kForeignZone:
      return "ForeignZone";
    case Code::kRolledBack:
      return "RolledBack";
    case Code::kNoSpace:
      return "NoSpace";
    case Code::kIo:
      return "Io";
    case Code::kCorruption:
      return "Corruption";
    case Code::kTampered:
      return "Tampered";
    case Code::kWrongKey:
      return "WrongKey";
    case Code::kUnsupportedFormat:
      return "UnsupportedFormat";
    case Code::kReadOnly:
      return "ReadOnly";
    case Code::kUnknown:
      return "Unknown";
    case Code::kLocked:
      return "Locked";
    case Code::kCancelled:
      return "Cancelled";
    case Code::kClosed:
      return "Closed";
    case Code::kTimedOut:
      return "TimedOut";
  }
  return "?";
}

const std::string& Status::message() const {
  static const std::string empty;
  return detail_ ? detail_->message : empty;
}

std::string Status::ToString() const {
  return ok() ? "Ok" : std::string(CodeName(code())) + ": " + message();
}

}  // namespace strongroom
