#include "api_server/domain/task_manager.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "api_server/domain/errors.h"
#include "api_server/domain/fields.h"
#include "api_server/domain/page.h"
#include "common/status_macros.h"
#include "storage/provision_store.h"
#include "storage/task_store.h"
#include "storage/worker_store.h"

namespace longshore::domain {

using storage::Connection;
namespace task_store = storage::task_store;

absl::StatusOr<v1::Task> TaskManager::Get(const Caller& caller, int64_t task_id) {
  RETURN_IF_ERROR(CheckId("task_id", task_id));
  std::optional<v1::Task> task;
  RETURN_IF_ERROR(FromStorage(database_.Run([&](Connection& connection) -> absl::Status {
    ASSIGN_OR_RETURN(task, task_store::Get(connection, caller.scope, task_id));
    return absl::OkStatus();
  })));
  if (!task.has_value()) return TaskNotFound(task_id);
  return *std::move(task);
}

absl::StatusOr<v1::GetTaskLogResponse> TaskManager::GetLog(const Caller& caller, int64_t task_id) {
  RETURN_IF_ERROR(Get(caller, task_id).status());
  v1::GetTaskLogResponse response;
  response.set_task_id(task_id);
  RETURN_IF_ERROR(FromStorage(database_.Run([&](Connection& connection) -> absl::Status {
    ASSIGN_OR_RETURN(*response.mutable_log(),
                     storage::provision_store::GetLog(connection, task_id));
    return absl::OkStatus();
  })));
  return response;
}

absl::StatusOr<v1::ListTasksResponse> TaskManager::List(const Caller& caller,
                                                        const v1::ListTasksRequest& request) {
  RETURN_IF_ERROR(CheckEnum("status", request.status(), v1::TaskStatus_IsValid));
  RETURN_IF_ERROR(CheckEnum("type", request.type(), v1::TaskType_IsValid));
  if (request.instance_id() != 0) RETURN_IF_ERROR(CheckId("instance_id", request.instance_id()));
  const std::string list = "tasks/" + std::to_string(request.status()) + "/" +
                           std::to_string(request.type()) + "/" +
                           std::to_string(request.instance_id());
  ASSIGN_OR_RETURN(const storage::Page page,
                   ParsePage(list, request.page_size(), request.page_token()));
  std::vector<v1::Task> tasks;
  RETURN_IF_ERROR(FromStorage(database_.Run([&](Connection& connection) -> absl::Status {
    ASSIGN_OR_RETURN(tasks, task_store::List(connection, caller.scope,
                                             {.status = request.status(),
                                              .type = request.type(),
                                              .instance_id = request.instance_id()},
                                             page));
    return absl::OkStatus();
  })));
  v1::ListTasksResponse response;
  response.set_next_page_token(FinishPage(list, page, &tasks));
  for (v1::Task& task : tasks) *response.add_tasks() = std::move(task);
  return response;
}

absl::StatusOr<v1::ListWorkersResponse> TaskManager::ListWorkers(
    const Caller& caller, const v1::ListWorkersRequest& request) {
  constexpr char kList[] = "workers";
  ASSIGN_OR_RETURN(const storage::Page page,
                   ParsePage(kList, request.page_size(), request.page_token()));
  std::vector<storage::ListedWorker> workers;
  std::vector<std::string> lacking;
  RETURN_IF_ERROR(FromStorage(database_.Run([&](Connection& connection) -> absl::Status {
    ASSIGN_OR_RETURN(workers, storage::worker_store::List(connection, page));
    if (page.after != 0) return absl::OkStatus();
    ASSIGN_OR_RETURN(lacking, storage::worker_store::PoolsWithoutWorker(connection, caller.scope));
    return absl::OkStatus();
  })));
  v1::ListWorkersResponse response;
  response.set_next_page_token(FinishPage(kList, page, &workers));
  response.mutable_pools_without_worker()->Add(lacking.begin(), lacking.end());
  for (storage::ListedWorker& listed : workers) *response.add_workers() = std::move(listed.worker);
  return response;
}

}  // namespace longshore::domain
