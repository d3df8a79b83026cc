#include "api_server/executor/instance_steps.h"

#include <glog/logging.h>

#include <fstream>
#include <set>
#include <utility>

#include "api_server/domain/task_ends.h"
#include "api_server/executor/instance_end.h"
#include "common/backoff.h"
#include "common/host_key.h"
#include "common/log_fields.h"
#include "common/status.h"
#include "common/status_macros.h"
#include "common/utf8.h"
#include "storage/payload_store.h"
#include "storage/task_store.h"

namespace longshore::executor {
namespace {

using std::chrono::milliseconds;
using storage::Connection;
namespace instance_store = storage::instance_store;
using storage::InstanceTask;
namespace instance_task_store = storage::instance_task_store;
using storage::LockedTask;
namespace task_store = storage::task_store;

// How soon to look again whether what runs on an instance has stopped.
constexpr milliseconds kStopPoll{500};
// How soon to look again at a machine that is being made, and at keys that cannot be read.
constexpr milliseconds kMachinePoll{200};
constexpr milliseconds kKeysPoll{1000};
constexpr size_t kMaxShown = 80;
constexpr BackoffOptions kProviderAway{.initial = milliseconds(1000),
                                       .maximum = milliseconds(30000)};

}  // namespace

InstanceSteps::InstanceSteps(storage::Database* database, const providers::Providers* providers,
                             domain::Signals* signals, InstanceStepsOptions options)
    : database_(*database),
      providers_(*providers),
      signals_(*signals),
      options_(std::move(options)) {}

absl::Status InstanceSteps::DoNext(const InstanceTask& task) {
  switch (task.type) {
    case v1::TASK_TYPE_CREATE_INSTANCE:
      return Create(task);
    case v1::TASK_TYPE_TERMINATE_INSTANCE:
      return Terminate(task);
    default:
      return absl::InternalError("task " + std::to_string(task.id) +
                                 " is of a kind not known here");
  }
}

absl::Status InstanceSteps::WhileHeld(const InstanceTask& task,
                                      const std::function<absl::Status(Connection&)>& body) {
  return database_.Transact([&](Connection& connection) -> absl::Status {
    ASSIGN_OR_RETURN(const bool held, instance_task_store::LockHeld(connection, task));
    return held ? body(connection) : absl::OkStatus();
  });
}

absl::Status InstanceSteps::Postpone(const InstanceTask& task, milliseconds delay,
                                     const std::string& why) {
  return WhileHeld(task, [&](Connection& connection) {
    return instance_task_store::Postpone(connection, task.id, delay, why, /*failed=*/false);
  });
}

absl::Status InstanceSteps::TryAgain(const InstanceTask& task, const std::string& error) {
  const LogFields about{{"instance_id", task.instance_id}, {"task_id", task.id}};
  LOG(WARNING) << "instance " << task.instance_id << ": " << error << "; trying again";
  const milliseconds delay = BackoffDelay(kProviderAway, task.failures + 1, UniformRandom());
  return WhileHeld(task, [&](Connection& connection) {
    return instance_task_store::Postpone(connection, task.id, delay, error, /*failed=*/true);
  });
}

absl::StatusOr<std::vector<std::string>> InstanceSteps::AuthorizedKeys() const {
  if (options_.authorized_keys_file.empty()) {
    return absl::FailedPreconditionError(
        "--authorized_keys_file is not set: nobody could log in to a new machine");
  }
  std::ifstream file(options_.authorized_keys_file);
  const std::string where = "--authorized_keys_file " + options_.authorized_keys_file;
  if (!file) return absl::FailedPreconditionError(where + " cannot be read");
  std::vector<std::string> keys;
  for (std::string line; std::getline(file, line);) {
    if (line.empty() || line[0] == '#') continue;
    keys.push_back(NormalizedHostKey(line));
    if (keys.back().empty()) {
      return absl::FailedPreconditionError(
          where + " has a line that is no public key: " + ToPrintableLine(line, kMaxShown));
    }
  }
  if (keys.empty()) return absl::FailedPreconditionError(where + " has no key");
  return keys;
}

absl::Status InstanceSteps::Create(const InstanceTask& task) {
  std::optional<Machine> wanted;
  RETURN_IF_ERROR(database_.Run([&](Connection& connection) -> absl::Status {
    ASSIGN_OR_RETURN(wanted, instance_store::GetMachine(connection, task.instance_id));
    return absl::OkStatus();
  }));
  if (wanted->terminating) {  // What has been made so far goes with it.
    return WhileHeld(task, [&](Connection& connection) {
      return instance_task_store::End(connection, task.id, v1::TASK_STATUS_CANCELLED,
                                      "the instance is terminated");
    });
  }
  auto keys = AuthorizedKeys();
  if (keys.ok()) return CreateMachine(task, *wanted, *std::move(keys));
  // A file may be mended; a flag that is not set stays so.
  const bool hopeless = options_.authorized_keys_file.empty() || task.overdue;
  return hopeless ? GiveUp(task, *wanted, ToString(keys.status()))
                  : Postpone(task, kKeysPoll, ToString(keys.status()));
}

absl::Status InstanceSteps::CreateMachine(const InstanceTask& task, const Machine& wanted,
                                          std::vector<std::string> authorized_keys) {
  const v1::Instance& instance = wanted.instance;
  const auto provider = providers_.find(instance.provider());
  if (provider == providers_.end()) {
    return GiveUp(task, wanted, "there is no provider '" + instance.provider() + "' any more");
  }
  const auto made =
      provider->second->Create({.key = wanted.key,
                                .name = instance.name(),
                                .region = instance.region(),
                                .size = instance.size(),
                                .image = instance.image(),
                                .tags = {instance.tags().begin(), instance.tags().end()},
                                .authorized_keys = std::move(authorized_keys)});
  ASSIGN_OR_RETURN(const bool late, IsLate(task));
  // Whoever ended the instance meanwhile may not have seen what was made just now.
  if (late) return DeleteAtProvider(wanted);
  // A provider does not decide what a key may look like.
  const bool strange_key =
      made.ok() && made->has_value() && !(*made)->host_key.empty() && !IsHostKey((*made)->host_key);
  if (!made.ok() || strange_key) {
    const std::string error =
        strange_key ? "the provider gave an invalid host key" : ToString(made.status());
    const bool hopeless = absl::IsInvalidArgument(made.status()) || task.overdue;
    return hopeless ? GiveUp(task, wanted, error) : TryAgain(task, error);
  }
  if (!made->has_value()) {
    const std::string why = "the machine is being made";
    return task.overdue ? GiveUp(task, wanted, why + " for too long")
                        : Postpone(task, kMachinePoll, why);
  }
  v1::Instance machine;
  machine.set_id(instance.id());
  machine.set_address((*made)->address);
  machine.set_port((*made)->port);
  machine.set_ssh_user((*made)->ssh_user);
  machine.set_host_key((*made)->host_key);
  bool free = true;
  RETURN_IF_ERROR(database_.Transact([&](Connection& connection) -> absl::Status {
    free = true;
    ASSIGN_OR_RETURN(const bool held, instance_task_store::LockHeld(connection, task));
    if (!held) return absl::OkStatus();
    ASSIGN_OR_RETURN(free, instance_store::LockAddress(connection, machine.address(),
                                                       machine.port(), instance.project()));
    if (!free) return absl::OkStatus();
    RETURN_IF_ERROR(instance_store::MarkCreated(connection, machine));
    return instance_task_store::End(connection, task.id, v1::TASK_STATUS_COMPLETED);
  }));
  if (!free) {
    return GiveUp(task, wanted,
                  machine.address() + " port " + std::to_string(machine.port()) +
                      ", which the provider gave it, belongs to another project");
  }
  signals_.TasksDue();
  signals_.InstancesChanged();
  return absl::OkStatus();
}

absl::StatusOr<bool> InstanceSteps::IsLate(const InstanceTask& task) {
  bool late = false;
  RETURN_IF_ERROR(database_.Transact([&](Connection& connection) -> absl::Status {
    ASSIGN_OR_RETURN(const bool held, instance_task_store::LockHeld(connection, task));
    ASSIGN_OR_RETURN(
        const auto instance,
        instance_store::Get(connection, storage::Scope::Everything(), task.instance_id));
    late = !held && (instance->status() == v1::INSTANCE_STATUS_FAILED ||
                     instance->status() == v1::INSTANCE_STATUS_TERMINATED);
    return absl::OkStatus();
  }));
  return late;
}

absl::Status InstanceSteps::GiveUp(const InstanceTask& task, const Machine& wanted,
                                   const std::string& error) {
  if (const absl::Status deleted = DeleteAtProvider(wanted); !deleted.ok()) {
    return TryAgain(task, error + "; to be removed: " + std::string(deleted.message()));
  }
  std::vector<int64_t> ended;
  RETURN_IF_ERROR(WhileHeld(task, [&](Connection& connection) {
    ended.clear();
    return FailInstance(connection, task.id, task.instance_id, error,
                        OutputLimit(options_.max_output_bytes), &ended);
  }));
  if (!ended.empty()) signals_.PayloadsChanged(ended);
  signals_.InstancesChanged();
  return absl::OkStatus();
}

absl::Status InstanceSteps::DeleteAtProvider(const Machine& machine) const {
  if (machine.key.empty()) return absl::OkStatus();
  const auto provider = providers_.find(machine.instance.provider());
  if (provider == providers_.end()) {
    return absl::NotFoundError("there is no provider '" + machine.instance.provider() +
                               "' any more");
  }
  return provider->second->Delete(machine.key);
}

absl::Status InstanceSteps::Terminate(const InstanceTask& task) {
  std::vector<int64_t> asked;
  std::vector<int64_t> ended;
  bool stopped = false;
  RETURN_IF_ERROR(database_.Transact([&](Connection& connection) {
    asked.clear();
    ended.clear();
    return StopPayloads(connection, task, &asked, &ended, &stopped);
  }));
  if (!asked.empty()) signals_.CancelRequested(asked);
  if (!ended.empty()) signals_.PayloadsChanged(ended);
  return stopped ? DeleteMachine(task) : absl::OkStatus();
}

absl::Status InstanceSteps::StopPayloads(Connection& connection, const InstanceTask& task,
                                         std::vector<int64_t>* asked, std::vector<int64_t>* ended,
                                         bool* stopped) {
  *stopped = false;
  ASSIGN_OR_RETURN(const auto open,
                   storage::payload_store::OpenOfInstance(connection, task.instance_id));
  ASSIGN_OR_RETURN(const auto locked,
                   task_store::LockForPayloads(connection, storage::Scope::Everything(), open));
  ASSIGN_OR_RETURN(const bool held, instance_task_store::LockHeld(connection, task));
  if (!held) return absl::OkStatus();
  const bool patient = task.age < options_.stop_grace;
  std::set<int64_t> running;  // Payloads.
  for (const LockedTask& each : locked) {
    const bool runs = each.status == v1::TASK_STATUS_RUNNING ||
                      (each.status == v1::TASK_STATUS_PENDING && MayHaveStarted(each));
    if (!runs || !patient) continue;
    asked->push_back(each.id);
    running.insert(each.payload_id);
  }
  std::vector<storage::TaskEnd> ends;
  for (const LockedTask& each : locked) {
    if (running.count(each.payload_id) > 0) continue;
    ends.push_back(domain::TerminatedEnd(each));
    ended->push_back(each.payload_id);
  }
  RETURN_IF_ERROR(task_store::RequestCancel(connection, *asked));
  RETURN_IF_ERROR(task_store::End(connection, ends, OutputLimit(options_.max_output_bytes)));
  ASSIGN_OR_RETURN(const auto others, instance_task_store::CancelOthers(connection, task));
  asked->insert(asked->end(), others.begin(), others.end());
  *stopped = asked->empty();
  if (*stopped) return absl::OkStatus();
  return instance_task_store::Postpone(
      connection, task.id, kStopPoll,
      std::to_string(asked->size()) + " tasks on the instance are being stopped",
      /*failed=*/false);
}

absl::Status InstanceSteps::DeleteMachine(const InstanceTask& task) {
  std::optional<Machine> machine;
  RETURN_IF_ERROR(database_.Run([&](Connection& connection) -> absl::Status {
    ASSIGN_OR_RETURN(machine, instance_store::GetMachine(connection, task.instance_id));
    return absl::OkStatus();
  }));
  if (const absl::Status deleted = DeleteAtProvider(*machine); !deleted.ok()) {
    return TryAgain(task, std::string(deleted.message()));
  }
  RETURN_IF_ERROR(WhileHeld(task, [&](Connection& connection) -> absl::Status {
    RETURN_IF_ERROR(instance_store::MarkTerminated(connection, task.instance_id));
    return instance_task_store::End(connection, task.id, v1::TASK_STATUS_COMPLETED);
  }));
  signals_.InstancesChanged();
  const LogFields about{{"instance_id", task.instance_id}, {"task_id", task.id}};
  LOG(INFO) << "instance " << task.instance_id << " is terminated";
  return absl::OkStatus();
}

}  // namespace longshore::executor
