#include "sim/hazards.h"

#include <algorithm>
#include <vector>

namespace strongroom::sim {

using io::SimEffect;
using io::SimFault;
using testing::Random;

namespace {

constexpr uint8_t kMedium = 2;
constexpr uint8_t kWeights[] = {0, 1, kMedium, kMedium, 5};

// Where something was written: most of a segment are zeros that nobody reads.
uint64_t DrawByte(const io::SimDisk& disk, const io::SimDisk::FileEntry& file, Random& random) {
  Bytes bytes = disk.ReadDurable(file.path);
  for (int attempt = 0; attempt < 64 && !bytes.empty(); ++attempt) {
    uint64_t at = random.Below(bytes.size());
    if (bytes[at] != 0) return at;
  }
  return random.Below(bytes.size());
}

}  // namespace

const char* NameOf(Hazard hazard) {
  constexpr const char* kNames[kHazards] = {"kill",
                                            "powerCut",
                                            "failedCall",
                                            "hang",
                                            "slow",
                                            "noSpace",
                                            "full",
                                            "lie",
                                            "misdirectedWrite",
                                            "misdirectedRead",
                                            "failedRead",
                                            "rot",
                                            "away",
                                            "vanish",
                                            "olderCopy",
                                            "clock"};
  return kNames[static_cast<size_t>(hazard)];
}

Odds::Odds(Random& random) {
  for (uint8_t& weight : weights_) weight = kWeights[random.Below(std::size(kWeights))];
  // Without these nothing is told of a crash.
  for (Hazard always : {Hazard::kKill, Hazard::kPowerCut, Hazard::kAway}) {
    weights_[static_cast<size_t>(always)] = kMedium;
  }
}

bool Odds::Strike(Hazard hazard, uint64_t one_in, Random& random) const {
  return random.Below(one_in * kMedium) < weights_[static_cast<size_t>(hazard)];
}

std::optional<SimFault> FaultOf(Hazard hazard, const std::string& zone, Random& random) {
  SimFault fault;
  fault.prefix = zone;
  fault.kinds = io::kIoSync | io::kIoWrite;
  fault.skip = random.Below(4);
  fault.count = 1 + random.Below(3);
  const bool for_ever = random.Below(4) == 0;
  const uint64_t tenths = 1 + random.Below(40);
  switch (hazard) {
    case Hazard::kFail:
      if (for_ever) fault.kinds = io::kIoAny;
      if (for_ever) fault.count = UINT64_MAX;
      return fault;
    case Hazard::kHang:
      fault.effect = SimEffect::kHang;
      return fault;
    case Hazard::kSlow:
      fault.effect = SimEffect::kSlow;
      fault.delay_nanos = tenths * 100'000'000;
      return fault;
    case Hazard::kNoSpace:
      fault.kinds = io::kIoWrite | io::kIoAllocate | io::kIoCreate;
      fault.code = Code::kNoSpace;
      return fault;
    case Hazard::kLie:
      fault.effect = SimEffect::kLose;
      return fault;
    case Hazard::kMisdirect:
      fault.effect = SimEffect::kMisdirect;
      fault.kinds = io::kIoWrite;
      return fault;
    case Hazard::kStray:
      fault.effect = SimEffect::kMisdirect;
      fault.kinds = io::kIoRead;
      return fault;
    case Hazard::kRefuse:
      fault.kinds = io::kIoRead;
      return fault;
    default:
      return {};
  }
}

void Rot(io::SimDisk* disk, const std::string& zone, Random& random) {
  std::vector<io::SimDisk::FileEntry> log, any;
  for (const auto& file : disk->Files(zone)) {
    if (file.size == 0) continue;
    any.push_back(file);
    if (file.path.find("/log/") != std::string::npos) log.push_back(file);
  }
  for (uint64_t flips = 1 + random.Below(3); flips > 0; --flips) {
    const auto& from = random.Below(2) == 0 && !log.empty() ? log : any;
    if (from.empty()) return;
    const auto& file = from[random.Below(from.size())];
    disk->FlipBit(file.path, DrawByte(*disk, file, random) * 8 + random.Below(8));
  }
}

}  // namespace strongroom::sim
