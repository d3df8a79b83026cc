// The scripts that make a shell complete longshore's command line.
#ifndef LONGSHORE_CLI_COMPLETION_SCRIPTS_H_
#define LONGSHORE_CLI_COMPLETION_SCRIPTS_H_

#include <string>
#include <vector>

namespace longshore::cli {

struct CompletionScript {
  std::string shell;
  std::string text;
};

// Returns one script for each shell that is supported.
const std::vector<CompletionScript>& CompletionScripts();

}  // namespace longshore::cli

#endif  // LONGSHORE_CLI_COMPLETION_SCRIPTS_H_
