// The rules for a path on an instance, whether it comes from a client's request or from what an
// instance says about its home directory.
#ifndef LONGSHORE_COMMON_PATH_RULES_H_
#define LONGSHORE_COMMON_PATH_RULES_H_

#include <string_view>

namespace longshore {

// The most bytes that a remote_path may have.
inline constexpr size_t kMaxRemotePathBytes = 1024;

// Returns the rule that `path` breaks, as a text that completes "PATH ...", or an empty text when
// it breaks none. A path must be absolute, normalised, at most kMaxRemotePathBytes long, valid
// UTF-8 without control characters, with no component over 255 bytes.
std::string_view PathProblem(std::string_view path);

}  // namespace longshore

#endif  // LONGSHORE_COMMON_PATH_RULES_H_
