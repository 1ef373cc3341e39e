// The root hint, read before there is a key: from whichever zones answer first.
#include "engine/creating.h"
#include "engine/engine.h"

namespace strongroom::engine {

namespace {

// A zone that is only looked at, by a thread of its own.
struct Look {
  Touched touched;
  io::Completion done;
};

// The hint of the first zone that has one, of those that answer in time; else why there is none.
Result<Bytes> HintOf(io::Env* env, const std::vector<std::shared_ptr<Look>>& looks,
                     uint64_t nanos) {
  io::TimeLeft left(env, nanos);
  Status last(Code::kNotFound, "no zones");
  std::vector<std::optional<io::FileInfo>> folders;
  const Bytes* hint = nullptr;
  for (const auto& look : looks) {
    Status status = look->done.Wait(left());
    folders.push_back(status.ok() ? look->touched.folder : std::nullopt);
    if (status.ok()) status = look->touched.status;
    if (status.ok() && !hint) hint = &look->touched.superblock.root_hint;
    // Torn by a crash while it was made for the first time: that is no store yet.
    if (status.Is(Code::kCorruption) && !look->touched.has_log) continue;
    if (last.Is(Code::kNotFound) && !status.ok()) last = status;
  }
  TRY(RefuseSameDirectory(folders));
  if (hint) return *hint;
  // Not one can be looked at: a file in the folder's place, a disk that does not answer.
  bool silent = last.Is(Code::kIo) || last.Is(Code::kTimedOut);
  return silent ? Status(Code::kUnavailable, last.message()) : last;
}

}  // namespace

Result<Bytes> ReadRootHint(io::Env* env, const std::vector<std::string>& paths,
                           uint64_t zone_deadline_nanos) {
  std::vector<std::shared_ptr<Look>> looks;
  std::vector<std::unique_ptr<io::TaskQueue>> threads;
  for (const std::string& path : paths) {
    auto look = std::make_shared<Look>();
    threads.push_back(std::make_unique<io::TaskQueue>(env, "look", 1));
    threads.back()->Post([env, look, path] {
      auto folder = env->Stat(path);
      look->touched = LookAt(env, path);
      if (folder.ok()) look->touched.folder = *folder;
      look->done.Set(Status());
    });
    looks.push_back(std::move(look));
  }
  // Any zone will do: only when none has answered soon is the whole deadline waited for.
  auto hint = HintOf(env, looks, zone_deadline_nanos / 8);
  if (!hint.ok()) hint = HintOf(env, looks, zone_deadline_nanos);
  for (size_t i = 0; i < looks.size(); ++i) {
    threads[i]->Stop(looks[i]->done.IsSet() ? zone_deadline_nanos : 0);
  }
  return hint;
}

}  // namespace strongroom::engine
