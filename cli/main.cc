// longshore: the command line.
#include <csignal>
#include <string>
#include <vector>

#include "cli/commands.h"

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_DFL);
  return longshore::cli::RunCommand(std::vector<std::string>(argv + 1, argv + argc));
}
