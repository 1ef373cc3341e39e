// Anatomy: what each byte of a store's files is, by the grammars of native/format alone. For
// whoever tampers with them, and to tell bytes that say something from bytes that say nothing.
//
// Whatever no organ covers says nothing: padding, what was allocated and never written.
#pragma once

#include <string>
#include <vector>

#include "io/sim_disk.h"
#include "sim/specimen.h"

namespace strongroom::sim {

enum class Organ {
  kSlot,  // Of a superblock: its head and body.
  kSegmentHeader,
  kBatchHeader,
  kFrameHead,  // Of a small blob: seal header, size, checksum.
  kFrameCell,  // Of a small blob: sealed chunk and CRC64.
  kRecord,     // A sealed record.
  kPreamble,   // Of a blob file.
  kCell,       // Of a blob file, with its CRC64.
  kIndexFile,  // A whole one.
};
const char* NameOf(Organ organ);

struct Part {
  Organ organ;
  std::string path;
  uint64_t begin = 0, end = 0;  // In the file.
  uint64_t crc_seed = 0;        // Of a blob file's cell: what its CRC64 starts from.
  uint64_t size() const { return end - begin; }
};

// Of all files of the zones, sorted by file and place.
std::vector<Part> Dissect(const Specimen& specimen, const io::SimDisk& disk);

}  // namespace strongroom::sim
