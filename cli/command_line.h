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
#include "cli/server_access.h"

namespace CLI {
class App;
}  // namespace CLI

namespace longshore::cli {

// The options that every command has; they may stand before or after it.
struct GlobalOptions {
  AccessOptions access;
  std::chrono::milliseconds deadline = std::chrono::seconds(60);
  Format format = Format::kTable;
};

// Reads one command line. Not thread-safe.
class CommandLine {
 public:
  CommandLine();
  ~CommandLine();

  // Reads `words`, which are without the program's name. Returns OK when there is something to
  // print (help, version) or to run, and a UsageError otherwise.
  absl::Status Parse(std::vector<std::string> words);

  // Returns what to print; empty when there is something to run.
  const std::string& text() const { return text_; }
  const Selected& selected() const { return selected_; }
  const GlobalOptions& globals() const { return globals_; }
  // Returns the command as far as the words named one, for example "longshore instances add".
  std::string CommandName() const;
  // All commands with their options.
  const CLI::App& app() const { return *app_; }

 private:
  const std::unique_ptr<CLI::App> app_;
  GlobalOptions globals_;
  bool json_lines_ = false;
  Selected selected_;
  std::string text_;
};

// Carries out a command line. Returns the exit status; see errors.h.
int RunCommandLine(const std::vector<std::string>& words);

}  // namespace longshore::cli

#endif  // LONGSHORE_CLI_COMMAND_LINE_H_
