// Installations by name, and how to reach each, in ~/.config/longshore/config.yaml:
//
//     current: production
//     contexts:
//       production: {api: "api.example.com:50051", ca: /home/me/ca.crt, token_file: /home/me/token}
//
// It holds no secret itself.
#ifndef LONGSHORE_CLI_CONTEXTS_H_
#define LONGSHORE_CLI_CONTEXTS_H_

#include <map>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cli/server_access.h"

namespace longshore::cli {

struct Contexts {
  std::string current;  // Empty: none.
  std::map<std::string, AccessOptions> by_name;
};

// Returns where they are kept: beneath $XDG_CONFIG_HOME, or ~/.config without it. Empty when
// neither is known.
std::string ContextsPath();
// Returns none when there is no file. Errors: those of UsageError (errors.h), for a file that
// cannot be read or is no such file.
absl::StatusOr<Contexts> ReadContexts(const std::string& path);
// Makes the directories that are missing. Errors: FAILED_PRECONDITION.
absl::Status WriteContexts(const std::string& path, const Contexts& contexts);

// Returns the context of that name with what `options` say instead, where they say something.
AccessOptions Merged(const AccessOptions& options, AccessOptions context);
// Returns `options` with what they leave open from the context that they or the variables name, or
// from the one in use. Without any, or when an api_server is named by itself, it is from the
// variables: what one installation has given is not shown to another.
absl::StatusOr<AccessOptions> WithContext(const AccessOptions& options,
                                          const AccessOptions& variables);

}  // namespace longshore::cli

#endif  // LONGSHORE_CLI_CONTEXTS_H_
