#include "binding/registry.h"

#include <algorithm>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "binding/listeners.h"

namespace strongroom::binding {

namespace {

// What tells each zone's folder from others, in order: device and inode, whatever path leads there;
// its path, while there is nothing.
using Folders = std::vector<std::string>;

struct Shared {
  std::vector<std::string> paths;
  Folders folders;  // When it was opened.
  bool read_only = false;
  uint64_t zone_deadline_nanos = 0;
  SecretBytes root_key;
  std::weak_ptr<engine::Engine> engine;
  std::shared_ptr<Listeners> listeners;
  size_t handles = 0;
};

struct Registry {
  std::mutex mutex;
  std::vector<Shared> stores;
};
Registry& TheRegistry() {
  static Registry* registry = new Registry;  // Threads may outlive static destructors.
  return *registry;
}

Folders FoldersOf(io::Env* env, const std::vector<std::string>& paths) {
  Folders out;
  for (const std::string& path : paths) {
    auto info = env->Stat(path);
    out.push_back(
        info.ok() ? std::to_string(info->device) + ":" + std::to_string(info->inode) : path);
  }
  std::sort(out.begin(), out.end());
  return out;
}

bool Overlap(const Folders& a, const Folders& b) {
  return std::find_first_of(a.begin(), a.end(), b.begin(), b.end()) != a.end();
}

bool SameOptions(const Shared& shared, const engine::OpenOptions& options) {
  return shared.read_only == options.read_only &&
         shared.zone_deadline_nanos == options.zone_deadline_nanos &&
         aead::ConstantTimeEqual(shared.root_key.span(), options.root_key.span());
}

// What the engine told before the listener came, as far as it still holds.
void TellStanding(engine::Engine& engine, const std::vector<engine::Event>& standing,
                  const EventListener& listener) {
  using Kind = engine::Event::Kind;
  engine::EngineStatus status = engine.status();
  for (const engine::Event& event : standing) {
    bool of_zone = event.kind == Kind::kZoneExpelled || event.kind == Kind::kZoneStale;
    bool is_back = std::any_of(status.zones.begin(), status.zones.end(),
                               [&event](const engine::ZoneStatus& zone) {
                                 return zone.number == event.zone && zone.in_set;
                               });
    if (!of_zone || !is_back) listener(event);
  }
}

Attached AttachTo(Shared& shared, std::shared_ptr<engine::Engine> engine, EventListener on_event) {
  ++shared.handles;
  // Added first: what comes between the two is told twice rather than never.
  uint64_t id = shared.listeners->Add(on_event);
  TellStanding(*engine, shared.listeners->Standing(), on_event);
  return {std::move(engine), id};
}

}  // namespace

Result<Attached> OpenShared(engine::OpenOptions options, EventListener on_event) {
  Registry& registry = TheRegistry();
  std::lock_guard<std::mutex> lock(registry.mutex);
  Folders folders = FoldersOf(options.env, options.zones);
  for (Shared& shared : registry.stores) {
    auto open = shared.engine.lock();
    if (!open) continue;
    // A zone may have come, gone or been moved since.
    Folders now = FoldersOf(options.env, shared.paths);
    if (!Overlap(shared.folders, folders) && !Overlap(now, folders)) continue;
    if (shared.folders != folders && now != folders) {
      return Status(Code::kInvalidArgument,
                    "some of the zones are open in this process, beside others");
    }
    if (!SameOptions(shared, options)) {
      return Status(Code::kInvalidArgument, "the store is open in this process with other options");
    }
    return AttachTo(shared, std::move(open), std::move(on_event));
  }
  Shared shared;
  shared.paths = options.zones;
  shared.read_only = options.read_only;
  shared.zone_deadline_nanos = options.zone_deadline_nanos;
  shared.root_key = options.root_key.Clone();
  shared.listeners = std::make_shared<Listeners>();
  uint64_t id = shared.listeners->Add(std::move(on_event));
  io::Env* env = options.env;
  auto tell = [listeners = shared.listeners](const engine::Event& event) {
    listeners->Tell(event);
  };
  TRY_ASSIGN(auto engine, engine::Engine::Open(std::move(options), tell));
  shared.folders = FoldersOf(env, shared.paths);
  shared.engine = engine;
  shared.handles = 1;
  std::erase_if(registry.stores, [](const Shared& each) { return each.engine.expired(); });
  registry.stores.push_back(std::move(shared));
  return Attached{engine, id};
}

void CloseShared(const Attached& attached) {
  Registry& registry = TheRegistry();
  std::lock_guard<std::mutex> lock(registry.mutex);
  for (size_t i = 0; i < registry.stores.size(); ++i) {
    Shared& shared = registry.stores[i];
    if (shared.engine.lock() != attached.engine) continue;
    if (--shared.handles > 0) return shared.listeners->Remove(attached.listener);
    registry.stores.erase(registry.stores.begin() + static_cast<long>(i));
    break;
  }
  attached.engine->Close();
}

}  // namespace strongroom::binding
