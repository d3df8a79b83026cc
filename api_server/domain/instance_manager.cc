#include "api_server/domain/instance_manager.h"

#include <algorithm>
#include <array>
#include <set>

#include "api_server/domain/errors.h"
#include "api_server/domain/fields.h"
#include "api_server/domain/instance_fields.h"
#include "api_server/domain/page.h"
#include "api_server/domain/request_once.h"
#include "common/status_macros.h"
#include "storage/instance_store.h"
#include "storage/instance_task_store.h"

namespace longshore::domain {
namespace {

using storage::Connection;
namespace instance_store = storage::instance_store;
namespace instance_task_store = storage::instance_task_store;

constexpr char kRegistered[] = "registered";

absl::StatusOr<v1::Instance> NewInstance(const v1::RegisterInstanceRequest& request) {
  RETURN_IF_ERROR(CheckLabel("name", request.name(), kMaxLabelBytes, /*required=*/true));
  RETURN_IF_ERROR(CheckLabel("project", request.project(), kMaxLabelBytes, /*required=*/false));
  RETURN_IF_ERROR(CheckAddress("address", request.address()));
  RETURN_IF_ERROR(CheckPort("port", request.port()));
  RETURN_IF_ERROR(CheckLogin("ssh_user", request.ssh_user()));
  RETURN_IF_ERROR(CheckTags("tags", request.tags()));
  v1::Instance instance;
  instance.set_name(request.name());
  instance.set_project(ProjectOrDefault(request.project()));
  instance.set_provider(kRegistered);
  instance.set_address(request.address());
  instance.set_port(PortOrDefault(request.port()));
  instance.set_ssh_user(request.ssh_user().empty() ? "root" : request.ssh_user());
  for (std::string& tag : SortedTags(request.tags())) instance.add_tags(std::move(tag));
  instance.set_status(v1::INSTANCE_STATUS_READY);
  ASSIGN_OR_RETURN(*instance.mutable_host_key(), ReadHostKey("host_key", request.host_key()));
  ASSIGN_OR_RETURN(*instance.mutable_pool(), ReadPool(request.pool()));
  instance.set_become(request.become());
  ASSIGN_OR_RETURN(const auto jump, ReadJump(request.jump()));
  instance.mutable_jump()->Add(jump.begin(), jump.end());
  return instance;
}

// A second project would be let in there by the same SSH key.
absl::Status CheckAddressIsFree(Connection& connection, const std::string& address, int port,
                                const std::string& project) {
  ASSIGN_OR_RETURN(const bool free,
                   instance_store::LockAddress(connection, address, port, project));
  if (free) return absl::OkStatus();
  return InvalidField("address", address,
                      "port " + std::to_string(port) + " belongs to another project");
}

// The same for the hosts on the way: what is another project's is no way to what is not its own.
// Everybody locks them in this order.
absl::Status CheckPlacesAreFree(Connection& connection, const v1::Instance& instance) {
  std::set<std::pair<std::string, int>> places{{instance.address(), instance.port()}};
  for (const v1::JumpHost& host : instance.jump()) places.emplace(host.address(), host.port());
  for (const auto& [address, port] : places) {
    RETURN_IF_ERROR(CheckAddressIsFree(connection, address, port, instance.project()));
  }
  return absl::OkStatus();
}

// What an UpdateInstance changes.
struct Changes {
  storage::InstanceUpdate update;
  bool sends_payload = false;
  bool instance_itself = false;  // More than its payload.
};

// The fields of the request that count.
absl::StatusOr<std::set<std::string>> ReadMask(const v1::UpdateInstanceRequest& request) {
  constexpr std::array kFields = {"name",   "tags",   "address", "port",         "host_key",
                                  "pool",   "become", "jump",    "payload_path", "execute_payload",
                                  "timeout"};
  std::set<std::string> mask(request.update_mask().paths().begin(),
                             request.update_mask().paths().end());
  for (const std::string& path : mask) {
    if (std::find(kFields.begin(), kFields.end(), path) == kFields.end()) {
      return InvalidField("update_mask", path,
                          "is not one of name, tags, address, port, host_key, pool, become, jump, "
                          "payload_path, execute_payload, timeout");
    }
  }
  if (!mask.empty()) return mask;
  if (!request.name().empty()) mask.insert("name");
  if (!request.tags().empty()) mask.insert("tags");
  if (!request.address().empty()) mask.insert("address");
  if (request.port() != 0) mask.insert("port");
  if (!request.host_key().empty()) mask.insert("host_key");
  if (!request.pool().empty()) mask.insert("pool");
  if (request.become()) mask.insert("become");
  if (!request.jump().empty()) mask.insert("jump");
  if (!request.payload_path().empty()) mask.insert("payload_path");
  if (request.execute_payload()) mask.insert("execute_payload");
  if (request.timeout() != 0) mask.insert("timeout");
  if (!mask.empty()) return mask;
  return InvalidField("update_mask", "", "and all fields are empty: nothing to change");
}

absl::Status ReadWay(const v1::UpdateInstanceRequest& request, const std::set<std::string>& mask,
                     storage::InstanceUpdate* update) {
  if (mask.count("address") > 0) {
    RETURN_IF_ERROR(CheckAddress("address", request.address()));
    update->address = request.address();
  }
  if (mask.count("port") > 0) {
    RETURN_IF_ERROR(CheckPort("port", request.port()));
    update->port = PortOrDefault(request.port());
  }
  if (mask.count("host_key") > 0) {
    ASSIGN_OR_RETURN(update->host_key, ReadHostKey("host_key", request.host_key()));
  }
  if (mask.count("pool") > 0) {
    ASSIGN_OR_RETURN(update->pool, ReadPool(request.pool()));
  }
  if (mask.count("become") > 0) update->become = request.become();
  if (mask.count("jump") > 0) {
    ASSIGN_OR_RETURN(update->jump, ReadJump(request.jump()));
  }
  return absl::OkStatus();
}

absl::StatusOr<Changes> ReadChanges(const v1::UpdateInstanceRequest& request) {
  RETURN_IF_ERROR(CheckId("instance_id", request.instance_id()));
  ASSIGN_OR_RETURN(const std::set<std::string> mask, ReadMask(request));
  Changes changes;
  constexpr std::array kOfThePayload = {"payload_path", "execute_payload", "timeout"};
  changes.instance_itself = std::any_of(mask.begin(), mask.end(), [&](const std::string& field) {
    return std::find(kOfThePayload.begin(), kOfThePayload.end(), field) == kOfThePayload.end();
  });
  if (mask.count("name") > 0) {
    RETURN_IF_ERROR(CheckLabel("name", request.name(), kMaxLabelBytes, /*required=*/true));
    changes.update.name = request.name();
  }
  if (mask.count("tags") > 0) {
    RETURN_IF_ERROR(CheckTags("tags", request.tags()));
    changes.update.tags = SortedTags(request.tags());
  }
  RETURN_IF_ERROR(ReadWay(request, mask, &changes.update));
  changes.sends_payload = mask.count("payload_path") > 0;
  if (changes.sends_payload) return changes;
  if (mask.count("execute_payload") > 0 && request.execute_payload()) {
    return InvalidField("execute_payload", "true", "needs payload_path");
  }
  if (mask.count("timeout") > 0 && request.timeout() != 0) {
    return InvalidField("timeout", std::to_string(request.timeout()), "needs payload_path");
  }
  return changes;
}

v1::DeployPayloadRequest PayloadRequest(const v1::UpdateInstanceRequest& request) {
  v1::DeployPayloadRequest payload;
  payload.add_instance_ids(request.instance_id());
  payload.set_payload_path(request.payload_path());
  payload.set_execute_payload(request.execute_payload());
  payload.set_timeout(request.timeout());
  return payload;
}

absl::StatusOr<v1::Instance> Existing(Connection& connection, const Caller& caller, int64_t id) {
  ASSIGN_OR_RETURN(auto instance, instance_store::Get(connection, caller.scope, id));
  if (!instance.has_value()) return InstanceNotFound(id);
  return *std::move(instance);
}

}  // namespace

InstanceManager::InstanceManager(storage::Database* database, const Deployer* deployer,
                                 Signals* signals, Quotas quotas)
    : database_(*database), deployer_(*deployer), signals_(*signals), quotas_(quotas) {}

absl::StatusOr<v1::Instance> InstanceManager::Register(const Caller& caller,
                                                       const v1::RegisterInstanceRequest& request) {
  v1::Instance wanted;
  v1::Instance response;
  Change change;
  bool replayed = false;
  const auto prepare = [&]() -> absl::Status {
    ASSIGN_OR_RETURN(wanted, NewInstance(request));
    return CheckProject(caller, request.project());
  };
  const auto insert = [&](Connection& connection) -> absl::Status {
    RETURN_IF_ERROR(CheckInstances(connection, quotas_, wanted.project(), 1));
    RETURN_IF_ERROR(CheckPlacesAreFree(connection, wanted));
    ASSIGN_OR_RETURN(response, instance_store::Insert(connection, wanted));
    change = {.project = wanted.project(), .ids = {response.id()}};
    return absl::OkStatus();
  };
  RETURN_IF_ERROR(AnswerOnce(database_,
                             {&caller, "RegisterInstance", request.request_id(), &request, &change},
                             prepare, insert, &response, &replayed));
  if (!replayed) signals_.InstancesChanged();
  return response;
}

absl::StatusOr<v1::Instance> InstanceManager::Get(const Caller& caller, int64_t instance_id) {
  RETURN_IF_ERROR(CheckId("instance_id", instance_id));
  v1::Instance instance;
  RETURN_IF_ERROR(FromStorage(database_.Run([&](Connection& connection) -> absl::Status {
    ASSIGN_OR_RETURN(instance, Existing(connection, caller, instance_id));
    return absl::OkStatus();
  })));
  return instance;
}

absl::Status InstanceManager::UpdateIn(Connection& connection, const Caller& caller,
                                       const v1::UpdateInstanceRequest& request,
                                       storage::InstanceUpdate update, Deployer::Plan* plan,
                                       v1::UpdateInstanceResponse* response) const {
  const int64_t id = request.instance_id();
  ASSIGN_OR_RETURN(const auto targets, instance_store::LockTargets(connection, caller.scope, {id}));
  if (targets.empty()) return InstanceNotFound(id);
  RETURN_IF_ERROR(CheckTakesPayloads(id, targets.at(id)));
  // What its provider tells will be its address.
  if (update.HasAddress() && targets.at(id).status == v1::INSTANCE_STATUS_PENDING) {
    return InstanceNotMade(id);
  }
  if (update.become.has_value() && *update.become != targets.at(id).become) {
    // First, so that nothing new comes meanwhile, and the payload of this request goes as the new
    // user.
    RETURN_IF_ERROR(instance_store::Update(connection, id, {.become = update.become}));
    ASSIGN_OR_RETURN(const bool has_payloads, instance_store::HasPayloadWork(connection, id));
    if (has_payloads) return InstanceHasPayloads(id);
  }
  if (plan != nullptr) {
    v1::DeployPayloadResponse deployed;
    RETURN_IF_ERROR(
        deployer_.DeployIn(connection, caller, PayloadRequest(request), plan, &deployed));
    response->set_payload_id(deployed.payload_ids(0));
    response->set_task_id(deployed.task_ids(0));
    update.payload_id = response->payload_id();
  }
  // After the quota's lock, as in Register.
  if (!update.address.empty() || update.port != 0 || update.jump.has_value()) {
    ASSIGN_OR_RETURN(v1::Instance after, Existing(connection, caller, id));
    if (!update.address.empty()) after.set_address(update.address);
    if (update.port != 0) after.set_port(update.port);
    if (update.jump.has_value()) {
      after.mutable_jump()->Assign(update.jump->begin(), update.jump->end());
    }
    RETURN_IF_ERROR(CheckPlacesAreFree(connection, after));
  }
  RETURN_IF_ERROR(instance_store::Update(connection, id, update));
  ASSIGN_OR_RETURN(*response->mutable_instance(), Existing(connection, caller, id));
  return absl::OkStatus();
}

absl::StatusOr<v1::UpdateInstanceResponse> InstanceManager::Update(
    const Caller& caller, const v1::UpdateInstanceRequest& request) {
  Changes changes;
  Deployer::Plan plan;
  v1::UpdateInstanceResponse response;
  Change change;
  bool replayed = false;
  const auto prepare = [&]() -> absl::Status {
    ASSIGN_OR_RETURN(changes, ReadChanges(request));
    if (changes.instance_itself && caller.role < v1::ROLE_ADMIN) {
      return RoleInsufficient("to change more of an instance than its payload", caller.role,
                              v1::ROLE_ADMIN);
    }
    if (!changes.sends_payload) return absl::OkStatus();
    ASSIGN_OR_RETURN(plan, deployer_.Prepare(caller, PayloadRequest(request)));
    return absl::OkStatus();
  };
  const auto update = [&](Connection& connection) -> absl::Status {
    RETURN_IF_ERROR(UpdateIn(connection, caller, request, changes.update,
                             changes.sends_payload ? &plan : nullptr, &response));
    change = {.project = response.instance().project(),
              .ids = {request.instance_id()},
              .script_sha256 = plan.script.sha256};
    return absl::OkStatus();
  };
  RETURN_IF_ERROR(AnswerOnce(database_,
                             {&caller, "UpdateInstance", request.request_id(), &request, &change},
                             prepare, update, &response, &replayed));
  if (replayed) return response;
  if (changes.sends_payload) signals_.TasksDue();
  signals_.InstancesChanged();
  return response;
}

absl::StatusOr<v1::TerminateInstanceResponse> InstanceManager::Terminate(const Caller& caller,
                                                                         int64_t instance_id) {
  RETURN_IF_ERROR(CheckId("instance_id", instance_id));
  v1::TerminateInstanceResponse response;
  RETURN_IF_ERROR(FromStorage(database_.Transact([&](Connection& connection) -> absl::Status {
    response.Clear();
    RETURN_IF_ERROR(Existing(connection, caller, instance_id).status());
    // Waits for those who are just giving it payloads, and for another that terminates it.
    RETURN_IF_ERROR(instance_store::MarkTerminating(connection, instance_id));
    ASSIGN_OR_RETURN(*response.mutable_instance(), Existing(connection, caller, instance_id));
    if (response.instance().status() == v1::INSTANCE_STATUS_TERMINATED) {
      return InstanceTerminated(instance_id);
    }
    constexpr auto kTerminate = v1::TASK_TYPE_TERMINATE_INSTANCE;
    ASSIGN_OR_RETURN(auto task, instance_task_store::FindOpen(connection, kTerminate, instance_id));
    if (!task.has_value()) {
      ASSIGN_OR_RETURN(task, instance_task_store::Insert(
                                 connection, {.type = kTerminate, .instance_id = instance_id}));
    }
    response.set_task_id(*task);
    return NoteChange(connection, caller,
                      {.project = response.instance().project(), .ids = {instance_id}});
  })));
  signals_.TasksDue();
  return response;
}

absl::StatusOr<v1::ListInstancesResponse> InstanceManager::List(
    const Caller& caller, const v1::ListInstancesRequest& request) {
  RETURN_IF_ERROR(CheckEnum("status", request.status(), v1::InstanceStatus_IsValid));
  RETURN_IF_ERROR(CheckLabel("project", request.project(), kMaxLabelBytes, /*required=*/false));
  RETURN_IF_ERROR(CheckTags("tags", request.tags()));
  const storage::InstanceFilter filter{.project = request.project(),
                                       .tags = {request.tags().begin(), request.tags().end()},
                                       .status = request.status()};
  std::string list = "instances/" + request.project() + "/" + std::to_string(request.status());
  for (const std::string& tag : request.tags()) list += "/" + tag;
  ASSIGN_OR_RETURN(const storage::Page page,
                   ParsePage(list, request.page_size(), request.page_token()));
  std::vector<v1::Instance> instances;
  RETURN_IF_ERROR(FromStorage(database_.Run([&](Connection& connection) -> absl::Status {
    ASSIGN_OR_RETURN(instances, instance_store::List(connection, caller.scope, filter, page));
    return absl::OkStatus();
  })));
  v1::ListInstancesResponse response;
  response.set_next_page_token(FinishPage(list, page, &instances));
  for (v1::Instance& instance : instances) *response.add_instances() = std::move(instance);
  return response;
}

}  // namespace longshore::domain
