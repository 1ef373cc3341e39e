#include "engine/checkpoints.h"

#include <algorithm>

#include "engine/engine_testing.h"
#include "io/posix_env.h"

namespace strongroom::engine {

namespace {

Result<Checkpoint> Take(Engine& engine) {
  auto answer = std::make_shared<blob::Awaited<Result<Checkpoint>>>();
  engine.TakeCheckpoint([answer](Result<Checkpoint> taken) { answer->Set(std::move(taken)); });
  return answer->Get();
}

// The body of the checkpoint's row; kNotFound.
Result<Bytes> BodyOf(Engine& engine, uint64_t sequence) {
  GetRequest request;
  request.key = format::CheckpointKey(sequence);
  auto answer = std::make_shared<blob::Awaited<Result<std::optional<Found>>>>();
  engine.Get(std::move(request),
             [answer](Result<std::optional<Found>> found) { answer->Set(std::move(found)); });
  TRY_ASSIGN(auto found, answer->Get());
  if (!found) return Status(Code::kNotFound, "no such checkpoint");
  ByteSpan body = found->row().row.body;
  return Bytes(body.begin(), body.end());
}

}  // namespace

TEST(Checkpoints, TheRowHoldsWhatTheCallerIsTold) {
  World world(3);
  ASSERT_OK(world.Open());
  EXPECT_OK(world.PutOne("row", "body"));
  auto first = Take(*world.engine), second = Take(*world.engine);
  ASSERT_OK(first);
  ASSERT_OK(second);
  EXPECT(first->sequence < second->sequence);
  EXPECT(first->token != second->token && first->chain != second->chain);
  world.Reopen();
  for (const auto& taken : {*first, *second}) {
    auto body = BodyOf(*world.engine, taken.sequence);
    ASSERT_OK(body);
    EXPECT(*body == format::EncodeCheckpoint(taken.token, taken.chain));
  }
  EXPECT_CODE(BodyOf(*world.engine, second->sequence + 1), Code::kNotFound);
}

// Many at once: each counts all others, so that never more stay, and none of the newest goes.
TEST(Checkpoints, TheNewestThousandStay) {
  World world(1);
  ASSERT_OK(world.Open());
  constexpr size_t kTaken = kCheckpointsKept + 20;
  std::vector<std::shared_ptr<blob::Awaited<Result<Checkpoint>>>> answers;
  std::vector<uint64_t> sequences;
  auto await = [&] {
    for (auto& answer : answers) {
      auto taken = answer->Get();
      ASSERT_OK(taken);
      sequences.push_back(taken->sequence);
    }
    answers.clear();
  };
  for (size_t i = 0; i < kTaken; ++i) {
    answers.push_back(std::make_shared<blob::Awaited<Result<Checkpoint>>>());
    world.engine->TakeCheckpoint(
        [answer = answers.back()](Result<Checkpoint> taken) { answer->Set(std::move(taken)); });
    if (answers.size() == 3) await();
  }
  await();
  std::sort(sequences.begin(), sequences.end());
  ASSERT(sequences.size() == kTaken);
  for (size_t i = 0; i < kTaken; ++i) {
    bool stands = BodyOf(*world.engine, sequences[i]).ok();
    EXPECT_EQ(stands, i >= kTaken - kCheckpointsKept);
  }
}

TEST(Checkpoints, OnlyTheEngineWritesThem) {
  World world(1);
  ASSERT_OK(world.Open());
  auto taken = Take(*world.engine);
  ASSERT_OK(taken);
  for (bool remove : {false, true}) {
    Effect effect;
    effect.key = format::CheckpointKey(taken->sequence);
    effect.remove = remove;
    Transaction transaction;
    transaction.effects.push_back(std::move(effect));
    EXPECT_CODE(world.Commit(std::move(transaction)), Code::kInvalidArgument);
  }
  world.engine->Close();
  EXPECT_CODE(Take(*world.engine), Code::kClosed);
}

}  // namespace strongroom::engine
