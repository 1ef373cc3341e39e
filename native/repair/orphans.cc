#include "repair/orphans.h"

#include "base/bugs.h"
#include "blob/cell_zone.h"

namespace strongroom::repair {

namespace {
int Digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}
}  // namespace

bool ParseBlobFileName(const std::string& name, BlobFileName* out) {
  constexpr size_t kHex = 2 * sizeof(aead::Id);
  if (name.size() < kHex + 2 || name.size() > kHex + 6 || name[kHex] != '.') return false;
  for (size_t i = 0; i < kHex; i += 2) {
    int high = Digit(name[i]), low = Digit(name[i + 1]);
    if (high < 0 || low < 0) return false;
    out->blob_id[i / 2] = static_cast<uint8_t>(high << 4 | low);
  }
  uint32_t number = 0;
  for (size_t i = kHex + 1; i < name.size(); ++i) {
    if (name[i] < '0' || name[i] > '9') return false;
    number = number * 10 + static_cast<uint32_t>(name[i] - '0');
  }
  if (number > UINT16_MAX) return false;
  out->placement = static_cast<uint16_t>(number);
  return name == ToHex(out->blob_id) + "." + std::to_string(number);
}

Result<std::vector<BlobFileName>> ListBlobFiles(io::Env* env, const std::string& zone_path,
                                                uint8_t folder) {
  aead::Id id{};
  id[0] = folder;
  auto entries = env->List(blob::BlobFolder(zone_path, id));
  std::vector<BlobFileName> out;
  if (!entries.ok()) {
    if (entries.status().Is(Code::kNotFound)) return out;
    return entries.status();
  }
  for (const auto& entry : *entries) {
    BlobFileName name;
    // One that lies in another's folder is read by nobody, and is not ours to judge.
    bool ours = !entry.is_directory && ParseBlobFileName(entry.name, &name);
    if (ours && name.blob_id[0] == folder) out.push_back(name);
  }
  return out;
}

Result<bool> IsOfEarlierOpen(io::Env* env, const std::string& zone_path, const BlobFileName& name,
                             uint64_t epoch) {
  const std::string path = blob::BlobPath(zone_path, name.blob_id, name.placement);
  TRY_ASSIGN(auto file, env->Open(path, {io::OpenMode::kRead, false}));
  Bytes block(format::kBlobPreambleSize);
  TRY_ASSIGN(size_t got, file->ReadAt(0, block));
  auto preamble = format::DecodeBlobPreamble(ByteSpan(block).first(got));
  // A crash may leave a file of which nothing was ever durable: then nothing refers to it either,
  // but nor does anything tell its age.
  if (!preamble.ok()) return false;
  bool own = preamble->header.blob_id == name.blob_id && preamble->placement == name.placement;
  return own && (preamble->epoch < epoch || STRONGROOM_BUG("upload-swept"));
}

}  // namespace strongroom::repair
