// longshore: the command line.
#include <csignal>
#include <string>
#include <vector>

#include "cli/command_line.h"

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_DFL);
  return longshore::cli::RunCommandLine(std::vector<std::string>(argv + 1, argv + argc));
}
