#include "log/log_switch.h"

namespace strongroom::log {

const char kNextLog[] = "log.next";
const char kReadyLog[] = "log.ready";

namespace {

std::string In(const std::string& zone_path, const char* folder) {
  return zone_path + "/" + folder;
}

// A folder of files. kNotFound: there is none.
Status RemoveFolder(io::Env* env, const std::string& path) {
  TRY_ASSIGN(auto entries, env->List(path));
  for (const auto& entry : entries) TRY(env->Remove(path + "/" + entry.name));
  return env->Remove(path);
}

}  // namespace

Status DropNextLog(io::Env* env, const std::string& zone_path) {
  Status removed = RemoveFolder(env, In(zone_path, kNextLog));
  if (removed.Is(Code::kNotFound)) return {};
  TRY(removed);
  return env->SyncDirectory(zone_path);
}

Status BeginNextLog(io::Env* env, const std::string& zone_path) {
  TRY(DropNextLog(env, zone_path));
  TRY(env->CreateDirectory(In(zone_path, kNextLog)));
  return env->SyncDirectory(zone_path);
}

Status SwitchLog(io::Env* env, const std::string& zone_path) {
  TRY(env->Rename(In(zone_path, kNextLog), In(zone_path, kReadyLog)));
  // Crash before it returns: the log as it was, or the switch is to be finished.
  TRY(env->SyncDirectory(zone_path));
  return FinishSwitch(env, zone_path);
}

Result<bool> IsSwitching(io::Env* env, const std::string& zone_path) {
  auto ready = env->Stat(In(zone_path, kReadyLog));
  if (ready.ok()) return true;
  if (ready.status().Is(Code::kNotFound)) return false;
  return ready.status();
}

Status FinishSwitch(io::Env* env, const std::string& zone_path) {
  TRY_ASSIGN(bool switching, IsSwitching(env, zone_path));
  if (!switching) return {};
  const std::string ready = In(zone_path, kReadyLog);
  const std::string log = In(zone_path, "log");
  TRY_ASSIGN(auto entries, env->List(ready));
  for (const auto& entry : entries) {
    TRY(env->Rename(ready + "/" + entry.name, log + "/" + entry.name));
  }
  // Both, before the folder goes: crash in here, and the rest is moved again.
  TRY(env->SyncDirectory(log));
  TRY(env->SyncDirectory(ready));
  TRY(env->Remove(ready));
  return env->SyncDirectory(zone_path);
}

}  // namespace strongroom::log
