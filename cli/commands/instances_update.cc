#include "cli/await.h"
#include "cli/commands/commands.h"
#include "cli/errors.h"
#include "cli/instance_names.h"
#include "cli/session.h"
#include "cli/tables.h"
#include "common/status_macros.h"

namespace longshore::cli {
namespace {

struct Options {
  std::string instance;
  std::string name;
  std::vector<std::string> tags;
  bool no_tags = false;
  std::string path;
  bool execute = false;
  WaitOptions waiting;
};

absl::StatusOr<v1::UpdateInstanceRequest> Request(const Options& options) {
  v1::UpdateInstanceRequest request;
  request.set_name(options.name);
  request.mutable_tags()->Add(options.tags.begin(), options.tags.end());
  request.set_payload_path(options.path);
  request.set_execute_payload(options.execute);
  if (!options.no_tags) return request;
  if (!options.tags.empty()) return UsageError("give --tag or --no-tags, one of the two");
  request.mutable_update_mask()->add_paths("tags");
  if (!options.name.empty()) request.mutable_update_mask()->add_paths("name");
  if (!options.path.empty()) request.mutable_update_mask()->add_paths("payload_path");
  return request;
}

absl::StatusOr<int> UpdateInstance(const Options& options, Session* session) {
  ASSIGN_OR_RETURN(v1::UpdateInstanceRequest request, Request(options));
  ASSIGN_OR_RETURN(const int64_t instance_id, InstanceId(options.instance, &session->client));
  request.set_instance_id(instance_id);
  ASSIGN_OR_RETURN(const v1::UpdateInstanceResponse response,
                   session->client.UpdateInstance(request));
  const bool has_payload = response.payload_id() != 0;
  if (has_payload && options.waiting.any()) {
    return Await({.payload_ids = {response.payload_id()}, .until_transferred = !options.execute},
                 options.waiting, session);
  }
  std::string text = InstanceTable({response.instance()}, session->printer.wide());
  if (has_payload) {
    text += "payload " + std::to_string(response.payload_id()) + " task " +
            std::to_string(response.task_id()) + "\n";
  }
  session->printer.Print(response, text);
  return kExitDone;
}

}  // namespace

void AddInstancesUpdate(const Command& parent) {
  const auto options = std::make_shared<Options>();
  const Command command =
      parent.Add("update", "Changes an instance's name and tags, and sends it a script");
  command.Instance("INSTANCE", &options->instance, "its id or name");
  command.Text("--name", "NAME", &options->name, "its new name");
  command.Texts("--tag", "TAG", &options->tags,
                "its new tags, instead of all it had; may be given several times");
  command.Flag("--no-tags", &options->no_tags, "take all its tags away");
  command.Text("--path", "PATH", &options->path,
               "a script for it, read by the api_server on its host");
  command.Flag("--execute", &options->execute, "run the script once it is there");
  AddWaitOptions(command, &options->waiting);
  command.Does([options](Session* session) { return UpdateInstance(*options, session); });
}

}  // namespace longshore::cli
