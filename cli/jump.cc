#include "cli/jump.h"

#include "absl/strings/numbers.h"
#include "cli/errors.h"
#include "common/status_macros.h"

namespace longshore::cli {
namespace {

// Takes the port off the end of "HOST:PORT", "[HOST]:PORT", "[HOST]", or "HOST".
absl::StatusOr<int32_t> TakePort(std::string* host) {
  const size_t colon = host->rfind(':');
  const bool bracketed = host->rfind('[', 0) == 0;
  const size_t end = bracketed ? host->find(']') : std::string::npos;
  // An IPv6 address without brackets has colons, and no port.
  const bool has_port =
      colon != std::string::npos && (bracketed ? colon == end + 1 : host->find(':') == colon);
  int32_t port = 0;
  if (has_port && !absl::SimpleAtoi(host->substr(colon + 1), &port)) {
    return UsageError("'" + host->substr(colon + 1) + "' is no port");
  }
  if (has_port) host->resize(colon);
  if (bracketed && host->back() == ']') *host = host->substr(1, host->size() - 2);
  return port;
}

absl::StatusOr<v1::JumpHost> ParseOne(const std::string& text) {
  const size_t space = text.find(' ');
  if (space == std::string::npos) {
    return UsageError("'" + text + "' is not " + kJumpType + ": the host key is missing");
  }
  v1::JumpHost host;
  host.set_host_key(text.substr(space + 1));
  std::string where = text.substr(0, space);
  const size_t at = where.find('@');
  if (at != std::string::npos) host.set_ssh_user(where.substr(0, at));
  if (at != std::string::npos) where.erase(0, at + 1);
  ASSIGN_OR_RETURN(const int32_t port, TakePort(&where));
  host.set_port(port);
  host.set_address(where);
  return host;
}

}  // namespace

absl::StatusOr<std::vector<v1::JumpHost>> ParseJump(const std::vector<std::string>& texts) {
  std::vector<v1::JumpHost> hosts;
  for (const std::string& text : texts) {
    ASSIGN_OR_RETURN(hosts.emplace_back(), ParseOne(text));
  }
  return hosts;
}

}  // namespace longshore::cli
