#include "binding/instance.h"

namespace strongroom::binding {

void TagAs(const Napi::Value& object, const napi_type_tag& tag) {
  if (napi_type_tag_object(object.Env(), object, &tag) != napi_ok) {
    throw Napi::Error::New(object.Env(), "cannot tag a native object");
  }
}

bool IsTagged(const Napi::Value& value, const napi_type_tag& tag) {
  bool is = false;
  if (value.IsObject()) napi_check_object_type_tag(value.Env(), value, &tag, &is);
  return is;
}

void EngineHandle::Close() {
  if (!closed_.exchange(true)) CloseShared(attached_);
}

}  // namespace strongroom::binding
