#include "cli/await.h"
#include "cli/commands/commands.h"
#include "cli/errors.h"
#include "cli/follow.h"
#include "cli/session.h"
#include "cli/tables.h"
#include "common/status_macros.h"

namespace longshore::cli {
namespace {

struct Options {
  std::string name;
  int32_t count = 0;
  std::string provider;
  std::string region;
  std::string size;
  std::string image;
  std::string project;
  std::string pool;
  std::vector<std::string> tags;
  bool provision = false;
  std::string path;
  bool execute = false;
  int32_t timeout = 0;
  std::string request_id;
  bool quiet = false;
  WaitOptions waiting;
};

v1::CreateInstanceRequest Request(const Options& options) {
  v1::CreateInstanceRequest request;
  request.set_provider(options.provider);
  request.set_name(options.name);
  request.set_project(options.project);
  request.set_pool(options.pool);
  request.set_region(options.region);
  request.set_size(options.size);
  request.set_image(options.image);
  request.mutable_tags()->Add(options.tags.begin(), options.tags.end());
  request.set_number_of_instances(options.count);
  request.set_provision(options.provision);
  request.set_payload_path(options.path);
  request.set_execute_payload(options.execute);
  request.set_timeout(options.timeout);
  request.set_request_id(options.request_id);
  return request;
}

// The payloads that came with the instances, one each.
absl::StatusOr<std::vector<int64_t>> PayloadsOf(const v1::CreateInstanceResponse& created,
                                                Session* session) {
  std::vector<int64_t> ids;
  for (const v1::Instance& instance : created.instances()) {
    v1::ListInstancePayloadsRequest request;
    request.set_instance_id(instance.id());
    ASSIGN_OR_RETURN(const auto response, session->client.ListInstancePayloads(request));
    // A repeated request_id may find later ones as well: the list begins with the newest.
    if (!response.payloads().empty()) ids.push_back(response.payloads().rbegin()->id());
  }
  return ids;
}

// Waits until every instance is READY or never will be, and prints them; returns the exit status.
absl::StatusOr<int> AwaitInstances(const v1::CreateInstanceResponse& created, Session* session) {
  std::vector<int64_t> ids;
  for (const v1::Instance& instance : created.instances()) ids.push_back(instance.id());
  ASSIGN_OR_RETURN(const auto instances, FollowInstances(&session->client, ids));
  int exit_status = kExitDone;
  for (const v1::Instance& instance : instances) {
    if (instance.status() == v1::INSTANCE_STATUS_READY) continue;
    const std::string error =
        "instance " + std::to_string(instance.id()) + ": " + instance.status_error();
    session->printer.PrintError(absl::UnknownError(error), "");
    exit_status = kExitFailed;
  }
  session->printer.PrintRows(instances, InstanceTable(instances, session->printer.wide()));
  return exit_status;
}

absl::StatusOr<int> CreateInstances(const Options& options, Session* session) {
  ASSIGN_OR_RETURN(const v1::CreateInstanceResponse created,
                   session->client.CreateInstance(Request(options)));
  if (options.waiting.any() && !options.path.empty()) {
    ASSIGN_OR_RETURN(const std::vector<int64_t> payloads, PayloadsOf(created, session));
    return Await({.payload_ids = payloads, .until_transferred = !options.execute}, options.waiting,
                 session);
  }
  if (options.waiting.any()) return AwaitInstances(created, session);
  std::string ids;
  for (const v1::Instance& instance : created.instances()) {
    ids += std::to_string(instance.id()) + "\n";
  }
  session->printer.Print(created, options.quiet ? ids
                                                : InstanceTable({created.instances().begin(),
                                                                 created.instances().end()},
                                                                session->printer.wide()));
  return kExitDone;
}

}  // namespace

void AddInstancesCreate(const Command& parent) {
  const auto options = std::make_shared<Options>();
  const Command command = parent.Add("create", "Makes new instances at a provider");
  command.Text("--name", "NAME", &options->name, "for people; of several: NAME-0, NAME-1 ...");
  command.Require("--name");
  command.Number("--count", "N", &options->count, "how many; without it one");
  command.Text("--provider", "PROVIDER", &options->provider, "who makes them; without it local");
  command.Text("--region", "REGION", &options->region, "as the provider names it");
  command.Text("--size", "SIZE", &options->size, "as the provider names it");
  command.Text("--image", "IMAGE", &options->image, "as the provider names it");
  command.Text("--project", "PROJECT", &options->project,
               "the project that it belongs to for ever; without it 'default'");
  command.Text("--pool", "POOL", &options->pool,
               "the workers that reach them; without it 'default'");
  command.Texts("--tag", "TAG", &options->tags, "a label; may be given several times");
  command.Flag("--provision", &options->provision, "set them up with Ansible");
  command.Text("--path", "PATH", &options->path,
               "a script for them, read by the api_server on its host; needs --provision");
  command.Flag("--execute", &options->execute, "run the script once it is there");
  command.Seconds("--timeout", &options->timeout, "how long it may run");
  AddWaitOptions(command, &options->waiting);
  AddRequestId(command, &options->request_id);
  command.Flag("--quiet", &options->quiet, "print the ids only");
  command.Does([options](Session* session) { return CreateInstances(*options, session); });
}

}  // namespace longshore::cli
