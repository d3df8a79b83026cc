// What a command uses.
#ifndef LONGSHORE_CLI_SESSION_H_
#define LONGSHORE_CLI_SESSION_H_

#include "cli/client.h"
#include "cli/printer.h"

namespace longshore::cli {

struct Session {
  Client client;
  Printer printer;
};

}  // namespace longshore::cli

#endif  // LONGSHORE_CLI_SESSION_H_
