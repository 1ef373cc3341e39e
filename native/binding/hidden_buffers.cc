#include "binding/hidden_buffers.h"

#include <utility>

namespace strongroom::binding {

HiddenBuffers::Made HiddenBuffers::Make(Napi::Env env, size_t size) {
  auto buffer = Napi::Buffer<uint8_t>::New(env, size);
  Made made{++last_, std::make_shared<blob::Landing>(buffer.Data(), size)};
  hidden_[made.id] = {Napi::Persistent(buffer), made.landing};
  return made;
}

Napi::Value HiddenBuffers::Show(Id id) {
  auto found = hidden_.find(id);
  found->second.landing->Revoke();
  Napi::Value buffer = found->second.buffer.Value();
  hidden_.erase(found);
  return buffer;
}

void HiddenBuffers::Drop(Id id) {
  auto found = hidden_.find(id);
  if (found == hidden_.end()) return;
  found->second.landing->Revoke();
  hidden_.erase(found);
}

void HiddenBuffers::RevokeAll() {
  for (auto& [id, hidden] : hidden_) hidden.landing->Revoke();
}

}  // namespace strongroom::binding
