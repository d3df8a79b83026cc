#include "cli/server_access.h"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iostream>

#include "absl/strings/ascii.h"
#include "cli/errors.h"
#include "common/private_file.h"
#include "common/status_macros.h"
#include "common/tls.h"

namespace longshore::cli {
namespace {

// More is no token.
constexpr std::streamsize kMaxTokenBytes = 1024;

absl::StatusOr<std::string> ReadTokenFile(const std::string& path) {
  std::ifstream file(path);
  std::string text(kMaxTokenBytes, '\0');
  file.read(text.data(), kMaxTokenBytes);
  text.resize(static_cast<size_t>(file.gcount()));
  if (text.empty()) return UsageError("--token-file '" + path + "' cannot be read, or is empty");
  WarnIfOpenToOthers(path);
  return text;
}

// It goes into a header.
absl::StatusOr<std::string> Cleaned(const std::string& text, const std::string& origin) {
  std::string token(absl::StripAsciiWhitespace(text));
  if (!token.empty() && std::all_of(token.begin(), token.end(), absl::ascii_isgraph)) return token;
  return UsageError(origin + " holds no token, which is one word like lsk_ID_SECRET");
}

}  // namespace

AccessOptions AccessVariables() {
  const auto read = [](const char* name) -> std::string {
    const char* const value = std::getenv(name);
    return value == nullptr ? "" : value;
  };
  const std::string insecure = read("LONGSHORE_INSECURE");
  return {.api = read("LONGSHORE_API"),
          .ca = read("LONGSHORE_CA"),
          .insecure = insecure == "true" || insecure == "1",
          .context = read("LONGSHORE_CONTEXT")};
}

void WarnIfOpenToOthers(const std::string& path) {
  if (!IsOpenToOthers(path)) return;
  std::cerr << "longshore: others can read or write '" << path << "': chmod 600 it\n";
}

absl::StatusOr<ServerAccess> ResolveAccess(const AccessOptions& options,
                                           const char* token_variable) {
  ServerAccess access{.api = options.api.empty() ? kDefaultApi : options.api,
                      .ca = options.ca,
                      .cert = options.cert,
                      .key = options.key,
                      .insecure = options.insecure};
  if (!options.token_file.empty()) {
    ASSIGN_OR_RETURN(const std::string text, ReadTokenFile(options.token_file));
    ASSIGN_OR_RETURN(access.token, Cleaned(text, "--token-file '" + options.token_file + "'"));
  } else if (token_variable != nullptr && *token_variable != '\0') {
    ASSIGN_OR_RETURN(access.token, Cleaned(token_variable, "$LONGSHORE_TOKEN"));
  }
  if (access.insecure) {
    if (IsLoopback(access.api)) return access;
    return UsageError("--insecure is for loopback addresses only, and " + access.api +
                      " is none: a token would go over the network for everybody to read");
  }
  if (const absl::Status files = CheckTlsFiles({access.cert, access.key, access.ca}); !files.ok()) {
    return UsageError("--ca, --cert, --key: " + std::string(files.message()));
  }
  return access;
}

}  // namespace longshore::cli
