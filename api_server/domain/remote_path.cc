#include "api_server/domain/remote_path.h"

#include "api_server/domain/errors.h"
#include "common/utf8.h"

namespace longshore::domain {
namespace {

constexpr size_t kMaxPathBytes = 4096;  // PATH_MAX of Linux, and the contract's limit.
constexpr size_t kMaxNameBytes = 255;   // NAME_MAX of Linux file systems.

// The first rule that the components of an absolute path break; empty when they break none.
std::string_view ComponentProblem(std::string_view path) {
  path.remove_prefix(1);
  while (true) {
    const size_t slash = path.find('/');
    const std::string_view name = path.substr(0, slash);
    if (name.empty())
      return "has an empty component ('//' or a trailing '/'); it must be normalised";
    if (name == "." || name == "..") return "has a '.' or '..' component; it must be normalised";
    if (name.size() > kMaxNameBytes) return "has a component over 255 bytes";
    if (slash == std::string_view::npos) return "";
    path.remove_prefix(slash + 1);
  }
}

}  // namespace

bool IsBeneath(std::string_view path, std::string_view directory) {
  while (directory.size() > 1 && directory.back() == '/') directory.remove_suffix(1);
  if (directory == "/") return true;
  return path.substr(0, directory.size()) == directory &&
         (path.size() == directory.size() || path[directory.size()] == '/');
}

absl::Status ValidateRemotePath(std::string_view path,
                                const std::vector<std::string>& allowed_dirs) {
  if (path.empty() || path[0] != '/') return RemotePathInvalid(path, "must be absolute");
  if (path.size() > kMaxPathBytes) return RemotePathInvalid(path, "is over 4096 bytes");
  for (unsigned char c : path) {
    if (c < 0x20 || c == 0x7F) return RemotePathInvalid(path, "has a control character");
  }
  if (ToValidUtf8(path) != path) return RemotePathInvalid(path, "is not valid UTF-8");
  if (const std::string_view problem = ComponentProblem(path); !problem.empty()) {
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
