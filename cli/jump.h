// The hosts on the way to an instance, as the command line has them.
#ifndef LONGSHORE_CLI_JUMP_H_
#define LONGSHORE_CLI_JUMP_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "longshore/v1/instance.pb.h"

namespace longshore::cli {

// How an option that takes a host says what it wants.
inline constexpr char kJumpType[] = "[LOGIN@]HOST[:PORT] TYPE BASE64";

// Reads hosts of that form; an IPv6 address with a port stands in brackets.
absl::StatusOr<std::vector<v1::JumpHost>> ParseJump(const std::vector<std::string>& texts);

}  // namespace longshore::cli

#endif  // LONGSHORE_CLI_JUMP_H_
