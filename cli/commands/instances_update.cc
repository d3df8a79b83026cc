#include "cli/await.h"
#include "cli/commands/commands.h"
#include "cli/errors.h"
#include "cli/instance_names.h"
#include "cli/jump.h"
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
  int32_t timeout = 0;
  std::string address;
  int32_t port = 0;
  std::string host_key;
  std::string pool;
  bool become = false;
  bool no_become = false;
  std::vector<std::string> jump;
  bool no_jump = false;
  std::string request_id;
  WaitOptions waiting;
};

absl::StatusOr<v1::UpdateInstanceRequest> Request(const Options& options) {
  v1::UpdateInstanceRequest request;
  auto* const mask = request.mutable_update_mask();
  const auto name = [&](bool is_given, const char* field) {
    if (is_given) mask->add_paths(field);
  };
  if (options.no_tags && !options.tags.empty()) return UsageError("give either --tag or --no-tags");
  if (options.become && options.no_become) return UsageError("give --become or --no-become");
  if (options.no_jump && !options.jump.empty()) {
    return UsageError("give either --jump or --no-jump");
  }
  request.set_name(options.name);
  name(!options.name.empty(), "name");
  request.mutable_tags()->Add(options.tags.begin(), options.tags.end());
  name(options.no_tags || !options.tags.empty(), "tags");
  request.set_payload_path(options.path);
  name(!options.path.empty(), "payload_path");
  request.set_execute_payload(options.execute);
  name(options.execute, "execute_payload");
  request.set_timeout(options.timeout);
  name(options.timeout != 0, "timeout");
  request.set_address(options.address);
  name(!options.address.empty(), "address");
  request.set_port(options.port);
  name(options.port != 0, "port");
  request.set_host_key(options.host_key);
  name(!options.host_key.empty(), "host_key");
  request.set_pool(options.pool);
  name(!options.pool.empty(), "pool");
  request.set_become(options.become);
  name(options.become || options.no_become, "become");
  ASSIGN_OR_RETURN(const auto jump, ParseJump(options.jump));
  request.mutable_jump()->Add(jump.begin(), jump.end());
  name(options.no_jump || !jump.empty(), "jump");
  request.set_request_id(options.request_id);
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
  const Command command = parent.Add("update", "Changes an instance, and sends it a script");
  command.Instance("INSTANCE", &options->instance, "its id or name");
  command.Text("--name", "NAME", &options->name, "its new name");
  command.Texts("--tag", "TAG", &options->tags,
                "its new tags, instead of all it had; may be given several times");
  command.Flag("--no-tags", &options->no_tags, "take all its tags away");
  command.Text("--path", "PATH", &options->path,
               "a script for it, read by the api_server on its host");
  command.Flag("--execute", &options->execute, "run the script once it is there");
  command.Seconds("--timeout", &options->timeout, "how long it may run");
  command.Text("--address", "HOST", &options->address, "where it is now");
  command.Number("--port", "PORT", &options->port, "its SSH port");
  command.Text("--host-key", "LINE", &options->host_key,
               "the OpenSSH public key that it shows from now on");
  command.Text("--pool", "POOL", &options->pool, "the workers that reach it from now on");
  command.Flag("--become", &options->become, "scripts are root's, by sudo, and not the login's");
  command.Flag("--no-become", &options->no_become, "scripts are the login's");
  command.Texts("--jump", kJumpType, &options->jump,
                "the hosts on the way to it, instead of all before; see `instances add`");
  command.Flag("--no-jump", &options->no_jump, "it is dialled directly");
  AddRequestId(command, &options->request_id);
  AddWaitOptions(command, &options->waiting);
  command.Does([options](Session* session) { return UpdateInstance(*options, session); });
}

}  // namespace longshore::cli
