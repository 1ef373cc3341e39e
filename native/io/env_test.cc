// What every Env does, said once: each ENV_CASE runs on the real machine and on the simulated one.
#include "io/env.h"

#include <cstdlib>
#include <string>

#include "base/testing.h"
#include "io/posix_env.h"
#include "io/sim_env.h"

namespace strongroom::io {

namespace {

using CaseBody = void (*)(Env* env, const std::string& dir);

void RunSimulated(CaseBody body) {
  SimDisk disk;
  disk.MakeDirectories("/tmp/case");
  SimEnv env(&disk, testing::Seed());
  EXPECT_OK(env.Run([&] { body(&env, "/tmp/case"); }));
}

#define ENV_CASE(name)                                                      \
  static void name(Env* env, const std::string& dir);                       \
  TEST(PosixEnv, name) { name(PosixEnv(), testing::TemporaryDirectory()); } \
  TEST(SimEnv, name) { RunSimulated(name); }                                \
  static void name(Env* env, const std::string& dir)

constexpr OpenOptions kRead{OpenMode::kRead};
constexpr OpenOptions kReadWrite{OpenMode::kReadWrite};
constexpr OpenOptions kCreate{OpenMode::kCreate};
constexpr OpenOptions kReplace{OpenMode::kReplace};
constexpr OpenOptions kCreateDirect{OpenMode::kCreate, true};
constexpr OpenOptions kReadDirect{OpenMode::kRead, true};

struct AlignedBytes {
  explicit AlignedBytes(size_t size)
      : data(static_cast<uint8_t*>(aligned_alloc(kDirectAlignment, size))), size(size) {
    memset(data, 0, size);
  }
  ~AlignedBytes() { free(data); }
  MutableByteSpan span() const { return {data, size}; }
  uint8_t* data;
  size_t size;
};

Status Write(Env* env, const std::string& path, std::string_view text,
             OpenOptions options = kReplace) {
  TRY_ASSIGN(auto file, env->Open(path, options));
  TRY(file->WriteAt(0, AsBytes(text)));
  return file->Sync();
}
std::string ReadAll(File* file) {
  Bytes out(1 << 16);
  auto n = file->ReadAt(0, out);
  EXPECT_OK(n);
  return n.ok() ? std::string(AsString(ByteSpan(out).first(*n))) : "";
}
std::string ReadAll(Env* env, const std::string& path) {
  auto file = env->Open(path, kRead);
  return file.ok() ? ReadAll(file->get()) : file.status().ToString();
}

}  // namespace

ENV_CASE(OpensInFourModes) {
  std::string path = dir + "/a";
  EXPECT_CODE(env->Open(path, kRead), Code::kNotFound);
  EXPECT_CODE(env->Open(path, kReadWrite), Code::kNotFound);
  EXPECT_OK(Write(env, path, "hello", kCreate));
  EXPECT_CODE(env->Open(path, kCreate), Code::kExists);
  EXPECT_EQ(ReadAll(env, path), "hello");
  EXPECT_OK(Write(env, path, "J", kReadWrite));
  EXPECT_EQ(ReadAll(env, path), "Jello");
  EXPECT_OK(Write(env, path, "x", kReplace));
  EXPECT_EQ(ReadAll(env, path), "x");
  EXPECT_CODE(env->Open(dir + "/no/such", kCreate), Code::kNotFound);
  auto file = env->Open(path, kRead);
  ASSERT_OK(file);
  EXPECT_CODE((*file)->WriteAt(0, AsBytes("y")), Code::kIo);
}

ENV_CASE(ReadsWhatIsThereAndNoMore) {
  auto file = env->Open(dir + "/a", kCreate);
  ASSERT_OK(file);
  EXPECT_OK((*file)->WriteAt(5000, AsBytes("end")));
  Bytes out(6000, 0xff);
  auto n = (*file)->ReadAt(0, out);
  ASSERT_OK(n);
  EXPECT_EQ(*n, 5003u);
  EXPECT_EQ(Bytes(out.begin(), out.begin() + 5000), Bytes(5000));
  EXPECT_EQ(AsString(ByteSpan(out).subspan(5000, 3)), "end");
  EXPECT_EQ((*file)->ReadAt(5001, MutableByteSpan(out).first(1)).value(), 1u);
  EXPECT_EQ((*file)->ReadAt(5003, out).value(), 0u);
  EXPECT_EQ((*file)->ReadAt(1 << 30, out).value(), 0u);
  EXPECT_EQ((*file)->ReadAt(0, {}).value(), 0u);
  EXPECT_OK((*file)->WriteAt(0, {}));
  EXPECT_EQ((*file)->Info()->size, 5003u);
}

ENV_CASE(ReadsFromTheCacheWholeOrLess) {
  auto file = env->Open(dir + "/a", kCreate);
  ASSERT_OK(file);
  Bytes data = testing::Random(testing::Seed()).Take(10000);
  EXPECT_OK((*file)->WriteAt(0, data));
  Bytes out(4000);
  auto n = (*file)->ReadCachedAt(3000, out);
  ASSERT_OK(n);
  EXPECT(*n <= out.size());
  EXPECT_EQ(ByteSpan(out).first(*n), ByteSpan(data).subspan(3000, *n));
  auto past = (*file)->ReadCachedAt(20000, out);
  ASSERT_OK(past);
  EXPECT_EQ(*past, 0u);
}

ENV_CASE(TruncatesAndAllocates) {
  auto file = env->Open(dir + "/a", kCreate);
  ASSERT_OK(file);
  EXPECT_OK((*file)->WriteAt(0, AsBytes("abcdef")));
  EXPECT_OK((*file)->Truncate(3));
  EXPECT_OK((*file)->Truncate(6));
  EXPECT_EQ(ReadAll(file->get()), std::string("abc\0\0\0", 6));
  EXPECT_OK((*file)->Allocate(100000));
  EXPECT_EQ((*file)->Info()->size, 100000u);
  EXPECT_OK((*file)->Allocate(10));
  EXPECT_EQ((*file)->Info()->size, 100000u);
  EXPECT_EQ(ReadAll(file->get()).substr(0, 8), std::string("abc\0\0\0\0\0", 8));
  EXPECT_OK((*file)->Allocate(0));
  EXPECT_OK((*file)->Sync());
}

ENV_CASE(DirectFilesDemandAlignment) {
  auto file = env->Open(dir + "/a", kCreateDirect);
  ASSERT_OK(file);
  EXPECT_CODE(env->Open(dir + "/a", kCreateDirect), Code::kExists);
  AlignedBytes data(8192);
  memset(data.data, 'd', data.size);
  EXPECT_OK((*file)->WriteAt(4096, data.span()));
  EXPECT_CODE((*file)->WriteAt(1, data.span()), Code::kInvalidArgument);
  EXPECT_CODE((*file)->WriteAt(0, data.span().first(100)), Code::kInvalidArgument);
  EXPECT_CODE((*file)->WriteAt(0, data.span().subspan(1, 4096)), Code::kInvalidArgument);
  EXPECT_CODE((*file)->ReadAt(512, data.span()), Code::kInvalidArgument);
  EXPECT_OK((*file)->Sync());
  EXPECT_OK((*file)->Truncate(10000));
  AlignedBytes out(16384);
  auto n = (*file)->ReadAt(0, out.span());
  ASSERT_OK(n);
  EXPECT_EQ(*n, 10000u);
  EXPECT_EQ(out.data[4095], 0);
  EXPECT_EQ(out.data[4096], 'd');
  // Both doors show the same bytes.
  EXPECT_EQ(ReadAll(env, dir + "/a").substr(4090, 12), std::string("\0\0\0\0\0\0dddddd", 12));
  auto again = env->Open(dir + "/a", kReadDirect);
  ASSERT_OK(again);
  EXPECT_EQ((*again)->ReadAt(8192, out.span()).value(), 1808u);
}

ENV_CASE(RenameReplacesItsTarget) {
  EXPECT_OK(Write(env, dir + "/a", "new"));
  EXPECT_OK(Write(env, dir + "/b", "old"));
  auto old = env->Open(dir + "/b", kRead);
  ASSERT_OK(old);
  EXPECT_OK(env->Rename(dir + "/a", dir + "/b"));
  EXPECT_EQ(ReadAll(env, dir + "/b"), "new");
  EXPECT_CODE(env->Open(dir + "/a", kRead), Code::kNotFound);
  EXPECT_EQ(ReadAll(old->get()), "old");
  EXPECT_EQ((*old)->Info()->links, 0u);
  EXPECT_CODE(env->Rename(dir + "/a", dir + "/c"), Code::kNotFound);
  EXPECT_OK(env->CreateDirectory(dir + "/d"));
  EXPECT_OK(env->Rename(dir + "/b", dir + "/d/e"));
  EXPECT_OK(env->Rename(dir + "/d", dir + "/f"));
  EXPECT_EQ(ReadAll(env, dir + "/f/e"), "new");
  EXPECT_OK(env->SyncDirectory(dir));
}

ENV_CASE(ListsByName) {
  EXPECT_OK(env->CreateDirectory(dir + "/zone"));
  EXPECT_CODE(env->CreateDirectory(dir + "/zone"), Code::kExists);
  EXPECT_CODE(env->CreateDirectory(dir + "/no/such"), Code::kNotFound);
  for (const char* name : {"b", "a10", "a9", "C"}) EXPECT_OK(Write(env, dir + "/" + name, ""));
  auto entries = env->List(dir);
  ASSERT_OK(entries);
  std::string seen;
  for (const auto& entry : *entries) seen += entry.name + (entry.is_directory ? "/ " : " ");
  EXPECT_EQ(seen, "C a10 a9 b zone/ ");
  EXPECT(env->List(dir + "/zone")->empty());
  EXPECT_CODE(env->List(dir + "/none"), Code::kNotFound);
  EXPECT_CODE(env->SyncDirectory(dir + "/none"), Code::kNotFound);
}

ENV_CASE(RemovesFilesAndEmptyFolders) {
  EXPECT_OK(env->CreateDirectory(dir + "/d"));
  EXPECT_OK(Write(env, dir + "/d/a", "x"));
  EXPECT_CODE(env->Remove(dir + "/d"), Code::kIo);
  auto file = env->Open(dir + "/d/a", kReadWrite);
  ASSERT_OK(file);
  EXPECT_EQ((*file)->Info()->links, 1u);
  EXPECT_OK(env->Remove(dir + "/d/a"));
  EXPECT_CODE(env->Remove(dir + "/d/a"), Code::kNotFound);
  // The file lives on for those who hold it, and says that it is gone.
  EXPECT_OK((*file)->WriteAt(1, AsBytes("y")));
  EXPECT_OK((*file)->Sync());
  EXPECT_EQ(ReadAll(file->get()), "xy");
  EXPECT_EQ((*file)->Info()->links, 0u);
  EXPECT_OK(env->Remove(dir + "/d"));
  EXPECT_CODE(env->Stat(dir + "/d"), Code::kNotFound);
}

ENV_CASE(StatNamesAFileWhateverPathLeadsToIt) {
  EXPECT_OK(env->CreateDirectory(dir + "/d"));
  EXPECT_OK(Write(env, dir + "/d/a", "four"));
  auto folder = env->Stat(dir + "/d");
  auto file = env->Stat(dir + "/d/a");
  auto round = env->Stat(dir + "/d/../d//./a");
  ASSERT_OK(folder);
  ASSERT_OK(file);
  ASSERT_OK(round);
  EXPECT(folder->is_directory);
  EXPECT(!file->is_directory);
  EXPECT_EQ(file->size, 4u);
  EXPECT_EQ(file->links, 1u);
  EXPECT_EQ(file->inode, round->inode);
  EXPECT_EQ(file->device, folder->device);
  EXPECT(file->inode != folder->inode);
  auto open = env->Open(dir + "/d/a", kRead);
  ASSERT_OK(open);
  EXPECT_EQ((*open)->Info()->inode, file->inode);
}

ENV_CASE(ALockExcludesASecondOpen) {
  std::string path = dir + "/lock", round = dir + "/../" + dir.substr(dir.rfind('/') + 1) + "/lock";
  EXPECT_CODE(env->Lock(path, true), Code::kNotFound);
  {
    auto held = env->Lock(path, false);
    ASSERT_OK(held);
    EXPECT_CODE(env->Lock(path, false), Code::kLocked);
    EXPECT_CODE(env->Lock(round, false), Code::kLocked);
    EXPECT_CODE(env->Lock(path, true), Code::kLocked);
    // Opening and closing the file, as any reader of the folder may, drops nothing.
    EXPECT_EQ(ReadAll(env, path), "");
    EXPECT_CODE(env->Lock(path, false), Code::kLocked);
  }
  auto reader = env->Lock(path, true);
  ASSERT_OK(reader);
  EXPECT_OK(env->Lock(path, true));
  EXPECT_CODE(env->Lock(path, false), Code::kLocked);
  reader->reset();
  EXPECT_OK(env->Lock(path, false));
}

ENV_CASE(ClocksRandomnessAndThreads) {
  uint64_t before = env->MonotonicNanos();
  env->SleepMicros(2000);
  EXPECT(env->MonotonicNanos() - before >= 2000000);
  EXPECT(env->WallMillis() > 1600000000000);  // 2020.
  Bytes a(300), b(300);
  env->Random(a);
  env->Random(b);
  EXPECT(a != b);
  EXPECT(a != Bytes(300));
  EXPECT(env->FreeBytes(dir).value() > 0);
  EXPECT_CODE(env->FreeBytes(dir + "/none"), Code::kNotFound);
  Mutex mutex;
  int sum = 0;
  std::vector<std::unique_ptr<Thread>> threads;
  for (int i = 1; i <= 4; ++i) {
    threads.push_back(env->StartThread("adder", [&, i] {
      MutexLock lock(&mutex);
      sum += i;
    }));
  }
  for (auto& thread : threads) thread->Join();
  EXPECT_EQ(sum, 10);
}

}  // namespace strongroom::io
