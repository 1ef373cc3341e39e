// Workload: the next transaction, drawn by chance from what the model holds.
#pragma once

#include <string>
#include <vector>

#include "base/testing.h"
#include "sim/model.h"

namespace strongroom::sim {

// Transactions that may run at once: none touches a row that another changes, apart from copies,
// whose source may go meanwhile.
class Workload {
 public:
  // `first` and above: the numbers of the bodies that it makes.
  explicit Workload(uint64_t first) : next_(first) {}
  std::vector<Changes> Draw(const Model& model, testing::Random& random);

 private:
  class Group;
  uint64_t next_;
};

}  // namespace strongroom::sim
