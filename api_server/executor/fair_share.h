// Whose turn it is when there is more to do than room: projects in turn, and within a project its
// deployments in turn.
#ifndef LONGSHORE_API_SERVER_EXECUTOR_FAIR_SHARE_H_
#define LONGSHORE_API_SERVER_EXECUTOR_FAIR_SHARE_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "storage/lease_store.h"

namespace longshore::executor {

// Not thread-safe; each replica takes its turns by itself. A project or deployment that has never
// had a turn comes first, so what is new never waits behind what is many. Memory is bounded: only
// those with something due are remembered once there are more than kMaxRemembered.
class FairShare {
 public:
  static constexpr size_t kMaxRemembered = 10000;

  // Divides `slots` places among the flows, which have `due` tasks each: none gets more than it
  // has. Returns those that get any, with `due` as what they get.
  std::vector<storage::DueFlow> Divide(const std::vector<storage::DueFlow>& flows, int slots);

 private:
  struct Project {
    uint64_t last_turn = 0;
    std::map<int64_t, uint64_t> deployments;  // By id, the last turn of each.
  };
  void ForgetOthers(const std::vector<storage::DueFlow>& flows);

  uint64_t turn_ = 0;
  size_t remembered_ = 0;  // Deployments, of all projects.
  std::map<std::string, Project> projects_;
};

}  // namespace longshore::executor

#endif  // LONGSHORE_API_SERVER_EXECUTOR_FAIR_SHARE_H_
