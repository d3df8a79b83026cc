// The ends of tasks that no worker ends itself, with the texts that users read.
#ifndef LONGSHORE_API_SERVER_DOMAIN_TASK_ENDS_H_
#define LONGSHORE_API_SERVER_DOMAIN_TASK_ENDS_H_

#include <string>

#include "storage/claims.h"
#include "storage/task_store.h"

namespace longshore::domain {

// Somebody cancelled the task before its script was started.
storage::TaskEnd CancelledEnd(const storage::LockedTask& task);

// The instance is being terminated.
storage::TaskEnd TerminatedEnd(const storage::LockedTask& task);

// The instance will never be READY.
storage::TaskEnd InstanceFailedEnd(const storage::LockedTask& task);

// Longshore itself cannot carry the task on; `error` says why.
storage::TaskEnd InternalEnd(const storage::LockedTask& task, std::string error);

// A claim refused the task, for the reason that it names.
storage::TaskEnd RefusedEnd(const storage::RefusedTask& task);

}  // namespace longshore::domain

#endif  // LONGSHORE_API_SERVER_DOMAIN_TASK_ENDS_H_
