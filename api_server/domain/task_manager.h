// The rules of TaskService.
#ifndef LONGSHORE_API_SERVER_DOMAIN_TASK_MANAGER_H_
#define LONGSHORE_API_SERVER_DOMAIN_TASK_MANAGER_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "api_server/domain/caller.h"
#include "longshore/v1/task_service.pb.h"
#include "storage/database.h"

namespace longshore::domain {

// Thread-safe. Errors are those of errors.h.
class TaskManager {
 public:
  explicit TaskManager(storage::Database* database) : database_(*database) {}

  absl::StatusOr<v1::Task> Get(const Caller& caller, int64_t task_id);
  absl::StatusOr<v1::GetTaskLogResponse> GetLog(const Caller& caller, int64_t task_id);
  absl::StatusOr<v1::ListTasksResponse> List(const Caller& caller,
                                             const v1::ListTasksRequest& request);
  absl::StatusOr<v1::ListWorkersResponse> ListWorkers(const Caller& caller,
                                                      const v1::ListWorkersRequest& request);

 private:
  storage::Database& database_;
};

}  // namespace longshore::domain

#endif  // LONGSHORE_API_SERVER_DOMAIN_TASK_MANAGER_H_
