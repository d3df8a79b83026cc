#include "api_server/domain/instance_creator.h"

#include <random>

#include "absl/strings/str_format.h"
#include "api_server/domain/errors.h"
#include "api_server/domain/fields.h"
#include "api_server/domain/instance_fields.h"
#include "api_server/domain/request_once.h"
#include "common/policy.h"
#include "common/status.h"
#include "common/status_macros.h"
#include "storage/instance_store.h"
#include "storage/instance_task_store.h"

namespace longshore::domain {
namespace {

using storage::Connection;
namespace instance_task_store = storage::instance_task_store;

constexpr int kMaxInstances = 100;
// A provider that has not made a machine by then will not.
constexpr std::chrono::seconds kCreateLimit{900};
// Room for "-99".
constexpr size_t kMaxNameBytes = kMaxLabelBytes - 3;

std::string ProviderOf(const v1::CreateInstanceRequest& request) {
  return request.provider().empty() ? providers::kDefaultProvider : request.provider();
}

int CountOf(const v1::CreateInstanceRequest& request) {
  return request.number_of_instances() == 0 ? 1 : request.number_of_instances();
}

// Unlike every other, also those of other databases at the same provider.
std::string NewMachineKey() {
  std::random_device device;
  std::string key = "longshore";
  for (int i = 0; i < 4; ++i) key += absl::StrFormat("%s%08x", i == 0 ? "-" : "", device());
  return key;
}

absl::Status CheckPayload(const v1::CreateInstanceRequest& request) {
  if (request.execute_payload() && request.payload_path().empty()) {
    return InvalidField("execute_payload", "true", "needs payload_path");
  }
  if (!request.payload_path().empty() && !request.provision()) {
    return InvalidField("payload_path", request.payload_path(),
                        "needs provision: nothing is sent to an instance that is not set up");
  }
  return absl::OkStatus();
}

v1::Instance NewInstance(const v1::CreateInstanceRequest& request, int number) {
  v1::Instance instance;
  instance.set_name(request.name());
  if (CountOf(request) > 1) instance.mutable_name()->append("-" + std::to_string(number));
  instance.set_project(ProjectOrDefault(request.project()));
  instance.set_provider(ProviderOf(request));
  instance.set_region(request.region());
  instance.set_size(request.size());
  instance.set_image(request.image());
  instance.set_port(PortOrDefault(0));
  instance.set_pool(PoolOrDefault(request.pool()));
  instance.set_ssh_user("root");
  instance.set_status(v1::INSTANCE_STATUS_PENDING);
  for (std::string& tag : SortedTags(request.tags())) instance.add_tags(std::move(tag));
  return instance;
}

}  // namespace

InstanceCreator::InstanceCreator(storage::Database* database, const providers::Providers* providers,
                                 const Deployer* deployer, Signals* signals, Quotas quotas)
    : database_(*database),
      providers_(*providers),
      deployer_(*deployer),
      signals_(*signals),
      quotas_(quotas) {}

absl::Status InstanceCreator::Check(const v1::CreateInstanceRequest& request) const {
  const auto provider = providers_.find(ProviderOf(request));
  if (provider == providers_.end()) {
    std::string known;
    for (const auto& [name, each] : providers_) known += (known.empty() ? "" : ", ") + name;
    return InvalidField("provider", ProviderOf(request),
                        known.empty() ? "is not there: no provider is on (--providers)"
                                      : "is not one of: " + known);
  }
  RETURN_IF_ERROR(CheckLabel("name", request.name(), kMaxNameBytes, /*required=*/true));
  for (const auto& [field, value] :
       {std::pair("project", &request.project()), std::pair("region", &request.region()),
        std::pair("size", &request.size()), std::pair("image", &request.image())}) {
    RETURN_IF_ERROR(CheckLabel(field, *value, kMaxLabelBytes, /*required=*/false));
  }
  RETURN_IF_ERROR(CheckTags("tags", request.tags()));
  RETURN_IF_ERROR(ReadPool(request.pool()).status());
  if (request.number_of_instances() < 0 || request.number_of_instances() > kMaxInstances) {
    return InvalidField("number_of_instances", std::to_string(request.number_of_instances()),
                        "is out of range: 0 for 1, or 1 to " + std::to_string(kMaxInstances));
  }
  RETURN_IF_ERROR(CheckPayload(request));
  const absl::Status possible = provider->second->Check(
      {.region = request.region(), .size = request.size(), .image = request.image()});
  return possible.ok() ? possible : WithReason(possible, "INVALID_FIELD");
}

absl::Status InstanceCreator::CheckQuotas(Connection& connection,
                                          const v1::CreateInstanceRequest& request) const {
  const std::string project = ProjectOrDefault(request.project());
  const int64_t tasks = request.provision() ? 2 : 1;
  RETURN_IF_ERROR(CheckInstances(connection, quotas_, project, CountOf(request)));
  return CheckOpenTasks(connection, quotas_, project, tasks * CountOf(request));
}

absl::Status InstanceCreator::InsertInstances(Connection& connection,
                                              const v1::CreateInstanceRequest& request,
                                              std::map<int64_t, int64_t>* last_tasks,
                                              v1::CreateInstanceResponse* response) const {
  for (int i = 0; i < CountOf(request); ++i) {
    ASSIGN_OR_RETURN(
        *response->add_instances(),
        storage::instance_store::Insert(connection, NewInstance(request, i), NewMachineKey()));
    const int64_t id = response->instances(i).id();
    ASSIGN_OR_RETURN(int64_t task,
                     instance_task_store::Insert(connection, {.type = v1::TASK_TYPE_CREATE_INSTANCE,
                                                              .instance_id = id,
                                                              .time_limit = kCreateLimit}));
    response->add_task_ids(task);
    if (request.provision()) {
      ASSIGN_OR_RETURN(task, instance_task_store::Insert(
                                 connection, {.type = v1::TASK_TYPE_PROVISION_INSTANCE,
                                              .instance_id = id,
                                              .depends_on = task,
                                              .time_limit = policy::kProvisionTimeLimit}));
    }
    (*last_tasks)[id] = task;
  }
  return absl::OkStatus();
}

absl::Status InstanceCreator::InsertPayloads(Connection& connection, const Caller& caller,
                                             Deployer::Plan* plan, v1::DeployPayloadRequest payload,
                                             v1::CreateInstanceResponse* response) const {
  for (const v1::Instance& instance : response->instances()) {
    payload.add_instance_ids(instance.id());
  }
  v1::DeployPayloadResponse deployed;
  RETURN_IF_ERROR(deployer_.DeployIn(connection, caller, payload, plan, &deployed));
  for (int i = 0; i < deployed.payload_ids_size(); ++i) {
    v1::Instance* instance = response->mutable_instances(i);
    RETURN_IF_ERROR(storage::instance_store::Update(connection, instance->id(),
                                                    {.payload_id = deployed.payload_ids(i)}));
    ASSIGN_OR_RETURN(const auto updated,
                     storage::instance_store::Get(connection, caller.scope, instance->id()));
    *instance = *updated;
  }
  return absl::OkStatus();
}

absl::StatusOr<v1::CreateInstanceResponse> InstanceCreator::Create(
    const Caller& caller, const v1::CreateInstanceRequest& request) {
  const bool with_payload = !request.payload_path().empty();
  v1::DeployPayloadRequest payload;
  payload.set_payload_path(request.payload_path());
  payload.set_execute_payload(request.execute_payload());
  payload.set_timeout(request.timeout());
  Deployer::Plan plan;
  v1::CreateInstanceResponse response;
  Change change;
  bool replayed = false;
  const auto prepare = [&]() -> absl::Status {
    RETURN_IF_ERROR(Check(request));
    RETURN_IF_ERROR(CheckProject(caller, request.project()));
    if (!with_payload) return absl::OkStatus();
    ASSIGN_OR_RETURN(plan, deployer_.PrepareWithoutInstances(caller, payload));
    return absl::OkStatus();
  };
  const auto insert = [&](Connection& connection) -> absl::Status {
    plan.depends_on.clear();
    RETURN_IF_ERROR(CheckQuotas(connection, request));
    RETURN_IF_ERROR(InsertInstances(connection, request, &plan.depends_on, &response));
    if (with_payload) {
      RETURN_IF_ERROR(InsertPayloads(connection, caller, &plan, payload, &response));
    }
    change = {.project = ProjectOrDefault(request.project()), .script_sha256 = plan.script.sha256};
    for (const v1::Instance& instance : response.instances()) change.ids.push_back(instance.id());
    return absl::OkStatus();
  };
  RETURN_IF_ERROR(AnswerOnce(database_,
                             {&caller, "CreateInstance", request.request_id(), &request, &change},
                             prepare, insert, &response, &replayed));
  if (!replayed) {
    signals_.TasksDue();
    signals_.InstancesChanged();
  }
  return response;
}

}  // namespace longshore::domain
