// The scripts table: each script once, by its hash.
#ifndef LONGSHORE_STORAGE_SCRIPT_STORE_H_
#define LONGSHORE_STORAGE_SCRIPT_STORE_H_

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "storage/connection.h"
#include "storage/scope.h"

namespace longshore::storage {

namespace script_store {

// Stores a script, unless it is there already. `sha256` is 32 raw bytes, here and below.
absl::Status Put(Connection& connection, const std::string& sha256, const std::string& content);
// Returns the script, or nullopt when there is none.
absl::StatusOr<std::optional<std::string>> Get(Connection& connection, const Scope& scope,
                                               const std::string& sha256);
// Returns the script only while `worker` holds a task of a deployment with that script; otherwise
// nullopt.
absl::StatusOr<std::optional<std::string>> GetForHolder(Connection& connection,
                                                        const std::string& sha256,
                                                        const std::string& worker);

}  // namespace script_store

}  // namespace longshore::storage

#endif  // LONGSHORE_STORAGE_SCRIPT_STORE_H_
