#include "cli/await.h"
#include "cli/commands/commands.h"
#include "cli/errors.h"
#include "cli/instance_names.h"
#include "cli/rollout_options.h"
#include "cli/script_file.h"
#include "cli/session.h"
#include "common/status_macros.h"

namespace longshore::cli {
namespace {

struct Options {
  std::string path;
  std::string file;
  std::vector<std::string> instances;
  std::string project;
  std::vector<std::string> tags;
  bool execute = false;
  std::string remote_path;
  int32_t timeout = 0;
  RolloutOptions rollout;
  std::string request_id;
  bool validate_only = false;
  WaitOptions waiting;
};

absl::Status SetScript(const Options& options, v1::DeployPayloadRequest* request) {
  if (options.path.empty() == options.file.empty()) {
    return UsageError("give --path or --file, one of them");
  }
  request->set_payload_path(options.path);
  if (options.file.empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(*request->mutable_payload_content(), ReadScript(options.file));
  return absl::OkStatus();
}

absl::Status SetTargets(const Options& options, Client* client, v1::DeployPayloadRequest* request) {
  const bool selects = !options.project.empty() || !options.tags.empty();
  if (options.instances.empty() != selects) {
    return UsageError(
        "give --instances INSTANCE,INSTANCE..., or --project P and --tag T, one of the two");
  }
  ASSIGN_OR_RETURN(const std::vector<int64_t> ids, InstanceIds(options.instances, client));
  request->mutable_instance_ids()->Add(ids.begin(), ids.end());
  if (!selects) return absl::OkStatus();
  request->mutable_selector()->set_project(options.project);
  request->mutable_selector()->mutable_tags()->Add(options.tags.begin(), options.tags.end());
  return absl::OkStatus();
}

absl::StatusOr<int> Deploy(const Options& options, Session* session) {
  v1::DeployPayloadRequest request;
  RETURN_IF_ERROR(SetScript(options, &request));
  RETURN_IF_ERROR(SetTargets(options, &session->client, &request));
  ASSIGN_OR_RETURN(const v1::Rollout rollout, ParseRollout(options.rollout));
  if (rollout.ByteSizeLong() > 0) *request.mutable_rollout() = rollout;
  request.set_timeout(options.timeout);
  request.set_remote_path(options.remote_path);
  request.set_execute_payload(options.execute);
  request.set_request_id(options.request_id);
  request.set_validate_only(options.validate_only);
  ASSIGN_OR_RETURN(const v1::DeployPayloadResponse response,
                   session->client.DeployPayload(request));
  return Accepted(response, options.execute, options.waiting, session);
}

}  // namespace

void AddDeploy(const Command& parent) {
  const auto options = std::make_shared<Options>();
  const Command command = parent.Add("deploy", "Sends a script to instances, and runs it there");
  command.Text("--path", "PATH", &options->path, "the script, read by the api_server on its host");
  command.Text("--file", kFileType, &options->file,
               "the script, read here and sent along; - is standard input");
  command.Instances("--instances", &options->instances, "these instances, by id or name");
  command.Text("--project", "PROJECT", &options->project, "the instances of this project");
  command.Texts("--tag", "TAG", &options->tags,
                "the instances with this tag; given several times: with all of them");
  command.Flag("--execute", &options->execute, "run the script once it is there");
  command.Text("--remote-path", "PATH", &options->remote_path,
               "where to put it; without this the script's name in the login user's home");
  command.Seconds("--timeout", &options->timeout, "how long each may run");
  command.Text("--max-concurrency", "N|N%", &options->rollout.max_concurrency,
               "on so many instances at a time, or on such a share of them");
  command.Text("--max-errors", "N|N%", &options->rollout.max_errors,
               "stop once so many have failed");
  command.Text("--waves", "N|N%,...", &options->rollout.waves,
               "up to so many instances first, then up to so many, and then all");
  command.Seconds("--wave-pause", &options->rollout.wave_pause, "wait so long between waves");
  command.Flag("--wave-hold", &options->rollout.wave_hold,
               "wait between waves for `deployments resume`");
  command.Text("--wave-check", kFileType, &options->rollout.wave_check,
               "a script that must succeed on each instance of a wave before the next one");
  AddWaitOptions(command, &options->waiting);
  AddRequestId(command, &options->request_id);
  command.Flag("--validate-only", &options->validate_only, "check everything, change nothing");
  command.Does([options](Session* session) { return Deploy(*options, session); });
}

}  // namespace longshore::cli
