// Reads scripts from paths on the api_server's host. It never leaves the allowed directories and
// never blocks on what it opens.
#ifndef LONGSHORE_API_SERVER_DOMAIN_SCRIPT_SOURCE_H_
#define LONGSHORE_API_SERVER_DOMAIN_SCRIPT_SOURCE_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "storage/scope.h"

namespace longshore::domain {

struct Script {
  std::string content;
  std::string sha256;     // 32 raw bytes.
  std::string path;       // Cleaned payload_path; empty for content that came with the request.
  std::string base_name;  // For the default remote_path.
  std::string project;    // Only for instances of this one; empty: for all.
};

// Removes '.', '..', '//' and a trailing '/' from `path`. Looks at the text alone.
std::string CleanPath(std::string_view path);

// A directory that payload_path may be in.
struct PayloadDirectory {
  std::string path;     // Absolute.
  std::string project;  // Only for this one; empty: for every project.
};

// Thread-safe.
class ScriptSource {
 public:
  // When there are no directories no payload_path is allowed. Of those that lie in one another the
  // innermost counts.
  ScriptSource(std::vector<PayloadDirectory> directories, int64_t max_bytes);

  // Cleans `path`, opens it beneath the directory that it names, if that is one for `scope`, and
  // reads it once. No symlink leads out of that directory, even if it changes meanwhile (openat2,
  // RESOLVE_BENEATH). Errors: PAYLOAD_PATH_INVALID, PAYLOAD_PATH_FORBIDDEN, PAYLOAD_NOT_FOUND,
  // PAYLOAD_TOO_LARGE.
  absl::StatusOr<Script> Read(const storage::Scope& scope, std::string_view path) const;

  // Makes a script of content that came with the request. Errors: PAYLOAD_TOO_LARGE.
  absl::StatusOr<Script> FromContent(const std::string& content) const;

 private:
  // Returns the innermost directory that `path` is beneath, or null. `text_of` says how a
  // directory's path is written in it.
  const PayloadDirectory* Innermost(const std::string& path,
                                    std::string (*text_of)(std::string_view path)) const;
  // Returns whether a file that is really at `real` is one of this directory, or of another of the
  // same project.
  bool IsIn(const PayloadDirectory& directory, const std::string& real) const;
  // Returns the error for a file beneath `base`, the directory's own descriptor; errno says why.
  absl::Status CannotOpen(const std::string& path, const PayloadDirectory& directory, int base,
                          std::string relative) const;

  const std::vector<PayloadDirectory> directories_;
  const int64_t max_bytes_;
};

}  // namespace longshore::domain

#endif  // LONGSHORE_API_SERVER_DOMAIN_SCRIPT_SOURCE_H_
