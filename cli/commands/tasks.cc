#include "absl/strings/str_split.h"
#include "cli/commands/commands.h"
#include "cli/errors.h"
#include "cli/instance_names.h"
#include "cli/pages.h"
#include "cli/session.h"
#include "cli/shared_options.h"
#include "cli/tables.h"
#include "common/utf8.h"

namespace longshore::cli {
namespace {

struct Options {
  int64_t task_id = 0;
  bool log = false;
  v1::TaskStatus status = v1::TASK_STATUS_UNSPECIFIED;
  v1::TaskType type = v1::TASK_TYPE_UNSPECIFIED;
  std::string instance;
  int32_t limit = kNoLimit;
};

absl::StatusOr<int> ShowLog(int64_t task_id, Session* session) {
  v1::GetTaskLogRequest request;
  request.set_task_id(task_id);
  ASSIGN_OR_RETURN(const v1::GetTaskLogResponse response, session->client.GetTaskLog(request));
  std::string text;
  const std::vector<std::string> lines = absl::StrSplit(response.log(), '\n', absl::SkipEmpty());
  for (const std::string& line : lines) {
    text += ToPrintableLine(line, line.size() + 1) + "\n";
  }
  session->printer.Print(response, text);
  return kExitDone;
}

absl::StatusOr<int> ShowTask(int64_t task_id, Session* session) {
  v1::GetTaskRequest request;
  request.set_task_id(task_id);
  ASSIGN_OR_RETURN(const v1::Task task, session->client.GetTask(request));
  session->printer.Print(task, TaskTable({task}, session->printer.wide()));
  return kExitDone;
}

absl::StatusOr<int> ListTasks(const Options& options, Session* session) {
  v1::ListTasksRequest request;
  request.set_status(options.status);
  request.set_type(options.type);
  ASSIGN_OR_RETURN(const int64_t instance_id, InstanceId(options.instance, &session->client));
  request.set_instance_id(instance_id);
  ASSIGN_OR_RETURN(const std::vector<v1::Task> tasks,
                   ReadPages(&session->client, &Client::ListTasks,
                             &v1::ListTasksResponse::mutable_tasks, request, options.limit));
  session->printer.PrintRows(tasks, TaskTable(tasks, session->printer.wide()));
  return kExitDone;
}

absl::StatusOr<int> Tasks(const Options& options, Session* session) {
  if (options.task_id == 0) {
    if (options.log) return UsageError("--log needs a TASK");
    return ListTasks(options, session);
  }
  const bool filters = options.status != v1::TASK_STATUS_UNSPECIFIED ||
                       options.type != v1::TASK_TYPE_UNSPECIFIED || !options.instance.empty();
  if (filters || options.limit != kNoLimit) {
    return UsageError("give a TASK, or --status, --type, --instance and --limit");
  }
  return options.log ? ShowLog(options.task_id, session) : ShowTask(options.task_id, session);
}

}  // namespace

void AddTasks(const Command& parent) {
  const auto options = std::make_shared<Options>();
  const Command command =
      parent.Add("tasks", "Shows a task, or lists the tasks behind payloads and instances");
  command.OptionalId("TASK", &options->task_id, "its id; without it there is a list");
  command.Flag("--log", &options->log, "what Ansible did in TASK");
  command.EnumChoice("--status", &options->status, "only these");
  command.EnumChoice("--type", &options->type, "only these");
  command.OptionalInstance("--instance", &options->instance,
                           "only those of this instance, by id or name");
  AddLimit(command, &options->limit);
  command.Does([options](Session* session) { return Tasks(*options, session); });
}

}  // namespace longshore::cli
