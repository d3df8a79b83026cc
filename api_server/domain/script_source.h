// Reads a script from a path on the api_server's host, without ever leaving the allowed directories
// and without ever blocking.
#ifndef LONGSHORE_API_SERVER_DOMAIN_SCRIPT_SOURCE_H_
#define LONGSHORE_API_SERVER_DOMAIN_SCRIPT_SOURCE_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace longshore::domain {

struct Script {
  std::string content;
  std::string sha256;     // 32 raw bytes.
  std::string path;       // Cleaned payload_path; empty for content that came with the request.
  std::string base_name;  // For the default remote_path.
};

// `path` without '.', '..', '//' and a trailing '/', by its text alone.
std::string CleanPath(std::string_view path);

// Thread-safe.
class ScriptSource {
 public:
  // `allowed_dirs` are absolute. Empty means that no payload_path is allowed at all.
  ScriptSource(std::vector<std::string> allowed_dirs, int64_t max_bytes);

  // Opens `path`, cleaned, beneath the allowed directory that it names (openat2, RESOLVE_BENEATH:
  // no symlink leads out, also not one that is swapped meanwhile), and reads it once. Errors:
  // PAYLOAD_PATH_INVALID, PAYLOAD_PATH_FORBIDDEN, PAYLOAD_NOT_FOUND, PAYLOAD_TOO_LARGE.
  absl::StatusOr<Script> Read(std::string_view path) const;

  // The same for content that came with the request.
  absl::StatusOr<Script> FromContent(const std::string& content) const;

 private:
  const std::vector<std::string> allowed_dirs_;
  const int64_t max_bytes_;
};

}  // namespace longshore::domain

#endif  // LONGSHORE_API_SERVER_DOMAIN_SCRIPT_SOURCE_H_
