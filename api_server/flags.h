// The flags of api_server, apart from those of main.cc.
#ifndef LONGSHORE_API_SERVER_FLAGS_H_
#define LONGSHORE_API_SERVER_FLAGS_H_

#include <string>

#include "absl/status/statusor.h"
#include "api_server/server.h"

namespace longshore {

// Returns what, at the first call, --database_url or the file of --database_url_file says. Errors:
// InvalidArgument, without the connection string, which may hold a password.
const absl::StatusOr<std::string>& DatabaseUrl();

// Says which flag breaks which rule; empty when none does.
std::string FlagProblem();

// Needs flags without a problem.
ServerOptions OptionsFromFlags();

}  // namespace longshore

#endif  // LONGSHORE_API_SERVER_FLAGS_H_
