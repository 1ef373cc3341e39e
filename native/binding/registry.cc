#include "binding/registry.h"

#include <mutex>
#include <vector>

namespace strongroom::binding {

namespace {

struct Shared {
  std::string identity;  // Device and inode of each zone's folder.
  bool read_only = false;
  uint64_t zone_deadline_nanos = 0;
  SecretBytes root_key;
  std::weak_ptr<engine::Engine> engine;
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

// Whatever path leads to the folders. Empty while one of them does not exist.
std::string Identity(io::Env* env, const std::vector<std::string>& zones) {
  std::string out;
  for (const std::string& path : zones) {
    auto info = env->Stat(path);
    out +=
        info.ok() ? std::to_string(info->device) + ":" + std::to_string(info->inode) + ";" : "-;";
  }
  return out;
}

}  // namespace

Result<std::shared_ptr<engine::Engine>> OpenShared(
    engine::OpenOptions options, std::function<void(const engine::Event&)> on_event) {
  Registry& registry = TheRegistry();
  std::lock_guard<std::mutex> lock(registry.mutex);
  std::string identity = Identity(options.env, options.zones);
  for (Shared& shared : registry.stores) {
    auto open = shared.engine.lock();
    if (shared.identity != identity || !open) continue;
    if (shared.read_only != options.read_only ||
        shared.zone_deadline_nanos != options.zone_deadline_nanos ||
        !aead::ConstantTimeEqual(shared.root_key.span(), options.root_key.span())) {
      return Status(Code::kInvalidArgument, "the store is open in this process with other options");
    }
    ++shared.handles;
    return open;
  }
  Shared shared;
  shared.read_only = options.read_only;
  shared.zone_deadline_nanos = options.zone_deadline_nanos;
  shared.root_key = options.root_key.Clone();
  std::vector<std::string> zones = options.zones;
  io::Env* env = options.env;
  TRY_ASSIGN(auto engine, engine::Engine::Open(std::move(options), std::move(on_event)));
  shared.identity = Identity(env, zones);
  shared.engine = engine;
  shared.handles = 1;
  std::erase_if(registry.stores, [](const Shared& each) { return each.engine.expired(); });
  registry.stores.push_back(std::move(shared));
  return engine;
}

void CloseShared(std::shared_ptr<engine::Engine> engine) {
  Registry& registry = TheRegistry();
  std::lock_guard<std::mutex> lock(registry.mutex);
  for (size_t i = 0; i < registry.stores.size(); ++i) {
    if (registry.stores[i].engine.lock() != engine) continue;
    if (--registry.stores[i].handles > 0) return;
    registry.stores.erase(registry.stores.begin() + static_cast<long>(i));
    break;
  }
  engine->Close();
}

}  // namespace strongroom::binding
