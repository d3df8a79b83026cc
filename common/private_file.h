// Files that are for one user alone.
#ifndef LONGSHORE_COMMON_PRIVATE_FILE_H_
#define LONGSHORE_COMMON_PRIVATE_FILE_H_

#include <string>

#include "absl/status/status.h"

namespace longshore {

// Writes a file of mode 0600. It is there whole, or as it was before. Errors: FAILED_PRECONDITION.
absl::Status WritePrivately(const std::string& path, const std::string& text);
// Returns whether `path` is a regular file that other users can read or write.
bool IsOpenToOthers(const std::string& path);

}  // namespace longshore

#endif  // LONGSHORE_COMMON_PRIVATE_FILE_H_
