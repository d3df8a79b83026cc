#include "cli/commands/commands.h"
#include "cli/errors.h"
#include "cli/pages.h"
#include "cli/session.h"
#include "cli/shared_options.h"
#include "cli/tables.h"

namespace longshore::cli {
namespace {

struct Options {
  std::string project;
  std::vector<std::string> tags;
  int32_t limit = kNoLimit;
};

absl::StatusOr<int> ListInstances(const Options& options, Session* session) {
  v1::ListInstancesRequest request;
  request.set_project(options.project);
  request.mutable_tags()->Add(options.tags.begin(), options.tags.end());
  ASSIGN_OR_RETURN(
      const std::vector<v1::Instance> instances,
      ReadPages(&session->client, &Client::ListInstances,
                &v1::ListInstancesResponse::mutable_instances, request, options.limit));
  session->printer.PrintRows(instances, InstanceTable(instances, session->printer.wide()));
  return kExitDone;
}

}  // namespace

void AddInstancesList(const Command& parent) {
  const auto options = std::make_shared<Options>();
  const Command command = parent.Add("list", "Lists instances");
  command.Text("--project", "PROJECT", &options->project, "only those of this project");
  command.Texts("--tag", "TAG", &options->tags,
                "only those with this tag; given several times: with all of them");
  AddLimit(command, &options->limit);
  command.Does([options](Session* session) { return ListInstances(*options, session); });
}

}  // namespace longshore::cli
