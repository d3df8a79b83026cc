// The rules for remote_path: where a script may be put on an instance.
#ifndef LONGSHORE_API_SERVER_DOMAIN_REMOTE_PATH_H_
#define LONGSHORE_API_SERVER_DOMAIN_REMOTE_PATH_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"

namespace longshore::domain {

// OK when `path` is absolute, normalised, free of control characters, at most 1,024 bytes, valid
// UTF-8, not under /proc, /sys, /dev or /boot and, when `allowed_dirs` is not empty, under one of
// them. Otherwise REMOTE_PATH_INVALID.
absl::Status ValidateRemotePath(std::string_view path,
                                const std::vector<std::string>& allowed_dirs);

// "<home>/<base name>", with ".sh" added when it is not there. `home` is what is known of the
// user's home: empty gives a path under "~/" for any user but root, which the worker resolves.
std::string DefaultRemotePath(std::string_view ssh_user, std::string_view home,
                              std::string_view base_name);

// True when `path` is `directory` or lies beneath it, by their names alone.
bool IsBeneath(std::string_view path, std::string_view directory);

}  // namespace longshore::domain

#endif  // LONGSHORE_API_SERVER_DOMAIN_REMOTE_PATH_H_
