#include "api_server/executor/instance_runner.h"

#include <glog/logging.h>

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include "common/status_macros.h"
#include "storage/instance_store.h"
#include "storage/payload_store.h"
#include "storage/task_store.h"

namespace longshore::executor {
namespace {

using std::chrono::milliseconds;
using storage::Connection;
using storage::InstanceTask;
using storage::InstanceTaskStore;
using storage::LockedTask;
using storage::TaskStore;

constexpr int kMaxTasksPerRound = 50;
// The net under notifications that were lost.
constexpr milliseconds kSafetyPoll{15000};
constexpr milliseconds kShortestWait{20};
// How soon to look again whether what runs on an instance has stopped.
constexpr milliseconds kStopPoll{500};

}  // namespace

InstanceRunner::InstanceRunner(storage::Database* database, domain::Signals* signals,
                               InstanceRunnerOptions options)
    : database_(*database),
      signals_(*signals),
      options_(std::move(options)),
      loop_("instance runner", [this] { return Round(); }) {}

absl::StatusOr<milliseconds> InstanceRunner::Round() {
  std::vector<InstanceTask> tasks;
  std::optional<milliseconds> next;
  do {
    RETURN_IF_ERROR(database_.Transact([&](Connection& connection) -> absl::Status {
      ASSIGN_OR_RETURN(tasks, InstanceTaskStore::Claim(connection, options_.owner,
                                                       kMaxTasksPerRound, options_.lease_duration));
      return absl::OkStatus();
    }));
    // One that fails is reaped with its lease and tried again.
    for (const InstanceTask& task : tasks) RETURN_IF_ERROR(RunOne(task));
  } while (tasks.size() == kMaxTasksPerRound);
  RETURN_IF_ERROR(database_.Run([&](Connection& connection) -> absl::Status {
    ASSIGN_OR_RETURN(next, InstanceTaskStore::NextDue(connection));
    return absl::OkStatus();
  }));
  return std::clamp(next.value_or(kSafetyPoll), kShortestWait, kSafetyPoll);
}

absl::Status InstanceRunner::RunOne(const InstanceTask& task) {
  if (task.type != v1::TASK_TYPE_TERMINATE_INSTANCE) {
    return absl::InternalError("task " + std::to_string(task.id) + " is of a kind not known here");
  }
  std::vector<int64_t> asked;
  std::vector<int64_t> ended;
  RETURN_IF_ERROR(database_.Transact([&](Connection& connection) {
    asked.clear();
    ended.clear();
    return Terminate(connection, task, &asked, &ended);
  }));
  if (!asked.empty()) signals_.CancelRequested(asked);
  if (!ended.empty()) signals_.PayloadsChanged(ended);
  return absl::OkStatus();
}

absl::Status InstanceRunner::Terminate(Connection& connection, const InstanceTask& task,
                                       std::vector<int64_t>* asked, std::vector<int64_t>* ended) {
  ASSIGN_OR_RETURN(const auto open,
                   storage::PayloadStore::OpenOfInstance(connection, task.instance_id));
  ASSIGN_OR_RETURN(const auto locked, TaskStore::LockForPayloads(connection, open));
  ASSIGN_OR_RETURN(const bool held, InstanceTaskStore::LockHeld(connection, task));
  if (!held) return absl::OkStatus();
  const bool patient = task.age < options_.stop_grace;
  std::set<int64_t> running;  // Payloads.
  for (const LockedTask& each : locked) {
    const bool runs = each.status == v1::TASK_STATUS_RUNNING ||
                      (each.status == v1::TASK_STATUS_PENDING &&
                       each.payload_status == v1::PAYLOAD_STATUS_EXECUTING);
    if (!runs || !patient) continue;
    asked->push_back(each.id);
    running.insert(each.payload_id);
  }
  std::vector<storage::TaskEnd> ends;
  for (const LockedTask& each : locked) {
    if (running.count(each.payload_id) > 0) continue;
    ends.push_back(storage::TerminatedEnd(each));
    ended->push_back(each.payload_id);
  }
  RETURN_IF_ERROR(TaskStore::RequestCancel(connection, *asked));
  RETURN_IF_ERROR(
      TaskStore::End(connection, ends, storage::OutputLimit(options_.max_output_bytes)));
  if (!running.empty()) {
    return TaskStore::Reschedule(
        connection, {task.id}, {kStopPoll},
        {std::to_string(running.size()) + " payloads on the instance are being stopped"});
  }
  LOG(INFO) << "instance " << task.instance_id << " is terminated";
  RETURN_IF_ERROR(storage::InstanceStore::MarkTerminated(connection, task.instance_id));
  return InstanceTaskStore::Complete(connection, task.id);
}

}  // namespace longshore::executor
