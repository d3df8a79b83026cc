#include "cli/commands/commands.h"
#include "cli/errors.h"
#include "cli/jump.h"
#include "cli/session.h"
#include "cli/shared_options.h"
#include "cli/tables.h"
#include "common/status_macros.h"

namespace longshore::cli {
namespace {

struct Options {
  std::string name;
  std::string address;
  int32_t port = 0;
  std::string user;
  std::string project;
  std::vector<std::string> tags;
  std::string host_key;
  std::string pool;
  bool become = false;
  std::vector<std::string> jump;
  std::string request_id;
  bool quiet = false;
};

absl::StatusOr<int> AddInstance(const Options& options, Session* session) {
  v1::RegisterInstanceRequest request;
  request.set_name(options.name);
  request.set_address(options.address);
  request.set_port(options.port);
  request.set_ssh_user(options.user);
  request.set_project(options.project);
  request.mutable_tags()->Add(options.tags.begin(), options.tags.end());
  request.set_host_key(options.host_key);
  request.set_pool(options.pool);
  request.set_become(options.become);
  ASSIGN_OR_RETURN(const auto jump, ParseJump(options.jump));
  request.mutable_jump()->Add(jump.begin(), jump.end());
  request.set_request_id(options.request_id);
  ASSIGN_OR_RETURN(const v1::Instance instance, session->client.RegisterInstance(request));
  session->printer.Print(instance, options.quiet
                                       ? std::to_string(instance.id()) + "\n"
                                       : InstanceTable({instance}, session->printer.wide()));
  return kExitDone;
}

}  // namespace

void AddInstancesAdd(const Command& parent) {
  const auto options = std::make_shared<Options>();
  const Command command = parent.Add("add", "Makes a host known that there is already");
  command.Text("--name", "NAME", &options->name, "for people");
  command.Require("--name");
  command.Text("--address", "HOST", &options->address, "where its sshd is");
  command.Require("--address");
  command.Number("--port", "N", &options->port, "of its sshd; without it 22");
  command.Text("--user", "LOGIN", &options->user, "who owns the scripts; without it root");
  command.Text("--project", "PROJECT", &options->project,
               "the project that it belongs to for ever; without it 'default'");
  command.Texts("--tag", "TAG", &options->tags, "a label; may be given several times");
  command.Text("--host-key", "KEY", &options->host_key,
               "\"TYPE BASE64\"; without it the key is learned at the first contact");
  command.Text("--pool", "POOL", &options->pool, "the workers that reach it; without it 'default'");
  command.Flag("--become", &options->become, "scripts are root's, by sudo, and not the login's");
  command.Texts("--jump", kJumpType, &options->jump,
                "a host on the way to it, dialled first; given several times: one after the other");
  AddRequestId(command, &options->request_id);
  command.Flag("--quiet", &options->quiet, "print the id only");
  command.Does([options](Session* session) { return AddInstance(*options, session); });
}

}  // namespace longshore::cli
