// LevelDB's port, ours: its locks and waits are base/sync.h, so that a simulated run is decided by
// its seed alone, and its pointers are std::atomic, so that the thread sanitizer understands them.
//
// LevelDB's own port/port.h includes this file under -DLEVELDB_PLATFORM_CHROMIUM, the hook it keeps
// for ports that live elsewhere. Names and signatures are those that LevelDB expects.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <string>
#include <thread>

#include "base/sync.h"

namespace leveldb::port {

constexpr bool kLittleEndian = std::endian::native == std::endian::little;

class Mutex {
 public:
  void Lock() { native_.Lock(); }
  void Unlock() { native_.Unlock(); }
  void AssertHeld() {}

 private:
  friend class CondVar;
  strongroom::Mutex native_;
};

// LevelDB waits on these inside Write (memtable full, too many tables at level 0) and CompactRange
// until its background thread is done: under the simulator they hand the turn to it.
class CondVar {
 public:
  explicit CondVar(Mutex* mutex) : native_(&mutex->native_) {}
  void Wait() { native_.Wait(); }
  void Signal() { native_.Signal(); }
  void SignalAll() { native_.SignalAll(); }

 private:
  strongroom::CondVar native_;
};

class AtomicPointer {
 public:
  AtomicPointer() : value_(nullptr) {}
  explicit AtomicPointer(void* value) : value_(value) {}
  void* NoBarrier_Load() const { return value_.load(std::memory_order_relaxed); }
  void NoBarrier_Store(void* value) { value_.store(value, std::memory_order_relaxed); }
  void* Acquire_Load() const { return value_.load(std::memory_order_acquire); }
  void Release_Store(void* value) { value_.store(value, std::memory_order_release); }

 private:
  std::atomic<void*> value_;
};

// pthread_once would need a newer glibc than Node. 0: not begun, 1: running, 2: done.
using OnceType = std::atomic<int>;
#define LEVELDB_ONCE_INIT 0

inline void InitOnce(OnceType* once, void (*initialize)()) {
  if (once->load(std::memory_order_acquire) == 2) return;
  int expected = 0;
  if (once->compare_exchange_strong(expected, 1)) {
    initialize();
    once->store(2, std::memory_order_release);
    return;
  }
  while (once->load(std::memory_order_acquire) != 2) std::this_thread::yield();
}

// Sealed rows do not compress, and a compressed row would tell its content by its length.
inline bool Snappy_Compress(const char*, size_t, std::string*) { return false; }
inline bool Snappy_GetUncompressedLength(const char*, size_t, size_t*) { return false; }
inline bool Snappy_Uncompress(const char*, size_t, char*) { return false; }

inline bool GetHeapProfile(void (*)(void*, const char*, int), void*) { return false; }

// The checksum of `bytes` after others whose checksum is `crc`; 0 where the CPU has no instruction
// for it (index/crc32c.cc). LevelDB's portable code would be a third of the work of a compaction.
uint32_t AcceleratedCRC32C(uint32_t crc, const char* bytes, size_t size);

}  // namespace leveldb::port
