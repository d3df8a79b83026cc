// The scripts table: scripts by content.
#ifndef LONGSHORE_STORAGE_SCRIPT_STORE_H_
#define LONGSHORE_STORAGE_SCRIPT_STORE_H_

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "storage/connection.h"

namespace longshore::storage {

namespace script_store {

// Does nothing when the script is there already. `sha256` is 32 raw bytes.
absl::Status Put(Connection& connection, const std::string& sha256, const std::string& content);
absl::StatusOr<std::optional<std::string>> Get(Connection& connection, const std::string& sha256);
// The script, when `worker` holds a task that is about it.
absl::StatusOr<std::optional<std::string>> GetForHolder(Connection& connection,
                                                        const std::string& sha256,
                                                        const std::string& worker);

}  // namespace script_store

}  // namespace longshore::storage

#endif  // LONGSHORE_STORAGE_SCRIPT_STORE_H_
