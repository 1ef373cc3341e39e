// Letting go of zones: their threads end, then index and lock go. A thread stuck in a dead disk is
// abandoned with its zone; the zone goes by itself when the disk lets go of the thread.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/zone.h"

namespace strongroom::engine {

// Takes at most twice the deadline, however many zones there are. An abandoned zone keeps its lock,
// for its late write must not meet another owner.
void LetGo(io::Env* env, const std::vector<std::shared_ptr<Zone>>& zones, uint64_t deadline_nanos);

// True while a zone of this id, or what was to be a zone at this path, is abandoned in this
// process: who finds it locked would wait for a thread of our own.
bool IsAbandoned(const aead::Id& zone_id, const std::string& path);

}  // namespace strongroom::engine
