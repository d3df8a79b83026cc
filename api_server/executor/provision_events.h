// Applies what a worker reports about a PROVISION_INSTANCE task.
#ifndef LONGSHORE_API_SERVER_EXECUTOR_PROVISION_EVENTS_H_
#define LONGSHORE_API_SERVER_EXECUTOR_PROVISION_EVENTS_H_

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "common/backoff.h"
#include "longshore/v1/worker_service.pb.h"
#include "storage/connection.h"
#include "storage/output_store.h"
#include "storage/task_store.h"

namespace longshore::executor {

// Ends the task and its instance's provisioning, or puts the task back for another try. Adds the
// payloads that ended with it to `ended`. The caller holds the task and has begun a transaction.
absl::Status ApplyProvisioned(storage::Connection& connection, const storage::LockedTask& task,
                              const v1::Provisioned& provisioned, const BackoffOptions& backoff,
                              const OutputLimit& limit, std::vector<int64_t>* ended);

}  // namespace longshore::executor

#endif  // LONGSHORE_API_SERVER_EXECUTOR_PROVISION_EVENTS_H_
