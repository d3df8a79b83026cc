// Ends an instance that failed, and the payloads that wait for it.
#ifndef LONGSHORE_API_SERVER_EXECUTOR_INSTANCE_END_H_
#define LONGSHORE_API_SERVER_EXECUTOR_INSTANCE_END_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "storage/connection.h"
#include "storage/instance_task_store.h"
#include "storage/output_store.h"

namespace longshore::executor {

// Sets the task and its instance to FAILED because of `error`, ends every payload that waits for
// the instance with DEPENDENCY_FAILED, and adds those payloads to `ended`. The caller holds the
// task and has begun a transaction.
absl::Status FailInstance(storage::Connection& connection, int64_t task_id, int64_t instance_id,
                          const std::string& error, const OutputLimit& limit,
                          std::vector<int64_t>* ended);

}  // namespace longshore::executor

#endif  // LONGSHORE_API_SERVER_EXECUTOR_INSTANCE_END_H_
