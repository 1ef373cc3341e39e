// The arena behind SecretBytes: locked pages cut into 64-byte cells, larger requests take runs of
// cells. First-fit over a bitmap is enough: a store holds tens of secrets, not millions.
#include "base/secret_bytes.h"

#include <cstdlib>
#include <mutex>
#include <vector>

#if defined(__unix__) || defined(__APPLE__)
#include <sys/mman.h>
#endif

#include "base/check.h"

namespace strongroom {

void Wipe(void* bytes, size_t size) {
  // A volatile walk cannot be optimised away; secrets are small.
  auto* p = static_cast<volatile uint8_t*>(bytes);
  while (size-- > 0) *p++ = 0;
}

namespace {

constexpr size_t kCellSize = 64;
constexpr size_t kPageGroupSize = 64 * 1024;

struct PageGroup {
  uint8_t* base;
  std::vector<bool> used;
};

class Arena {
 public:
  uint8_t* Take(size_t size) {
    size_t cells = (size + kCellSize - 1) / kCellSize;
    CHECK(cells <= kPageGroupSize / kCellSize) << "a secret is small";
    std::lock_guard<std::mutex> lock(mutex_);
    for (PageGroup& group : groups_) {
      if (uint8_t* found = TakeFrom(group, cells)) return found;
    }
    groups_.push_back(NewGroup());
    return TakeFrom(groups_.back(), cells);
  }
  void Give(uint8_t* data, size_t size) {
    Wipe(data, size);
    size_t cells = (size + kCellSize - 1) / kCellSize;
    std::lock_guard<std::mutex> lock(mutex_);
    for (PageGroup& group : groups_) {
      if (data < group.base || data >= group.base + kPageGroupSize) continue;
      size_t first = static_cast<size_t>(data - group.base) / kCellSize;
      for (size_t i = 0; i < cells; ++i) group.used[first + i] = false;
      return;
    }
    CHECK(false) << "not a secret of ours";
  }

 private:
  static uint8_t* TakeFrom(PageGroup& group, size_t cells) {
    size_t run = 0;
    for (size_t i = 0; i < group.used.size(); ++i) {
      run = group.used[i] ? 0 : run + 1;
      if (run < cells) continue;
      size_t first = i + 1 - cells;
      for (size_t j = first; j <= i; ++j) group.used[j] = true;
      return group.base + first * kCellSize;
    }
    return nullptr;
  }
  static PageGroup NewGroup() {
#if defined(__unix__) || defined(__APPLE__)
    void* pages =
        mmap(nullptr, kPageGroupSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(pages != MAP_FAILED);
    // Best effort: a refused mlock leaves the secret swappable, it does not stop the store.
    (void)mlock(pages, kPageGroupSize);
#if defined(MADV_DONTDUMP)
    (void)madvise(pages, kPageGroupSize, MADV_DONTDUMP);
#endif
#if defined(MADV_WIPEONFORK)
    (void)madvise(pages, kPageGroupSize, MADV_WIPEONFORK);
#endif
#else
    void* pages = calloc(1, kPageGroupSize);
    CHECK(pages != nullptr);
#endif
    return {static_cast<uint8_t*>(pages), std::vector<bool>(kPageGroupSize / kCellSize)};
  }
  std::mutex mutex_;
  std::vector<PageGroup> groups_;
};

Arena& TheArena() {
  static Arena* arena = new Arena;  // Never destroyed: secrets may outlive static destructors.
  return *arena;
}

}  // namespace

SecretBytes::SecretBytes(size_t size) : data_(size ? TheArena().Take(size) : nullptr), size_(size) {
  if (size) memset(data_, 0, size);
}
SecretBytes::SecretBytes(ByteSpan bytes) : SecretBytes(bytes.size()) {
  if (!bytes.empty()) memcpy(data_, bytes.data(), bytes.size());
}
SecretBytes::~SecretBytes() {
  if (data_) TheArena().Give(data_, size_);
}

}  // namespace strongroom
