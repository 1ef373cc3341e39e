#include "io/routed_env.h"

namespace strongroom::io {

void RoutedEnv::Route(const std::string& folder, const std::string& to) {
  MutexLock lock(&mutex_);
  routes_[folder] = to;
}

std::string RoutedEnv::Lead(const std::string& path) const {
  MutexLock lock(&mutex_);
  const std::pair<const std::string, std::string>* nearest = nullptr;
  for (const auto& route : routes_) {
    const std::string& folder = route.first;
    const bool below =
        path.starts_with(folder) && (path.size() == folder.size() || path[folder.size()] == '/');
    if (below && (!nearest || folder.size() > nearest->first.size())) nearest = &route;
  }
  return nearest ? nearest->second + path.substr(nearest->first.size()) : path;
}

}  // namespace strongroom::io
