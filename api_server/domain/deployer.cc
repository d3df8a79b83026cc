#include "api_server/domain/deployer.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "api_server/domain/errors.h"
#include "api_server/domain/fields.h"
#include "api_server/domain/remote_path.h"
#include "api_server/domain/request_once.h"
#include "api_server/domain/rollout_limits.h"
#include "common/path_rules.h"
#include "common/sha256.h"
#include "common/status.h"
#include "common/status_macros.h"
#include "storage/deployment_store.h"
#include "storage/instance_store.h"
#include "storage/payload_store.h"
#include "storage/script_store.h"
#include "storage/task_store.h"

namespace longshore::domain {
namespace {

using storage::Connection;
namespace deployment_store = storage::deployment_store;
namespace instance_store = storage::instance_store;
namespace payload_store = storage::payload_store;
namespace script_store = storage::script_store;

// What gRPC's clients take unless they are told otherwise, but for some fields besides.
constexpr size_t kMaxMessageBytes = (4 << 20) - 4096;
// Of a payload in an answer: three ids, each under 2^35.
constexpr size_t kBytesOfIds = 15;
// Of an error, besides its text: an id of any size, a code, tags and lengths.
constexpr size_t kBytesOfError = 26;

absl::Status CheckSelector(const v1::InstanceSelector& selector) {
  RETURN_IF_ERROR(CheckLabel("selector.project", selector.project(), kMaxLabelBytes,
                             /*required=*/false));
  RETURN_IF_ERROR(CheckTags("selector.tags", selector.tags()));
  if (!selector.project().empty() || !selector.tags().empty()) return absl::OkStatus();
  return InvalidField("selector", "", "must name a project or a tag");
}

absl::Status CheckInstances(const v1::DeployPayloadRequest& request) {
  if (!request.has_selector()) return CheckIds("instance_ids", request.instance_ids());
  if (request.instance_ids().empty()) return CheckSelector(request.selector());
  return InvalidField("selector", "", "and instance_ids are both given; give one of them");
}

std::string Describe(const v1::InstanceSelector& selector) {
  std::string text = "project '" + ProjectOrDefault(selector.project()) + "'";
  for (const std::string& tag : selector.tags()) text += ", tag '" + tag + "'";
  return text;
}

// The instances that a request asks for, in its order.
struct Wanted {
  std::vector<int64_t> ids;
  std::map<int64_t, instance_store::Target> targets;  // Those that exist.
};

absl::StatusOr<Wanted> FindWanted(Connection& connection, const storage::Scope& scope,
                                  const v1::DeployPayloadRequest& request) {
  Wanted wanted;
  if (!request.has_selector()) {
    wanted.ids.assign(request.instance_ids().begin(), request.instance_ids().end());
    ASSIGN_OR_RETURN(wanted.targets, instance_store::LockTargets(connection, scope, wanted.ids));
    return wanted;
  }
  const v1::InstanceSelector& selector = request.selector();
  const storage::InstanceFilter filter{.project = ProjectOrDefault(selector.project()),
                                       .tags = {selector.tags().begin(), selector.tags().end()}};
  ASSIGN_OR_RETURN(wanted.targets, instance_store::LockMatching(connection, scope, filter,
                                                                kMaxSelectedInstances + 1));
  if (wanted.targets.empty()) return NoInstanceMatches(Describe(selector));
  if (wanted.targets.size() > kMaxSelectedInstances) {
    return InvalidField("selector", Describe(selector),
                        "matches more than " + std::to_string(kMaxSelectedInstances) +
                            " instances, the most of one request; divide them by tags");
  }
  for (const auto& [id, target] : wanted.targets) wanted.ids.push_back(id);
  return wanted;
}

absl::StatusOr<storage::DeploymentIds> InsertDeployment(Connection& connection,
                                                        const Deployer::Plan& plan,
                                                        int64_t payloads) {
  // Most scripts have been sent before.
  ASSIGN_OR_RETURN(auto ids, deployment_store::Insert(connection, plan.deployment, payloads));
  if (ids.has_value()) return *std::move(ids);
  for (const Script* script : {&plan.script, &plan.check_script}) {
    if (script->sha256.empty()) continue;
    RETURN_IF_ERROR(script_store::Put(connection, script->sha256, script->content));
  }
  ASSIGN_OR_RETURN(ids, deployment_store::Insert(connection, plan.deployment, payloads));
  if (!ids.has_value()) return absl::InternalError("a script that is kept is not there");
  return *std::move(ids);
}

}  // namespace

absl::Status CheckTakesPayloads(int64_t id, const instance_store::Target& instance) {
  if (instance.status == v1::INSTANCE_STATUS_TERMINATED) return InstanceTerminated(id);
  return instance.terminating ? InstanceTerminating(id) : absl::OkStatus();
}

InstanceErrors::InstanceErrors(size_t instances, v1::DeployPayloadResponse* response)
    : response_(*response),
      room_(kMaxMessageBytes - std::min(kMaxMessageBytes, instances * kBytesOfIds)) {}

void InstanceErrors::Add(int64_t instance_id, const absl::Status& status) {
  if (first_.ok()) first_ = status;
  const std::string message = ToString(status);
  const size_t bytes = 2 * message.size() + kBytesOfError;
  if (bytes > room_) {
    room_ = 0;  // Those that are listed are the first ones.
    return;
  }
  room_ -= bytes;
  response_.add_errors(message);
  v1::InstanceError* error = response_.add_instance_errors();
  error->set_instance_id(instance_id);
  error->set_code(static_cast<int32_t>(status.code()));
  error->set_message(message);
}

absl::StatusOr<int> ResolveTimeout(int timeout, int default_timeout, int max_timeout) {
  if (timeout < 0 || timeout > max_timeout) return TimeoutOutOfRange(timeout, max_timeout);
  return timeout == 0 ? default_timeout : timeout;
}

Deployer::Deployer(storage::Database* database, const ScriptSource* scripts, Signals* signals,
                   DeployLimits limits)
    : database_(*database), scripts_(*scripts), signals_(*signals), limits_(std::move(limits)) {}

absl::StatusOr<Deployer::Plan> Deployer::Prepare(const Caller& caller,
                                                 const v1::DeployPayloadRequest& request) const {
  RETURN_IF_ERROR(CheckInstances(request));
  return PrepareWithoutInstances(caller, request);
}

absl::StatusOr<Deployer::Plan> Deployer::PrepareWithoutInstances(
    const Caller& caller, const v1::DeployPayloadRequest& request) const {
  RETURN_IF_ERROR(CheckRollout(request.rollout()));
  Plan plan;
  ASSIGN_OR_RETURN(plan.deployment.timeout,
                   ResolveTimeout(request.timeout(), limits_.default_payload_timeout,
                                  limits_.max_payload_timeout));
  if (!request.remote_path().empty()) {
    RETURN_IF_ERROR(ValidateRemotePath(request.remote_path(), limits_.allowed_remote_dirs));
  }
  const bool has_path = !request.payload_path().empty();
  if (has_path == !request.payload_content().empty()) {
    return InvalidField("payload_path", request.payload_path(),
                        has_path ? "and payload_content are both given; give one of them"
                                 : "and payload_content are both empty; give one of them");
  }
  ASSIGN_OR_RETURN(plan.script, has_path ? scripts_.Read(caller.scope, request.payload_path())
                                         : scripts_.FromContent(request.payload_content()));
  if (const std::string& check = request.rollout().pause().check_script(); !check.empty()) {
    ASSIGN_OR_RETURN(plan.check_script, scripts_.FromContent(check));
  }
  plan.deployment.script_sha256 = plan.script.sha256;
  plan.deployment.script_bytes = static_cast<int64_t>(plan.script.content.size());
  plan.deployment.original_path = plan.script.path;
  plan.deployment.remote_path = request.remote_path();
  plan.deployment.execute_payload = request.execute_payload();
  return plan;
}

absl::Status Deployer::ChooseInstances(Connection& connection, const Caller& caller,
                                       const v1::DeployPayloadRequest& request, Plan* plan,
                                       v1::DeployPayloadResponse* response) const {
  plan->instance_ids.clear();
  plan->remote_paths.clear();
  plan->deployment.project.clear();
  ASSIGN_OR_RETURN(const Wanted wanted, FindWanted(connection, caller.scope, request));
  std::set<int64_t> seen;
  InstanceErrors errors(wanted.ids.size(), response);
  const auto take = [&](int64_t id) -> absl::Status {
    const auto target = wanted.targets.find(id);
    if (target == wanted.targets.end()) return InstanceNotFound(id);
    if (!seen.insert(id).second) return InstanceListedTwice(id);
    RETURN_IF_ERROR(CheckTakesPayloads(id, target->second));
    const std::string& project = target->second.project;
    if (!plan->deployment.project.empty() && plan->deployment.project != project) {
      return InstanceOfOtherProject(id, project, plan->deployment.project);
    }
    if (!plan->script.project.empty() && plan->script.project != project) {
      return PayloadPathForbidden(
          plan->script.path, "is for instances of the project '" + plan->script.project + "' only");
    }
    std::string remote_path = request.remote_path();
    if (remote_path.empty()) {
      remote_path = DefaultRemotePath(target->second.become ? "root" : target->second.ssh_user,
                                      target->second.become ? "" : target->second.home,
                                      plan->script.base_name);
      // A path under "~/" is not known yet, only its name; every other must keep to the rules like
      // one that was asked for.
      if (remote_path[0] == '/' || !limits_.allowed_remote_dirs.empty()) {
        RETURN_IF_ERROR(ValidateRemotePath(remote_path, limits_.allowed_remote_dirs));
      } else if (const auto problem = PathProblem(remote_path.substr(1)); !problem.empty()) {
        return RemotePathInvalid(remote_path, problem);
      }
    }
    plan->instance_ids.push_back(id);
    plan->remote_paths.push_back(std::move(remote_path));
    plan->deployment.project = project;
    return absl::OkStatus();
  };
  for (int64_t id : wanted.ids) {
    if (const absl::Status taken = take(id); !taken.ok()) errors.Add(id, taken);
  }
  response->mutable_instance_ids()->Assign(plan->instance_ids.begin(), plan->instance_ids.end());
  response->set_success(errors.first().ok());
  return plan->instance_ids.empty() ? errors.first() : absl::OkStatus();
}

absl::Status Deployer::Insert(Connection& connection, const Plan& plan,
                              v1::DeployPayloadResponse* response) const {
  const int64_t count = static_cast<int64_t>(plan.instance_ids.size());
  if (plan.counts_for_quota) {
    RETURN_IF_ERROR(CheckOpenTasks(connection, limits_.quotas, plan.deployment.project, count));
  }
  ASSIGN_OR_RETURN(const storage::DeploymentIds ids, InsertDeployment(connection, plan, count));
  storage::NewTasks tasks{.type = v1::TASK_TYPE_PAYLOAD_TRANSFER,
                          .delivery_timeout = limits_.delivery_timeout,
                          .ids = ids.tasks,
                          .payload_ids = ids.payloads,
                          .instance_ids = plan.instance_ids,
                          .remote_paths = plan.remote_paths,
                          .traceparent = plan.deployment.traceparent};
  for (int64_t instance_id : plan.instance_ids) {
    const auto wait = plan.depends_on.find(instance_id);
    tasks.depends_on.push_back(wait == plan.depends_on.end() ? std::nullopt
                                                             : std::optional(wait->second));
  }
  RETURN_IF_ERROR(payload_store::InsertBatch(connection, ids.deployment, plan.deployment, tasks));
  response->set_deployment_id(ids.deployment);
  response->mutable_payload_ids()->Add(ids.payloads.begin(), ids.payloads.end());
  response->mutable_task_ids()->Add(ids.tasks.begin(), ids.tasks.end());
  return absl::OkStatus();
}

absl::Status Deployer::DeployIn(Connection& connection, const Caller& caller,
                                const v1::DeployPayloadRequest& request, Plan* plan,
                                v1::DeployPayloadResponse* response) const {
  RETURN_IF_ERROR(ChooseInstances(connection, caller, request, plan, response));
  plan->deployment.request = request;
  plan->deployment.request.clear_payload_content();
  plan->deployment.traceparent = caller.traceparent;
  plan->deployment.rollout =
      ResolveRollout(request.rollout(), static_cast<int64_t>(plan->instance_ids.size()));
  if (!plan->check_script.sha256.empty()) {
    v1::WavePause* pause = plan->deployment.request.mutable_rollout()->mutable_pause();
    pause->clear_check_script();
    pause->set_check_script_sha256(HexEncode(plan->check_script.sha256));
    plan->deployment.rollout.check_script_sha256 = plan->check_script.sha256;
  }
  plan->deployment.request.DiscardUnknownFields();
  return request.validate_only() ? absl::OkStatus() : Insert(connection, *plan, response);
}

absl::StatusOr<v1::DeployPayloadResponse> Deployer::Deploy(
    const Caller& caller, const v1::DeployPayloadRequest& request) {
  std::optional<Plan> plan;
  v1::DeployPayloadResponse response;
  Change change;
  bool replayed = false;
  const auto prepare = [&]() -> absl::Status {
    ASSIGN_OR_RETURN(plan, Prepare(caller, request));
    return absl::OkStatus();
  };
  const auto body = [&](Connection& connection) -> absl::Status {
    RETURN_IF_ERROR(DeployIn(connection, caller, request, &*plan, &response));
    if (request.validate_only()) return absl::OkStatus();
    change = {.project = plan->deployment.project,
              .ids = {response.deployment_id()},
              .script_sha256 = plan->script.sha256};
    return absl::OkStatus();
  };
  // A check leaves nothing behind, so it does not use up its request_id either.
  const std::string request_id = request.validate_only() ? "" : request.request_id();
  RETURN_IF_ERROR(AnswerOnce(database_, {&caller, "DeployPayload", request_id, &request, &change},
                             prepare, body, &response, &replayed));
  if (!request.validate_only() && !replayed) signals_.PayloadTasksDue();
  return response;
}

}  // namespace longshore::domain
