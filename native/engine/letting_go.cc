#include "engine/letting_go.h"

#include <array>
#include <set>

#include "base/bugs.h"

namespace strongroom::engine {

namespace {

// Zones that outlived their store. Of the process, as the locks are.
struct Abandoned {
  Mutex mutex;
  // Guarded by mutex. An id, or where there is none yet, a path.
  std::multiset<aead::Id> zones;
  std::multiset<std::string> paths;
};
Abandoned& AbandonedZones() {
  static auto* abandoned = new Abandoned;  // Outlives the threads that it counts.
  return *abandoned;
}

// Whoever else still holds the zone, nothing of it is open any more. The lock goes last.
void CloseFiles(Zone& zone) {
  zone.index = nullptr;
  zone.late_index = nullptr;
  if (zone.log) zone.log->ForgetFiles();
  zone.lock = nullptr;
}

// What is left of a zone when its threads did not end in time. Shared by them; the last one to end
// lets go of its files and its lock.
class Remains {
 public:
  explicit Remains(std::shared_ptr<Zone> zone)
      : zone_(std::move(zone)), zone_id_(zone_->superblock.zone_id) {
    MutexLock lock(&AbandonedZones().mutex);
    if (zone_id_ != aead::Id{}) AbandonedZones().zones.insert(zone_id_);
    AbandonedZones().paths.insert(zone_->path);
  }
  ~Remains() {
    CloseFiles(*zone_);
    MutexLock lock(&AbandonedZones().mutex);
    if (zone_id_ != aead::Id{}) {
      AbandonedZones().zones.erase(AbandonedZones().zones.find(zone_id_));
    }
    AbandonedZones().paths.erase(AbandonedZones().paths.find(zone_->path));
  }
  Remains(const Remains&) = delete;
  Remains& operator=(const Remains&) = delete;

 private:
  const std::shared_ptr<Zone> zone_;
  const aead::Id zone_id_;
};

std::array<io::TaskQueue*, 4> QueuesOf(const Zone& zone) {
  return {zone.read_threads.get(), zone.apply_thread.get(), zone.cell_threads.get(),
          zone.log_thread.get()};
}

}  // namespace

void LetGo(io::Env* env, const std::vector<std::shared_ptr<Zone>>& zones, uint64_t deadline_nanos) {
  io::TimeLeft to_close(env, deadline_nanos);
  // An index waits for the work that goes on in it: as if it were a task of its zone.
  std::vector<std::shared_ptr<io::Completion>> closed;
  for (const auto& zone : zones) {
    closed.push_back(std::make_shared<io::Completion>());
    auto task = [zone, completion = closed.back()] {
      zone->index = nullptr;
      zone->late_index = nullptr;
      completion->Set(Status());
    };
    if (!zone->apply_thread->Post(task)) closed.back()->Set(Status());
  }
  for (auto& completion : closed) (void)completion->Wait(to_close());
  for (const auto& zone : zones) {
    for (io::TaskQueue* queue : QueuesOf(*zone)) (void)queue->Stop(0);
  }
  io::TimeLeft to_end(env, deadline_nanos);
  for (const auto& zone : zones) {
    bool ended = true;
    for (io::TaskQueue* queue : QueuesOf(*zone)) ended &= queue->Stop(to_end());
    if (STRONGROOM_BUG("lock-released-under-a-thread")) zone->lock = nullptr;
    if (ended && !zone->index && !zone->late_index) {
      CloseFiles(*zone);
      continue;
    }
    auto remains = std::make_shared<Remains>(zone);
    if (ended) {
      // The threads came back in time, but not for the closing of the index, which may take long.
      // Nobody gets the lock before that.
      auto let_go = [remains = std::move(remains)]() mutable { remains = nullptr; };
      env->StartThread("letting-go", std::move(let_go))->Detach();
      continue;
    }
    for (io::TaskQueue* queue : QueuesOf(*zone)) queue->KeepUntilEnded(remains);
  }
}

bool IsAbandoned(const aead::Id& zone_id, const std::string& path) {
  MutexLock lock(&AbandonedZones().mutex);
  return AbandonedZones().zones.count(zone_id) != 0 || AbandonedZones().paths.count(path) != 0;
}

}  // namespace strongroom::engine
