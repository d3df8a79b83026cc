// What a command uses.
#ifndef LONGSHORE_CLI_SESSION_H_
#define LONGSHORE_CLI_SESSION_H_

#include "cli/client.h"
#include "cli/printer.h"
#include "cli/server_access.h"

namespace longshore::cli {

struct Session {
  Client client;
  Printer printer;
};

// What a command that asks no api_server uses.
struct Here {
  Printer printer;
  AccessOptions access;  // As the command line has it.
};

}  // namespace longshore::cli

#endif  // LONGSHORE_CLI_SESSION_H_
