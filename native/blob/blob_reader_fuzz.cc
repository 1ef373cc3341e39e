// A blob of which somebody changed the files, on a simulated machine: a read gives the bytes that
// were written, or an error; and the bytes, when one zone of three is all that was touched.
#include "base/testing_fuzz.h"
#include "blob/blob_testing.h"
#include "format/blob_file.h"
#include "format/segment.h"
#include "hash/xxh64.h"
#include "io/sim_env.h"

namespace strongroom::blob {
namespace {

using testing::FuzzRecipe;

constexpr int kZones = 3, kChangesMax = 6, kReadsMax = 4;
constexpr placement::Geometry kGeometry{4, 2};
constexpr size_t kBodySize = 5 * kSmallChunk + 77;  // One whole stripe, and a short one.
constexpr size_t kPreambleChecked = 24 + aead::kSealHeaderSize;
const Bytes kDek(aead::kKeySize, 5);
const aead::Id kBlob{7, 7, 7, 7};

std::string ZonePath(int zone) { return "/z" + std::to_string(zone + 1); }
std::string FilePath(int zone) { return BlobPath(ZonePath(zone), kBlob, 0); }

aead::SealHeader Header() {
  aead::SealHeader header;
  header.blob_id = kBlob;
  header.chunk_size = kSmallChunk;
  return header;
}

Bytes Body() { return testing::Random(3).Take(kBodySize); }

// What reads and writes of one run share. Within a task of `env` only.
struct Machine {
  explicit Machine(io::SimEnv* env) : context(std::make_shared<BlobContext>()) {
    for (int i = 0; i < kZones; ++i) {
      auto zone = std::make_shared<CellZone>();
      zone->number = i + 1;
      zone->path = ZonePath(i);
      zone->env = env;
      zone->cells = std::make_shared<io::TaskQueue>(env, "cells", 1);
      zones.push_back(std::move(zone));
    }
    context->env = env;
    context->codec = std::make_shared<io::TaskQueue>(env, "codec", 1);
    static const auto slabs = SlabPool::Create(2);  // Large, and used again.
    context->read_slabs = context->write_slabs = slabs;
    context->deadlines = std::make_shared<Deadlines>(env);
    context->on_trouble = [](const CellTrouble&) {};
  }
  ~Machine() {
    for (auto& zone : zones) zone->cells->Stop(kLong);
    context->codec->Stop(kLong);
  }
  CellZones zones;
  std::shared_ptr<BlobContext> context;
};

void Write(Machine* machine) {
  BlobWriteSpec spec;
  spec.header = Header();
  spec.cipher = aead::ChunkCipher::ForSealing(kDek, &spec.header);
  spec.geometry = kGeometry;
  spec.epoch = 7;
  spec.zones = machine->zones;
  auto writer = *BlobWriter::Start(machine->context, std::move(spec));
  CHECK(TestStore::OfferAll(writer.get(), Body()).ok());
  Awaited<Result<BlobDone>> done;
  writer->Finish([&](Result<BlobDone> result) { done.Set(std::move(result)); });
  CHECK(done.Get().ok());
}

const io::SimDisk& Written() {
  static const auto disk = [] {
    auto made = std::make_unique<io::SimDisk>();
    for (int i = 0; i < kZones; ++i) made->MakeDirectories(ZonePath(i));
    io::SimEnv env(made.get(), 1);
    CHECK(env.Run([&] {
               for (int i = 0; i < kZones; ++i) CHECK(CreateBlobFolders(&env, ZonePath(i)).ok());
               Machine machine(&env);
               Write(&machine);
             })
              .ok());
    return made;
  }();
  return *disk;
}

// The checksum of the cell that the byte at `at` lies in.
void MendCell(int zone, size_t at, Bytes* file) {
  const auto placement = *placement::Placement::Create(kGeometry, kZones, kBlob);
  const format::BlobShape shape{kSmallChunk, kGeometry.k, kGeometry.m, kBodySize};
  const format::CellRun run{placement.first_cell(zone), placement.cells_in(zone)};
  for (uint64_t stripe = 0; stripe < shape.stripes(); ++stripe) {
    for (int cell = run.first; cell < run.first + run.count; ++cell) {
      const uint64_t from = shape.CellOffset(run, stripe, cell);
      const size_t size = shape.cell_size(stripe);
      if ((shape.stored(stripe) >> cell & 1) == 0 || at < from || at >= from + size) continue;
      if (from + size + format::kCellTrailerSize > file->size()) continue;
      const uint64_t seed = format::CellCrcSeed(kBlob, 0, shape.CellNumber(stripe, cell));
      StoreLittle(file->data() + from + size, hash::Crc64({file->data() + from, size}, seed));
    }
  }
}

// change = kind u8 ‖ zone u8 ‖ at u16 ‖ value u8. Returns the zones touched, by bit.
uint32_t Change(FuzzRecipe* recipe, io::SimDisk* disk) {
  const uint8_t kind = recipe->U8() % 6;
  const int zone = recipe->U8() % kZones;
  const size_t at = recipe->U16();
  const uint8_t value = recipe->U8();
  const std::string path = FilePath(zone);
  Bytes file = disk->ReadDurable(path);
  switch (kind) {
    case 0:  // Rot.
    case 1:  // Tampering.
      if (at < file.size()) file[at] ^= value;
      if (kind == 1) MendCell(zone, at, &file);
      break;
    case 2:  // A preamble that checks.
      if (at >= kPreambleChecked || file.size() < kPreambleChecked + 8) return 0;
      file[at] ^= value;
      StoreLittle(&file[kPreambleChecked], hash::Xxh64(ByteSpan(file).first(kPreambleChecked)));
      break;
    case 3:
      file.resize(std::min(file.size(), at));
      break;
    case 4:
      file.resize(file.size() + value * size_t{16});
      break;
    case 5:  // Another zone's file.
      file = disk->ReadDurable(FilePath(value % kZones));
      break;
  }
  disk->Resize(path, 0);
  disk->Resize(path, file.size());
  disk->Overwrite(path, 0, file);
  return 1u << zone;
}

// recipe = changes u8 ‖ change* ‖ (offset u16 ‖ size u16)*
std::vector<Bytes> Changes() {
  std::vector<Bytes> out;
  for (uint8_t kind = 0; kind < 6; ++kind) {
    for (uint16_t at : {uint16_t{60}, uint16_t{format::kBlobPreambleSize + 20}}) {
      Bytes& seed = out.emplace_back();
      ByteWriter w(&seed);
      w.U8(1);
      w.U8(kind);
      w.U8(kind);
      w.U16(at);
      w.U8(1);
      w.U16(0);
      w.U16(kBodySize);
    }
  }
  return out;
}

void Read(Machine* machine, FuzzRecipe* recipe, bool must) {
  BlobReadSpec spec;
  spec.blob_id = kBlob;
  spec.dek = SecretBytes(ByteSpan(kDek));
  spec.size = kBodySize;
  spec.chunk_size = kSmallChunk;
  spec.geometry = kGeometry;
  spec.zones = machine->zones;
  auto reader = *BlobReader::Open(machine->context, std::move(spec));
  const Bytes body = Body();
  for (int reads = 0; reads < kReadsMax && !recipe->ended(); ++reads) {
    const size_t offset = recipe->U16() % (kBodySize + 1);
    const size_t size = std::min<size_t>(recipe->U16(), kBodySize - offset);
    auto got = TestStore::ReadRange(reader.get(), offset, size);
    if (must) {
      EXPECT_OK(got);
    }
    if (got.ok()) {
      for (size_t i = 0; i < got->size(); ++i)
        if ((*got)[i] != body[offset + i]) {
          fprintf(stderr, "DBG %zu of %zu: %02x %02x\n", i, got->size(), (*got)[i],
                  body[offset + i]);
          if (i > 1300) break;
        }
      EXPECT(std::equal(got->begin(), got->end(), body.begin() + static_cast<ptrdiff_t>(offset)));
    }
  }
}

}  // namespace

FUZZ(BlobReader, Changes) {
  FuzzRecipe recipe(input);
  io::SimDisk disk(Written());
  uint32_t touched = 0;
  const int changes = recipe.U8() % kChangesMax;
  for (int i = 0; i < changes; ++i) touched |= Change(&recipe, &disk);
  io::SimEnv env(&disk, 2);
  EXPECT_OK(env.Run([&] {
    Machine machine(&env);
    Read(&machine, &recipe, (touched & (touched - 1)) == 0);
  }));
}

}  // namespace strongroom::blob
