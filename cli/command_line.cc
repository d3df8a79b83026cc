#include "cli/command_line.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdlib>
#include <iostream>

#include "cli/commands/commands.h"
#include "cli/completion.h"
#include "cli/contexts.h"
#include "cli/errors.h"
#include "cli/session.h"
#include "common/status.h"
#include "common/status_macros.h"
#include "common/version.h"

namespace longshore::cli {
namespace {

constexpr char kDescription[] =
    "longshore: delivers bash scripts to fleets of Linux instances and runs them there, once.";
constexpr char kFooter[] =
    R"(The options above go before or after the command. 'longshore COMMAND --help' says what a command does and takes.

Exit status: 0 when everything asked for completed, 1 when something failed, 2 for a wrong command line,
3 when the api_server refused, 4 when it was not reached or did not answer in time.
)";

void AddCommands(const Command& root) {
  AddDeploy(root);
  AddExecute(root);
  AddStatus(root);
  AddWatch(root);
  AddList(root);
  AddCancel(root);
  AddOutput(root);
  AddScript(root);
  AddTasks(root);
  AddWorkers(root);
  const Command payloads = root.Add("payloads", "Scripts on their way to, or on, instances");
  AddPayloadsList(payloads);
  const Command deployments = root.Add("deployments", "Scripts for whole fleets");
  AddDeploymentsList(deployments);
  AddDeploymentsShow(deployments);
  AddDeploymentsWatch(deployments);
  AddDeploymentsCancel(deployments);
  AddDeploymentsPause(deployments);
  AddDeploymentsResume(deployments);
  AddDeploymentsRetry(deployments);
  const Command instances = root.Add("instances", "The hosts that scripts are delivered to");
  AddInstancesAdd(instances);
  AddInstancesCreate(instances);
  AddInstancesList(instances);
  AddInstancesShow(instances);
  AddInstancesUpdate(instances);
  AddInstancesDelete(instances);
  const Command tokens = root.Add("tokens", "Who may do what");
  AddTokensCreate(tokens);
  AddTokensList(tokens);
  AddTokensRevoke(tokens);
  AddTokensBootstrap(tokens);
  AddAudit(root);
  const Command context = root.Add("context", "Installations, and how to reach each");
  AddContextList(context);
  AddContextSet(context);
  AddContextUse(context);
  AddContextDelete(context);
  AddPrune(root);
  AddVerify(root);
  AddCompletion(root);
}

// "help deploy" is "deploy --help". CLI11 takes the next word as the value of "--name=".
std::vector<std::string> Normalized(std::vector<std::string> words) {
  if (!words.empty() && words[0] == "help") {
    words.erase(words.begin());
    words.push_back("--help");
  }
  std::vector<std::string> normalized;
  for (auto word = words.begin(); word != words.end(); ++word) {
    if (*word == "--") {
      normalized.insert(normalized.end(), word, words.end());
      break;
    }
    const bool empty_value = word->rfind("--", 0) == 0 && word->find('=') == word->size() - 1;
    normalized.push_back(empty_value ? word->substr(0, word->size() - 1) : *word);
    if (empty_value) normalized.push_back("");
  }
  return normalized;
}

// What is wrong with the words that no option and no command took.
std::string SurplusText(const CLI::App& app, const std::string& word) {
  if (word[0] == '-' && word.size() > 1) return "unknown option '" + word + "'";
  for (const CLI::App* at = &app; at != nullptr;) {
    const auto selected = at->get_subcommands();
    if (selected.empty() && at->get_require_subcommand_min() > 0) {
      return "unknown command '" + word + "'";
    }
    at = selected.empty() ? nullptr : selected.front();
  }
  return "surplus word '" + word + "'; a value with blanks needs quotes";
}

// How to print what is wrong with the command line.
Format FormatOfWords(const CLI::App& app) {
  if (app.get_option("--json")->count() > 0) return Format::kJsonLines;
  const CLI::Option* output = app.get_option("--output");
  const auto& names = FormatNames();
  const auto found = output->empty()
                         ? names.end()
                         : std::find(names.begin(), names.end(), output->results().back());
  return found == names.end() ? Format::kTable : static_cast<Format>(found - names.begin());
}

absl::StatusOr<int> RunSelected(const Selected& selected, const GlobalOptions& globals) {
  const Printer printer(globals.format);
  if (selected.run_here) return selected.run_here({.printer = printer, .access = globals.access});
  ASSIGN_OR_RETURN(const AccessOptions options, WithContext(globals.access, AccessVariables()));
  ASSIGN_OR_RETURN(const ServerAccess access,
                   ResolveAccess(options, std::getenv("LONGSHORE_TOKEN")));
  Session session{.client = Client(access, globals.deadline), .printer = printer};
  return selected.run(&session);
}

int Report(const absl::Status& error, const CommandLine& line) {
  const ExitStatus exit_status = ExitStatusOf(error);
  const bool usage = exit_status == kExitUsage;
  Printer(line.globals().format)
      .PrintError(error, usage ? "\nTry '" + line.CommandName() + " --help'." : "");
  return exit_status;
}

}  // namespace

CommandLine::CommandLine() : app_(new CLI::App(kDescription, "longshore")) {
  // Like most programs: the last one counts.
  app_->option_defaults()
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeLast)
      ->disable_flag_override();
  app_->set_version_flag("--version", "longshore " + std::string(kVersion), "print the version");
  app_->get_formatter()->column_width(36);
  app_->footer(kFooter);
  const Command root(app_.get(), &selected_);
  root.Text("--api", "HOST:PORT", &globals_.access.api,
            "the api_server; without it the context's, $LONGSHORE_API or 127.0.0.1:50051");
  root.Text("--context", "NAME", &globals_.access.context,
            "which of 'longshore context list'; without it $LONGSHORE_CONTEXT or the one in use, "
            "unless an api_server is named");
  root.Text("--ca", kFileType, &globals_.access.ca,
            "PEM file: who signs the api_server's certificate; without it $LONGSHORE_CA or the "
            "system's");
  root.Text("--cert", kFileType, &globals_.access.cert,
            "PEM file: your own certificate, where the api_server asks for one");
  root.Text("--key", kFileType, &globals_.access.key, "PEM file: the key of --cert");
  root.Text("--token-file", kFileType, &globals_.access.token_file,
            "file with your token; without it $LONGSHORE_TOKEN");
  root.Flag("--insecure", &globals_.access.insecure,
            "without TLS, to an api_server on this machine that has none; or $LONGSHORE_INSECURE");
  root.Duration("--deadline", &globals_.deadline,
                "the time for an answer to each call, or for a watch to begin; without it 60s");
  root.Choice(
      "-o,--output", FormatNames(),
      [this](size_t format) { globals_.format = static_cast<Format>(format); },
      "how to print; without it a table");
  root.Flag("--json", &json_lines_, "print JSON, each row of a list a document on its own line");
  app_->get_option("--json")->excludes("--output");
  AddCommands(root);
}

CommandLine::~CommandLine() = default;

absl::Status CommandLine::Parse(std::vector<std::string> words) {
  if (words.empty()) return UsageError("give a command");
  words = Normalized(std::move(words));
  std::reverse(words.begin(), words.end());  // As CLI11 wants them.
  try {
    app_->parse(words);
  } catch (const CLI::CallForHelp&) {
    text_ = app_->help();
  } catch (const CLI::CallForVersion& version) {
    text_ = std::string(version.what()) + "\n";
  } catch (const CLI::ParseError& error) {
    // Nothing was taken over yet.
    globals_.format = FormatOfWords(*app_);
    // Words that nobody took often are the cause of what else is wrong.
    const std::vector<std::string> surplus = app_->remaining(/*recurse=*/true);
    return UsageError(surplus.empty() ? error.what() : SurplusText(*app_, surplus.front()));
  }
  if (json_lines_) globals_.format = Format::kJsonLines;
  return absl::OkStatus();
}

std::string CommandLine::CommandName() const {
  std::string name = app_->get_name();
  for (auto selected = app_->get_subcommands(); !selected.empty();
       selected = selected.front()->get_subcommands()) {
    name += " " + selected.front()->get_name();
  }
  return name;
}

int RunCommandLine(const std::vector<std::string>& words) {
  CommandLine line;
  if (!words.empty() && words[0] == kCompleteCommand) {
    for (const std::string& offer : Complete(line.app(), {words.begin() + 1, words.end()})) {
      std::cout << offer << "\n";
    }
    return kExitDone;
  }
  if (const absl::Status parsed = line.Parse(words); !parsed.ok()) return Report(parsed, line);
  if (!line.text().empty()) {
    std::cout << line.text();
    return kExitDone;
  }
  const absl::StatusOr<int> exit_status = RunSelected(line.selected(), line.globals());
  return exit_status.ok() ? *exit_status : Report(exit_status.status(), line);
}

}  // namespace longshore::cli
