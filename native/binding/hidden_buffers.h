// HiddenBuffers: Buffers that the engine's threads write to and JavaScript has not seen yet. What
// nobody has seen nobody can detach, resize or drop: the one case in which native threads hold a
// pointer into JavaScript's memory (docs/decisions/0013-reads-land-in-hidden-buffers.md).
//
// JavaScript thread only; one for each environment.
#pragma once

#include <napi.h>

#include <memory>
#include <unordered_map>

#include "blob/landing.h"

namespace strongroom::binding {

class HiddenBuffers {
 public:
  using Id = uint64_t;
  struct Made {
    Id id = 0;
    std::shared_ptr<blob::Landing> landing;
  };
  Made Make(Napi::Env env, size_t size);
  // Hands the buffer over: from here on no thread of ours writes to it.
  Napi::Value Show(Id id);
  void Drop(Id id);
  // Before the environment goes, and its memory with it.
  void RevokeAll();

 private:
  struct Hidden {
    Napi::Reference<Napi::Buffer<uint8_t>> buffer;
    std::shared_ptr<blob::Landing> landing;
  };
  std::unordered_map<Id, Hidden> hidden_;
  Id last_ = 0;
};

}  // namespace strongroom::binding
