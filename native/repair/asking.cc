// One completion for each question: a queue that drops the work answers too.
#include "repair/asking.h"

#include <utility>

namespace strongroom::repair {

namespace {

class Ticket {
 public:
  Ticket(std::shared_ptr<io::Completion> answer, std::function<Status()> work)
      : answer_(std::move(answer)), work_(std::move(work)) {}
  Ticket(const Ticket&) = delete;
  Ticket& operator=(const Ticket&) = delete;
  ~Ticket() { answer_->Set(Status(Code::kClosed, "the zone's threads are stopped")); }
  void Work() {
    Status status = std::exchange(work_, nullptr)();
    answer_->Set(std::move(status));
  }

 private:
  const std::shared_ptr<io::Completion> answer_;
  std::function<Status()> work_;
};

}  // namespace

std::vector<Status> Ask(io::Env* env, std::vector<Question> questions, uint64_t nanos) {
  std::vector<std::shared_ptr<io::Completion>> answers;
  const io::TimeLeft left(env, nanos);
  for (Question& question : questions) {
    answers.push_back(std::make_shared<io::Completion>());
    auto ticket = std::make_shared<Ticket>(answers.back(), std::move(question.work));
    question.threads->Post([ticket] { ticket->Work(); });
  }
  std::vector<Status> statuses;
  for (const auto& answer : answers) statuses.push_back(answer->Wait(left()));
  return statuses;
}

Status AskOne(io::Env* env, std::shared_ptr<io::TaskQueue> threads, std::function<Status()> work,
              uint64_t nanos) {
  std::vector<Question> one;
  one.push_back({std::move(threads), std::move(work)});
  return Ask(env, std::move(one), nanos)[0];
}

}  // namespace strongroom::repair
