// The rules of remote_path, the place of a script on an instance.
#ifndef LONGSHORE_API_SERVER_DOMAIN_REMOTE_PATH_H_
#define LONGSHORE_API_SERVER_DOMAIN_REMOTE_PATH_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"

namespace longshore::domain {

// Returns OK when `path` is absolute, normalised, free of control characters, at most 1,024 bytes
// long, valid UTF-8, not under /proc, /sys, /dev or /boot, and under one of `allowed_dirs` unless
// that is empty. Errors: REMOTE_PATH_INVALID.
absl::Status ValidateRemotePath(std::string_view path,
                                const std::vector<std::string>& allowed_dirs);

// Returns "HOME/BASE_NAME", with ".sh" added when it is missing. `home` is the user's home if it is
// known. Otherwise the path of any user but root begins with "~/", which the worker resolves.
std::string DefaultRemotePath(std::string_view ssh_user, std::string_view home,
                              std::string_view base_name);

// Returns true when `path` is `directory` or lies beneath it. Compares the names alone.
bool IsBeneath(std::string_view path, std::string_view directory);

}  // namespace longshore::domain

#endif  // LONGSHORE_API_SERVER_DOMAIN_REMOTE_PATH_H_
