// longshore: the command line.
#include <csignal>
#include <cstdlib>
#include <string>
#include <vector>

#include "cli/command_line.h"

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_DFL);
  // Between two tries of a call, gRPC looks at a connection that is being made only this often. At
  // its own 5 s a handshake of TLS takes 20, which is when it is given up.
  setenv("GRPC_CLIENT_CHANNEL_BACKUP_POLL_INTERVAL_MS", "200", /*overwrite=*/0);
  return longshore::cli::RunCommandLine(std::vector<std::string>(argv + 1, argv + argc));
}
