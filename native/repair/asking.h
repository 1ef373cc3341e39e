// Asking: puts one piece of work to the threads of each of several zones and waits for all of them.
// For the one thread that repairs: whoever serves callers waits without a thread (blob/errands.h).
//
// Who has not answered in time is left behind with everything that its work owns; so a work
// captures by value or by shared_ptr what it touches, and what it found is looked at only when it
// has answered.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "io/task_queue.h"

namespace strongroom::repair {

struct Question {
  std::shared_ptr<io::TaskQueue> threads;
  std::function<Status()> work;
};
// In the order of the questions. kTimedOut: no answer within `nanos`; kClosed: the threads are
// stopped.
std::vector<Status> Ask(io::Env* env, std::vector<Question> questions, uint64_t nanos);
Status AskOne(io::Env* env, std::shared_ptr<io::TaskQueue> threads, std::function<Status()> work,
              uint64_t nanos);

}  // namespace strongroom::repair
