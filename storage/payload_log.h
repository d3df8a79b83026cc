// What the log and the metrics say of a payload's life: one line each for accepted, asked to run,
// started, delivered and ended. None of them holds anything that a script or an instance said.
#ifndef LONGSHORE_STORAGE_PAYLOAD_LOG_H_
#define LONGSHORE_STORAGE_PAYLOAD_LOG_H_

#include <string>
#include <vector>

#include "storage/connection.h"

namespace longshore::storage {

// Each row of `payloads` has the columns id, deployment_id, instance_id, task_id, attempt and
// project, and of_task (the fragment task_of_payload) but for the first two. The lines are written,
// and the steps counted, once the transaction that the connection is in has been committed, and not
// at all when it is rolled back; a commit that stays in doubt writes none.

// A payload exists from now on, or begins a new attempt.
void LogAccepted(Connection& connection, const Result& payloads);
// Somebody asked to run a payload that was only to be delivered.
void LogAskedToRun(Connection& connection, const Result& payloads);
// The script of a payload runs.
void LogStarted(Connection& connection, const Result& payloads);
// A payload lies at its remote_path. Its row also has execute_payload: one that is to run as well
// gets no line, because it has one when it starts.
void LogDelivered(Connection& connection, const Result& payloads);
// A payload has reached a terminal status. Its row also has status, failure_reason, exit_code and
// execution_time_us.
void LogEnded(Connection& connection, const Result& payloads);

}  // namespace longshore::storage

#endif  // LONGSHORE_STORAGE_PAYLOAD_LOG_H_
