// Decides whose turn it is when more tasks are due than workers have credit for: projects take
// turns, and within a project its deployments do.
#ifndef LONGSHORE_API_SERVER_EXECUTOR_FAIR_SHARE_H_
#define LONGSHORE_API_SERVER_EXECUTOR_FAIR_SHARE_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "storage/lease_store.h"

namespace longshore::executor {

// Not thread-safe. Each replica keeps its own turns. A project or deployment that has never had a
// turn comes first, so new work never waits behind a large deployment. Memory is bounded: beyond
// kMaxRemembered only deployments with due tasks are remembered.
class FairShare {
 public:
  static constexpr size_t kMaxRemembered = 10000;

  // Divides `slots` among the flows; none gets more slots than it has due tasks. Returns the flows
  // that get any, with `due` set to the number that each gets.
  std::vector<storage::DueFlow> Divide(const std::vector<storage::DueFlow>& flows, int slots);

 private:
  struct Project {
    uint64_t last_turn = 0;
    std::map<int64_t, uint64_t> deployments;  // The last turn of each, by id.
  };
  void ForgetOthers(const std::vector<storage::DueFlow>& flows);

  uint64_t turn_ = 0;
  size_t remembered_ = 0;  // The number of deployments in all projects.
  std::map<std::string, Project> projects_;
};

}  // namespace longshore::executor

#endif  // LONGSHORE_API_SERVER_EXECUTOR_FAIR_SHARE_H_
