// How the command line reaches an api_server, and shows who is asking.
#ifndef LONGSHORE_CLI_SERVER_ACCESS_H_
#define LONGSHORE_CLI_SERVER_ACCESS_H_

#include <string>

#include "absl/status/statusor.h"

namespace longshore::cli {

inline constexpr char kDefaultApi[] = "127.0.0.1:50051";

// What the options say. Empty: not given.
struct AccessOptions {
  std::string api;   // HOST:PORT
  std::string ca;    // PEM file; without it the system's certificates count.
  std::string cert;  // PEM files: the client's own certificate.
  std::string key;
  std::string token_file;
  bool insecure = false;
  std::string context;  // Which of contexts.h to take the rest from.
};

// What a client needs.
struct ServerAccess {
  std::string api;
  std::string ca;
  std::string cert;
  std::string key;
  bool insecure = false;  // Without TLS.
  std::string token;      // Empty: none.
};

// Returns what $LONGSHORE_API, $LONGSHORE_CA, $LONGSHORE_INSECURE and $LONGSHORE_CONTEXT say.
AccessOptions AccessVariables();

// Reads the token from its file or, without a file, takes `token_variable`, the value of
// $LONGSHORE_TOKEN. Warns on standard error of a file that others can read. Errors: those of
// UsageError (errors.h).
absl::StatusOr<ServerAccess> ResolveAccess(const AccessOptions& options,
                                           const char* token_variable);
// Warns on standard error when others can read a file with a secret.
void WarnIfOpenToOthers(const std::string& path);

}  // namespace longshore::cli

#endif  // LONGSHORE_CLI_SERVER_ACCESS_H_
