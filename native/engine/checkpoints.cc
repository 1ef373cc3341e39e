#include "engine/checkpoints.h"

#include "format/row.h"

namespace strongroom::engine {

void Checkpoints::Take(Options options, Done done) {
  std::shared_ptr<Checkpoints> taking(new Checkpoints(std::move(options), std::move(done)));
  taking->Look();
}

void Checkpoints::Look() {
  auto found = [self = shared_from_this()](Result<RowPage> page) {
    page.ok() ? self->Commit(page->rows) : self->done_(page.status());
  };
  const format::CheckpointRange all;
  options_.newest(all.start, all.end, static_cast<uint32_t>(2 * kCheckpointsKept), found);
}

void Checkpoints::Commit(const std::vector<RowPage::Row>& rows) {
  const format::CheckpointRange all;
  Transaction transaction;
  transaction.ranges.push_back({all.start, all.end, rows.empty() ? 0 : rows.front().revision});
  Effect effect;
  effect.key = format::CheckpointKey(0);  // The committer names its sequence.
  effect.checkpoint = true;
  effect.modified = options_.env->WallMillis();
  Checkpoint taken;
  options_.env->Random(taken.token);
  effect.body = format::EncodeCheckpoint(taken.token, {});
  transaction.effects.push_back(std::move(effect));
  for (size_t i = kCheckpointsKept - 1; i < rows.size(); ++i) {
    Effect oldest;
    oldest.key = rows[i].key;
    oldest.remove = true;
    transaction.effects.push_back(std::move(oldest));
  }
  auto done = [self = shared_from_this(), taken](Result<Committed> result) mutable {
    // Another one came in between, and got on by it: this ends.
    if (result.status().Is(Code::kPreconditionFailed)) return self->Look();
    if (!result.ok()) return self->done_(result.status());
    taken.sequence = result->revision;
    taken.chain = result->chain_before;
    self->done_(taken);
  };
  options_.commit(std::move(transaction), done);
}

}  // namespace strongroom::engine
