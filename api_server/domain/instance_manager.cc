#include "api_server/domain/instance_manager.h"

#include <set>

#include "api_server/domain/errors.h"
#include "api_server/domain/fields.h"
#include "api_server/domain/page.h"
#include "api_server/domain/request_once.h"
#include "common/host_key.h"
#include "common/status_macros.h"
#include "storage/instance_store.h"
#include "storage/instance_task_store.h"

namespace longshore::domain {
namespace {

using storage::Connection;
namespace instance_store = storage::instance_store;
namespace instance_task_store = storage::instance_task_store;

constexpr int kSshPort = 22;
constexpr char kRegistered[] = "registered";

absl::StatusOr<v1::Instance> NewInstance(const v1::RegisterInstanceRequest& request) {
  RETURN_IF_ERROR(CheckLabel("name", request.name(), kMaxLabelBytes, /*required=*/true));
  RETURN_IF_ERROR(CheckLabel("project", request.project(), kMaxLabelBytes, /*required=*/false));
  RETURN_IF_ERROR(CheckLabel("address", request.address(), kMaxLabelBytes, /*required=*/true));
  if (request.address().find_first_of(" /@") != std::string::npos) {
    return InvalidField("address", request.address(), "must be a host name or an IP address");
  }
  if (request.port() < 0 || request.port() > 65535) {
    return InvalidField("port", std::to_string(request.port()),
                        "is out of range: 0 for 22, or 1 to 65535");
  }
  RETURN_IF_ERROR(CheckLabel("ssh_user", request.ssh_user(), 64, /*required=*/false));
  if (request.ssh_user().find_first_of(" /:@") != std::string::npos) {
    return InvalidField("ssh_user", request.ssh_user(), "is not a login name");
  }
  RETURN_IF_ERROR(CheckTags("tags", request.tags()));
  v1::Instance instance;
  instance.set_name(request.name());
  instance.set_project(request.project());
  instance.set_provider(kRegistered);
  instance.set_address(request.address());
  instance.set_port(request.port() == 0 ? kSshPort : request.port());
  instance.set_ssh_user(request.ssh_user().empty() ? "root" : request.ssh_user());
  for (std::string& tag : SortedTags(request.tags())) instance.add_tags(std::move(tag));
  instance.set_status(v1::INSTANCE_STATUS_READY);
  if (!request.host_key().empty()) {
    instance.set_host_key(NormalizedHostKey(request.host_key()));
    if (instance.host_key().empty()) {
      return InvalidField("host_key", request.host_key(),
                          "is not an OpenSSH public key line, \"TYPE BASE64 [COMMENT]\", of type "
                          "ssh-ed25519, ssh-rsa or ecdsa-sha2-nistp256/384/521");
    }
  }
  return instance;
}

// What an UpdateInstance changes.
struct Changes {
  storage::InstanceUpdate update;
  bool sends_payload = false;
};

absl::StatusOr<Changes> ReadChanges(const v1::UpdateInstanceRequest& request) {
  RETURN_IF_ERROR(CheckId("instance_id", request.instance_id()));
  std::set<std::string> mask(request.update_mask().paths().begin(),
                             request.update_mask().paths().end());
  for (const std::string& path : mask) {
    if (path != "name" && path != "tags" && path != "payload_path" && path != "execute_payload") {
      return InvalidField("update_mask", path,
                          "is not one of name, tags, payload_path, execute_payload");
    }
  }
  if (mask.empty()) {
    if (!request.name().empty()) mask.insert("name");
    if (!request.tags().empty()) mask.insert("tags");
    if (!request.payload_path().empty()) mask.insert("payload_path");
    if (request.execute_payload()) mask.insert("execute_payload");
  }
  if (mask.empty()) {
    return InvalidField("update_mask", "", "and all fields are empty: nothing to change");
  }
  Changes changes;
  if (mask.count("name") > 0) {
    RETURN_IF_ERROR(CheckLabel("name", request.name(), kMaxLabelBytes, /*required=*/true));
    changes.update.name = request.name();
  }
  if (mask.count("tags") > 0) {
    RETURN_IF_ERROR(CheckTags("tags", request.tags()));
    changes.update.tags = SortedTags(request.tags());
  }
  changes.sends_payload = mask.count("payload_path") > 0;
  if (mask.count("execute_payload") > 0 && request.execute_payload() && !changes.sends_payload) {
    return InvalidField("execute_payload", "true", "needs payload_path");
  }
  return changes;
}

v1::DeployPayloadRequest PayloadRequest(const v1::UpdateInstanceRequest& request) {
  v1::DeployPayloadRequest payload;
  payload.add_instance_ids(request.instance_id());
  payload.set_payload_path(request.payload_path());
  payload.set_execute_payload(request.execute_payload());
  return payload;
}

absl::StatusOr<v1::Instance> Existing(Connection& connection, int64_t id) {
  ASSIGN_OR_RETURN(auto instance, instance_store::Get(connection, id));
  if (!instance.has_value()) return InstanceNotFound(id);
  return *std::move(instance);
}

}  // namespace

InstanceManager::InstanceManager(storage::Database* database, const Deployer* deployer,
                                 Signals* signals)
    : database_(*database), deployer_(*deployer), signals_(*signals) {}

absl::StatusOr<v1::Instance> InstanceManager::Register(const v1::RegisterInstanceRequest& request) {
  v1::Instance wanted;
  v1::Instance response;
  bool replayed = false;
  const auto prepare = [&]() -> absl::Status {
    ASSIGN_OR_RETURN(wanted, NewInstance(request));
    return absl::OkStatus();
  };
  const auto insert = [&](Connection& connection) -> absl::Status {
    ASSIGN_OR_RETURN(response, instance_store::Insert(connection, wanted));
    return absl::OkStatus();
  };
  RETURN_IF_ERROR(AnswerOnce(database_, {"RegisterInstance", request.request_id(), &request},
                             prepare, insert, &response, &replayed));
  return response;
}

absl::StatusOr<v1::Instance> InstanceManager::Get(int64_t instance_id) {
  RETURN_IF_ERROR(CheckId("instance_id", instance_id));
  v1::Instance instance;
  RETURN_IF_ERROR(FromStorage(database_.Run([&](Connection& connection) -> absl::Status {
    ASSIGN_OR_RETURN(instance, Existing(connection, instance_id));
    return absl::OkStatus();
  })));
  return instance;
}

absl::StatusOr<v1::UpdateInstanceResponse> InstanceManager::Update(
    const v1::UpdateInstanceRequest& request) {
  ASSIGN_OR_RETURN(Changes changes, ReadChanges(request));
  const v1::DeployPayloadRequest payload = PayloadRequest(request);
  Deployer::Plan plan;
  if (changes.sends_payload) {
    ASSIGN_OR_RETURN(plan, deployer_.Prepare(payload));
  }
  v1::UpdateInstanceResponse response;
  RETURN_IF_ERROR(FromStorage(database_.Transact([&](Connection& connection) -> absl::Status {
    response.Clear();
    const int64_t id = request.instance_id();
    ASSIGN_OR_RETURN(const auto targets, instance_store::LockTargets(connection, {id}));
    if (targets.empty()) return InstanceNotFound(id);
    RETURN_IF_ERROR(CheckTakesPayloads(id, targets.at(id)));
    if (changes.sends_payload) {
      v1::DeployPayloadResponse deployed;
      RETURN_IF_ERROR(deployer_.DeployIn(connection, payload, &plan, &deployed));
      response.set_payload_id(deployed.payload_ids(0));
      response.set_task_id(deployed.task_ids(0));
      changes.update.payload_id = response.payload_id();
    }
    RETURN_IF_ERROR(instance_store::Update(connection, id, changes.update));
    ASSIGN_OR_RETURN(*response.mutable_instance(), Existing(connection, id));
    return absl::OkStatus();
  })));
  if (changes.sends_payload) signals_.TasksDue();
  return response;
}

absl::StatusOr<v1::TerminateInstanceResponse> InstanceManager::Terminate(int64_t instance_id) {
  RETURN_IF_ERROR(CheckId("instance_id", instance_id));
  v1::TerminateInstanceResponse response;
  RETURN_IF_ERROR(FromStorage(database_.Transact([&](Connection& connection) -> absl::Status {
    response.Clear();
    // Waits for those who are just giving it payloads, and for another that terminates it.
    RETURN_IF_ERROR(instance_store::MarkTerminating(connection, instance_id));
    ASSIGN_OR_RETURN(*response.mutable_instance(), Existing(connection, instance_id));
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
    return absl::OkStatus();
  })));
  signals_.TasksDue();
  return response;
}

absl::StatusOr<v1::ListInstancesResponse> InstanceManager::List(
    const v1::ListInstancesRequest& request) {
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
    ASSIGN_OR_RETURN(instances, instance_store::List(connection, filter, page));
    return absl::OkStatus();
  })));
  v1::ListInstancesResponse response;
  response.set_next_page_token(FinishPage(list, page, &instances));
  for (v1::Instance& instance : instances) *response.add_instances() = std::move(instance);
  return response;
}

}  // namespace longshore::domain
