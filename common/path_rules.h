// The rules for a path on an instance, for everybody who takes one: clients' requests, and what an
// instance says of its home.
#ifndef LONGSHORE_COMMON_PATH_RULES_H_
#define LONGSHORE_COMMON_PATH_RULES_H_

#include <string_view>

namespace longshore {

// The contract's limit for remote_path.
inline constexpr size_t kMaxRemotePathBytes = 1024;

// The rule that `path` breaks, to complete "PATH ..."; empty when it breaks none. It must be
// absolute, normalised, at most kMaxRemotePathBytes long, valid UTF-8 without control characters,
// with no component over 255 bytes.
std::string_view PathProblem(std::string_view path);

}  // namespace longshore

#endif  // LONGSHORE_COMMON_PATH_RULES_H_
