// The flags of api_server, apart from --database_wait.
#ifndef LONGSHORE_API_SERVER_FLAGS_H_
#define LONGSHORE_API_SERVER_FLAGS_H_

#include <string>

#include "api_server/server.h"

namespace longshore {

// Says which flag breaks which rule; empty when none does.
std::string FlagProblem();

// Needs flags without a problem.
ServerOptions OptionsFromFlags();

}  // namespace longshore

#endif  // LONGSHORE_API_SERVER_FLAGS_H_
