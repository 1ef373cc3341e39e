// World: a simulated machine and a store on it that lives from process to process, beside the model
// of what it must hold. For tests that say what happens step by step.
#pragma once

#include <functional>
#include <string>

#include "base/testing.h"
#include "sim/store.h"

namespace strongroom::sim {

// A store that lives from process to process, and what it must hold.
struct World {
  io::SimDisk disk;
  Bucket bucket;
  Model model;
  size_t zones = 3;
  uint64_t seed = 1;
  uint64_t next_body = 1;

  explicit World(size_t count = 3) : zones(count) {
    for (size_t zone = 1; zone <= zones; ++zone) disk.MakeDirectories(Store::ZonePath(zone));
  }
  // One process; closed at its end.
  void Live(const std::function<void(io::SimEnv&, Store&)>& work) {
    io::SimEnv env(&disk, seed++);
    EXPECT_OK(env.Run([&] {
      auto store = Store::Open(&env, zones, &bucket);
      ASSERT_OK(store);
      work(env, **store);
      (*store)->Close();
    }));
  }
  void Commit(Store& store, const Changes& changes) {
    model.Begin(changes);
    EXPECT_OK(store.Commit(changes));
    model.Settle(changes);
  }
  void Put(Store& store, const std::string& key, uint32_t size) {
    Commit(store, {{key, Body{next_body++, size}}});
  }
  void Remove(Store& store, const std::string& key) { Commit(store, {{key, std::nullopt}}); }
  void Copy(Store& store, const std::string& from, const std::string& to) {
    Commit(store, {{to, model.settled.find(from)->second, from}});
  }
};

}  // namespace strongroom::sim
