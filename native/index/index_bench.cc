// How fast is one index? Loads rows in batches of 64, then reads them back; run by hand.
//
//   index_bench FOLDER [ROWS] [WRITE_BUFFER_MIB] [TABLE_MIB] [OPEN_FILES] [CACHE_MIB]
//
// 60-byte keys in random order, 300-byte rows. Medians and tails, because a mean hides compactions.
#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "index/index.h"
#include "io/posix_env.h"

namespace strongroom::index {
namespace {

class Stopwatch {
 public:
  double Micros() {
    uint64_t now = io::PosixEnv()->MonotonicNanos();
    double out = static_cast<double>(now - start_) / 1000;
    start_ = now;
    return out;
  }

 private:
  uint64_t start_ = io::PosixEnv()->MonotonicNanos();
};

void Report(const char* what, std::vector<double> micros) {
  std::sort(micros.begin(), micros.end());
  double sum = 0;
  for (double each : micros) sum += each;
  auto at = [&](double q) { return micros[static_cast<size_t>(q * double(micros.size() - 1))]; };
  printf("%-28s mean %9.2f us   p50 %9.2f   p99 %9.2f   max %9.2f\n", what,
         sum / double(micros.size()), at(0.5), at(0.99), at(1));
}

uint64_t Mix(uint64_t x) {
  x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
  x = (x ^ x >> 27) * 0x94d049bb133111eb;
  return x ^ x >> 31;
}
std::string KeyOf(uint64_t n) {
  char key[80] = {};
  snprintf(key, sizeof(key), "o/00000001/folder/of/objects/%016llx/%012llu",
           static_cast<unsigned long long>(Mix(n)), static_cast<unsigned long long>(n));
  return std::string(key, 60);
}
std::string RowOf(uint64_t n) {
  std::string row(300, '\0');
  for (size_t i = 0; i < row.size(); ++i) row[i] = static_cast<char>(Mix(n * 300 + i));
  return row;
}

void Load(Index* index, uint64_t rows) {
  std::vector<double> micros;
  Stopwatch whole;
  for (uint64_t n = 0; n < rows;) {
    std::vector<std::string> keep;
    keep.reserve(128);
    std::vector<Effect> effects;
    for (int i = 0; i < 64; ++i, ++n) {
      ByteSpan key = AsBytes(keep.emplace_back(KeyOf(n)));
      effects.push_back({key, AsBytes(keep.emplace_back(RowOf(n)))});
    }
    Applied applied;
    applied.sequence = n;
    Stopwatch watch;
    CHECK(index->Apply(effects, applied).ok());
    micros.push_back(watch.Micros());
  }
  double seconds = whole.Micros() / 1e6;
  Report("apply of 64 rows", micros);
  Stopwatch watch;
  CHECK(index->Checkpoint().ok());
  printf("%.0f rows/s while loading, the making of rows included; checkpoint %.1f ms\n",
         double(rows) / seconds, watch.Micros() / 1000);
}

void Gets(Index* index, const char* what, uint64_t rows, uint64_t distinct, bool present) {
  std::vector<double> micros;
  for (uint64_t i = 0; i < 100000; ++i) {
    std::string key = KeyOf(Mix(i % distinct) % rows + (present ? 0 : rows)), row;
    Stopwatch watch;
    Result<bool> found = index->Get(AsBytes(key), &row);
    micros.push_back(watch.Micros());
    CHECK(found.ok() && *found == present);
  }
  Report(what, micros);
}

void Scans(Index* index, const char* what, uint64_t rows, bool reverse, uint64_t distinct) {
  std::vector<double> micros;
  for (uint64_t i = 0; i < 500; ++i) {
    ScanRequest request;
    std::string key = KeyOf(Mix(i % distinct) % rows);
    (reverse ? request.end : request.start).assign(key.begin(), key.end());
    request.reverse = reverse;
    uint64_t sum = 0;
    Stopwatch watch;
    Result<ScanEnd> end = index->Scan(
        request, [&](ByteSpan k, ByteSpan r, bool) { sum += k.size() + r.size(); });
    micros.push_back(watch.Micros());
    CHECK(end.ok());
  }
  Report(what, micros);
}

int Main(int argc, char** argv) {
  if (argc < 2) return 2;
  auto argument = [&](int i, uint64_t fallback) {
    return argc > i ? strtoull(argv[i], nullptr, 10) : fallback;
  };
  Bytes key(32, 1);
  IndexOptions options;
  options.env = io::PosixEnv();
  options.path = argv[1];
  options.index_key = key;
  uint64_t rows = argument(2, 1000000) / 64 * 64;
  options.write_buffer_size = argument(3, 4) << 20;
  options.table_size = argument(4, 4) << 20;
  options.open_files_max = static_cast<int>(argument(5, 200));
  options.block_cache_size = argument(6, 8) << 20;
  CHECK(Index::Destroy(options.env, options.path).ok());
  {
    auto index = Index::Open(options);
    CHECK(index.ok()) << index.status().ToString();
    Load(index->get(), rows);
  }
  Stopwatch watch;
  auto index = Index::Open(options);
  CHECK(index.ok());
  printf("open %.1f ms, %d tables at level 0\n", watch.Micros() / 1000, (*index)->Level0Files());
  Gets(index->get(), "get, any row", rows, UINT64_MAX, true);
  Gets(index->get(), "get, warm row", rows, 1000, true);
  Gets(index->get(), "get, absent", rows, UINT64_MAX, false);
  Scans(index->get(), "scan of 1000, anywhere", rows, false, UINT64_MAX);
  Scans(index->get(), "scan of 1000, warm", rows, false, 5);
  Scans(index->get(), "scan of 1000, backwards", rows, true, 5);
  index->reset();
  CHECK(Index::Destroy(options.env, options.path).ok());
  return 0;
}

}  // namespace
}  // namespace strongroom::index

int main(int argc, char** argv) { return strongroom::index::Main(argc, argv); }
