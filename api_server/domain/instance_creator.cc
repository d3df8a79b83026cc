#include "api_server/domain/instance_creator.h"

#include <random>

#include "absl/strings/str_format.h"
#include "api_server/domain/errors.h"
#include "api_server/domain/fields.h"
#include "api_server/domain/request_once.h"
#include "common/status.h"
#include "common/status_macros.h"
#include "storage/instance_store.h"
#include "storage/instance_task_store.h"

namespace longshore::domain {
namespace {

using storage::Connection;

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
  if (request.provision()) return ProvisioningNotAvailable();
  return absl::OkStatus();
}

v1::Instance NewInstance(const v1::CreateInstanceRequest& request, int number) {
  v1::Instance instance;
  instance.set_name(request.name());
  if (CountOf(request) > 1) instance.mutable_name()->append("-" + std::to_string(number));
  instance.set_project(request.project());
  instance.set_provider(ProviderOf(request));
  instance.set_region(request.region());
  instance.set_size(request.size());
  instance.set_image(request.image());
  instance.set_port(22);
  instance.set_ssh_user("root");
  instance.set_status(v1::INSTANCE_STATUS_PENDING);
  for (std::string& tag : SortedTags(request.tags())) instance.add_tags(std::move(tag));
  return instance;
}

}  // namespace

InstanceCreator::InstanceCreator(storage::Database* database, const providers::Providers* providers,
                                 Signals* signals)
    : database_(*database), providers_(*providers), signals_(*signals) {}

absl::Status InstanceCreator::Check(const v1::CreateInstanceRequest& request) const {
  const auto provider = providers_.find(ProviderOf(request));
  if (provider == providers_.end()) {
    std::string known;
    for (const auto& [name, each] : providers_) known += (known.empty() ? "" : ", ") + name;
    return InvalidField("provider", request.provider(), "is not one of: " + known);
  }
  RETURN_IF_ERROR(CheckLabel("name", request.name(), kMaxNameBytes, /*required=*/true));
  for (const auto& [field, value] :
       {std::pair("project", &request.project()), std::pair("region", &request.region()),
        std::pair("size", &request.size()), std::pair("image", &request.image())}) {
    RETURN_IF_ERROR(CheckLabel(field, *value, kMaxLabelBytes, /*required=*/false));
  }
  RETURN_IF_ERROR(CheckTags("tags", request.tags()));
  if (request.number_of_instances() < 0 || request.number_of_instances() > kMaxInstances) {
    return InvalidField("number_of_instances", std::to_string(request.number_of_instances()),
                        "is out of range: 0 for 1, or 1 to " + std::to_string(kMaxInstances));
  }
  RETURN_IF_ERROR(CheckPayload(request));
  const absl::Status possible = provider->second->Check(
      {.region = request.region(), .size = request.size(), .image = request.image()});
  return possible.ok() ? possible : WithReason(possible, "INVALID_FIELD");
}

absl::StatusOr<v1::CreateInstanceResponse> InstanceCreator::Create(
    const v1::CreateInstanceRequest& request) {
  v1::CreateInstanceResponse response;
  bool replayed = false;
  const auto prepare = [&] { return Check(request); };
  const auto insert = [&](Connection& connection) -> absl::Status {
    for (int i = 0; i < CountOf(request); ++i) {
      ASSIGN_OR_RETURN(
          *response.add_instances(),
          storage::InstanceStore::Insert(connection, NewInstance(request, i), NewMachineKey()));
      ASSIGN_OR_RETURN(
          const int64_t task,
          storage::InstanceTaskStore::Insert(connection, {.type = v1::TASK_TYPE_CREATE_INSTANCE,
                                                          .instance_id = response.instances(i).id(),
                                                          .time_limit = kCreateLimit}));
      response.add_task_ids(task);
    }
    return absl::OkStatus();
  };
  RETURN_IF_ERROR(RunOnce(database_, {"CreateInstance", request.request_id(), &request}, prepare,
                          insert, &response, &replayed));
  if (!replayed) signals_.TasksDue();
  return response;
}

}  // namespace longshore::domain
