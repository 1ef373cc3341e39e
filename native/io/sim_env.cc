// Every call: offer the turn, count it, let it fail if it must, carry it out on the SimDisk.
#include "io/sim_env.h"

#include <algorithm>

#include "base/check.h"
#include "io/sim_file.h"

namespace strongroom::io {

namespace {

constexpr uint64_t kWallStartMillis = 1767225600000;  // 2026-01-01.

// Enough to make time pass; the order of tasks is the seed's affair.
uint64_t NanosOf(SimIo kind) {
  switch (kind) {
    case kIoSync:
    case kIoSyncDirectory: return 100000;
    case kIoWrite: return 5000;
    case kIoRead: return 2000;
    default: return 10000;
  }
}

bool Never(void*) { return false; }

}  // namespace

class SimLock final : public FileLock {
 public:
  SimLock(SimEnv* env, uint64_t id) : env_(env), id_(id) {}
  ~SimLock() override { env_->Unlock(id_); }

 private:
  SimEnv* env_;
  uint64_t id_;
};

namespace {

class SimThread final : public Thread {
 public:
  SimThread(SimScheduler* scheduler, uint64_t task) : scheduler_(scheduler), task_(task) {}
  ~SimThread() override { CHECK(released_) << "a thread is joined or detached"; }
  void Join() override {
    auto ended = [](void* self) {
      auto* thread = static_cast<SimThread*>(self);
      return thread->scheduler_->HasEnded(thread->task_);
    };
    scheduler_->WaitUntil(ended, this, UINT64_MAX, "the end of a thread");
    released_ = true;
  }
  void Detach() override { released_ = true; }

 private:
  SimScheduler* scheduler_;
  uint64_t task_;
  bool released_ = false;
};

}  // namespace

SimEnv::SimEnv(SimDisk* disk, uint64_t seed)
    : disk_(disk), scheduler_(seed), random_(seed ^ 0x5eed), fault_random_(seed ^ 0xfa17) {
  scheduler_.on_stuck = [this] { return CutOffHanging(); };
}

Status SimEnv::Run(std::function<void()> body) { return scheduler_.Run(std::move(body)); }

// ---- What happens to the machine.

Status SimEnv::CheckUp() const {
  if (state_ == State::kUp) return {};
  return Status(Code::kIo, state_ == State::kCrashed ? "simulated crash" : "the process has ended");
}

Result<SimEffect> SimEnv::BeginNamed(SimIo kind, const std::string& path) {
  auto found = disk_->Find(path, false);
  return Begin(kind, found.ok() ? found->path : path);
}

Result<SimEffect> SimEnv::Begin(SimIo kind, const std::string& path, uint64_t detail) {
  if (scheduler_.InTask()) scheduler_.Pause();
  TRY(CheckUp());
  scheduler_.Trace(MixHash(MixHash(kind, AsBytes(path)), detail));
  if (kind & kIoChanging) {
    if (on_io) on_io(kind, path);
    if (++io_count_ == crash_at_) Crash();
    TRY(CheckUp());
  }
  scheduler_.Advance(NanosOf(kind));
  for (ActiveFault& active : faults_) {
    SimFault& fault = active.fault;
    if (!(fault.kinds & kind) || fault.count == 0) continue;
    if (!SimDisk::IsBelow(path, fault.prefix)) continue;
    if (fault.skip > 0) {
      --fault.skip;
      continue;
    }
    if (fault.count != UINT64_MAX) --fault.count;
    ++faults_struck_;
    return Suffer(active, kind, path);
  }
  return SimEffect::kNone;
}

Result<SimEffect> SimEnv::Suffer(ActiveFault active, SimIo kind, const std::string& path) {
  const SimFault& fault = active.fault;
  switch (fault.effect) {
    case SimEffect::kFail:
      return Status(fault.code, std::string(NameOf(kind)) + " " + path + ": simulated fault");
    case SimEffect::kHang:
      HangIn(active.id, kind, path);
      TRY(CheckUp());
      return SimEffect::kNone;
    case SimEffect::kSlow:
      scheduler_.WaitUntil(Never, nullptr, scheduler_.MonotonicNanos() + fault.delay_nanos,
                           "a slow disk");
      TRY(CheckUp());
      return SimEffect::kNone;
    case SimEffect::kNone:
    case SimEffect::kLose:
    case SimEffect::kMisdirect: break;
  }
  return fault.effect;
}

void SimEnv::HangIn(uint64_t fault, SimIo kind, const std::string& path) {
  struct Hang {
    SimEnv* env;
    uint64_t fault;
  } hang{this, fault};
  auto released = [](void* argument) {
    auto* h = static_cast<Hang*>(argument);
    if (h->env->state_ != State::kUp) return true;
    return std::none_of(h->env->faults_.begin(), h->env->faults_.end(),
                        [&](const ActiveFault& active) { return active.id == h->fault; });
  };
  std::string what = std::string("a hanging ") + NameOf(kind) + " of " + path;
  ++hanging_;
  scheduler_.WaitUntil(released, &hang, UINT64_MAX, what.c_str());
  --hanging_;
}

// Nobody can run any more. If the body has ended and the rest hangs in dead disks, the process
// ends.
bool SimEnv::CutOffHanging() {
  if (state_ != State::kUp || hanging_ == 0 || !scheduler_.MainHasEnded()) return false;
  state_ = State::kExited;
  return true;
}

uint64_t SimEnv::AddFault(SimFault fault) {
  faults_.push_back({next_id_, std::move(fault)});
  return next_id_++;
}

void SimEnv::RemoveFault(uint64_t fault) {
  std::erase_if(faults_, [&](const ActiveFault& active) { return active.id == fault; });
}

// ---- Env.

Result<std::unique_ptr<File>> SimEnv::Open(const std::string& path, OpenOptions options) {
  TRY_ASSIGN(SimDisk::Number inode, OpenInode(path, options.mode));
  TRY_ASSIGN(SimDisk::Found at, disk_->Find(path));
  return std::unique_ptr<File>(new SimFile(this, inode, at.path, options));
}

Result<SimDisk::Number> SimEnv::OpenInode(const std::string& path, OpenMode mode) {
  auto seen = disk_->Find(path);
  bool creates = mode == OpenMode::kCreate || mode == OpenMode::kReplace;
  bool exists = seen.ok() && seen->inode != 0;
  SimIo kind = !creates ? kIoOpen : exists && mode == OpenMode::kReplace ? kIoTruncate : kIoCreate;
  TRY(BeginNamed(kind, path).status());
  TRY_ASSIGN(SimDisk::Found at, disk_->Find(path));
  if (at.inode == 0) {
    if (!creates) return Status(Code::kNotFound, "open " + path + ": not found");
    return disk_->CreateFile(at);
  }
  if (mode == OpenMode::kCreate) return Status(Code::kExists, "open " + path + ": exists");
  if (disk_->IsDirectory(at.inode)) return Status(Code::kIo, "open " + path + ": a folder");
  if (mode == OpenMode::kReplace) disk_->SetSize(at.inode, 0);
  return at.inode;
}

Status SimEnv::CreateDirectory(const std::string& path) {
  TRY_ASSIGN(SimEffect effect, BeginNamed(kIoCreate, path));
  if (effect == SimEffect::kLose) return {};
  TRY_ASSIGN(SimDisk::Found at, disk_->Find(path));
  return disk_->CreateDirectory(at);
}

Status SimEnv::SyncDirectory(const std::string& path) {
  uint64_t moment = disk_->Moment();
  TRY_ASSIGN(SimEffect effect, BeginNamed(kIoSyncDirectory, path));
  TRY_ASSIGN(SimDisk::Found at, disk_->Find(path));
  if (at.inode == 0) return Status(Code::kNotFound, "sync folder " + path + ": not found");
  if (effect != SimEffect::kLose) disk_->SyncDirectory(at.inode, moment);
  return {};
}

Result<std::vector<DirectoryEntry>> SimEnv::List(const std::string& path) {
  TRY(BeginNamed(kIoList, path).status());
  TRY_ASSIGN(SimDisk::Found at, disk_->Find(path));
  return disk_->List(at);
}

Status SimEnv::Rename(const std::string& from, const std::string& to) {
  TRY_ASSIGN(SimEffect effect, BeginNamed(kIoRename, from));
  if (effect == SimEffect::kLose) return {};
  TRY_ASSIGN(SimDisk::Found source, disk_->Find(from, false));
  TRY_ASSIGN(SimDisk::Found target, disk_->Find(to, false));
  return disk_->Rename(source, target);
}

Status SimEnv::Remove(const std::string& path) {
  TRY_ASSIGN(SimEffect effect, BeginNamed(kIoRemove, path));
  if (effect == SimEffect::kLose) return {};
  TRY_ASSIGN(SimDisk::Found at, disk_->Find(path, false));
  return disk_->Remove(at);
}

Result<FileInfo> SimEnv::Stat(const std::string& path) {
  TRY(BeginNamed(kIoStat, path).status());
  TRY_ASSIGN(SimDisk::Found at, disk_->Find(path));
  if (at.inode == 0) return Status(Code::kNotFound, "stat " + path + ": not found");
  return disk_->Info(at.inode);
}

Result<uint64_t> SimEnv::FreeBytes(const std::string& path) {
  TRY_ASSIGN(FileInfo info, Stat(path));
  (void)info;
  TRY_ASSIGN(SimDisk::Found at, disk_->Find(path));
  return disk_->FreeBytes(at.path);
}

Result<std::unique_ptr<FileLock>> SimEnv::Lock(const std::string& path, bool shared_read_only) {
  TRY(BeginNamed(kIoLock, path).status());
  TRY_ASSIGN(SimDisk::Found seen, disk_->Find(path));
  if (seen.inode == 0 && shared_read_only) {
    return Status(Code::kNotFound, "lock " + path + ": not found");
  }
  if (seen.inode == 0) {
    auto made = OpenInode(path, OpenMode::kCreate);
    if (!made.ok() && !made.status().Is(Code::kExists)) return made.status();
  }
  TRY_ASSIGN(SimDisk::Found at, disk_->Find(path));
  for (const HeldLock& held : locks_) {
    if (held.inode != at.inode || (held.shared && shared_read_only)) continue;
    return Status(Code::kLocked, "lock " + path + ": another process or store holds it");
  }
  locks_.push_back({next_id_, at.inode, shared_read_only});
  return std::unique_ptr<FileLock>(new SimLock(this, next_id_++));
}

void SimEnv::Unlock(uint64_t id) {
  std::erase_if(locks_, [&](const HeldLock& held) { return held.id == id; });
}

uint64_t SimEnv::WallMillis() {
  return kWallStartMillis + static_cast<uint64_t>(wall_offset_millis_) +
         scheduler_.MonotonicNanos() / 1000000;
}

uint64_t SimEnv::MonotonicNanos() { return scheduler_.MonotonicNanos(); }

void SimEnv::Random(MutableByteSpan out) {
  for (uint8_t& byte : out) byte = static_cast<uint8_t>(random_.Next() >> 56);
}

std::unique_ptr<Thread> SimEnv::StartThread(const std::string& name, std::function<void()> body) {
  return std::make_unique<SimThread>(&scheduler_, scheduler_.Start(name, std::move(body)));
}

void SimEnv::SleepMicros(uint64_t micros) {
  uint64_t until = scheduler_.MonotonicNanos() + micros * 1000;
  scheduler_.WaitUntil(Never, nullptr, until, "the end of a sleep");
}

}  // namespace strongroom::io
