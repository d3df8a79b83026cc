#include "common/path_rules.h"

#include "common/utf8.h"

namespace longshore {
namespace {

constexpr size_t kMaxNameBytes = 255;  // NAME_MAX of Linux file systems.

std::string_view ComponentProblem(std::string_view path) {
  path.remove_prefix(1);
  while (true) {
    const size_t slash = path.find('/');
    const std::string_view name = path.substr(0, slash);
    if (name.empty()) {
      return "has an empty component ('//' or a trailing '/'); it must be normalised";
    }
    if (name == "." || name == "..") return "has a '.' or '..' component; it must be normalised";
    if (name.size() > kMaxNameBytes) return "has a component over 255 bytes";
    if (slash == std::string_view::npos) return "";
    path.remove_prefix(slash + 1);
  }
}

}  // namespace

std::string_view PathProblem(std::string_view path) {
  if (path.empty() || path[0] != '/') return "must be absolute";
  if (path.size() > kMaxRemotePathBytes) return "is over 1024 bytes";
  for (unsigned char c : path) {
    if (c < 0x20 || c == 0x7F) return "has a control character";
  }
  if (ToValidUtf8(path) != path) return "is not valid UTF-8";
  return ComponentProblem(path);
}

}  // namespace longshore
