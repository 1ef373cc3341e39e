// A name of its own for everything, so that nothing is replaced.
#include "repair/quarantine.h"

#include <algorithm>
#include <charconv>

namespace strongroom::repair {

namespace {

std::string FreshName(io::Env* env, const std::string& path, const std::string& found) {
  uint8_t random[4];
  env->Random(random);
  return path.substr(path.rfind('/') + 1) + "~" + found + "~" + std::to_string(env->WallMillis()) +
         "~" + ToHex(random);
}

}  // namespace

std::string QuarantineFolder(const std::string& zone_path) { return zone_path + "/quarantine"; }

namespace {
// Crash in here: an empty folder, or none.
Status MakeFolder(io::Env* env, const std::string& zone_path) {
  Status created = env->CreateDirectory(QuarantineFolder(zone_path));
  if (!created.ok() && !created.Is(Code::kExists)) return created;
  return env->SyncDirectory(zone_path);
}
}  // namespace

Result<std::string> MoveToQuarantine(io::Env* env, const std::string& zone_path,
                                     const std::string& path, const std::string& found) {
  TRY(env->Stat(path).status());
  TRY(MakeFolder(env, zone_path));
  const std::string folder = QuarantineFolder(zone_path);
  std::string to = folder + "/" + FreshName(env, path, found);
  TRY(env->Rename(path, to));
  Status synced = env->SyncDirectory(folder);
  if (synced.ok()) return to;
  (void)env->Rename(to, path);  // A disk that fails here may take this too: then it lies in `to`.
  return synced;
}

Status CopyToQuarantine(io::Env* env, const std::string& zone_path, const std::string& name,
                        const std::string& found, ByteSpan bytes) {
  TRY(MakeFolder(env, zone_path));
  const std::string to = QuarantineFolder(zone_path) + "/" + FreshName(env, name, found);
  TRY_ASSIGN(auto file, env->Open(to, {io::OpenMode::kCreate, /*direct=*/false}));
  Status status = file->WriteAt(0, bytes);
  if (status.ok()) status = file->Sync();
  if (status.ok()) status = env->SyncDirectory(QuarantineFolder(zone_path));
  if (!status.ok()) (void)env->Remove(to);
  return status;
}

namespace {

bool All(std::string_view text, std::string_view allowed) {
  return !text.empty() && text.find_first_not_of(allowed) == std::string_view::npos;
}

// <what>~<found>~<ms>~<8 hex>
std::optional<SetAside> Parse(const std::string& name) {
  constexpr std::string_view kDigits = "0123456789", kHex = "0123456789abcdef";
  constexpr std::string_view kWhat = "0123456789abcdefghijklmnopqrstuvwxyz.@-";
  std::string_view parts[4], rest = name;
  for (size_t i = 0; i < 4; ++i) {
    const size_t end = i < 3 ? rest.find('~') : rest.size();
    if (end == std::string_view::npos) return std::nullopt;
    parts[i] = rest.substr(0, end);
    rest = rest.substr(std::min(end + 1, rest.size()));
  }
  const auto reason = KindNamed(parts[1]);
  if (!All(parts[0], kWhat) || !reason || !All(parts[3], kHex) || parts[3].size() != 8) {
    return std::nullopt;
  }
  // What a Date can hold.
  if (!All(parts[2], kDigits) || parts[2].size() > 15) return std::nullopt;
  SetAside out{name, std::string(parts[0]), *reason, 0};
  std::from_chars(parts[2].data(), parts[2].data() + parts[2].size(), out.since_millis);
  return out;
}

}  // namespace

Result<Quarantined> ListQuarantine(io::Env* env, const std::string& zone_path,
                                   const std::string& after, size_t limit) {
  auto entries = env->List(QuarantineFolder(zone_path));
  if (entries.status().Is(Code::kNotFound)) {
    TRY(env->Stat(zone_path).status());  // A zone that is gone has not nothing set aside.
    return Quarantined();
  }
  TRY(entries.status());
  Quarantined out;
  for (const io::DirectoryEntry& entry : *entries) {
    auto aside = entry.is_directory ? std::nullopt : Parse(entry.name);
    if (!aside) continue;
    ++out.total;
    if (entry.name > after && out.page.size() < limit) out.page.push_back(std::move(*aside));
  }
  return out;
}

}  // namespace strongroom::repair
