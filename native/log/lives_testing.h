// A bare store (log_testing.h) that lives from process to process on one simulated disk.
#pragma once

#include "io/sim_env.h"
#include "log/log_testing.h"

namespace strongroom::log {

struct TestLives {
  io::SimDisk disk;
  std::shared_ptr<TestStore> store;  // Shared by copies of the disk.
  uint64_t seed = 1;
  std::vector<std::optional<format::Position>> applied = {{}, {}, {}};  // By the zones' indexes.

  explicit TestLives(const std::vector<std::string>& paths) {
    for (const auto& path : paths) disk.MakeDirectories(path);
    io::SimEnv env(&disk, seed++);
    CHECK(env.Run([&] {
               store = std::make_shared<TestStore>(&env, paths);
               EXPECT_OK(store->Create(&env));
             })
              .ok());
  }

  // One process that opens these zones, and, where that went well, serves and lives.
  Status Live(const std::vector<size_t>& which, const std::function<void(TestOpen&)>& live) {
    io::SimEnv env(&disk, seed++);
    Status status;
    CHECK(env.Run([&] {
               TestOpen open;
               status = open.Open(*store, &env, which, applied);
               if (!status.ok()) return;
               open.Serve();
               live(open);
             })
              .ok());
    return status;
  }
};

}  // namespace strongroom::log
