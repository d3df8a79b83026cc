// Sorts a batch of workers' events by what has to be written, and refuses events of tasks that the
// sender does not hold. Internal to the event applier.
#ifndef LONGSHORE_API_SERVER_EXECUTOR_EVENT_BATCH_H_
#define LONGSHORE_API_SERVER_EXECUTOR_EVENT_BATCH_H_

#include <chrono>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "api_server/executor/event_applier.h"
#include "longshore/v1/worker_service.pb.h"
#include "storage/lease_store.h"
#include "storage/output_store.h"
#include "storage/task_store.h"

namespace longshore::executor {

// What has to be written. The elements of parallel vectors belong together.
struct EventBatch {
  std::vector<std::pair<storage::HeldLease, std::string>> host_keys;  // With the key seen.
  std::map<int64_t, int64_t> host_key_instances;                      // By task.
  std::map<int64_t, std::string> homes;  // Payloads of which a path tells a home directory.
  std::map<int64_t, std::string>
      transferred;                           // Payloads that arrived, and where; nothing more yet.
  std::map<int64_t, std::string> executing;  // Payloads that run, and where, if that is new.
  std::vector<int64_t> executing_tasks;
  std::vector<int64_t> script_ended_tasks;
  std::vector<storage::OutputChunk> output;
  std::vector<storage::TaskEnd> ends;
  std::vector<int64_t> maybe_started;
  std::vector<int64_t> retries;
  std::vector<std::chrono::milliseconds> retry_delays;
  std::vector<std::string> retry_errors;
  std::vector<storage::HeldLease> released;
  std::vector<std::pair<storage::LockedTask, v1::Provisioned>> provisioned;
  std::vector<storage::CleanedRun> cleaned;
};

// Not thread-safe. It serves one transaction, which holds the locks of `tasks`.
class EventBatchBuilder {
 public:
  EventBatchBuilder(const std::vector<storage::LockedTask>& tasks, const ApplierOptions& options,
                    ApplyOutcome* outcome);

  void Add(const ReportedEvent& reported);
  // Refuses the event because of `problem` and ends its task, if the sender holds that task.
  void Refuse(const ReportedEvent& reported, const std::string& problem);

  const EventBatch& batch() const { return batch_; }

 private:
  // Returns the task if the sender holds it under the event's epoch, otherwise null.
  storage::LockedTask* Held(const ReportedEvent& reported);
  // Returns an error when what the event says cannot be true of `task`.
  absl::Status CheckAgainst(const v1::TaskEvent& event, const storage::LockedTask& task) const;
  void AddHeld(const ReportedEvent& reported, storage::LockedTask& task);
  void AddRetry(const v1::Retry& retry, storage::LockedTask& task);
  void AddProvisioned(storage::LockedTask& task, v1::Provisioned provisioned);
  void End(storage::LockedTask& task, storage::TaskEnd end);

  const ApplierOptions& options_;
  ApplyOutcome& outcome_;
  std::map<int64_t, storage::LockedTask> tasks_;
  EventBatch batch_;
};

}  // namespace longshore::executor

#endif  // LONGSHORE_API_SERVER_EXECUTOR_EVENT_BATCH_H_
