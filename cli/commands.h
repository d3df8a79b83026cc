// The commands of longshore.
#ifndef LONGSHORE_CLI_COMMANDS_H_
#define LONGSHORE_CLI_COMMANDS_H_

#include <string>
#include <vector>

namespace longshore::cli {

// Runs the command in `words`; returns the exit status: 0 when everything asked for completed, 1
// when something failed, 2 when the command line is wrong.
int RunCommand(const std::vector<std::string>& words);

}  // namespace longshore::cli

#endif  // LONGSHORE_CLI_COMMANDS_H_
