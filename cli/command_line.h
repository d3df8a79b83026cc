// The command line of longshore, from its words to the exit status.
#ifndef LONGSHORE_CLI_COMMAND_LINE_H_
#define LONGSHORE_CLI_COMMAND_LINE_H_

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "cli/command.h"
#include "cli/printer.h"

namespace CLI {
class App;
}  // namespace CLI

namespace longshore::cli {

// The options of every command; they may be before or after it.
struct GlobalOptions {
  std::string api = "127.0.0.1:50051";
  std::chrono::milliseconds deadline = std::chrono::seconds(60);
  Format format = Format::kTable;
};

// Reads one command line. Not thread-safe.
class CommandLine {
 public:
  CommandLine();
  ~CommandLine();

  // `words` without the program's name. OK when there is something to print (help, version) or to
  // run; a UsageError otherwise.
  absl::Status Parse(std::vector<std::string> words);

  // What to print; empty when there is something to run.
  const std::string& text() const { return text_; }
  const Run& run() const { return run_; }
  const GlobalOptions& globals() const { return globals_; }
  // "longshore instances add", as far as the words named commands.
  std::string CommandName() const;
  // All commands and their options.
  const CLI::App& app() const { return *app_; }

 private:
  const std::unique_ptr<CLI::App> app_;
  GlobalOptions globals_;
  bool json_lines_ = false;
  Run run_;
  std::string text_;
};

// Carries a command line out; returns the exit status, see errors.h.
int RunCommandLine(const std::vector<std::string>& words);

}  // namespace longshore::cli

#endif  // LONGSHORE_CLI_COMMAND_LINE_H_
