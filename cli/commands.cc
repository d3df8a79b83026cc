#include "cli/commands.h"

#include <cstdlib>
#include <iostream>
#include <map>
#include <set>

#include "cli/command.h"
#include "common/grpc_callbacks.h"
#include "common/status.h"

namespace longshore::cli {
namespace {

constexpr char kUsage[] =
    R"(longshore: delivers bash scripts to fleets of Linux instances and runs them there, once.

  longshore instances add --name NAME --address HOST [--port N] [--user LOGIN] [--project P] [--tag T]...
                          [--host-key "TYPE BASE64"] [--request-id ID] [--quiet]
  longshore instances create --name NAME [--count N] [--provider P] [--region R] [--size S] [--image I] [--project P]
                             [--tag T]... [--provision [--path PATH [--execute] [--timeout SECONDS]]]
                             [--wait | --follow] [--request-id ID] [--quiet]
  longshore instances list [--project P] [--tag T]...
  longshore instances show|delete INSTANCE
  longshore instances update INSTANCE [--name NAME] [--tag T]... [--no-tags] [--path PATH [--execute] [--wait | --follow]]
  longshore deploy (--path PATH | --file FILE) (--instances ID,ID... | [--project P] [--tag T]...)
                   [--execute] [--remote-path PATH] [--timeout SECONDS] [--max-concurrency N] [--max-errors N]
                   [--wait | --follow] [--request-id ID] [--validate-only]
  longshore deployments list [--project P]
  longshore deployments show|watch|cancel DEPLOYMENT
  longshore deployments retry DEPLOYMENT [--wait | --follow] [--request-id ID]
  longshore execute (--payloads ID,ID... | --deployment ID) [--timeout SECONDS] [--wait | --follow]
                    [--request-id ID]
  longshore status PAYLOAD
  longshore watch PAYLOAD [--offset BYTES]
  longshore list --instance ID [--status STATUS]
  longshore cancel PAYLOAD
  longshore tasks TASK [--log]
  longshore tasks [--status STATUS] [--type TYPE] [--instance ID]
  longshore verify [--database URL] [--quiescent] [--instances [--ssh-key FILE]] [--log FILE]... [--secret-file FILE]...
                   [--max-output-bytes N] [--max-running-per-instance N]

  --path is read by the api_server on its own host; --file is read here and sent along.
  --wait shows progress until all have ended; --follow shows their output as well.
  verify reads the database itself ($LONGSHORE_DATABASE_URL) and says which promises do not hold; see docs/guarantees.md.
  Everywhere: --api HOST:PORT (default: $LONGSHORE_API, then 127.0.0.1:50051), --json.
Exit status: 0 when everything asked for completed, 1 when not, 2 for a wrong command line.
)";

const std::set<std::string> kCommonSwitches{"json", "help"};

struct CommandEntry {
  absl::StatusOr<int> (Command::*run)();
  std::set<std::string> with_value;
  std::set<std::string> switches;
};

const std::map<std::string, CommandEntry>& CommandTable() {
  static const auto* table = new std::map<std::string, CommandEntry>{
      {"instances add",
       {&Command::AddInstance,
        {"name", "address", "port", "user", "project", "tag", "host-key", "request-id"},
        {"quiet"}}},
      {"instances create",
       {&Command::CreateInstances,
        {"name", "count", "provider", "region", "size", "image", "project", "tag", "path",
         "timeout", "request-id"},
        {"provision", "execute", "wait", "follow", "quiet"}}},
      {"instances list", {&Command::ListInstances, {"project", "tag"}, {}}},
      {"instances show", {&Command::ShowInstance, {}, {}}},
      {"instances update",
       {&Command::UpdateInstance,
        {"name", "tag", "path"},
        {"no-tags", "execute", "wait", "follow"}}},
      {"instances delete", {&Command::DeleteInstance, {}, {}}},
      {"deploy",
       {&Command::Deploy,
        {"path", "file", "instances", "project", "tag", "remote-path", "timeout", "max-concurrency",
         "max-errors", "request-id"},
        {"execute", "wait", "follow", "validate-only"}}},
      {"deployments list", {&Command::ListDeployments, {"project"}, {}}},
      {"deployments show", {&Command::ShowDeployment, {}, {}}},
      {"deployments watch", {&Command::WatchDeployment, {}, {}}},
      {"deployments cancel", {&Command::CancelDeployment, {}, {}}},
      {"deployments retry", {&Command::RetryDeployment, {"request-id"}, {"wait", "follow"}}},
      {"execute",
       {&Command::Execute,
        {"payloads", "deployment", "timeout", "request-id"},
        {"wait", "follow"}}},
      {"status", {&Command::Status, {}, {}}},
      {"watch", {&Command::Watch, {"offset"}, {}}},
      {"list", {&Command::ListPayloads, {"instance", "status"}, {}}},
      {"cancel", {&Command::Cancel, {}, {}}},
      {"tasks", {&Command::Tasks, {"status", "type", "instance"}, {"log"}}},
      {"verify",
       {&Command::Verify,
        {"database", "ssh-key", "log", "secret-file", "max-output-bytes",
         "max-running-per-instance"},
        {"instances", "quiescent"}}},
  };
  return *table;
}

int WrongCommandLine(const std::string& problem) {
  std::cerr << "longshore: " << problem << "\nTry 'longshore --help'.\n";
  return 2;
}

}  // namespace

int RunCommand(const std::vector<std::string>& words) {
  if (words.empty() || words[0] == "--help" || words[0] == "help") {
    (words.empty() ? std::cerr : std::cout) << kUsage;
    return words.empty() ? 2 : 0;
  }
  const bool two_words = (words[0] == "instances" || words[0] == "deployments") && words.size() > 1;
  const std::string name = two_words ? words[0] + " " + words[1] : words[0];
  const auto entry = CommandTable().find(name);
  if (entry == CommandTable().end()) return WrongCommandLine("unknown command '" + name + "'");
  OptionSpec spec{.with_value = entry->second.with_value, .switches = entry->second.switches};
  spec.with_value.insert("api");
  spec.switches.insert(kCommonSwitches.begin(), kCommonSwitches.end());
  auto arguments = Arguments::Parse({words.begin() + (two_words ? 2 : 1), words.end()}, spec);
  if (!arguments.ok()) return WrongCommandLine(ToString(arguments.status()));
  if (arguments->Has("help")) {
    std::cout << kUsage;
    return 0;
  }
  Command command(*std::move(arguments));
  const absl::StatusOr<int> result = (command.*entry->second.run)();
  if (result.ok()) return *result;
  if (IsUsageError(result.status())) return WrongCommandLine(ToString(result.status()));
  std::cerr << "longshore: " << result.status().message() << "\n";
  return 1;
}

}  // namespace longshore::cli
