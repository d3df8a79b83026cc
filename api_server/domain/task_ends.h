// How tasks end that no worker brings to an end, in the words that users read.
#ifndef LONGSHORE_API_SERVER_DOMAIN_TASK_ENDS_H_
#define LONGSHORE_API_SERVER_DOMAIN_TASK_ENDS_H_

#include <string>

#include "storage/claims.h"
#include "storage/task_store.h"

namespace longshore::domain {

// The script has not been started and is not wanted any more.
storage::TaskEnd CancelledEnd(const storage::LockedTask& task);

// The instance is going away.
storage::TaskEnd TerminatedEnd(const storage::LockedTask& task);

// The instance will never be READY.
storage::TaskEnd InstanceFailedEnd(const storage::LockedTask& task);

// Longshore itself cannot carry the task on; `error` says why.
storage::TaskEnd InternalEnd(const storage::LockedTask& task, std::string error);

// A claim has refused the task.
storage::TaskEnd RefusedEnd(const storage::RefusedTask& task);

}  // namespace longshore::domain

#endif  // LONGSHORE_API_SERVER_DOMAIN_TASK_ENDS_H_
