// What becomes of the batch behind one that failed.
#include "engine/engine_testing.h"

namespace strongroom::engine {

namespace {

constexpr size_t kRows = 1200;

std::string NameOf(size_t row) { return "row" + std::to_string(row); }

// More than one batch takes, handed over faster than the first is sealed.
std::vector<std::shared_ptr<io::Completion>> BeginAll(World& world) {
  std::vector<Transaction> transactions(kRows);
  for (size_t i = 0; i < kRows; ++i) {
    transactions[i].effects.push_back(world.Put(NameOf(i), "body"));
  }
  std::vector<std::shared_ptr<io::Completion>> out;
  for (Transaction& transaction : transactions) {
    auto done = out.emplace_back(std::make_shared<io::Completion>());
    world.engine->Commit(std::move(transaction),
                         [done](Result<Committed> result) { done->Set(result.status()); });
  }
  return out;
}

// It was sealed behind a record that does not stand: written, it would lead nowhere, and its
// callers would have been told that it stands.
TEST(FailedBatch, TakesTheOneBehindItAlong) {
  World world(1);
  ASSERT_OK(world.Open());
  EXPECT_OK(world.PutOne("before", "body"));
  io::Completion in_sync, go_on;
  world.env.fault = [&](const std::string& operation, const std::string& path, uint64_t) -> Status {
    if (operation != "sync" || path.find("/log/") == std::string::npos) return {};
    in_sync.Set({});
    (void)go_on.Wait(kPatience);
    return Status(Code::kIo, "the disk is gone");
  };
  auto answers = BeginAll(world);
  EXPECT_OK(in_sync.Wait(kPatience));
  go_on.Set({});
  EXPECT_CODE(answers.front()->Wait(kPatience), Code::kUnknown);
  for (auto& answer : answers) EXPECT(!answer->Wait(kPatience).ok());
  world.env.fault = nullptr;
  world.Reopen();
  EXPECT_OK(world.Get("before"));
  EXPECT_CODE(world.Get(NameOf(kRows - 1)), Code::kNotFound);
}

}  // namespace

}  // namespace strongroom::engine
