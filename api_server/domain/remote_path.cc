#include "api_server/domain/remote_path.h"

#include "api_server/domain/errors.h"
#include "common/path_rules.h"

namespace longshore::domain {
bool IsBeneath(std::string_view path, std::string_view directory) {
  while (directory.size() > 1 && directory.back() == '/') directory.remove_suffix(1);
  if (directory == "/") return true;
  return path.substr(0, directory.size()) == directory &&
         (path.size() == directory.size() || path[directory.size()] == '/');
}

absl::Status ValidateRemotePath(std::string_view path,
                                const std::vector<std::string>& allowed_dirs) {
  if (const std::string_view problem = PathProblem(path); !problem.empty()) {
    return RemotePathInvalid(path, problem);
  }
  for (const char* refused : {"/proc", "/sys", "/dev", "/boot"}) {
    if (IsBeneath(path, refused)) {
      return RemotePathInvalid(path, std::string("must not be under ") + refused);
    }
  }
  if (allowed_dirs.empty()) return absl::OkStatus();
  for (const std::string& directory : allowed_dirs) {
    if (IsBeneath(path, directory) && path != directory) return absl::OkStatus();
  }
  return RemotePathInvalid(path, "is outside the directories of --allowed_remote_dirs");
}

std::string DefaultRemotePath(std::string_view ssh_user, std::string_view home,
                              std::string_view base_name) {
  std::string path(!home.empty() ? home : ssh_user == "root" ? "/root" : "~");
  path += "/";
  path += base_name;
  if (base_name.size() < 3 || base_name.substr(base_name.size() - 3) != ".sh") path += ".sh";
  return path;
}

}  // namespace longshore::domain
