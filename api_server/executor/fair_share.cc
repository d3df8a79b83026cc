#include "api_server/executor/fair_share.h"

#include <set>
#include <tuple>
#include <utility>

namespace longshore::executor {
namespace {

using storage::DueFlow;

// Of one project, in one division: its deployments that have something due, by whose turn is next.
struct Contest {
  std::set<std::pair<uint64_t, size_t>> order;  // Last turn, index of the flow.
};

}  // namespace

std::vector<DueFlow> FairShare::Divide(const std::vector<DueFlow>& flows, int slots) {
  if (remembered_ > kMaxRemembered) ForgetOthers(flows);
  std::map<std::string, Contest> contests;
  for (size_t i = 0; i < flows.size(); ++i) {
    if (flows[i].due <= 0) continue;
    Project& project = projects_[flows[i].project];
    const auto [deployment, is_new] = project.deployments.try_emplace(flows[i].deployment_id, 0);
    if (is_new) ++remembered_;
    contests[flows[i].project].order.emplace(deployment->second, i);
  }
  std::set<std::pair<uint64_t, std::string>> next;  // Last turn, project.
  for (const auto& [name, contest] : contests) next.emplace(projects_[name].last_turn, name);
  std::vector<int> given(flows.size(), 0);
  for (int slot = 0; slot < slots && !next.empty(); ++slot) {
    const std::string name = next.begin()->second;
    next.erase(next.begin());
    Contest& contest = contests[name];
    const size_t i = contest.order.begin()->second;
    contest.order.erase(contest.order.begin());
    Project& project = projects_[name];
    project.last_turn = ++turn_;
    project.deployments[flows[i].deployment_id] = turn_;
    if (++given[i] < flows[i].due) contest.order.emplace(turn_, i);
    if (!contest.order.empty()) next.emplace(turn_, name);
  }
  std::vector<DueFlow> shares;
  for (size_t i = 0; i < flows.size(); ++i) {
    if (given[i] == 0) continue;
    shares.push_back(flows[i]);
    shares.back().due = given[i];
  }
  return shares;
}

void FairShare::ForgetOthers(const std::vector<DueFlow>& flows) {
  std::map<std::string, Project> kept;
  remembered_ = 0;
  for (const DueFlow& flow : flows) {
    const auto project = projects_.find(flow.project);
    if (project == projects_.end()) continue;
    Project& keep = kept[flow.project];
    keep.last_turn = project->second.last_turn;
    const auto deployment = project->second.deployments.find(flow.deployment_id);
    if (deployment == project->second.deployments.end()) continue;
    keep.deployments.insert(*deployment);
    ++remembered_;
  }
  projects_ = std::move(kept);
}

}  // namespace longshore::executor
